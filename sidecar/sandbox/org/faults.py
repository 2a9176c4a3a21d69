"""Make the org misbehave on purpose: lost connections, HTML errors, expired sessions, locked rows, used-up limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.wire import Answer

Kind = Literal["reset_before", "reset_after", "timeout", "timeout_after", "status", "row_error", "limit"]
LOCKED = "unable to obtain exclusive access to this record or 1 records: {}"
ERROR_PAGE = b"<html><head><title>Error</title></head><body><h1>The service is unavailable</h1></body></html>"


class ConnectionDropped(ConnectionResetError):  # noqa: N818  (named by what happens) - it is what happens, not what went wrong
    """The caller gets no answer: the socket is closed."""


class AnswerLate(TimeoutError):  # noqa: N818  (named by what happens)
    """The caller gets no answer: nothing comes before it gives up."""


@dataclass(slots=True)
class Fault:
    """One misbehaviour, for the next `times` calls (or rows) it fits.

    `match` is "METHOD /path", "METHOD", "/path" or a predicate of (method, path); a path fits when it is part of the
    path asked for, so that "/composite/sobjects" fits every API version. `row` picks the n-th row of a call,
    `row_match` rows with these values.
    """

    match: str | Callable[[str, str], bool] = ""
    kind: Kind = "status"
    times: int = 1
    status: int = 503
    code: str = "UNABLE_TO_LOCK_ROW"
    message: str | None = None
    row: int | None = None
    row_match: Mapping[str, Any] | None = None

    def fits(self, method: str, path: str) -> bool:
        """Say whether a call is meant."""
        if self.times < 1:
            return False
        if callable(self.match):
            return self.match(method, path)
        *methods, wanted = self.match.split(" ") if "/" in self.match else [self.match, ""]
        return wanted in path and all(each in {"", method} for each in methods)

    def fits_row(self, index: int, row: Mapping[str, Any]) -> bool:
        """Say whether a row of such a call is meant."""
        if self.row is not None and self.row != index:
            return False
        return self.row_match is None or all(row.get(name) == value for name, value in self.row_match.items())


@dataclass(slots=True)
class Faults:
    """The misbehaviours to come, oldest first."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        """Arrange for a misbehaviour."""
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Behave again."""
        self.waiting.clear()

    def take(self, method: str, path: str, kinds: frozenset[str]) -> Fault | None:
        """Return the fault that is due for a call, used up by one."""
        for fault in self.waiting:
            if fault.kind in kinds and fault.fits(method, path):
                fault.times -= 1
                return fault
        return None

    def before_row(self, method: str, path: str, index: int, row: Mapping[str, Any]) -> None:
        """Refuse a row that is meant to fail."""
        for fault in self.waiting:
            if fault.kind == "row_error" and fault.fits(method, path) and fault.fits_row(index, row):
                fault.times -= 1
                usual = (
                    LOCKED.format(row.get("id", "<unknown>"))
                    if fault.code == "UNABLE_TO_LOCK_ROW"
                    else "arranged by the sandbox"
                )
                raise OrgError(fault.code, fault.message or usual, [])


BEFORE = frozenset({"reset_before", "timeout", "status", "limit"})
AFTER = frozenset({"reset_after", "timeout_after"})


def answer_of(fault: Fault) -> Answer | OrgError:
    """Return what a fault answers instead of the org, or raise that nothing is answered."""
    if fault.kind == "reset_before":
        raise ConnectionDropped("the sandbox dropped the connection before doing anything")
    if fault.kind == "timeout":
        raise AnswerLate("the sandbox did nothing and answers too late")
    if fault.kind == "limit":
        return OrgError("REQUEST_LIMIT_EXCEEDED", fault.message or "TotalRequests Limit exceeded.", status=403)
    if fault.status == 401:
        return OrgError("INVALID_SESSION_ID", "Session expired or invalid", status=401)
    return Answer(fault.status, ERROR_PAGE, {"Content-Type": "text/html; charset=UTF-8"})


def drop_after(fault: Fault) -> None:
    """Withhold the answer of a call that was carried out."""
    if fault.kind == "timeout_after":
        raise AnswerLate("the sandbox did it and answers too late")
    raise ConnectionDropped("the sandbox did it and dropped the connection")
