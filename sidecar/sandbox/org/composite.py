"""Several calls in one: references from one answer to the next request, and all or none."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.storage import Storage
from sidecar.sandbox.org.wire import Answer, Call, refusal

MAX_SUBREQUESTS = 25
MAX_HEAVY = 5  # queries and collections
REFERENCE = re.compile(r"@\{([^}]+)\}")
STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def run(call: Call, answer: Callable[[Call], Answer], storage: Storage) -> Answer:
    """Answer POST /composite."""
    body = call.object_body()
    requests = body.get("compositeRequest")
    if not isinstance(requests, list):
        raise OrgError("JSON_PARSER_ERROR", "compositeRequest is missing")
    require_few(requests)
    all_or_none = body.get("allOrNone") is True
    results: dict[str, tuple[Answer, bool]] = {}
    with storage.transaction() as transaction:
        for request in requests:
            results[request["referenceId"]] = run_one(call, request, results, answer)
        if all_or_none and any(failed for _, failed in results.values()):
            transaction.undo()
            results = {name: (halted(one, failed=failed), failed) for name, (one, failed) in results.items()}
    return Answer(200, {"compositeResponse": [entry(name, one) for name, (one, _) in results.items()]})


def require_few(requests: list[dict[str, Any]]) -> None:
    """Refuse a composite beyond its limits."""
    if len(requests) > MAX_SUBREQUESTS:
        raise OrgError("LIMIT_EXCEEDED", f"Limit of {MAX_SUBREQUESTS} subrequests exceeded")
    heavy = sum(
        1
        for request in requests
        if re.search(r"/v\d+\.0/(query|queryAll|composite/sobjects)\b", str(request.get("url")))
    )
    if heavy > MAX_HEAVY:
        raise OrgError("LIMIT_EXCEEDED", f"Limit of {MAX_HEAVY} query or collections subrequests exceeded")
    names = [request.get("referenceId") for request in requests]
    if None in names or len(set(names)) < len(names):
        raise OrgError("INVALID_INPUT", "Each subrequest needs a referenceId of its own")


def run_one(
    call: Call, request: dict[str, Any], done: dict[str, tuple[Answer, bool]], answer: Callable[[Call], Answer]
) -> tuple[Answer, bool]:
    """Run one sub-request; return its answer and whether anything in it failed."""
    try:
        url = str(filled(request.get("url", ""), done))
        sub = sub_call(call, request, url, filled(request.get("body"), done))
    except OrgError as error:
        return refusal(error), True
    got = answer(sub)
    rows = got.body if isinstance(got.body, list) else []
    failed = got.status >= 300 or any(isinstance(row, dict) and row.get("success") is False for row in rows)
    return got, failed


def sub_call(call: Call, request: dict[str, Any], url: str, body: Any) -> Call:
    """Return a sub-request as a call of its own. It inherits nothing but the sign-in."""
    parts = urlsplit(url)
    found = re.fullmatch(r"/services/data/v(\d+\.0)(/.*)", parts.path)
    if found is None:
        raise OrgError("INVALID_INPUT", "The URL of a subrequest must begin with /services/data/vXX.X/")
    headers = {name.lower(): value for name, value in (request.get("httpHeaders") or {}).items()}
    args = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(request.get("method", "GET"), found[1], found[2], args, body, headers, call.user_id, is_nested=True)


def filled(value: Any, done: dict[str, tuple[Answer, bool]]) -> Any:
    """Return a value with its references replaced by what earlier answers hold."""
    if isinstance(value, dict):
        return {name: filled(each, done) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, done) for each in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: str(referred(match[1], done)), value)
    return value


def referred(reference: str, done: dict[str, tuple[Answer, bool]]) -> Any:
    """Return what `ref.id` or `ref[0].id` stands for."""
    steps = [key or int(index) for key, index in STEP.findall(reference)]
    value: Any = done[str(steps[0])][0].body if steps and str(steps[0]) in done else None
    try:
        for step in steps[1:]:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        value = None
    if value is None:
        raise OrgError("PROCESSING_HALTED", f"Invalid reference specified. No value for {reference} found.")
    return value


def halted(got: Answer, *, failed: bool) -> Answer:
    """Return what an undone sub-request answers; the one that failed keeps its own words."""
    return got if failed else refusal(OrgError("PROCESSING_HALTED", HALTED))


def entry(name: str, got: Answer) -> dict[str, Any]:
    """Return one part of the answer."""
    headers = {key: value for key, value in got.headers.items() if key in {"Location", "ETag", "Last-Modified"}}
    return {"body": got.body, "httpHeaders": headers, "httpStatusCode": got.status, "referenceId": name}
