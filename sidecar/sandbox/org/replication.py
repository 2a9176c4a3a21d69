"""Which records were changed or deleted in a span of time: getUpdated, getDeleted and the delete log. Start here: `Replication`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sidecar.sandbox.org.clock import parse_datetime, stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.records import Records
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.wire import Answer, Call

MINUTE = timedelta(minutes=1)
UPDATED_FOR, DELETED_FOR = timedelta(days=30), timedelta(days=15)
LOGGED_FOR = timedelta(days=37)  # how far back the log of a quiet org reaches
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
TOO_EARLY = "startDate before org replication enabled date"


@dataclass(slots=True)
class Replication:
    """The org's memory of changes.

    `lag` is how far behind the present the org is sure of having seen everything; `max_ids` how many ids an answer may have.
    """

    records: Records
    lag: timedelta = timedelta()
    max_ids: int = 600_000
    purged_before: datetime | None = None
    refuses_purged: bool = False
    _gone: list[tuple[str, str, str]] = field(default_factory=list)

    def purge(self, before: datetime, *, refuses: bool = False) -> None:
        """Forget deletions before a moment; earliestDateAvailable moves there, or such calls are refused at all."""
        self.purged_before = max(before, self.purged_before or before)
        self.refuses_purged = refuses

    def remember_gone(self, each: SObject) -> None:
        """Note what is about to leave the recycle bin: the log keeps it."""
        rows = self.records.storage.where(each, "IsDeleted = 1")
        self._gone += [(each.name, row["Id"], row["SystemModstamp"]) for row in rows if row.get("SystemModstamp")]

    def updated(self, call: Call, each: SObject) -> Answer:
        """GET /sobjects/X/updated: ids of living records that were made or changed."""
        start, end = self._span(call, UPDATED_FOR)
        rows = self._within(each, start, end, "IsDeleted = 0" if "IsDeleted" in each.fields else "1")
        self._require_few(rows)
        return Answer(200, {"ids": [record_id for record_id, _ in rows], "latestDateCovered": self._covered(end)})

    def deleted(self, call: Call, each: SObject) -> Answer:
        """GET /sobjects/X/deleted: ids of deleted and merged records, and when; the reason is not told."""
        start, end = self._span(call, DELETED_FOR)
        earliest = self.purged_before or self.records.clock.now() - LOGGED_FOR
        if self.refuses_purged and start < earliest:
            raise OrgError("INVALID_REPLICATION_DATE", TOO_EARLY)
        rows = self._within(each, start, end, "IsDeleted = 1") if "IsDeleted" in each.fields else []
        first, last = stamp(start), stamp(end)
        rows += [(one, at) for name, one, at in self._gone if name == each.name and first <= at < last]
        rows = [(record_id, at) for record_id, at in rows if at >= stamp(earliest)]
        self._require_few(rows)
        entries = [{"id": record_id, "deletedDate": at} for record_id, at in rows]
        covered = {"earliestDateAvailable": stamp(minute(earliest)), "latestDateCovered": self._covered(end)}
        return Answer(200, {"deletedRecords": entries} | covered)

    def _span(self, call: Call, kept_for: timedelta) -> tuple[datetime, datetime]:
        """Return the span asked for, its seconds ignored."""
        start, end = (minute(read_date(call, name)) for name in ("start", "end"))
        if end - start <= MINUTE:
            raise OrgError("INVALID_REPLICATION_DATE", "startDate must be more than one minute before endDate")
        if start < minute(self.records.clock.now() - kept_for):
            raise OrgError("INVALID_REPLICATION_DATE", TOO_EARLY)
        return start, end

    def _covered(self, end: datetime) -> str:
        return stamp(minute(min(end, self.records.clock.now() - self.lag)))

    def _within(self, each: SObject, start: datetime, end: datetime, condition: str) -> list[tuple[str, Any]]:
        name = next((name for name in STAMPS if name in each.fields), None)
        if name is None:
            message = f"sObject type '{each.name}' is not replicateable"
            raise OrgError("INVALID_TYPE", message)
        sql = f'SELECT Id, "{name}" FROM "{each.name}" WHERE "{name}" >= ? AND "{name}" < ? AND {condition}'
        return [(row[0], row[1]) for row in self.records.storage.select(sql, [stamp(start), stamp(end)])]

    def _require_few(self, rows: list[tuple[str, Any]]) -> None:
        if len(rows) > self.max_ids:
            message = f"More than {self.max_ids} ids found: choose dates that are closer together"
            raise OrgError("EXCEEDED_ID_LIMIT", message)


def minute(at: datetime) -> datetime:
    """Return the minute a moment is in."""
    return at.replace(second=0, microsecond=0)


def read_date(call: Call, name: str) -> datetime:
    """Return a date/time of the URL; an offset whose + was not encoded is none."""
    try:
        return parse_datetime(call.args.get(name, ""))
    except ValueError:
        raise OrgError("MALFORMED_QUERY", f"{name} is not a date/time with a time zone") from None
