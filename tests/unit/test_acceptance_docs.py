"""Every promise has its row, and every test that a row names is there."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "acceptance.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in PAGE.splitlines()
    if re.match(r"\| [A-Z]{2}-", line)
]
NAMED = sorted({name for _, _, tests in ROWS for name in re.findall(r"`([^`]+)`", tests)})


def numbered(prefix: str, *spans: int | tuple[int, int]) -> list[str]:
    """Return row ids: single numbers, and spans with both ends."""
    numbers = [n for span in spans for n in (range(span[0], span[1] + 1) if isinstance(span, tuple) else [span])]
    return [f"{prefix}-{number}" for number in numbers]


PROMISED = [
    *numbered("WM", (1, 3), 8, 9, (11, 54), (56, 64), (66, 92)),
    *numbered("AC", 1, (4, 8), 11, 12, (15, 30), (35, 51), (53, 55)),
    *numbered("BR", (2, 7), (11, 14), (16, 29), 31, 32, (36, 39)),
    *numbered("HA", (12, 14), 22, 49),
    *numbered("HS", (6, 11), 17, (19, 23), 26, 27, 30, (33, 36)),
]


@lru_cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_promise_has_one_row() -> None:
    assert [row for row, *_ in ROWS] == PROMISED


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in functions_of(path)


@pytest.mark.parametrize(("row", "what", "tests"), ROWS, ids=[row for row, *_ in ROWS])
def test_a_row_says_what_is_done_and_names_a_test(row: str, what: str, tests: str) -> None:
    assert what
    assert "::test_" in tests
