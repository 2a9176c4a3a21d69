"""Instances: one customer each, with one Mautic and one Salesforce org."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, errors_told, show
from sidecar.errors import UsageError
from sidecar.records import Side
from sidecar.store.history import History
from sidecar.store.instances import Instance
from sidecar.sync.window import OVERLAP

app = typer.Typer(no_args_is_help=True)

BEGINNING = "beginning"


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(metavar="NAME", help="Short name: a-z, 0-9 and hyphens.")],
    label: Annotated[str, typer.Option(help="What people call the customer.")] = "",
    since: Annotated[
        str,
        typer.Option(help="Where the first run begins to read: 'now', 'beginning', or a date such as 2026-01-31."),
    ] = "now",
    as_json: JsonOption = False,
) -> None:
    """Add an instance. Next: `sidecar connect mautic` and `sidecar connect salesforce`."""
    with errors_told():
        services = bootstrap()
        now = services.clock()
        instance = services.instances.add(slug, label or slug, now, synced_from=parse_since(since, now))
        show(
            describe(services, instance),
            as_json=as_json,
            table=f"Added [bold]{slug}[/]; changes since {a_moment(instance.synced_from)} will be read.",
        )


def parse_since(text: str, now: datetime) -> datetime:
    """Return the moment a word or an ISO date means; 'now' includes the last 20 minutes, as every later run does."""
    if text == "now":
        return now - OVERLAP
    if text == BEGINNING:
        return datetime(1970, 1, 1, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither 'now', 'beginning' nor a date such as 2026-01-31"
        raise UsageError(message, code="date-unreadable") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > now + timedelta(minutes=1):
        raise UsageError("The first run cannot begin in the future", code="date-in-the-future")
    return moment


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """List all instances with state, switches and freshness."""
    with errors_told():
        services = bootstrap()
        documents = [describe(services, instance) for instance in services.instances.list()]
        rows = [
            (each["slug"], each["label"], each["state"], _lane_words(each), each["last_run"] or "never")
            for each in documents
        ]
        table = a_table("Instances", ("Name", "Customer", "State", "Lanes", "Last run"), rows)
        show(documents, as_json=as_json, table=table)


@app.command("show")
def show_one(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Show one instance: connections (never their secrets), lanes, watermarks, what needs attention."""
    with errors_told():
        services = bootstrap()
        document = describe(services, services.instances.get(slug))
        rows = [(name, _text(value)) for name, value in document.items()]
        show(document, as_json=as_json, table=a_table(slug, ("", ""), rows))


@app.command("pause")
def pause(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Stop all jobs of an instance. Nothing is lost: it goes on from where it was."""
    with errors_told():
        services = bootstrap()
        services.instances.pause(services.instances.get(slug).id)
        show({"slug": slug, "state": "paused"}, as_json=as_json, table=f"[bold]{slug}[/] is paused.")


@app.command("resume")
def resume(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Let the jobs of an instance run again."""
    with errors_told():
        services = bootstrap()
        services.instances.resume(services.instances.get(slug).id)
        show({"slug": slug, "state": "enabled"}, as_json=as_json, table=f"[bold]{slug}[/] runs again.")


def describe(services: App, instance: Instance) -> dict[str, Any]:
    """Return all there is to say about an instance, without secrets."""
    history = History(services.database, services.cipher)
    latest = history.latest_runs(instance.id)
    return {
        "slug": instance.slug,
        "label": instance.label,
        "state": str(instance.state),
        "synced_from": a_moment(instance.synced_from),
        "connections": {side.value: _connection(services, instance, side) for side in Side},
        "lanes": {
            schedule.lane: {
                "on_by_customer": schedule.on_by_customer,
                "on_by_support": schedule.on_by_support,
                "every_seconds": schedule.interval_seconds,
                "cron": schedule.cron,
                "next_run_at": a_moment(schedule.next_run_at),
            }
            for schedule in services.schedules.list(instance.id)
        },
        "last_run": max((a_moment(run.started_at) for run in latest.values()), default=None),
        "last_states": {lane: str(run.state) for lane, run in latest.items()},
        "seen_until": {
            f"{each.lane} {each.side} {each.feed}": a_moment(each.seen_until) for each in history.freshness(instance.id)
        },
        "alerts": [
            {"lane": alert.lane, "code": alert.code, "message": alert.message, "fixed_by": alert.fixed_by}
            for alert in services.alerts.list_open(instance.id)
        ],
    }


def _connection(services: App, instance: Instance, side: Side) -> dict[str, Any]:
    info = services.connections.load(instance.id, side)
    if info is None:
        return {"state": "not connected"}
    settings = {name: value for name, value in info.settings.items() if "database" not in name}
    return {"state": str(info.state), **settings, "secrets": sorted(info.secret_names)}


def _lane_words(document: dict[str, Any]) -> str:
    lanes = document["lanes"].items()
    return ", ".join(
        f"{name} {'on' if lane['on_by_customer'] and lane['on_by_support'] else 'off'}" for name, lane in lanes
    )


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "\n".join(_text(inner) for inner in value)
    return "" if value is None else str(value)
