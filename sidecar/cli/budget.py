"""The API budget of an instance: what it may use, what it uses, what comes."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from sidecar.bootstrap import bootstrap
from sidecar.budget import Budget
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, errors_told, show
from sidecar.limits import Standing, set_budget, standing

app = typer.Typer(no_args_is_help=True)


@app.command("show")
def show_one(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Show what an instance may use of its org's API calls, what it and others used, and what comes. Makes no call."""
    with errors_told():
        services = bootstrap()
        found = standing(services, services.instances.get(slug).id)
        show(found.document(), as_json=as_json, table=a_table(f"{slug}: API calls in 24 hours", ("", ""), _rows(found)))


@app.command("set")
def set_one(  # noqa: PLR0913, PLR0917  (one parameter per setting)
    slug: SlugArgument,
    calls: Annotated[int | None, typer.Option(help="Calls in 24 hours.", min=0)] = None,
    percent: Annotated[int | None, typer.Option(help="Percent of the org's daily calls, instead.", min=0)] = None,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="No limit of ours; the org's own still holds.")
    ] = False,
    reserve: Annotated[int | None, typer.Option(help="Percent on top, for opt-outs and deletions.", min=0)] = None,
    alert: Annotated[int | None, typer.Option(help="Percent at which an alert opens.", min=0)] = None,
    operations: Annotated[
        int | None, typer.Option(help="Records that may be written in a month; 0: any number.", min=0)
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Set what an instance may use. Holds from the next call on; what is not named stays as it is."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        budget = services.budgets.load(instance.id)
        if unlimited or calls is not None or percent is not None:
            budget = replace(budget, calls=calls, percent=percent)
        named = {"reserve_percent": reserve, "alert_percent": alert}
        budget = replace(budget, **{name: value for name, value in named.items() if value is not None})
        if operations is not None:
            budget = replace(budget, operations_per_month=operations or None)
        set_budget(services, instance.id, budget, who="command line", reason=reason)
        document: dict[str, Any] = standing(services, instance.id).document()["budget"]
        show(document, as_json=as_json, table=f"[bold]{slug}[/] may use {_in_words(budget)}.")


def _in_words(budget: Budget) -> str:
    if budget.calls is not None:
        return f"{budget.calls} calls in 24 hours"
    return "any number of calls" if budget.percent is None else f"{budget.percent} % of the org's calls"


def _rows(found: Standing) -> list[tuple[str, object]]:
    calls, told = found.calls, "not told yet"
    reserve = f"{calls.urgent} of {calls.reserve}" if calls.allocation is not None else "not needed"
    quota = calls.budget.operations_per_month
    rows: list[tuple[str, object]] = [
        ("Allotted to us", f"{_in_words(calls.budget)}" + (f" = {calls.allocation}" if calls.allocation else "")),
        ("Used by us", calls.ours),
        ("Reserve used", reserve),
        ("Used by others", told if calls.others is None else calls.others),
        ("Free in the org", told if calls.free is None else f"{calls.free} of {calls.org_allowed}"),
        ("At this rate", f"up to {found.forecast.calls} by {a_moment(found.forecast.at)}"),
        ("Suggested", told if found.suggested is None else found.suggested),
        ("Records written this month", f"{found.operations} of {quota or 'any number'}"),
    ]
    if found.refusal:
        rows.insert(0, ("Paused", f"{found.refusal.code} until about {a_moment(found.refusal.free_at)}"))
    rows += [(each.name, f"{each.used} of {each.allowed}") for each in found.limits.values() if each.name in _SHOWN]
    if found.storage_days is not None:
        rows.append(("Data storage lasts", f"{found.storage_days:.0f} days at our rate"))
    return rows


_SHOWN = ("DailyBulkApiBatches", "DataStorageMB")
