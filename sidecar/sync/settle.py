"""Decision + what became of its writes → outcome: the link as it now is, the reason, what is looked at again. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Consent, Record, Ref, Side, Value
from sidecar.sync.echo import SEEN, fingerprint_values
from sidecar.sync.fields import without_placeholder
from sidecar.sync.model import (
    Action,
    Decision,
    FieldDecision,
    FieldOutcome,
    Link,
    Outcome,
    Reaction,
    Status,
    WriteError,
)
from sidecar.sync.pairing import waiting_fingerprint
from sidecar.sync.scope import LEFT_OUT
from sidecar.sync.write import Results

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
MAX_ATTEMPTS = 12
"""About two days of retries; after that a person must look."""

OWNER_FALLBACK = "owner-fallback"
"""Why a new record belongs to somebody else than its twin: both are remembered as they are, so that nothing is overwritten."""

_STATUS_BY_REACTION = {
    Reaction.RETRY: Status.DEFERRED,
    Reaction.DATA: Status.REJECTED,
    Reaction.SETUP: Status.HELD,
    Reaction.PERSON: Status.HELD,
    Reaction.RULES: Status.HELD,
}


@dataclass(frozen=True, slots=True)
class Settler:
    """Turns a page's decisions and results into outcomes. `attempts` counts earlier tries per triggering record."""

    rules: Rules
    now: datetime
    attempts: Mapping[Ref, int]

    def settle(self, plan: Sequence[Decision], results: Sequence[Results]) -> list[Outcome]:
        """Return one outcome per decision, in order."""
        return [
            self._outcome(self._with_refusals(decision, result), result)
            for decision, result in zip(plan, results, strict=True)
        ]

    def _with_refusals(self, decision: Decision, results: Results) -> Decision:
        """Tell of each field that its side refused while it took the rest: it is held, and why; or that it got another value."""
        if not any(written.refused or written.result.instead for written in results.values()):
            return decision
        rules = {rule.pair.name: rule for rule in self.rules.fields[_salesforce_object(decision, self.rules)]}
        return replace(decision, fields=tuple(_judged(field, rules[field.name], results) for field in decision.fields))

    def _outcome(self, decision: Decision, results: Results) -> Outcome:
        outcome = _left_out(self._settled(decision, results))
        is_news = outcome.link is not None and (outcome.link != decision.pair.link or bool(decision.pair.retired))
        return outcome if is_news else replace(outcome, link=None)

    def _settled(self, decision: Decision, results: Results) -> Outcome:
        if decision.action in (Action.SKIP, Action.HOLD) and not results:
            return self._unwritten(decision)
        link = self._link(decision, results)
        changes = _changes(decision, results)
        error = _worst_error(results)
        if error is None:
            refused = next((code for written in results.values() for code in written.refused.values()), None)
            status = Status.WRITTEN if decision.writes else Status.SKIPPED
            outcome = Outcome(decision, status, refused or decision.reason, link, changes=changes)
            if any(written.may_fit_later for written in results.values()):
                return self._dated(outcome)
            return self._with_second_look(_with_held_fields(outcome))
        return self._waiting(decision, error, link, changes)

    def _with_second_look(self, outcome: Outcome) -> Outcome:
        """Look again, in the same run, at the twin of a new host record: only now has it an id that Salesforce can hold."""
        creations = [write for write in outcome.decision.writes if write.ref is None and write.side is Side.HOST]
        if not creations or outcome.link is None:
            return outcome
        return replace(outcome, waits_for=Reaction.RETRY, waits_because=None, try_again_at=self.now)

    def _unwritten(self, decision: Decision) -> Outcome:
        link = self._link(decision, {}) if decision.pair.link else None
        if decision.reason in LEFT_OUT and link is None:
            seen = self._seen_waiting(decision, link)
            return Outcome(decision, Status.SKIPPED, decision.reason, link, Reaction.RULES, seen=seen)
        if decision.action is Action.SKIP:
            return Outcome(decision, Status.SKIPPED, decision.reason, link)
        if decision.reason in ("waits-for-merge", "record-not-visible"):
            return self._waiting(decision, WriteError(decision.reason, Reaction.RETRY), None, ())
        seen = self._seen_waiting(decision, link)
        if decision.fields and decision.pair.link:
            return _with_held_fields(Outcome(decision, Status.HELD, decision.reason, link))
        waits_for = Reaction.SETUP if decision.reason == "consent-unknown" else Reaction.PERSON
        return Outcome(decision, Status.HELD, decision.reason, link, waits_for, seen=seen)

    def unmarked(self, decision: Decision, error: WriteError) -> Outcome:
        """Return how it ended that the host took a record, and not the tag or segment that tells where it came from."""
        return self._waiting(decision, error, None, ())

    def _waiting(
        self,
        decision: Decision,
        error: WriteError,
        link: Link | None,
        changes: tuple[tuple[Side, str, Value, Value], ...],
    ) -> Outcome:
        """Date the next try, or give the record to whoever must act; after too many tries that is a person."""
        if error.reaction is not Reaction.RETRY:
            status, seen = _STATUS_BY_REACTION[error.reaction], self._seen_waiting(decision, link)
            return Outcome(decision, status, error.code, link, error.reaction, changes=changes, seen=seen)
        outcome = self._dated(Outcome(decision, Status.DEFERRED, error.code, link, changes=changes), error)
        return outcome if outcome.waits_for is Reaction.RETRY else replace(outcome, status=Status.FAILED)

    def _dated(self, outcome: Outcome, error: WriteError | None = None) -> Outcome:
        """Say when to try again, later each time; after too many tries a person must look."""
        attempts = self.attempts.get(outcome.decision.pair.trigger_ref, 0)
        if attempts >= MAX_ATTEMPTS:
            return replace(outcome, waits_for=Reaction.PERSON)
        pause = min(FIRST_PAUSE * 2**attempts, LONGEST_PAUSE)
        if error and error.retry_after_seconds is not None:
            pause = max(pause, timedelta(seconds=error.retry_after_seconds))
        return replace(outcome, waits_for=Reaction.RETRY, try_again_at=self.now + pause)

    def _seen_waiting(self, decision: Decision, link: Link | None) -> str | None:
        """Return what to remember of an unlinked record that waits for more than time."""
        record = decision.pair.record(decision.pair.trigger)
        return waiting_fingerprint(record, decision.pair.trigger, self.rules) if record and link is None else None

    # -- the link ----------------------------------------------------------------------------------------------------

    def _link(self, decision: Decision, results: Results) -> Link | None:
        """Return the link as it is after the writes that succeeded; None where one end is still missing."""
        pair = decision.pair
        host, salesforce = _end(decision, results, Side.HOST), _end(decision, results, Side.SALESFORCE)
        if host is None or salesforce is None:
            return None
        if decision.action in (Action.SKIP, Action.HOLD) and not decision.fields:
            return replace(pair.link, opted_out=True) if pair.link and pair.inherits_opt_out else pair.link
        failed = {side for side, written in results.items() if written.result.error is not None}
        if decision.action is Action.DELETE and failed:
            return pair.link
        base = pair.link or Link(host, salesforce, origin=decision.reason)
        link = replace(base, host=host, salesforce=salesforce, state=decision.link_state)
        if decision.action is Action.DELETE or link.salesforce.object not in self.rules.fields:
            return link
        return replace(
            link,
            opted_out=self._agreed_consent(decision, results, link),
            fingerprints=self._fingerprints(decision, results, link, failed),
        )

    def _agreed_consent(self, decision: Decision, results: Results, link: Link) -> bool | None:
        known = True if decision.pair.inherits_opt_out else link.opted_out
        if decision.consent is None:
            return known
        for side in decision.consent.changes:
            written = results.get(side)
            if written is None or written.result.error or written.result.consent_error:
                return known
        return decision.consent.agreed

    def _fingerprints(
        self, decision: Decision, results: Results, link: Link, failed: set[Side]
    ) -> dict[Side, dict[str, str]]:
        rule_by_name = {rule.pair.name: rule for rule in self.rules.fields[link.salesforce.object]}
        prints = {side: dict(link.fingerprints.get(side, {})) for side in Side}
        for field in decision.fields:
            rule = rule_by_name[field.name]
            if not _is_settled(field, results, failed):
                continue
            for side in Side:
                value = field.new_value if field.target is side else _present(field, side)
                agreed = without_placeholder(rule, side, value)
                prints[side][field.name] = self.rules.fingerprint.of(agreed, rule.field(side))
        for side in Side:
            prints[side][SEEN] = self._seen(decision, results, link, side)
        return prints

    def _seen(self, decision: Decision, results: Results, link: Link, side: Side) -> str:
        """Return the fingerprint that the record will have when it is next read, if nobody touches it."""
        record: Record | None = decision.pair.record(side)
        values = dict(record.values) if record else {}
        consent = record.consent if record else Consent(opted_out=False)
        written = results.get(side)
        if written and written.result.error is None:
            for item in decision.writes:
                if item.side is side:
                    values |= {name: value for name, value in item.values.items() if name not in written.refused}
                    values |= written.result.instead
            if decision.consent and side in decision.consent.changes and written.result.consent_error is None:
                consent = Consent(opted_out=decision.consent.agreed)
        return fingerprint_values(values, consent, side, self.rules, link.salesforce.object)


def _left_out(outcome: Outcome) -> Outcome:
    """Let a linked record of which values were kept back wait for other rules, unless it waits for something else."""
    left = next((field.reason for field in outcome.decision.fields if field.reason in LEFT_OUT), None)
    if left is None or outcome.waits_for is not None:
        return outcome
    return replace(outcome, waits_for=Reaction.RULES, waits_because=left)


def _with_held_fields(outcome: Outcome) -> Outcome:
    """Let a record wait whose field was held back: for a person where the rule asks for one, else for its data or the rules."""
    held = next((field for field in outcome.decision.fields if field.outcome is FieldOutcome.HELD), None)
    if held is None:
        return outcome
    waits_for = Reaction.PERSON if held.reason == "conflict-held" else Reaction.DATA
    return replace(outcome, waits_for=waits_for, waits_because=held.reason)


def _end(decision: Decision, results: Results, side: Side) -> Ref | None:
    record = decision.pair.record(side)
    if record is not None:
        return record.ref
    written = results.get(side)
    if written and written.result.error is None and written.result.ref is not None:
        return written.result.ref
    return decision.pair.link.end(side) if decision.pair.link else None


def _salesforce_object(decision: Decision, rules: Rules) -> str:
    """Return which object's field pairs a decision is about."""
    if decision.pair.salesforce is not None:
        return decision.pair.salesforce.ref.object
    return next((write.object for write in decision.writes if write.side is Side.SALESFORCE), next(iter(rules.fields)))


def _judged(field: FieldDecision, rule: FieldRule, results: Results) -> FieldDecision:
    written = results.get(field.target) if field.target else None
    if written is None or field.target is None or field.outcome is not FieldOutcome.WRITE:
        return field
    name = rule.field(field.target).name
    if name in written.result.instead:
        return replace(field, reason=OWNER_FALLBACK, new_value=written.result.instead[name])
    code = written.refused.get(name)
    return replace(field, outcome=FieldOutcome.HELD, reason=code) if code else field


def _is_settled(field: FieldDecision, results: Results, failed: set[Side]) -> bool:
    """Tell whether both sides now hold the same value of this field."""
    if field.outcome is FieldOutcome.AGREED:
        return True
    if field.outcome is not FieldOutcome.WRITE or field.target is None or field.target in failed:
        return False
    return field.target in results


def _present(field: FieldDecision, side: Side) -> Value:
    return field.host if side is Side.HOST else field.salesforce


def _worst_error(results: Results) -> WriteError | None:
    """Return the error that decides what the record waits for: a retry first, since it brings the record back by itself."""
    errors = [
        error
        for written in results.values()
        for error in (written.result.error, written.result.consent_error)
        if error is not None
    ]
    return min(errors, key=lambda error: list(Reaction).index(error.reaction), default=None)


def _changes(decision: Decision, results: Results) -> tuple[tuple[Side, str, Value, Value], ...]:
    """Return (side, field, before, after) of every value that was really written."""
    changes: list[tuple[Side, str, Value, Value]] = []
    for item in decision.writes:
        written = results.get(item.side)
        if written is None or written.result.error is not None:
            continue
        record = decision.pair.record(item.side)
        before = record.values if record else {}
        changes += [
            (item.side, name, before.get(name), written.result.instead.get(name, value))
            for name, value in item.values.items()
            if name not in written.refused
        ]
        if item.consent and written.result.consent_error is None:
            was_out = record.consent.opted_out if record and record.consent else None
            changes.append((item.side, "opted_out", was_out, item.consent == "opt_out"))
    return tuple(changes)
