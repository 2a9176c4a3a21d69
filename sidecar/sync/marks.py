"""Tags in the host that tell where a person came from, written once that is true, and the segment of who is new there.

Optional, and never worth a person: what cannot be written comes back by itself, or is told.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sidecar.errors import SetupError, TransientError
from sidecar.mapping.rules import Rules
from sidecar.records import Ref, Side
from sidecar.sync.model import Action, Decision, Link, LookAgain, Outcome, Pair, Reaction, Write, WriteError
from sidecar.sync.ports import LaneStore, SidePort
from sidecar.sync.settle import Settler
from sidecar.sync.write import Results

ORIGIN_NOT_MARKED: Final = "origin-not-marked"
CONVERSION_NOT_MARKED: Final = "conversion-not-marked"
UNMARKED: Final = frozenset({ORIGIN_NOT_MARKED, CONVERSION_NOT_MARKED})

_Mark = tuple[Write, str]
"""What is to be written about somebody, and the reason code if it is not."""


def write_marks(
    plan: Sequence[Decision], results: Sequence[Results], rules: Rules, host: SidePort, settler: Settler
) -> list[Outcome]:
    """Mark who was created in Salesforce or converted there; return an outcome per person who could not be marked."""
    marks = [mark for each in zip(plan, results, strict=True) if (mark := _mark(*each, rules))]
    unmarked = _write(marks, rules, host, settler)
    return unmarked + [
        _unmarked(written.result.ref, ORIGIN_NOT_MARKED, written.result.segment_error, settler)
        for result in results
        if (written := result.get(Side.HOST)) and written.result.ref and written.result.segment_error
    ]


def mark_again(
    items: Sequence[LookAgain], rules: Rules, host: SidePort, store: LaneStore, settler: Settler
) -> list[Outcome]:
    """Try again what could not be marked earlier; what it was, the link's origin tells."""
    asked = {item.ref: item.reason for item in items if item.reason in UNMARKED}
    links = store.load_links(Side.HOST, list(asked)) if asked else {}
    marks = [(_write_of(ref, asked[ref], link, rules), asked[ref]) for ref, link in links.items()]
    return _write([mark for mark in marks if mark[0].tags or mark[0].segment], rules, host, settler)


def _mark(decision: Decision, results: Results, rules: Rules) -> _Mark | None:
    host, written = decision.pair.host, results.get(Side.SALESFORCE)
    if host is None or not rules.mapping.tags.write:
        return None
    if decision.action is Action.CREATE and written and written.result.error is None and written.result.ref:
        tags = rules.mapping.tags.added_to(written.result.ref.object)
        return (Write(Side.HOST, host.ref.object, host.ref, tags=tags), ORIGIN_NOT_MARKED) if tags else None
    if decision.pair.moved_because == "converted" and not host.is_deleted:
        tags = (rules.mapping.tags.converted,)
        return Write(Side.HOST, host.ref.object, host.ref, tags=tags), CONVERSION_NOT_MARKED
    return None


def _write_of(ref: Ref, reason: str, link: Link, rules: Rules) -> Write:
    tags, segment = rules.mapping.tags, None
    wanted: Mapping[str, tuple[str, ...]] = {
        "new-in-host": tags.added_to(link.salesforce.object),
        "new-in-salesforce": tags.created_from(link.salesforce.object),
    }
    chosen = wanted.get(link.origin, ())
    if reason == CONVERSION_NOT_MARKED:
        chosen = (tags.converted,) if tags.write else ()
    elif link.origin == "new-in-salesforce":
        segment = rules.mapping.host.add_to_segment
    return Write(Side.HOST, ref.object, ref, tags=chosen, segment=segment)


def _write(marks: Sequence[_Mark], rules: Rules, host: SidePort, settler: Settler) -> list[Outcome]:
    if not marks:
        return []
    try:
        results = host.write(rules, [write for write, _ in marks])
    except (
        SetupError,
        TransientError,
    ) as error:  # the people are in Salesforce: that is settled whatever the host says
        later = WriteError(error.code, Reaction.RETRY)
        return [_unmarked(write.ref, reason, later, settler) for write, reason in marks]
    failed = [(*mark, result.error or result.segment_error) for mark, result in zip(marks, results, strict=True)]
    return [_unmarked(write.ref, reason, error, settler) for write, reason, error in failed if error]


def _unmarked(ref: Ref | None, reason: str, error: WriteError, settler: Settler) -> Outcome:
    assert ref is not None
    decision = Decision(Pair(Side.HOST, ref), Action.UPDATE, reason)
    return settler.unmarked(decision, WriteError(reason, error.reaction, retry_after_seconds=error.retry_after_seconds))
