"""Running the service: schedule, workers, web, database, keys, users."""

import getpass
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from jobs.tick import tick as tick_once
from sidecar.bootstrap import bootstrap
from sidecar.cli.files import read_text
from sidecar.cli.output import JsonOption, SlugArgument, a_table, errors_told, show
from sidecar.cli.runs import require_lane
from sidecar.config import load_settings
from sidecar.errors import TransientError
from sidecar.lanes import LANES
from sidecar.queue import run_worker
from sidecar.store.instances import InstanceState
from sidecar.store.rotation import rotate_secrets
from sidecar.store.users import Role

cron = typer.Typer(no_args_is_help=True)
keys = typer.Typer(no_args_is_help=True)
users = typer.Typer(no_args_is_help=True)

LaneOption = Annotated[str | None, typer.Option("--lane", help="Only this lane; otherwise all of them.")]
AsOption = Annotated[
    str, typer.Option("--as", help="Whose switch: 'customer' or 'support'. A lane runs while both are on.")
]


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    for name, command in (
        ("tick", tick),
        ("worker", worker),
        ("serve", serve),
        ("upgrade-db", upgrade_db),
        ("demo", demo),
    ):
        root.command(name)(command)


@cron.command("enable")
def enable(
    slug: SlugArgument,
    lane: LaneOption = None,
    who: AsOption = "both",
    every: Annotated[int | None, typer.Option(help="Minutes between runs: 10, 15, 20, 30, 60, 120 … 1440.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let the scheduled runs of an instance begin. Hourly unless told otherwise."""
    with errors_told():
        _switch(slug, lane, who, is_on=True, every=every, as_json=as_json)


@cron.command("disable")
def disable(slug: SlugArgument, lane: LaneOption = None, who: AsOption = "both", as_json: JsonOption = False) -> None:
    """Stop the scheduled runs of an instance. Nothing is lost: the next run reads from where the last one ended."""
    with errors_told():
        _switch(slug, lane, who, is_on=False, every=None, as_json=as_json)


def _switch(slug: str, lane: str | None, who: str, *, is_on: bool, every: int | None, as_json: bool) -> None:
    if who not in ("customer", "support", "both"):
        raise typer.BadParameter("must be customer, support or both", param_hint="--as")
    if lane is not None:
        require_lane(lane)
    services = bootstrap()
    instance = services.instances.get(slug)
    for each in [lane] if lane else LANES:
        if every is not None:
            services.schedules.set_interval(instance.id, each, every * 60)
        services.schedules.switch(
            instance.id,
            each,
            by_customer=is_on if who in ("customer", "both") else None,
            by_support=is_on if who in ("support", "both") else None,
        )
    if is_on and instance.state is InstanceState.READY:
        services.instances.set_state(instance.id, InstanceState.ENABLED)
    rows = [
        (
            each.lane,
            "on" if each.on_by_customer else "off",
            "on" if each.on_by_support else "off",
            each.interval_seconds // 60,
        )
        for each in services.schedules.list(instance.id)
    ]
    document = [dict(zip(("lane", "customer", "support", "every_minutes"), row, strict=True)) for row in rows]
    show(document, as_json=as_json, table=a_table(slug, ("Lane", "Customer", "Support", "Every (min)"), rows))


def tick(
    loop: Annotated[bool, typer.Option("--loop", help="Tick once a minute until stopped, instead of once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Queue the lanes that are due. Run it once a minute, from as many machines as you like."""
    with errors_told():
        while True:
            try:
                queued = tick_once()
                show({"queued": queued}, as_json=as_json, table=f"Queued {queued}.")
            except TransientError:
                if not loop:
                    raise
            if not loop:
                return
            time.sleep(60)


def worker(
    burst: Annotated[bool, typer.Option("--burst", help="Stop when nothing is left to do.")] = False,
) -> None:
    """Work off the queue until stopped. Start as many as you like, on as many machines."""
    with errors_told():
        run_worker(burst=burst)


def serve() -> None:
    """Serve the web pages at SIDECAR_BIND, by gunicorn."""
    with errors_told():
        bind = load_settings().bind
    gunicorn = [sys.executable, "-m", "gunicorn"]  # the one installed beside us, wherever PATH leads
    options = [
        "--bind",
        bind,
        "--no-control-socket",
        "--worker-class",
        "gthread",
        "--threads",
        "8",
        "sidecar.web:create_app()",
    ]
    os.execv(sys.executable, [*gunicorn, *options])  # noqa: S606  (gunicorn takes this process over)


def upgrade_db(as_json: JsonOption = False) -> None:
    """Bring the state database to this version. Can be repeated."""
    with errors_told():
        bootstrap().database.upgrade()
        show({"upgraded": True}, as_json=as_json, table="The database is up to date.")


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the runs; exit 0 only if both sides agree.")] = False,
) -> None:
    """Try everything on this machine: a sandbox Mautic and a sandbox org, synced by real workers."""
    from sidecar.demo import run_demo  # noqa: PLC0415  (no other command shall wait for two sandboxes to load)

    raise typer.Exit(run_demo(once=once))


@keys.command("rotate")
def rotate(as_json: JsonOption = False) -> None:
    """Re-encrypt everything stored with the newest key, so that older keys can be thrown away. Can be repeated."""
    with errors_told():
        services = bootstrap()
        count = rotate_secrets(services.database, services.cipher)
        show(
            {"rotated": count, "key_id": services.cipher.key_id},
            as_json=as_json,
            table=f"Re-encrypted {count} entries.",
        )


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.VIEWER,
    password_file: Annotated[Path | None, typer.Option(help="File with the password; asked for otherwise.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add somebody who may sign in to the web pages."""
    with errors_told():
        password = read_text(password_file).strip() if password_file else getpass.getpass("Password: ")
        services = bootstrap()
        services.users.add(name, password, role, services.clock())
        show({"name": name, "role": role}, as_json=as_json, table=f"Added {name} as {role}.")
