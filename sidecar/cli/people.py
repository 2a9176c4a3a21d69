"""Why is this person as they are? The answer, field by field."""

from typing import Annotated, Any

import typer

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, a_moment, a_table, errors_told, show
from sidecar.cli.pushes import describe_push
from sidecar.lanes import open_preview
from sidecar.people import find_person
from sidecar.records import Side
from sidecar.store.history import History, OutcomeFilter
from sidecar.store.instances import Instance
from sidecar.sync.explain import Explanation, explain

PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="E-mail address, Mautic contact id, or Salesforce id (15 or 18).")
]


def register(root: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    root.command("explain")(explain_person)


def explain_person(slug: SlugArgument, person: PersonArgument, as_json: JsonOption = False) -> None:
    """Tell who a person is linked to, both sides' values, what was last agreed, and why a run would do what it does."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        with open_preview(services, instance, "people") as lane:
            stories = [explain(lane, side, record) for side, record in find_person(lane, person)]
        history = History(services.database, services.cipher)
        documents = [
            _describe(story, _last_decisions(history, instance.id, story)) | _by_hand(services, instance, story)
            for story in stories
        ]
        if as_json:
            show(documents, as_json=True)
        else:
            for document in documents:
                _print(document)


_HEAD = ("contact", "salesforce", "link", "would", "scope", "told_by", "consent", "push", "excluded")


def _last_decisions(history: History, instance_id: int, story: Explanation) -> list[dict[str, Any]]:
    pair = story.decision.pair
    side, ref = pair.trigger, pair.trigger_ref
    rows = history.outcomes(instance_id, OutcomeFilter(side=side, ref=ref), limit=5)
    return [{"at": a_moment(row.at), "status": row.status, "action": row.action, "reason": row.reason} for row in rows]


def _by_hand(services: App, instance: Instance, story: Explanation) -> dict[str, Any]:
    """Return what people wished of this one: their last push and how it ended, and on which side they were taken out."""
    pair = story.decision.pair
    out = {
        side: found
        for side in Side
        if (record := pair.record(side)) and (found := services.exclusions.get(instance.id, side, record.ref))
    }
    return {
        "push": describe_push(services.pushes.last(instance.id, pair.host.ref)) if pair.host else None,
        "excluded": {side.value: f"by {found.who}, {a_moment(found.at)}" for side, found in out.items()} or None,
    }


def _describe(story: Explanation, last: list[dict[str, Any]]) -> dict[str, Any]:
    decision = story.decision
    pair = decision.pair
    link = pair.link
    return {
        "contact": pair.host.ref.id if pair.host else None,
        "salesforce": f"{pair.salesforce.ref.object} {pair.salesforce.ref.id}" if pair.salesforce else None,
        "link": {"state": link.state, "origin": link.origin} if link else None,
        "would": {"action": decision.action, "reason": decision.reason},
        "scope": {
            side.value: f"{'in' if verdict.is_in else 'out'}: {verdict.clause}" for side, verdict in story.scope.items()
        },
        "told_by": {side.value: told for side, told in story.told_by.items()},
        "consent": {
            "host_opted_out": pair.host.consent.opted_out if pair.host and pair.host.consent else None,
            "salesforce_opted_out": (
                pair.salesforce.consent.opted_out if pair.salesforce and pair.salesforce.consent else None
            ),
            "agreed": link.opted_out if link else None,
            "reason": decision.consent.reason if decision.consent else None,
        },
        "fields": [
            {
                "field": f"{field.host_field} ↔ {field.salesforce_field}",
                "mautic": field.host,
                "salesforce": field.salesforce,
                "agreed": field.agreed,
                "rule": field.rule,
                "outcome": f"{field.outcome}: {field.reason}",
            }
            for field in story.fields
        ],
        "suspended": dict(story.suspended),
        "last_decisions": last,
    }


def _print(document: dict[str, Any]) -> None:
    head = [(name, _words(document[name])) for name in _HEAD]
    show(None, as_json=False, table=a_table("Who", ("", ""), head))
    columns = ("Field", "Mautic", "Salesforce", "Last agreed", "Rule", "Outcome")
    show(None, as_json=False, table=a_table("Fields", columns, [tuple(f.values()) for f in document["fields"]]))
    if document["suspended"]:
        show(
            None, as_json=False, table=a_table("Suspended", ("Field pair", "Why"), list(document["suspended"].items()))
        )
    rows = [tuple(each.values()) for each in document["last_decisions"]]
    show(None, as_json=False, table=a_table("Last decisions", ("When", "Status", "What", "Why"), rows))


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {inner}" for name, inner in value.items() if inner is not None)
    return "–" if value is None else str(value)
