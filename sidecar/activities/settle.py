"""What becomes of an event after the attempt to write it: the row to remember and the outcome to show. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sidecar.activities.build import build_reference
from sidecar.activities.model import ActivityOutcome, LogRow, LogState, TimelineEvent, WaitingEvent
from sidecar.records import FieldInfo, Ref
from sidecar.sync.model import Reaction, Status, WriteError, WriteResult

GIVE_UP_AFTER = timedelta(days=14)
"""Long enough for a holiday; after that somebody has to look."""

NO_LOOKUP = WriteError("timeline-lookup-missing", Reaction.SETUP)
DUPLICATE = "salesforce-duplicate-value"
_PASSING_CODES = frozenset({DUPLICATE, "salesforce-reference-unknown"})
"""A key that is being taken by another, and a person who was converted, merged or deleted: the next run knows more."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event on its way to a person; `waiting_since` is its first failure in an earlier run."""

    event: TimelineEvent
    person: Ref
    waiting_since: datetime | None = None


def settle(parcel: Parcel, result: WriteResult, now: datetime) -> tuple[LogRow, ActivityOutcome]:
    """Return both. What a later attempt may cure waits, but not for ever."""
    error = result.error
    if error is None:
        reason = "timeline-written" if result.was_created or result.ref else "timeline-there-already"
        return _ended(parcel, LogState.WRITTEN, Status.WRITTEN, reason, now)
    if not _may_pass(error):
        return _ended(parcel, LogState.REJECTED, Status.REJECTED, error.code, now)
    if now - (parcel.waiting_since or now) > GIVE_UP_AFTER:
        return _ended(parcel, LogState.REJECTED, Status.FAILED, error.code, now)
    status = Status.HELD if error.reaction is Reaction.SETUP else Status.DEFERRED
    reaction = Reaction.SETUP if error.reaction is Reaction.SETUP else Reaction.RETRY
    return _ended(parcel, LogState.WAITING, status, error.code, now, reaction)


def settle_absent(waiting: WaitingEvent, *, is_gone: bool, now: datetime) -> LogRow:
    """Return what to remember of a waiting event that cannot be sent now: the host lost it, or its person has no link."""
    if is_gone:
        return replace(waiting.log, state=LogState.REJECTED, at=now, reason="timeline-event-gone")
    is_over = now - waiting.since > GIVE_UP_AFTER
    state = LogState.REJECTED if is_over else LogState.WAITING
    return replace(waiting.log, state=state, at=now, reason="timeline-person-not-linked")


def accept_duplicate(result: WriteResult, reference: FieldInfo) -> WriteResult:
    """Return success for an insert that was refused because a record has that reference already.

    Salesforce does not always name the field; where it names another one, that one is the trouble.
    """
    error = result.error
    if error is None or error.code != DUPLICATE or (error.fields and reference.name not in error.fields):
        return result
    return WriteResult()


def _may_pass(error: WriteError) -> bool:
    return error.reaction in {Reaction.RETRY, Reaction.SETUP} or error.code in _PASSING_CODES


def _ended(
    parcel: Parcel, state: LogState, status: Status, reason: str, now: datetime, waits_for: Reaction | None = None
) -> tuple[LogRow, ActivityOutcome]:
    event, reference_id = parcel.event, build_reference(parcel.event.event_id, parcel.person.id)
    log = LogRow(event.event_id, reference_id, event.event_type, parcel.person.id, state, now, reason)
    return log, ActivityOutcome(event.event_id, event.event_type, reference_id, status, reason, waits_for)
