"""What differs between versions of Mautic: one table, complete, and asked by name."""

from dataclasses import fields
from itertools import pairwise

import pytest

from sidecar.errors import SetupError
from sidecar.hosts.mautic.versions import TRUE_IN, Differences, differences_of


@pytest.mark.parametrize(
    ("version", "frozen", "dnc_moves", "follows_merges", "private_refused", "soft_deletion"),
    [
        ("5.1.1", False, True, False, False, False),
        ("5.2.7", False, False, False, False, False),
        ("5.2.12", False, False, False, True, False),
        ("6.0.4", True, False, False, False, False),
        ("6.0.10", True, False, False, True, False),
        ("7.0.2", True, False, True, True, False),
        ("7.2.0-rc", True, False, True, True, True),
        ("7.9", True, False, True, True, True),
    ],
)
def test_each_line_of_mautic_does_what_was_seen_there(
    version: str, frozen: bool, dnc_moves: bool, follows_merges: bool, private_refused: bool, soft_deletion: bool
) -> None:
    found = differences_of(version)
    assert (found.date_modified_is_frozen, found.dnc_moves_date_modified) == (frozen, dnc_moves)
    assert (found.batch_follows_merges, found.company_batch_fails_whole) == (follows_merges, follows_merges)
    assert (found.private_targets_refused, found.has_soft_deletion) == (private_refused, soft_deletion)


def test_what_was_mended_in_two_lines_is_mended_in_both() -> None:
    doubles = {each: differences_of(each).batch_doubles_repeated_ids for each in ("5.2.6", "5.2.7", "6.0.2", "6.0.3")}
    assert doubles == {"5.2.6": True, "5.2.7": False, "6.0.2": True, "6.0.3": False}


@pytest.mark.parametrize("version", ["5.0.4", "4.4.13", "8.0.0", "52.1", "", "seven"])
def test_an_unknown_version_has_no_differences_but_is_refused(version: str) -> None:
    with pytest.raises(SetupError) as caught:
        differences_of(version)
    assert caught.value.code == "mautic-version-unknown"


def test_the_table_has_one_row_for_each_difference_and_its_spans_do_not_overlap() -> None:
    assert TRUE_IN.keys() == {each.name for each in fields(Differences)}
    for spans in TRUE_IN.values():
        assert all(before[1] is not None and before[1] < after[0] for before, after in pairwise(spans))
