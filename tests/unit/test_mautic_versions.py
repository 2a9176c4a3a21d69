"""What differs between versions of Mautic: one table, complete, and asked by name."""

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from sidecar.errors import SetupError
from sidecar.hosts.mautic.versions import TRUE_IN, Differences, differences_of

SOURCE = Path(__file__).parents[2] / "sidecar" / "hosts" / "mautic"


@pytest.mark.parametrize(
    ("version", "frozen", "private_refused", "auto_unpublish", "soft_deletion"),
    [
        ("5.1.1", False, False, False, False),
        ("5.2.7", False, False, False, False),
        ("5.2.12", False, True, False, False),
        ("6.0.4", True, False, False, False),
        ("6.0.10", True, True, False, False),
        ("7.0.2", True, True, True, False),
        ("7.2.0-rc", True, True, True, True),
        ("7.9", True, True, True, True),
    ],
)
def test_each_line_of_mautic_does_what_was_seen_there(
    version: str, frozen: bool, private_refused: bool, auto_unpublish: bool, soft_deletion: bool
) -> None:
    assert differences_of(version) == Differences(
        date_modified_is_frozen=frozen,
        private_targets_refused=private_refused,
        auto_unpublish_switch=auto_unpublish,
        has_soft_deletion=soft_deletion,
    )


def test_every_difference_is_asked_for_somewhere() -> None:
    texts = [path.read_text() for path in SOURCE.rglob("*.py") if path.name != "versions.py"]
    assert [name for name in TRUE_IN if not any(f".{name}" in text for text in texts)] == []


@pytest.mark.parametrize("version", ["5.0.4", "4.4.13", "8.0.0", "52.1", "", "seven"])
def test_an_unknown_version_has_no_differences_but_is_refused(version: str) -> None:
    with pytest.raises(SetupError) as caught:
        differences_of(version)
    assert caught.value.code == "mautic-version-unknown"


def test_the_table_has_one_row_for_each_difference_and_its_spans_do_not_overlap() -> None:
    assert TRUE_IN.keys() == {each.name for each in fields(Differences)}
    for spans in TRUE_IN.values():
        assert all(before[1] is not None and before[1] < after[0] for before, after in pairwise(spans))
