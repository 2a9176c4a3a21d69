"""The tables that documents show people are those that the tests hold the code to."""

from pathlib import Path

from sidecar.records import Side
from sidecar.sync.model import ConsentChange, FieldOutcome
from tests.unit.test_decide_consent import TABLE
from tests.unit.test_decide_fields import TRUTH

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {Side.HOST: "Mautic", Side.SALESFORCE: "Salesforce"}
NOTHING = "–"


def rows_below(page: str, first_head: str) -> list[str]:
    """Return the rows of the table whose header begins so."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_head} |")) + 2
    return lines[start : lines.index("", start)]


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def in_words(row: tuple) -> str:
    """Write one row of the fields' truth table as the page does."""
    agreed, host, salesforce, priority, propagate, fill, outcome, target, value, reason = row
    match outcome:
        case FieldOutcome.AGREED:
            done = "nothing: they agree"
        case FieldOutcome.KEPT:
            done = "keep both"
        case _:
            done = f"write {value} to {NAMES[target]}" if value is not None else f"clear it in {NAMES[target]}"
    shown = [NOTHING if each is None else each for each in (agreed, host, salesforce)]
    switches = ["yes" if each else "no" for each in (propagate, fill)]
    return line(*shown, f"`{priority}`", *switches, done, f"[`{reason}`](reasons.md#{reason})")


def consent_in_words(row: tuple) -> str:
    """Write one row of the consent table as the page does."""
    agreed, host, salesforce, lift, host_at, salesforce_at, changes, after = row
    verbs = {ConsentChange.OPT_OUT: "opt out in", ConsentChange.LIFT: "lift in"}
    done = ", ".join(f"{verbs[change]} {NAMES[side]}" for side, change in changes.items()) or "nothing"
    moments = sorted({each for each in (host_at, salesforce_at) if each})
    dated = ("earlier", "later") if len(moments) == 2 else ("dated",) * len(moments)
    words = {None: NOTHING} | dict(zip(moments, dated, strict=True))
    return line(
        {None: NOTHING, True: "out", False: "in"}[agreed],
        host or "in",
        "out" if salesforce else "in",
        f"`{lift}`",
        words[host_at],
        words[salesforce_at],
        done,
        "out" if after else "in",
    )


def test_the_page_on_decisions_shows_the_truth_table_of_fields() -> None:
    assert rows_below("how-decisions-are-made.md", "Last agreed") == [in_words(row) for row in TRUTH]


def test_the_page_on_consent_shows_the_consent_table() -> None:
    assert rows_below("consent.md", "Last agreed") == [consent_in_words(row) for row in TABLE]
