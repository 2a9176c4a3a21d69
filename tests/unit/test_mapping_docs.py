"""What is written about mappings is complete: every key, every word, every code."""

import re
from pathlib import Path

import pytest

from sidecar.mapping import activities, parse
from sidecar.mapping.converted import Held, Note
from sidecar.mapping.model import (
    ConflictPolicy,
    LiftPolicy,
    OnSalesforceDelete,
    Priority,
    ScopeRecords,
    ScopeWho,
    TooLong,
)
from sidecar.mapping.problems import WARNINGS, Code
from sidecar.mapping.transforms import TRANSFORMS

ROOT = Path(__file__).parents[2]
README = (ROOT / "mappings" / "README.md").read_text()
PROBLEMS = (ROOT / "docs" / "problems.md").read_text()
ROW = re.compile(r'^\| <a id="([a-z-]+)"></a>`\1` \| (.+) \|$', re.MULTILINE)
FAMILIES = {"org": "salesforce/org", "host": "hosts/mautic/registration", "native": "hosts/mautic/native"}
"""What else finds things to tell: how its codes begin, and where they are made."""
OF_MAPPINGS, _, OF_OTHERS = PROBLEMS.partition("\n## What the check of the org finds\n")
ROW_OF = dict(ROW.findall(OF_MAPPINGS))
ROWS_OF_OTHERS = dict(ROW.findall(OF_OTHERS))


def rows_under(heading):
    """Return the first cells of the table under a heading of the README."""
    section = README.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^\| `([a-z_0-9]+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("### `[mapping]`", parse.MAPPING_KEYS),
        ("### `[consent]` (optional)", parse.CONSENT_KEYS),
        ("### `[deletion]` (optional)", parse.DELETION_KEYS),
        ("### `[owners]` (optional)", parse.OWNERS_KEYS),
        ("### `[scope.<object>]` (optional)", parse.SCOPE_KEYS),
        ("### A criterion", parse.CRITERION_KEYS),
        ("### `[scope.host]` (optional)", parse.HOST_SCOPE_KEYS),
        ("### `[push]` (optional)", parse.PUSH_KEYS),
        ("### `[tags]` (optional)", parse.TAGS_KEYS),
        ("### `[host]` (optional)", parse.HOST_KEYS),
        ("### `[fields.<pair>]`", parse.FIELD_KEYS),
        ("## Transforms", tuple(TRANSFORMS)),
        ("### `[activities]`", activities.ACTIVITIES_KEYS),
    ],
)
def test_the_readme_lists_exactly_the_keys_the_parser_knows(heading, keys):
    assert rows_under(heading) == set(keys)


@pytest.mark.parametrize(
    "words",
    [
        ScopeRecords,
        ScopeWho,
        Priority,
        ConflictPolicy,
        TooLong,
        LiftPolicy,
        OnSalesforceDelete,
        parse.Direction,
        activities.Target,
    ],
)
def test_the_readme_names_every_word_of_a_list(words):
    assert [word for word in words if f"`{word}`" not in README] == []


def test_the_readme_names_every_event_type_and_timeline_field():
    assert [name for name in (*activities.EVENT_TYPES, *activities.FIELDS) if f"`{name}`" not in README] == []


def test_every_code_is_documented_and_no_other():
    assert set(ROW_OF) == {str(code) for kind in (Code, Held, Note) for code in kind}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_line_of_a_check_or_a_take_over_is_documented_and_no_other(family):
    sources = (ROOT / "sidecar" / FAMILIES[family]).glob("*.py")
    said = {code for path in sources for code in re.findall(rf'"({family}-[a-z-]+)"', path.read_text())}
    errors = set(re.findall(rf'<a id="({family}-[a-z-]+)">', (ROOT / "docs" / "errors.md").read_text()))
    assert {code for code in ROWS_OF_OTHERS if code.partition("-")[0] == family} == said - errors


def test_the_page_says_who_and_what_to_do_for_every_code():
    for row in ROW_OF.values():
        _, who, remedy = (cell.strip() for cell in row.split(" | "))
        assert set(who.split(" or ")) <= {"operator", "host_admin", "salesforce_admin"}
        assert remedy.endswith(".")


def test_the_page_calls_a_warning_what_the_code_calls_one():
    assert {code for code in Code if ROW_OF[code].startswith("Warning.")} == WARNINGS
