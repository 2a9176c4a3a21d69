"""How an instance reaches its two sides. Secrets come from a file or a prompt, never from an argument others could see."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.bootstrap import App, bootstrap
from sidecar.checks import check_connections
from sidecar.cli.connect_generic import generic
from sidecar.cli.connect_salesforce import salesforce
from sidecar.cli.files import read_text
from sidecar.cli.org import org_line
from sidecar.cli.output import ExitCode, JsonOption, SlugArgument, a_table, errors_told, show
from sidecar.connecting import save_host
from sidecar.errors import UsageError
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.records import Side
from sidecar.store.instances import Instance, InstanceState
from sidecar.takeover.warning import warn

app = typer.Typer(no_args_is_help=True)
app.command("salesforce")(salesforce)
app.command("generic")(generic)

SecretFile = Annotated[
    Path | None, typer.Option("--secret-file", help="File that holds the client secret; asked for if neither is given.")
]


@app.command("mautic")
def mautic(  # noqa: PLR0913, PLR0917  (one option per setting)
    slug: SlugArgument,
    url: Annotated[str, typer.Option(help="Address of Mautic, such as https://mautic.example.org.")],
    database_url_file: Annotated[
        Path,
        typer.Option(help="File with the SQLAlchemy URL of Mautic's database, for a user that may only read."),
    ],
    table_prefix: Annotated[str, typer.Option(help="Prefix of Mautic's tables.")] = "",
    client_id: Annotated[str, typer.Option(help="Public key of the OAuth2 client (client credentials).")] = "",
    secret_file: SecretFile = None,
    username: Annotated[str, typer.Option(help="User for basic authentication, where OAuth2 is not possible.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with that user's password.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="Requests to Mautic at one time.")] = 4,
    as_json: JsonOption = False,
) -> None:
    """Tell an instance how to reach its Mautic: REST API for writing, database for reading."""
    with errors_told():
        if bool(client_id) == bool(username):
            raise UsageError("Give either --client-id or --username", code="sign-in-unclear")
        settings = {
            "base_url": url,
            "table_prefix": table_prefix,
            "auth": "oauth2" if client_id else "basic",
            "client_id": client_id,
            "username": username,
            "parallel": parallel,
        }
        secrets = {"database_url": read_text(database_url_file).strip()}
        secrets |= (
            {"client_secret": _secret(secret_file, "Client secret")}
            if client_id
            else {"password": _secret(password_file, "Password")}
        )
        MauticConnection(**settings, **secrets)  # type: ignore[arg-type]  # refuses what cannot be used
        _save(slug, settings, secrets, as_json=as_json)


def check(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Sign in to both sides and look at what our users may see; nothing is written."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        found = check_connections(services, instance)
        documents: list[dict[str, Any]] = [
            {"side": each.side, "ok": each.is_ok, "code": each.code, "message": each.message, "fixed_by": each.fixed_by}
            for each in found
        ]
        if all(each.is_ok for each in found):
            documents += [org_line(services, instance), *_rival_lines(services, instance)]
        rows = [(line["side"], "ok" if line["ok"] else "fix", line["message"], line["fixed_by"]) for line in documents]
        show(documents, as_json=as_json, table=a_table("Connections", ("Side", "", "What", "Who"), rows))
        if not all(each.is_ok for each in found):
            raise typer.Exit(ExitCode.CANNOT_CONNECT)
        if instance.state is InstanceState.DRAFT:
            services.instances.set_state(instance.id, InstanceState.READY)


def _rival_lines(services: App, instance: Instance) -> list[dict[str, Any]]:
    """Return the warning that Mautic's own plugin writes beside us; it stops nothing, and stays open as an alert."""
    rival = warn(services, instance)
    if rival is None:
        return []
    told = f"{rival.message} See: sidecar takeover inspect {instance.slug}"
    return [{"side": "plugin", "ok": False, "code": rival.code, "message": told, "fixed_by": rival.fixed_by}]


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("check")(check)


def _save(slug: str, settings: dict[str, Any], secrets: dict[str, str], *, as_json: bool) -> None:
    services = bootstrap()
    instance = services.instances.get(slug)
    save_host(services, instance, settings, secrets)
    document = {"slug": slug, "side": Side.HOST, **settings, "secrets": sorted(secrets)}
    show(document, as_json=as_json, table=f"Saved. Next: [bold]sidecar check {slug}[/]")


def _secret(path: Path | None, name: str) -> str:
    return read_text(path).strip() if path else str(typer.prompt(name, hide_input=True))
