"""Single people by hand: push them to Salesforce, take them out of the sync, take them in again."""

from typing import Annotated, Any

import typer

from sidecar.bootstrap import bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, errors_told, show
from sidecar.errors import UsageError
from sidecar.people import LANE, ref_of, take_in
from sidecar.records import Ref, Side
from sidecar.store.pushes import Push, PushWish

COMMAND = "command"

RecordArgument = Annotated[str, typer.Argument(metavar="ID", help="Mautic contact id, or Salesforce id (15 or 18).")]
SideOption = Annotated[Side, typer.Option("--side", help="Whose id it is.")]


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("push")(push)
    root.command("exclude")(exclude)
    root.command("include")(include)


def push(
    slug: SlugArgument,
    contacts: Annotated[list[str], typer.Argument(metavar="CONTACT_ID…", help="Mautic contact ids.")],
    wanted: Annotated[str | None, typer.Option("--as", metavar="OBJECT", help="Lead or Contact.")] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="Salesforce campaign to add them to.")] = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Member status in that campaign.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Have contacts created or updated in Salesforce by the next run, which comes at once where runs are planned."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        known = services.mapping(instance, LANE).salesforce_objects
        if wanted is not None and wanted not in known:
            raise UsageError(f"{wanted} is none of {', '.join(known)}", code="push-object-unknown")
        wishes = [PushWish(ref_of(each, Side.HOST), wanted, campaign, status, source=COMMAND) for each in contacts]
        now = services.clock()
        count = services.pushes.request(instance.id, wishes, now)
        services.schedules.hasten(instance.id, LANE, now, now)
        told = f"{count} pushed; `sidecar explain {slug} ID` tells how it ended."
        show({"slug": slug, "pushed": count, "waiting": len(wishes) - count}, as_json=as_json, table=told)


def exclude(
    slug: SlugArgument,
    record: RecordArgument,
    side: SideOption = Side.HOST,
    who: Annotated[str, typer.Option(help="On whose word.")] = COMMAND,
    as_json: JsonOption = False,
) -> None:
    """Take a record out: from now on nothing of it is written, matched or created. Opt-outs still travel."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        ref = ref_of(record, side)
        services.exclusions.add(instance.id, side, [ref], who, services.clock())
        show(_told(slug, side, ref, is_out=True), as_json=as_json, table=f"{ref.object} {ref.id} is left alone.")


def include(
    slug: SlugArgument, record: RecordArgument, side: SideOption = Side.HOST, as_json: JsonOption = False
) -> None:
    """Take a record in again, by whichever side it was taken out; the next run looks at it."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        ref = ref_of(record, side)
        if not take_in(services, instance, side, ref):
            raise UsageError(f"{ref.object} {ref.id} was not taken out", code="not-excluded")
        told = f"{ref.object} {ref.id} takes part again."
        show(_told(slug, side, ref, is_out=False), as_json=as_json, table=told)


def describe_push(push: Push | None) -> dict[str, Any] | None:
    """Return a push as plain data."""
    if push is None:
        return None
    return {
        "state": push.state.value,
        "reason": push.reason,
        "as": push.wish.wanted_object,
        "campaign": push.wish.campaign_id,
        "source": push.wish.source or None,
        "requested_at": a_moment(push.requested_at),
        "finished_at": a_moment(push.finished_at) if push.finished_at else None,
    }


def _told(slug: str, side: Side, ref: Ref, *, is_out: bool) -> dict[str, Any]:
    return {"slug": slug, "side": side.value, "object": ref.object, "id": ref.id, "excluded": is_out}
