"""The sandbox org answers like the real orgs on record: the same status, keys, codes and words, case by case."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import Caller
from tests.contract.org_cases import CASES, Case
from tests.contract.org_cases_everyday import EVERYDAY_CASES

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"


@pytest.fixture
def caller():
    org = Org()
    yield Caller(org)
    org.close()


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]


@pytest.mark.parametrize("case", CASES + EVERYDAY_CASES, ids=lambda case: case.recording)
def test_the_sandbox_answers_as_recorded(case, caller):
    wanted = recorded(case.recording)
    given = case.ask(caller)
    assert given.status_code == wanted["status"], given.text
    headers = {name.lower() for name in wanted["headers"]} - {"etag", "last-modified", "vary"}
    assert headers <= {name.lower() for name in given.headers}
    assert differences(wanted["body"], given.json() if given.content else "", case) == []


LITERAL = frozenset(
    {
        "errorCode",
        "statusCode",
        "error",
        "error_description",
        "type",
        "httpStatusCode",
        "referenceId",
        "success",
        "created",
    }
)
FREE = frozenset({"records", "record"})
ID = re.compile(r"\b[0-9a-zA-Z]{18}\b")


def differences(wanted: Any, given: Any, case: Case, where: str = "") -> list[str]:
    """Return where two answers differ in shape or in the words a client could rely on."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        if "attributes" in wanted:
            return [] if set(wanted["attributes"]) == set(given["attributes"]) else [f"{where}: {given}"]
        found = [] if same_keys(wanted, given, case) else [f"{where}: keys {sorted(wanted)} / {sorted(given)}"]
        return found + [
            text for key in wanted.keys() & given.keys() for text in differing(key, wanted[key], given[key], case)
        ]
    if isinstance(wanted, list) and isinstance(given, list):
        free = where in FREE or (wanted and isinstance(wanted[0], str))
        found = [] if free or len(wanted) == len(given) else [f"{where}: {len(wanted)} entries / {len(given)}"]
        return found + [
            text for one, other in zip(wanted, given, strict=False) for text in differences(one, other, case, where)
        ]
    same_kind = (
        wanted is None or given is None or type(wanted) is type(given) or {type(wanted), type(given)} <= {int, float}
    )
    return [] if same_kind else [f"{where}: {wanted!r} / {given!r}"]


def same_keys(wanted: Mapping[str, Any], given: Mapping[str, Any], case: Case) -> bool:
    """Say whether two objects have the same keys, but for the marks of a shortened recording and what is known to be extra."""
    return {key for key in wanted if not key.startswith("_")} == set(given) - case.extra


def differing(key: str, wanted: Any, given: Any, case: Case) -> list[str]:
    """Compare one entry: codes and flags literally, messages apart from ids and names, the rest by shape."""
    if key in LITERAL:
        return [] if wanted == given else [f"{key}: {wanted!r} / {given!r}"]
    if key in {"message", "fields"} and wanted is not None:
        expected = json.dumps(wanted)
        for old, new in case.names.items():
            expected = expected.replace(old, new)
        same = ID.sub("<id>", expected) == ID.sub("<id>", json.dumps(given))
        return [] if same else [f"{key}: {expected} / {json.dumps(given)}"]
    return differences(wanted, given, case, key)
