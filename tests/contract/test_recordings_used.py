"""No recorded answer of a real org lies idle: each is what some contract test of the client or the sandbox checks against."""

import pytest

from tests.recordings import SALESFORCE, files_read, index, live, used


def test_every_live_recording_is_used():
    unused = sorted(live() - used())
    assert unused == [], f"no contract test reads {unused}"


def test_every_recording_is_listed_with_its_kind_and_the_other_way_round():
    files = {path.name for path in SALESFORCE.iterdir()} - {"index.tsv"}
    assert {row["file"] for row in index()} == files
    assert {row["live"] for row in index()} == {"yes", "no"}
    assert all(row["kind"] for row in index())


@pytest.mark.parametrize(
    "kind", ["doc sample", "doc shape", "hand-edited", "client source constant", "fixture from docs"]
)
def test_what_did_not_come_from_an_org_is_not_called_live(kind):
    assert {row["live"] for row in index() if row["kind"].startswith(kind)} == {"no"}


@pytest.mark.parametrize(
    "source",
    [
        'body = recorded("sdk-delete")["body"]',
        'org.on("GET", ".*", Answer.of("sdk-delete"))',
        'CASES = (Case("sdk-delete", ask),)',
        '@pytest.mark.parametrize("name", ["sdk-delete"])\ndef test_a(name): ...',
    ],
)
def test_reading_a_recording_is_using_it(source):
    assert files_read(source) == {"sdk-delete.json"}


@pytest.mark.parametrize(
    "source",
    ['"""Not sdk-delete."""', "# sdk-delete", 'IGNORED = {"sdk-delete"}', 'IGNORED = frozenset(["sdk-delete.json"])'],
)
def test_mentioning_a_recording_is_not_using_it(source):
    assert files_read(source) == set()
