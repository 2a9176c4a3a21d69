"""Mapping documents: take one out, edit it, put it back. Every version is kept."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, errors_told, show
from sidecar.errors import UsageError
from sidecar.mapping.export import dump_mapping, to_toml
from sidecar.mapping.parse import parse_mapping_text

app = typer.Typer(no_args_is_help=True)

NameOption = Annotated[str, typer.Option(help="Which mapping.")]


@app.command("export")
def export(slug: SlugArgument, name: NameOption = "people", as_json: JsonOption = False) -> None:
    """Print the mapping that the instance follows now, as TOML."""
    with errors_told():
        services = bootstrap()
        mapping = services.mapping(services.instances.get(slug), name)
        if as_json:
            show(dump_mapping(mapping), as_json=True)
        else:
            typer.echo(to_toml(mapping), nl=False)


@app.command("import")
def import_(
    slug: SlugArgument,
    file: Annotated[Path, typer.Argument(help="TOML or JSON document.")],
    as_json: JsonOption = False,
) -> None:
    """Save a new version of a mapping; everything that is wrong with it is told at once and nothing is saved then."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"Cannot read {file} as text", code="file-unreadable") from error
        mapping = parse_mapping_text(text)
        version = services.mappings.save(
            instance.id, mapping.name, dump_mapping(mapping), getpass.getuser(), services.clock()
        )
        document = {"slug": slug, "name": mapping.name, "version": version}
        show(document, as_json=as_json, table=f"Saved version {version}. Next: [bold]sidecar preflight {slug}[/]")


@app.command("history")
def history(slug: SlugArgument, name: NameOption = "people", as_json: JsonOption = False) -> None:
    """List the versions of a mapping that were saved for an instance, newest first."""
    with errors_told():
        services = bootstrap()
        versions = services.mappings.history(services.instances.get(slug).id, name)
        documents = [
            {"version": each.version, "author": each.author, "valid_from": a_moment(each.valid_from)}
            for each in versions
        ]
        rows = [tuple(document.values()) for document in documents]
        show(documents, as_json=as_json, table=a_table(name, ("Version", "Author", "Since"), rows))
