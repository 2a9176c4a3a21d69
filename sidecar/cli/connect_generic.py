"""How an instance reaches a host that is one table of a database."""

from pathlib import Path
from typing import Annotated

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli.files import read_text
from sidecar.cli.output import JsonOption, SlugArgument, errors_told, show
from sidecar.hosts.generic.connection import KIND, GenericConnection
from sidecar.records import Side

_OF_OTHERS = ("client_secret", "password")
"""Secrets that another kind of host may have left behind."""


def generic(
    slug: SlugArgument,
    document: Annotated[Path, typer.Option(help="TOML document that names the table and its columns.")],
    database_url_file: Annotated[
        Path, typer.Option(help="File with the SQLAlchemy URL of the database, for a user that may write to the table.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Tell an instance that its host is a table of a database: people are read from it and written to it."""
    with errors_told():
        connection = GenericConnection(read_text(document), read_text(database_url_file).strip())
        services = bootstrap()
        instance = services.instances.get(slug)
        settings = {"kind": KIND, "document": connection.document}
        secrets = {"database_url": connection.database_url, **dict.fromkeys(_OF_OTHERS, "")}
        services.connections.save(instance.id, Side.HOST, settings, secrets)
        services.forget(instance, Side.HOST)
        shown = {"slug": slug, "side": Side.HOST, "kind": KIND, "table": connection.table.table}
        show(shown, as_json=as_json, table=f"Saved. Next: [bold]sidecar check {slug}[/]")
