"""Reads the ledger: runs, outcomes, what was changed, how fresh everything is. Pages go backwards in time, by id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from sidecar.errors import UsageError
from sidecar.records import Ref, Side, Value
from sidecar.store.crypto import Cipher
from sidecar.store.session import Database
from sidecar.store.tables import field_changes, outcomes, runs, watermarks
from sidecar.store.values import parse_values
from sidecar.sync.model import Action, Reaction, Status

_OBJECT_AND_ID = {
    Side.HOST: (outcomes.c.host_object, outcomes.c.host_id),
    Side.SALESFORCE: (outcomes.c.salesforce_object, outcomes.c.salesforce_id),
}


class RunState(StrEnum):
    """How a run ended, or that it is still going on."""

    RUNNING = "running"
    DONE = "done"
    ATTENTION = "attention"
    FAILED = "failed"
    POSTPONED = "postponed"
    BLOCKED = "blocked"
    HELD = "held"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `counts` are per status and reason, `calls` per side, `windows` per side and feed."""

    id: int
    instance_id: int
    lane: str
    trigger: str
    state: RunState
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    windows: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, Mapping[str, int]]
    calls: Mapping[str, int]
    error_code: str | None
    error_message: str | None
    fixed_by: str | None

    def total(self, status: Status) -> int:
        """Return how many outcomes had this status."""
        return sum(self.counts.get(status, {}).values())


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One decision and how it ended. `fields` tell name, outcome, reason and target of each field, without values."""

    id: int
    run_id: int | None
    lane: str
    at: datetime
    trigger: Side
    host: Ref | None
    salesforce: Ref | None
    action: Action
    status: Status
    reason: str
    waits_for: Reaction | None
    fields: tuple[Mapping[str, str | None], ...]
    consent_reason: str | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that was written."""

    id: int
    run_id: int | None
    at: datetime
    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Freshness:
    """Up to when a feed was fully seen (its source's clock), and whether it is being read further now."""

    lane: str
    side: Side
    feed: str
    seen_until: datetime | None
    reads_until: datetime | None


@dataclass(frozen=True, slots=True)
class OutcomeFilter:
    """Which outcomes to show; what is None is not asked for. A record is named by side and ref together."""

    run_id: int | None = None
    side: Side | None = None
    ref: Ref | None = None
    status: Status | None = None
    reason: str | None = None
    lane: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a row."""
        columns = {"run_id": self.run_id, "status": self.status, "reason": self.reason, "lane": self.lane}
        found = [outcomes.c[name] == value for name, value in columns.items() if value is not None]
        if self.side is not None and self.ref is not None:
            object_column, id_column = _OBJECT_AND_ID[self.side]
            found += [object_column == self.ref.object, id_column == self.ref.id]
        return found


EVERYTHING = OutcomeFilter()


class History:
    """Answers what happened."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def run(self, instance_id: int, run_id: int) -> Run:
        """Return one run of an instance, or raise UsageError."""
        with self._database.read() as connection:
            chosen = select(runs).where(runs.c.id == run_id, runs.c.instance_id == instance_id)
            row = connection.execute(chosen).one_or_none()
        if row is None:
            raise UsageError("There is no such run", code="no-such-run")
        return _run(row)

    def runs(
        self, instance_id: int, *, limit: int = 50, before: int | None = None, lane: str | None = None
    ) -> list[Run]:
        """Return runs, newest first, those older than the run `before`."""
        chosen = _page(select(runs).where(runs.c.instance_id == instance_id), runs.c.id, limit, before)
        if lane is not None:
            chosen = chosen.where(runs.c.lane == lane)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(chosen)]

    def latest_runs(self, instance_id: int) -> dict[str, Run]:
        """Return the newest run of each lane."""
        newest = select(func.max(runs.c.id)).where(runs.c.instance_id == instance_id).group_by(runs.c.lane)
        with self._database.read() as connection:
            return {row.lane: _run(row) for row in connection.execute(select(runs).where(runs.c.id.in_(newest)))}

    def outcomes(
        self, instance_id: int, wanted: OutcomeFilter = EVERYTHING, *, limit: int = 50, before: int | None = None
    ) -> list[LedgerRow]:
        """Return outcomes, newest first, those older than the row `before`."""
        chosen = select(outcomes).where(outcomes.c.instance_id == instance_id, *wanted.conditions())
        with self._database.read() as connection:
            return [_ledger_row(row) for row in connection.execute(_page(chosen, outcomes.c.id, limit, before))]

    def changes(self, instance_id: int, side: Side, ref: Ref, *, limit: int = 200) -> list[FieldChange]:
        """Return what was written into one record, newest first."""
        of_record = (
            (field_changes.c.instance_id == instance_id)
            & (field_changes.c.side == side)
            & (field_changes.c.object == ref.object)
            & (field_changes.c.record_id == ref.id)
        )
        chosen = select(field_changes).where(of_record).order_by(field_changes.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_change(row, self._cipher) for row in connection.execute(chosen)]

    def freshness(self, instance_id: int) -> list[Freshness]:
        """Return how far each feed was seen, by lane, side and feed."""
        order = (watermarks.c.lane, watermarks.c.side, watermarks.c.feed)
        chosen = select(watermarks).where(watermarks.c.instance_id == instance_id).order_by(*order)
        with self._database.read() as connection:
            return [
                Freshness(row.lane, Side(row.side), row.feed, row.watermark, row.window_end)
                for row in connection.execute(chosen)
            ]


def _page(chosen: Select[Any], number: ColumnElement[int], limit: int, before: int | None) -> Select[Any]:
    if before is not None:
        chosen = chosen.where(number < before)
    return chosen.order_by(number.desc()).limit(limit)


def _run(row: Row[Any]) -> Run:
    values = row._asdict()
    return Run(**{**values, "state": RunState(values["state"])})


def _ledger_row(row: Row[Any]) -> LedgerRow:
    return LedgerRow(
        id=row.id,
        run_id=row.run_id,
        lane=row.lane,
        at=row.at,
        trigger=Side(row.trigger_side),
        host=row.host_id and Ref(row.host_object, row.host_id),
        salesforce=row.salesforce_id and Ref(row.salesforce_object, row.salesforce_id),
        action=Action(row.action),
        status=Status(row.status),
        reason=row.reason,
        waits_for=None if row.waits_for is None else Reaction(row.waits_for),
        fields=tuple(row.fields),
        consent_reason=row.consent_reason,
    )


def _change(row: Row[Any], cipher: Cipher) -> FieldChange:
    before, after = parse_values(cipher.decrypt(row.before_after))
    return FieldChange(row.id, row.run_id, row.at, row.field, before, after)
