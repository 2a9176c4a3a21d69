"""Runs by hand: check a mapping, run a lane now, or see what a run would do."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.output import ExitCode, JsonOption, SlugArgument, a_table, errors, errors_told, show
from sidecar.errors import UsageError
from sidecar.lanes import BUSY, LANES, RunReport, Watch, open_preview, prepare_rules, run_lane
from sidecar.mapping.preflight import WARNINGS
from sidecar.records import Side
from sidecar.store.history import RunState
from sidecar.store.instances import Instance
from sidecar.store.outbox import Outbox
from sidecar.sync.model import Decision, FieldOutcome, Reaction
from sidecar.sync.run import preview_mapping

LaneArgument = Annotated[str, typer.Argument(metavar="LANE", help="people or activities.")]

_EXIT_CODES = {
    RunState.ATTENTION: ExitCode.SOME_FAILED,
    RunState.FAILED: ExitCode.SOME_FAILED,
    RunState.BLOCKED: ExitCode.CANNOT_CONNECT,
    RunState.HELD: ExitCode.BRAKE,
    RunState.POSTPONED: ExitCode.LATER,
    RunState.STOPPED: ExitCode.LATER,
    BUSY: ExitCode.LATER,
}


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("preflight")(preflight)
    root.command("run")(run)
    root.command("preview")(preview)
    root.command("retry")(retry)


def preflight(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Hold the mapping against what both sides show today: what is suspended, why, and who can fix it."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        with services.open_sides(instance) as sides:
            for name in services.mapping(instance, "people").salesforce_objects:
                sides.salesforce.refresh_describe(name)
            rules = prepare_rules(services, instance, "people", sides)
        documents = [
            {
                "code": problem.code,
                "kind": "warning" if problem.code in WARNINGS else "problem",
                "object": problem.object,
                "pair": problem.pair,
                "message": problem.message,
                "fixed_by": problem.fixed_by,
            }
            for problem in rules.problems
        ]
        rows = [tuple(document.values()) for document in documents]
        usable = ", ".join(f"{name}: {len(fields)} field pairs" for name, fields in rules.fields.items())
        show(
            {"problems": documents, "usable": {name: len(fields) for name, fields in rules.fields.items()}},
            as_json=as_json,
            table=a_table(f"Usable – {usable}", ("Code", "Kind", "Object", "Field pair", "What", "Who"), rows),
        )


def run(
    lane: LaneArgument,
    slug: SlugArgument,
    confirm: Annotated[bool, typer.Option("--confirm", help="Release the brake for this run.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a lane once, now, unless it is running already."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        require_lane(lane)
        with _progress(lane, slug, is_hidden=as_json) as watch:
            report = run_lane(services, instance, lane, "command", is_confirmed=confirm, watch=watch)
        show(describe_report(report), as_json=as_json, table=_report_table(lane, report))
        if report.error:
            errors.print(f"[bold red]{report.error.code}[/]: {report.error.message}", highlight=False)
        raise typer.Exit(_EXIT_CODES.get(report.state, 0))


@contextmanager
def _progress(lane: str, slug: str, *, is_hidden: bool) -> Iterator[Watch]:
    """Show on a terminal how far a run is; how much there is in all, nobody knows before it is read."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=is_hidden or not errors.is_terminal) as progress:
        task = progress.add_task(f"{lane} of {slug}")

        def watch(totals: Mapping[str, int]) -> None:
            told = ", ".join(f"{number} {status}" for status, number in totals.items())
            progress.update(task, description=f"{lane} of {slug}: {told}")

        yield watch


def preview(
    lane: LaneArgument,
    slug: SlugArgument,
    limit: Annotated[int, typer.Option(min=0, help="How many changes to show in full.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do, with before and after values. Nothing is written anywhere."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        if lane != "people":
            raise UsageError("Only the people lane can be previewed", code="preview-not-offered")
        counts, changes = _collect(services, instance, limit)
        document = {"counts": {f"{action} {reason}": number for (action, reason), number in counts.items()}}
        rows = [(action, reason, number) for (action, reason), number in sorted(counts.items())]
        show(
            {**document, "changes": changes}, as_json=as_json, table=a_table("Would be", ("What", "Why", "Count"), rows)
        )
        if not as_json:
            cells = [tuple(change.values()) for change in changes]
            columns = ("Contact", "Salesforce", "Written to", "Field", "Before", "After", "Why")
            show(None, as_json=False, table=a_table("Changes", columns, cells))


def retry(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Let the next run look again at all people who wait for data, set-up or a person."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        outbox = Outbox(services.database)
        count = sum(outbox.wake(instance.id, "people", waits_for) for waits_for in Reaction)
        show({"slug": slug, "woken": count}, as_json=as_json, table=f"The next run looks again at {count} people.")


def require_lane(lane: str) -> None:
    """Refuse a lane that does not exist."""
    if lane not in LANES:
        raise UsageError(f"There is no lane {lane}; there are {', '.join(LANES)}", code="no-such-lane")


def describe_report(report: RunReport) -> dict[str, Any]:
    """Return a report as plain data."""
    return {
        "state": str(report.state),
        "run": report.run_id,
        "counts": {str(status): dict(reasons) for status, reasons in report.counts.items()},
        "calls": {str(side): calls for side, calls in report.calls.items()},
        "error": report.error.code if report.error else None,
    }


def _collect(services: App, instance: Instance, limit: int) -> tuple[Counter[tuple[str, str]], list[dict[str, Any]]]:
    counts: Counter[tuple[str, str]] = Counter()
    changes: list[dict[str, Any]] = []
    with open_preview(services, instance, "people") as lane:
        for plan in preview_mapping(lane):
            for decision in plan:
                counts[str(decision.action), decision.reason] += 1
            if len(changes) < limit:
                changes += list(_changes(plan))[: limit - len(changes)]
    return counts, changes


def _changes(plan: Iterable[Decision]) -> Iterable[dict[str, Any]]:
    """Yield every value that would be written, with the one it replaces."""
    for decision in plan:
        pair = decision.pair
        for field in decision.fields:
            if field.outcome is FieldOutcome.WRITE:
                yield {
                    "host": pair.host.ref.id if pair.host else "(new)",
                    "salesforce": pair.salesforce.ref.id if pair.salesforce else "(new)",
                    "target": field.target,
                    "field": field.name,
                    "before": field.host if field.target is Side.HOST else field.salesforce,
                    "after": field.new_value,
                    "reason": field.reason,
                }
        for side, change in (decision.consent.changes if decision.consent else {}).items():
            yield {
                "host": pair.host.ref.id if pair.host else "(new)",
                "salesforce": pair.salesforce.ref.id if pair.salesforce else "(new)",
                "target": side,
                "field": "opted out",
                "before": change != "opt_out",
                "after": change == "opt_out",
                "reason": decision.consent.reason if decision.consent else "",
            }


def _report_table(lane: str, report: RunReport) -> Any:
    rows = [(status, reason, count) for status, reasons in report.counts.items() for reason, count in reasons.items()]
    calls = ", ".join(f"{side} {count}" for side, count in report.calls.items())
    title = f"{lane}: {report.state}" + (f" – calls: {calls}" if calls else "")
    return a_table(title, ("Status", "Why", "Count"), sorted(rows))
