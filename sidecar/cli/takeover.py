"""Taking over from Mautic's own Salesforce plugin: look at it, run beside it, import it."""

import getpass
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli.files import read_text
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, console, errors_told, show
from sidecar.errors import UsageError
from sidecar.hosts.mautic.native.findings import Finding, Kind
from sidecar.hosts.mautic.native.links import judge_kind
from sidecar.mapping.export import write_toml
from sidecar.takeover.importing import Imported, OrgSaving, Saving, take_over
from sidecar.takeover.looking import Looked, look
from sidecar.takeover.shadow import Shadow, run_shadow

app = typer.Typer(no_args_is_help=True)

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-key-file", help="File with Mautic's secret_key (local.php); used once to open the plugin's sign-in."
    ),
]

_ORG = {
    OrgSaving.IMPORTED: "the plugin's sign-in at Salesforce is used from now on",
    OrgSaving.KEPT: "the org is reached as it was entered here; the plugin's sign-in was not needed",
    OrgSaving.NO_KEY: "not asked for: no secret key was given",
    OrgSaving.NEVER_AUTHORISED: "the plugin was never authorised at Salesforce",
}
_SAVED = {
    Saving.SAVED: "saved as version {version}",
    Saving.UNCHANGED: "version {version} says the same already",
    Saving.KEPT: "version {version} was made here and is kept; --replace puts the plugin's in its place",
}


@app.command("inspect")
def inspect(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Show what the plugin has, what it would become, and what could not be imported. Nothing is written."""
    with errors_told():
        services = bootstrap()
        looked = look(services, services.instances.get(slug))
        if as_json:
            show(describe(looked), as_json=True)
            return
        console.print(write_toml(looked.conversion.people), markup=False, highlight=False)
        console.print(write_toml(looked.conversion.activities), markup=False, highlight=False)
        _print_looked(looked)
        _next(f"sidecar takeover shadow {slug}", "compare with what the plugin does, beside it")


@app.command("shadow")
def shadow(
    slug: SlugArgument,
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How far back changes are looked at.")] = 24,
    limit: Annotated[int, typer.Option(min=0, help="How many people to list.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Compare, for everybody who changed lately, what is there with what we would write. Nothing is written anywhere."""
    with errors_told():
        services = bootstrap()
        found = run_shadow(services, services.instances.get(slug), hours)
        if as_json:
            show(describe_shadow(found, limit), as_json=True)
            return
        _print_shadow(found, limit)
        _warn(found.looked)
        _next(f"sidecar takeover import {slug}", "once the plugin is unpublished and its cron is off")


@app.command("import")
def import_(
    slug: SlugArgument,
    secret_key_file: KeyFile = None,
    ask_secret_key: Annotated[bool, typer.Option("--ask-secret-key", help="Type the secret key instead.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the plugin's mapping in the place of one that was made here.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import mapping, arrows, activities and links. It can be repeated: what is there stays as it is."""
    with errors_told():
        if secret_key_file and ask_secret_key:
            raise UsageError("Give either --secret-key-file or --ask-secret-key", code="secret-key-unclear")
        key = read_text(secret_key_file).strip() if secret_key_file else None
        if ask_secret_key:
            key = str(typer.prompt("Mautic's secret_key", hide_input=True, err=True))
        services = bootstrap()
        done = take_over(services, services.instances.get(slug), getpass.getuser(), secret_key=key, replace=replace)
        if as_json:
            show(describe_import(done), as_json=True)
            return
        _print_import(done)
        _warn(done.looked)
        _next(f"sidecar preflight {slug}", "what of the mapping fits both sides")
        _next(f"sidecar preview people {slug}", "what the first run would do")
        _next(f"sidecar run people {slug}", "the first run; then `sidecar cron enable`")


# -- plain data ------------------------------------------------------------------------------------------------------


def describe(looked: Looked) -> dict[str, Any]:
    """Return what was seen as plain data."""
    return {
        "published": looked.state.is_published,
        "last_push_at": looked.state.last_push_at,
        "warning": looked.warning.message if looked.warning else None,
        "documents": {"people": looked.conversion.people, "activities": looked.conversion.activities},
        "findings": [asdict(each) for each in looked.conversion.findings],
        "links": [{**asdict(each), "becomes": _becomes(each)} for each in looked.links],
    }


def describe_import(done: Imported) -> dict[str, Any]:
    """Return what an import did as plain data."""
    return {
        "changed": done.has_changed,
        "documents": {name: {"what": what, "version": version} for name, (what, version) in done.documents.items()},
        "org": done.org,
        "links": {fate.value: count for fate, count in done.links.most_common()},
        "details": [asdict(each) for each in done.details],
        "tombstones": done.tombstones,
        "people_from": done.people.at,
        "activities_from": done.activities.at,
        "events_known": done.activities.known_events,
        "findings": [asdict(each) for each in done.looked.conversion.findings],
        "warning": done.looked.warning.message if done.looked.warning else None,
    }


def describe_shadow(found: Shadow, limit: int) -> dict[str, Any]:
    """Return differences as plain data, without any value."""
    return {
        "since": found.since,
        "people": found.pairs,
        "actions": _counted(("action", "reason"), found.by_action),
        "fields": _counted(("field", "written_to", "reason"), found.by_field),
        "records": [
            {
                "contact": each.contact,
                "salesforce": each.salesforce,
                "action": each.action,
                "reason": each.reason,
                "fields": [dict(zip(("field", "written_to", "reason"), one, strict=True)) for one in each.fields],
            }
            for each in found.records[:limit]
        ],
        "warning": found.looked.warning.message if found.looked.warning else None,
    }


def _counted(names: tuple[str, ...], counter: Counter[Any]) -> list[dict[str, Any]]:
    return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in counter.most_common()]


# -- for people ------------------------------------------------------------------------------------------------------


def _print_looked(looked: Looked) -> None:
    rows = [(each.object, each.state, each.prefix, each.count, _becomes(each)) for each in looked.links]
    show(None, as_json=False, table=a_table("Links", ("Object", "State", "Id", "Count", "Becomes"), rows))
    _print_findings(looked.conversion.findings)
    _warn(looked)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    for kind, title in ((Kind.LEFT_OUT, "Not imported"), (Kind.CHANGED, "Imported, and works otherwise")):
        rows = [(each.code, each.about, each.why, each.what_to_do) for each in findings if each.kind is kind]
        columns = ("Code", "What", "Why", "What to do")
        show(None, as_json=False, table=a_table(title if rows else f"{title}: nothing", columns, rows))


def _print_shadow(found: Shadow, limit: int) -> None:
    title = f"{found.pairs} people changed since {a_moment(found.since)}; {len(found.records)} differ"
    rows = [(*key, count) for key, count in found.by_action.most_common()]
    show(None, as_json=False, table=a_table(title, ("We would", "Why", "Count"), rows))
    fields = [(*key, count) for key, count in found.by_field.most_common()]
    show(None, as_json=False, table=a_table("Fields we would write", ("Field", "Where", "Why", "Count"), fields))
    people = [
        (each.contact, each.salesforce, each.action, each.reason, ", ".join(name for name, *_ in each.fields))
        for each in found.records[:limit]
    ]
    show(None, as_json=False, table=a_table("People", ("Contact", "Salesforce", "What", "Why", "Fields"), people))


def _print_import(done: Imported) -> None:
    rows: list[tuple[object, ...]] = [
        (name, _SAVED[what].format(version=version)) for name, (what, version) in done.documents.items()
    ]
    rows.append(("Salesforce", _ORG[done.org]))
    rows.append(("people", _begun(done.people.at)))
    rows.append(("activities", f"{_begun(done.activities.at)}; {done.activities.known_events} events sent before"))
    show(None, as_json=False, table=a_table("Taken over", ("", ""), rows))
    counted = [(fate.value, count) for fate, count in done.links.most_common()]
    show(None, as_json=False, table=a_table("Links", ("What", "Count"), counted))
    _print_findings(done.looked.conversion.findings)


def _begun(moment: Any) -> str:
    return f"read from {a_moment(moment)} on" if moment else "read before, go on where they are"


def _becomes(counted: Any) -> str:
    return judge_kind(counted.object, counted.state, counted.prefix)


def _warn(looked: Looked) -> None:
    if looked.warning:
        console.print(f"[bold yellow]{looked.warning.code}[/]: {looked.warning.message}", highlight=False)


def _next(command: str, why: str) -> None:
    console.print(f"Next: [bold]{command}[/] ({why})", highlight=False)
