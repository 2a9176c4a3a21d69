"""Our bundle inside Mautic, where it is installed: its status, its outbox, and its bulk endpoint.

Whatever keeps it from being used is told by `why_not`, and never ends a run: Mautic's own log and REST do the same, slower.
`plugin_manifest/PROTOCOL.md` says what both parties keep to.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from sidecar.errors import SetupError, SidecarError
from sidecar.hosts.mautic.client import Answer, MauticClient, ServerBusyError
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import utc

PROTOCOL = 1
STATUS, OUTBOX, DONE, BULK = (f"/api/sidecar/{each}" for each in ("status", "outbox", "outbox/done", "contacts/bulk"))
ROWS_AT_ONCE = 1_000
DONE_AT_ONCE = 5_000
MAX_BULK = 500

_TOOK_NOTHING = {403, 404, 413}
"""Answers to a bulk call after which nothing can have been written."""


@dataclass(frozen=True, slots=True)
class BundleStatus:
    """What the bundle says of itself. `own_client`: we are the client that it serves."""

    version: str
    began_at: datetime | None
    waiting: int
    own_client: bool
    bulk_limit: int
    repair_merges: bool


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that Mautic told: which contact or company, and what became of it."""

    id: int
    kind: str
    what: str
    object_id: int
    into_id: int | None
    details: Mapping[str, Any]
    at: datetime


class BulkFailedError(Exception):
    """A bulk call was not answered as agreed. `took_nothing`: nothing of it can have been written."""

    def __init__(self, why: str, *, took_nothing: bool) -> None:
        super().__init__(why)
        self.took_nothing = took_nothing


class Bundle:
    """The bundle of one Mautic for the life of a connection. It is asked once, and only where its table may exist."""

    def __init__(self, client: MauticClient, engine: Engine, tables: Tables) -> None:
        self._client = client
        self._engine = engine
        self._tables = tables
        self._status: BundleStatus | None = None
        self._is_asked = False
        self._is_read_by_sql = True
        self.why_not: str | None = None
        self.why_no_bulk: str | None = None

    @property
    def status(self) -> BundleStatus | None:
        """What the bundle says of itself, or None with `why_not`."""
        if not self._is_asked:
            self._is_asked = True
            self._status = self._ask() if self._may_exist() else None
        return self._status

    def why_not_told(self, since: datetime) -> str | None:
        """Return why the outbox cannot be trusted to tell all that happened since then, or None."""
        status = self.status
        if status is None:
            return self.why_not
        if not status.own_client:
            return "the bundle serves another API client"
        if status.began_at is None or status.began_at > since:
            return "the bundle's outbox began later"
        return None

    def rows(self, kinds: Collection[str]) -> Iterator[list[OutboxRow]]:
        """Yield what stands in the outbox now, by id, a page at a time. What comes meanwhile is left to the next reading."""
        if self.status is None:
            return
        pages = self._rows_by_sql(kinds) if self._is_read_by_sql else self._rows_by_rest(kinds)
        yield from (page for page in pages if page)

    def done(self, ids: Sequence[int]) -> bool:
        """Have handled rows deleted; False where Mautic did not, so that they are told again."""
        for start in range(0, len(ids), DONE_AT_ONCE):
            try:
                answer = self._client.call("POST", DONE, {"ids": list(ids[start : start + DONE_AT_ONCE])})
            except SidecarError:
                return False
            if answer.status >= 400:
                return False
        return True

    @property
    def bulk_limit(self) -> int:
        """How many contacts one bulk call may carry; 0 where REST has to do."""
        status = self.status
        if status is None or not status.own_client or self.why_no_bulk:
            return 0
        return min(MAX_BULK, status.bulk_limit)

    def bulk(self, items: Sequence[Mapping[str, Any]]) -> tuple[list[Any], float]:
        """Send contacts; return one result per item, and how many seconds it took.

        BulkFailedError switches the endpoint off for this connection. A refused sign-in is raised as it is:
        REST would be refused as well.
        """
        try:
            answer = self._client.call("POST", BULK, {"items": list(items)}, may_be_forbidden=True)
        except SetupError as error:
            if error.code == "mautic-sign-in-refused":
                raise
            raise self._no_bulk(error.code, took_nothing=False) from None
        except SidecarError as error:
            raise self._no_bulk(error.code, took_nothing=isinstance(error, ServerBusyError)) from None
        results = answer.body.get("results") if answer.status == 200 and isinstance(answer.body, dict) else None
        if not isinstance(results, list) or len(results) != len(items):
            raise self._no_bulk(f"it answered {answer.status}", took_nothing=answer.status in _TOOK_NOTHING)
        return results, answer.seconds

    def _no_bulk(self, why: str, *, took_nothing: bool) -> BulkFailedError:
        self.why_no_bulk = why
        return BulkFailedError(why, took_nothing=took_nothing)

    # -- what it says of itself --

    def _may_exist(self) -> bool:
        """Look for its table, which costs no call. Where our user may not read it, REST has to tell."""
        outbox = self._tables.outbox
        try:
            with reading(self._engine) as connection:
                connection.execute(select(outbox.c.id).limit(1))
        except SetupError as error:
            if error.code == "mautic-database-without-tables":
                self.why_not = "the bundle is not installed"
                return False
            self._is_read_by_sql = False
        return True

    def _ask(self) -> BundleStatus | None:
        try:
            answer = self._client.call("GET", STATUS, may_be_forbidden=True)
        except SidecarError as error:
            self.why_not = f"the bundle did not answer: {error.code}"
            return None
        status = _parse_status(answer)
        if status is None:
            self.why_not = {
                403: "the bundle is switched off",
                404: "the bundle is not installed",
            }.get(answer.status, "the bundle speaks another language than this sidecar")
        return status

    # -- its outbox --

    def _rows_by_sql(self, kinds: Collection[str]) -> Iterator[list[OutboxRow]]:
        outbox = self._tables.outbox
        with reading(self._engine) as connection:
            newest = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
        last = 0
        while last < newest:
            wanted = select(outbox).where(outbox.c.id > last, outbox.c.id <= newest, outbox.c.kind.in_(kinds))
            with reading(self._engine) as connection:
                found = connection.execute(wanted.order_by(outbox.c.id).limit(ROWS_AT_ONCE)).mappings().all()
            if not found:
                return
            last = int(found[-1]["id"])
            yield [_row(dict(each), each["date_added"]) for each in found]

    def _rows_by_rest(self, kinds: Collection[str]) -> Iterator[list[OutboxRow]]:
        """Read by REST as many pages as stood there when the status was asked, and one for what came since."""
        assert self._status is not None
        last = 0
        for _ in range(math.ceil(self._status.waiting / ROWS_AT_ONCE) + 1):
            answer = self._client.call("GET", f"{OUTBOX}?after={last}&limit={ROWS_AT_ONCE}")
            found = answer.body.get("rows") if isinstance(answer.body, dict) else None
            if not found:
                return
            last = int(found[-1]["id"])
            yield [_row(each, each["at"]) for each in found if each["kind"] in kinds]
            if len(found) < ROWS_AT_ONCE:
                return


def _parse_status(answer: Answer) -> BundleStatus | None:
    body = answer.body
    if answer.status != 200 or not isinstance(body, dict) or body.get("protocol") != PROTOCOL:
        return None
    outbox = body.get("outbox") or {}
    return BundleStatus(
        version=str(body.get("bundle", "")),
        began_at=utc(outbox.get("began_at")),
        waiting=int(outbox.get("waiting") or 0),
        own_client=body.get("own_client") is True,
        bulk_limit=int(body.get("bulk_limit") or 0),
        repair_merges=body.get("repair_merges") is True,
    )


def _row(raw: Mapping[str, Any], moment: Any) -> OutboxRow:
    at = utc(moment)
    assert at is not None
    return OutboxRow(
        id=int(raw["id"]),
        kind=raw["kind"],
        what=raw["what"],
        object_id=int(raw["object_id"]),
        into_id=None if raw["into_id"] is None else int(raw["into_id"]),
        details=_details(raw["details"]),
        at=at,
    )


def _details(raw: Any) -> Mapping[str, Any]:
    """Return a row's details: text in the table, an object by REST; what cannot be read says nothing."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return {}
    return raw if isinstance(raw, dict) else {}
