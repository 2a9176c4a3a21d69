"""Shows what happened: the rounds side by side, what waits for a person, and the verdict."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sidecar.demo.compare import Comparison
from sidecar.demo.rounds import LANES, Round
from sidecar.records import Side
from sidecar.store.history import LedgerRow, RunState
from sidecar.sync.model import Action, Status

SHOWN_DIFFERENCES = 20
OBJECTS = 2
"""Lead and Contact: an idle hour may ask Salesforce once for each."""

ENDED_WELL = (RunState.DONE, RunState.ATTENTION)
Count = Callable[[Round], int]


def _decided(fits: Callable[[LedgerRow], bool]) -> Count:
    return lambda each: sum(
        row.status is Status.WRITTEN and fits(row) for row in each.decisions if row.lane == "people"
    )


def _created_in(side: Side) -> Count:
    return _decided(lambda row: row.action is Action.CREATE and row.trigger is side.other)


def _of_lane(lane: str, *statuses: str) -> Count:
    return lambda each: each.total(lane, *statuses)


def _calls(side: Side) -> Count:
    return lambda each: sum(each.calls(lane, side) for lane in LANES)


OPT_OUTS = ("opt-out-travels", "opt-out-put-back")
ROWS: Sequence[tuple[str, Count]] = (
    ("People read", _of_lane("people")),
    ("  created in Salesforce", _created_in(Side.SALESFORCE)),
    ("  created in Mautic", _created_in(Side.HOST)),
    ("  updated", _decided(lambda row: row.action is Action.UPDATE)),
    ("  opt-outs carried over", _decided(lambda row: row.consent_reason in OPT_OUTS)),
    ("  deletions marked", _decided(lambda row: row.action is Action.DELETE)),
    ("  skipped: nothing to do", _of_lane("people", Status.SKIPPED)),
    ("  held: somebody must decide", _of_lane("people", Status.HELD)),
    ("  rejected by the other side", _of_lane("people", Status.REJECTED)),
    ("  deferred or failed", _of_lane("people", Status.DEFERRED, Status.FAILED)),
    ("Activities sent", _of_lane("activities", Status.WRITTEN)),
    ("  not sent", _of_lane("activities", Status.HELD, Status.REJECTED, Status.DEFERRED, Status.FAILED)),
    ("API calls to Salesforce", _calls(Side.SALESFORCE)),
    ("  to Mautic", _calls(Side.HOST)),
)

MEANINGS: Mapping[str, str] = {
    "ambiguous-match": "several people match; somebody must choose",
    "another-is-preferred": "a Lead whose address a Contact has too",
    "blanks-stay": "emptied on one side, and the mapping keeps the other's value",
    "cleared-on-purpose": "emptied on the side whose value does not travel",
    "deleted-in-salesforce": "deleted in Salesforce, marked in Mautic",
    "duplicate-in-batch": "shares an address with somebody who is linked",
    "host-has-priority": "the mapping's arrow points to Salesforce",
    "match-linked-elsewhere": "the one who matches is linked to somebody else",
    "mautic-drops-zero": "Mautic's API cannot store a 0",
    "mautic-value-not-unique": "Mautic refuses changes of contacts that share an address",
    "merged-in-salesforce": "merged into another person by a seller",
    "salesforce-has-priority": "the mapping's arrow points to Mautic",
    "salesforce-invalid-email-address": "Salesforce takes no address with an umlaut domain",
    "twin-was-merged": "whose record a seller merged into another person's",
    "too-long": "does not fit; nothing is cut unless the mapping says so",
}


def show_rounds(console: Console, rounds: Sequence[Round]) -> None:
    """Print a column per round."""
    table = Table("", *(each.title for each in rounds))
    for column in table.columns[1:]:
        column.justify = "right"
    for (label, count), (following, _) in zip_longest(ROWS, ROWS[1:], fillvalue=ROWS[0]):
        table.add_row(label, *(f"{count(each):,}" for each in rounds), end_section=not following.startswith(" "))
    console.print(table)


def show_comparison(console: Console, found: Comparison) -> None:
    """Print what both systems themselves say."""
    console.print(
        f"{found.twins:,} people on both sides · {found.values:,} values · opt-outs · deletions · "
        f"{found.events:,} events\n"
    )
    table = Table("Differ for a reason that holds", "Count", "Which is", title_justify="left")
    table.columns[1].justify = "right"
    for reason, count in found.explained.most_common():
        table.add_row(reason, str(count), MEANINGS.get(reason, ""))
    console.print(table)
    for line in found.differences[:SHOWN_DIFFERENCES]:
        console.print(f"[red]{escape(line)}[/]")
    if len(found.differences) > SHOWN_DIFFERENCES:
        console.print(f"… and {len(found.differences) - SHOWN_DIFFERENCES} more")


def show_verdict(console: Console, faults: Sequence[str]) -> bool:
    """Print whether every promise was kept, and return it."""
    console.print()
    if faults:
        console.print("[bold red]Something is wrong:[/]")
        for fault in faults:
            console.print(f"  {fault}")
        return False
    console.print("Nothing lost, nothing doubled, no opt-out forgotten, nothing written when idle.")
    console.print("[bold green]Both sides agree.[/]")
    return True


def find_faults(rounds: Sequence[Round], found: Comparison) -> list[str]:
    """Return what a promise was broken by; nothing if all were kept."""
    faults = [
        f"the {lane} run of “{each.title}” ended as {run.state}"
        for each in rounds
        for lane, run in each.runs.items()
        if run.state not in ENDED_WELL
    ]
    idle = rounds[-1]
    written = sum(idle.total(lane, Status.WRITTEN) for lane in LANES)
    calls = _calls(Side.SALESFORCE)(idle)
    if written:
        faults.append(f"the idle round wrote {written} times")
    if calls > OBJECTS:
        faults.append(f"the idle round cost {calls} Salesforce calls, more than one per object")
    if found.differences:
        faults.append(f"{len(found.differences)} differences have no explanation")
    return faults
