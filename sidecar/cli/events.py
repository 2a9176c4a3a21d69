"""Change events: listening to the org, so that runs come when something changed there."""

import threading
from typing import Annotated

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, errors_told, show
from sidecar.events import follow_events
from sidecar.logs import configure_logs, log_context


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("events")(events)


def events(
    slug: SlugArgument,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many events; otherwise go on until stopped.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Listen to the org's change events and let the people lane run early. Needs the extra [cdc]; the schedule goes on."""
    with errors_told():
        services = bootstrap()
        configure_logs(services.settings)
        instance = services.instances.get(slug)
        with log_context(instance=instance.id):
            heard = follow_events(services, instance, pause=threading.Event().wait, stop_after=stop_after)
        show(
            {"events": heard.event_count, "hints": heard.hint_count},
            as_json=as_json,
            table=f"{heard.event_count} events came, {heard.hint_count} of them from others than us.",
        )
