"""Whether the parts of one mapping fit each other, before anyone has looked at either side. Pure."""

from collections import defaultdict
from collections.abc import Iterator

from sidecar.mapping.document import DocumentProblem, nearest
from sidecar.mapping.model import ObjectMapping, Priority, ScopeWho

_PEOPLE_OBJECTS = ("Contact", "Lead")
_OPT_OUT = "hasoptedoutofemail"  # Salesforce's own field: consent even in a mapping without a consent table


def check_consistency(mapping: ObjectMapping) -> list[DocumentProblem]:
    """Return everything in a readable mapping that contradicts itself."""
    return [
        *_check_objects(mapping),
        *_check_match(mapping),
        *_check_reserved(mapping),
        *_check_doubles(mapping),
        *_check_arrows(mapping),
        *_check_everyone(mapping),
    ]


def _check_objects(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    objects = mapping.salesforce_objects
    if "Opportunity" in objects or mapping.lane == "opportunities":
        yield DocumentProblem("mapping.lane", "opportunities cannot be synced: there is no such lane yet")
    if not objects:
        yield DocumentProblem("mapping.salesforce_objects", "names no Salesforce object")
    elif mapping.lane == "people" and not set(objects) & set(_PEOPLE_OBJECTS):
        message = "must name Lead, Contact or both for people"
        yield DocumentProblem("mapping.salesforce_objects", message, _PEOPLE_OBJECTS)


def _check_match(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    """Without a value that means the same person on both sides, every person would be created twice."""
    by_name = {pair.name: pair for pair in mapping.fields}
    if not mapping.match_on:
        yield DocumentProblem("mapping.match_on", "must name at least one field, for instance email", tuple(by_name))
        return
    unknown = [name for name in mapping.match_on if name not in by_name]
    for name in unknown:
        suggestion = nearest(name, by_name)
        yield DocumentProblem("mapping.match_on", f"{name} is not one of the fields", tuple(by_name), suggestion)
    if unknown:
        return
    covered = {name for match in mapping.match_on for name in by_name[match].salesforce}
    for salesforce_object in mapping.salesforce_objects:
        if salesforce_object not in covered:
            yield DocumentProblem("mapping.match_on", f"has no field that {salesforce_object} carries")


def _check_reserved(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    """Consent, deletion marks and the link's own id are no fields: they follow rules of their own."""
    deletion, consent = mapping.deletion, mapping.consent
    salesforce = {_OPT_OUT: "is consent, not a field: it belongs in [consent]"}
    if consent:
        salesforce[consent.salesforce_field.lower()] = "is consent, not a field: it belongs in [consent] only"
    if deletion.salesforce_field:
        salesforce[deletion.salesforce_field.lower()] = "is the deletion mark of [deletion] and cannot be a field too"
    if mapping.external_id:
        salesforce[mapping.external_id.lower()] = "is the external id and is filled by itself"
    for pair in mapping.fields:
        if pair.host == deletion.host_field:
            yield DocumentProblem(f"fields.{pair.name}.host", "is the deletion mark of [deletion]")
        for message in {salesforce[field.lower()] for field in pair.salesforce.values() if field.lower() in salesforce}:
            yield DocumentProblem(f"fields.{pair.name}.salesforce", message)


def _check_doubles(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    """One field has one pair. A host field may feed several Salesforce fields if none of them writes it back."""
    by_salesforce = defaultdict(list)
    by_host = defaultdict(list)
    for pair in mapping.fields:
        for salesforce_object, field in pair.salesforce.items():
            by_salesforce[salesforce_object, field.lower()].append(pair)
            by_host[salesforce_object, pair.host].append(pair)
    for (salesforce_object, _), pairs in by_salesforce.items():
        for pair in pairs[1:]:
            message = f"{salesforce_object}.{pair.salesforce[salesforce_object]} is already mapped by {pairs[0].name}"
            yield DocumentProblem(f"fields.{pair.name}.salesforce", message)
    told = set()
    for (_, host), pairs in by_host.items():
        if all(pair.priority is Priority.HOST for pair in pairs):
            continue
        for pair in pairs[1:]:
            if (pair.name, pairs[0].name) not in told:
                told.add((pair.name, pairs[0].name))
                message = f'{host} is already mapped by {pairs[0].name}; both would need priority = "host"'
                yield DocumentProblem(f"fields.{pair.name}.host", message)


def _check_arrows(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    for pair in mapping.fields:
        if pair.enforce and pair.priority is Priority.BOTH:
            message = "needs a priority of one side: in a two-way field there is no value to enforce"
            yield DocumentProblem(f"fields.{pair.name}.enforce", message)


def _check_everyone(mapping: ObjectMapping) -> Iterator[DocumentProblem]:
    """Who has no address can be recognised again only by the host's id."""
    if mapping.host_scope.who is ScopeWho.EVERYONE and mapping.external_id is None:
        yield DocumentProblem(
            "scope.host.who", "needs mapping.external_id: people without an address have no other name"
        )
