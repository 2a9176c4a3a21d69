"""Which texts can be record ids."""

import json

import pytest

from sidecar.salesforce.ids import is_record_id
from tests.salesforce_stub import RECORDINGS


def recorded_ids():
    """Yield the ids of live answers."""
    for name in (
        "collections-create-200",
        "collections-update-mixed-invalid-email",
        "collections-upsert-by-Email-mixed",
    ):
        for row in json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]:
            if "id" in row:
                yield row["id"]


def test_recorded_ids_are_ids():
    ids = list(recorded_ids())
    assert len(ids) > 4
    assert all(is_record_id(text) for text in ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0014S000007NxmlQAA",
        "0014S000007Nxml",
        "0014s000007NxmlQAC",
        "0014S000007Nxm' QA",
        "٠٠١٤S000007NxmlQAC",
    ],
)
def test_other_texts_are_not(text):
    assert not is_record_id(text)
