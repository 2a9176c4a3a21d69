"""Carries out a plan: one batch per side, one result per write, a second try without the fields that were refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sidecar.mapping.rules import Rules
from sidecar.records import Side
from sidecar.sync.model import Decision, Reaction, Write, WriteError, WriteResult
from sidecar.sync.ports import Sides


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one write: its result, and the fields that had to be left out so that the rest could travel."""

    result: WriteResult
    refused: Mapping[str, str] = field(default_factory=dict)
    """Target field name → error code."""
    may_fit_later: bool = False
    """Whether what was left out may fit by itself later: another record holds a unique value until it is written too."""


Results = dict[Side, Written]


def write(plan: Sequence[Decision], rules: Rules, sides: Sides) -> list[Results]:
    """Write every decision's writes; return, per decision and in order, what became of them."""
    results: list[Results] = [{} for _ in plan]
    for side in Side:
        places = [(index, item) for index, decision in enumerate(plan) for item in decision.writes if item.side is side]
        if not places:
            continue
        written = _write_side([item for _, item in places], rules, sides, side)
        for (index, _), outcome in zip(places, written, strict=True):
            results[index][side] = outcome
    return results


def _write_side(writes: list[Write], rules: Rules, sides: Sides, side: Side) -> list[Written]:
    written = [Written(result) for result in sides[side].write(rules, writes)]
    again = [
        index for index, outcome in enumerate(written) if _is_worth_another_try(writes[index], outcome.result.error)
    ]
    if not again:
        return written
    reduced = [_without_refused(writes[index], written[index].result.error) for index in again]
    for index, result in zip(again, sides[side].write(rules, reduced), strict=True):
        error = written[index].result.error
        assert error is not None
        written[index] = Written(result, dict.fromkeys(error.fields, error.code), error.reaction is Reaction.RETRY)
    return written


def _is_worth_another_try(write: Write, error: WriteError | None) -> bool:
    """Tell whether leaving out the fields to blame leaves something to send (R-16: hold back the field, send the rest)."""
    if error is None or error.reaction not in (Reaction.DATA, Reaction.RETRY) or not error.fields:
        return False
    named = set(error.fields) & write.values.keys()
    return bool(named) and (len(named) < len(write.values) or write.consent is not None)


def _without_refused(write: Write, error: WriteError | None) -> Write:
    assert error is not None
    return replace(write, values={name: value for name, value in write.values.items() if name not in error.fields})
