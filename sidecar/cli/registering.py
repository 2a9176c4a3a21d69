"""Registering with an instance's Mautic: check it, make what is missing, take it away again."""

import re
from typing import Annotated, Any

import typer

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.lines import describe_lines, lines_table
from sidecar.cli.output import ExitCode, JsonOption, SlugArgument, a_table, console, errors_told, show
from sidecar.errors import UsageError
from sidecar.hosts.mautic.registration.plan import Part
from sidecar.hosts.mautic.registration.probe import Probed
from sidecar.hosts.mautic.registration.report import Report
from sidecar.registering import Registered, Wishes, check_mautic, keep_check, new_keys, try_out, unregister
from sidecar.registering import register as register_with_mautic
from sidecar.store.instances import Instance

WHO = "command line"
ADDRESS = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


def register_mautic(  # noqa: PLR0913, PLR0917  (one option per choice)
    slug: SlugArgument,
    sidecar_url: Annotated[
        str | None,
        typer.Option(
            help="Address under which this Mautic reaches the sidecar, if not SIDECAR_PUBLIC_URL; kept, and an empty one ends it."
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", "--dry-run", help="Only look: nothing is made or changed.")] = False,
    fields_only: Annotated[
        bool,
        typer.Option("--fields-only", help="Only make the contact fields that the mapping names and Mautic lacks."),
    ] = False,
    few_triggers: Annotated[
        bool | None,
        typer.Option(
            "--few-triggers/--all-triggers",
            help="Be called for new people, opt-outs and deletions only, or for every change (as it was, else every one).",
        ),
    ] = None,
    segment: Annotated[
        bool, typer.Option("--segment", help="Also make a segment of everybody who was deleted in Salesforce.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also try how Mautic dates changes, on a contact that is removed again.")
    ] = False,
    renew_keys: Annotated[
        bool, typer.Option("--new-keys", help="Make new keys for the plugin and for campaigns; the old ones end.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make in Mautic what the sidecar needs there: the webhook, the fields, the keys. Shows what was found, line by line."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        wishes = Wishes(_address(sidecar_url), few_triggers, segment, fields_only)
        done = _do(services, instance, wishes, only_look=check)
        keys = {**done.keys, **(new_keys(services, instance, WHO) if renew_keys and not check else {})}
        tried = try_out(services, instance) if probe and not check else None
        report = done.after.report
        document = {
            **describe(report),
            "made": [_part(part) for part in done.made],
            "keys": keys,
            "probe": _probe_words(tried),
        }
        show(document, as_json=as_json, table=lines_table(report.lines, is_green=report.is_green))
        if not as_json:
            _tell(done, keys, tried)
        if not report.is_green:
            raise typer.Exit(ExitCode.CANNOT_CONNECT)


def unregister_mautic(
    slug: SlugArgument,
    fields: Annotated[
        bool, typer.Option("--fields", help="Also remove the contact fields that were made, with all their values.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove from Mautic what `register` made, and nothing else. Fields stay unless asked: their values go with them."""
    with errors_told():
        services = bootstrap()
        removed = unregister(services, services.instances.get(slug), WHO, with_fields=fields)
        document = {"removed": [{"kind": part.kind, "name": part.name} for part in removed]}
        rows = [(part.kind, part.name) for part in removed]
        show(
            document, as_json=as_json, table=a_table("Removed" if rows else "Removed: nothing", ("What", "Name"), rows)
        )


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("register")(register_mautic)
    root.command("unregister")(unregister_mautic)


def describe(report: Report) -> dict[str, Any]:
    """Return a check as plain data."""
    missing = [_part(part) for part in report.plan.parts]
    return {"green": report.is_green, "lines": describe_lines(report.lines), "missing": missing}


def _do(services: App, instance: Instance, wishes: Wishes, *, only_look: bool) -> Registered:
    looked = check_mautic(services, instance, wishes) if only_look else None
    done = Registered((), looked) if looked else register_with_mautic(services, instance, WHO, wishes)
    keep_check(services, instance, done.after)
    return done


def _tell(done: Registered, keys: dict[str, str], tried: Probed | None) -> None:
    for part in done.made:
        console.print(f"{part.action.value}: {part.kind.value} {part.name}", highlight=False, markup=False)
    for name, key in keys.items():
        where = "the plugin inside Mautic" if name == "shared_key" else "the webhook action of a campaign"
        console.print(f"{name}, for {where}, shown only now: {key}", highlight=False, markup=False, soft_wrap=True)
    if tried is not None:
        console.print(_probe_words(tried), highlight=False, markup=False)


def _probe_words(tried: Probed | None) -> str | None:
    if tried is None:
        return None
    if tried.left:
        return f"Contact {tried.left}, made for the trial, could not be removed: the role may not delete. Remove it by hand."
    if tried.agrees is None:
        return "The trial told nothing: the contact was gone before it could be compared."
    moves = "moves" if tried.date_modified_moves else "does not move"
    known = "as known of this version" if tried.agrees else "other than known of this version, which does no harm"
    return f"A contact's date of change {moves} with an edit, {known}. The contact of the trial is gone again."


def _part(part: Part) -> dict[str, str]:
    return {"kind": part.kind.value, "name": part.name, "action": part.action.value}


def _address(text: str | None) -> str | None:
    if text and not ADDRESS.fullmatch(text):
        raise UsageError("--sidecar-url must be an address such as https://sidecar.example.com", code="address-unclear")
    return text
