"""Mapping documents: take one out, edit it, put it back. Every version is kept."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli import scope
from sidecar.cli.files import read_text
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, errors_told, show
from sidecar.errors import UsageError
from sidecar.mapping.activities import dump_activities, parse_activities
from sidecar.mapping.export import dump_mapping, write_toml
from sidecar.mapping.parse import parse_mapping, read_document

app = typer.Typer(no_args_is_help=True)
scope.register(app)

ACTIVITIES = "activities"
NAMES = ("people", ACTIVITIES)

NameOption = Annotated[str, typer.Option(help="Which mapping: people or activities.")]


@app.command("export")
def export(slug: SlugArgument, name: NameOption = "people", as_json: JsonOption = False) -> None:
    """Print the mapping that the instance follows now, as TOML."""
    with errors_told():
        require_name(name)
        services = bootstrap()
        instance = services.instances.get(slug)
        document = (
            dump_activities(services.activities(instance))
            if name == ACTIVITIES
            else dump_mapping(services.mapping(instance, name))
        )
        if as_json:
            show(document, as_json=True)
        else:
            typer.echo(write_toml(document), nl=False)


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
        name, document = parse_document(read_text(file))
        version = services.mappings.save(instance.id, name, document, getpass.getuser(), services.clock())
        answer = {"slug": slug, "name": name, "version": version}
        show(answer, as_json=as_json, table=f"Saved version {version}. Next: [bold]sidecar preflight {slug}[/]")


def parse_document(text: str) -> tuple[str, dict[str, object]]:
    """Return which mapping a text is, and what is saved of it; UsageError tells everything that is wrong with it."""
    document = read_document(text)
    if ACTIVITIES in document:
        return ACTIVITIES, dump_activities(parse_activities(document))
    mapping = parse_mapping(document)
    require_name(mapping.name)
    return mapping.name, dump_mapping(mapping)


def require_name(name: str) -> None:
    """Refuse a mapping that no lane follows."""
    if name not in NAMES:
        raise UsageError(f"There is no mapping {name}; there are {', '.join(NAMES)}", code="no-such-mapping")


@app.command("history")
def history(slug: SlugArgument, name: NameOption = "people", as_json: JsonOption = False) -> None:
    """List the versions of a mapping that were saved for an instance, newest first."""
    with errors_told():
        require_name(name)
        services = bootstrap()
        versions = services.mappings.history(services.instances.get(slug).id, name)
        documents = [
            {"version": each.version, "author": each.author, "valid_from": a_moment(each.valid_from)}
            for each in versions
        ]
        rows = [tuple(document.values()) for document in documents]
        show(documents, as_json=as_json, table=a_table(name, ("Version", "Author", "Since"), rows))
