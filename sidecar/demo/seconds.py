"""What Mautic's webhooks are for: a change made there stands in Salesforce seconds later."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from sidecar.bootstrap import App
from sidecar.demo.picture import take_picture
from sidecar.demo.sandboxes import Sandboxes
from sidecar.errors import SetupError
from sidecar.store.instances import Instance

LANE = "people"
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 60
NEW_TITLE = "Head of Seconds"


def follow_in_seconds(
    sandboxes: Sandboxes, app: App, instance: Instance, console: Console, require_alive: Callable[[], None]
) -> float:
    """Edit a contact in Mautic, wait until Salesforce has it, and return how many seconds that took; SetupError if it never came.

    Nobody ticks meanwhile: the run is asked for by the webhook alone.
    """
    contact, person = next(
        (contact, person)
        for contact, person in take_picture(sandboxes).twins
        if person["object"] == "Lead" and not person["HasOptedOutOfEmail"]
    )
    app.schedules.resume(instance.id, LANE, app.clock())
    sandboxes.host.hooks_on()
    began = time.monotonic()
    sandboxes.host.edit_contact(contact["id"], {"position": NEW_TITLE})
    with console.status("Mautic has posted a webhook; waiting for Salesforce…"):
        while not _has_arrived(sandboxes, person):
            require_alive()
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise SetupError(f"the change did not arrive within {PATIENCE_SECONDS} s", code="demo-too-slow")
            time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - began
    sandboxes.host.hooks_off()
    console.print(
        f"Contact {contact['id']} got another position in Mautic; {person['object']} {person['Id']} had it "
        f"[bold]{seconds:.1f} s[/] later. Changes are gathered for up to 10 s, so that many of them cost one run.",
        soft_wrap=True,
    )
    return seconds


def _has_arrived(sandboxes: Sandboxes, person: Any) -> bool:
    row = sandboxes.org.row(person["object"], person["Id"])
    return bool(row and row["Title"] == NEW_TITLE)
