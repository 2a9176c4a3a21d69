"""The plugin's settings → our documents: the people mapping, the activities, and how the org is reached. Pure.

Start here: `convert()`. Nothing is dropped silently: what has no counterpart, or works otherwise with us, is a finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sidecar.hosts.mautic.native.field_pairs import DEFAULT_ID_FIELD, OBJECTS, Fields, convert_fields, name_pairs
from sidecar.hosts.mautic.native.findings import Finding, changed, left_out
from sidecar.hosts.mautic.native.settings import NativeSettings
from sidecar.mapping.activities import EVENT_TYPES, dump_activities, parse_activities
from sidecar.mapping.document import API_NAME
from sidecar.mapping.export import dump_mapping
from sidecar.mapping.parse import parse_mapping

DEFAULT_EVENTS: Final = ("point.gained", "form.submitted", "email.read")
"""What the plugin sends when nothing is chosen, whatever its documentation says."""
NEVER_SENT: Final = frozenset({"lead.create", "lead.identified", "lead.ipadded", "lead.apiadded"})
"""Events that its form offers and that it never sends: Mautic shows them in a contact's own timeline only."""

_LOGIN: Final = {False: "https://login.salesforce.com", True: "https://test.salesforce.com"}
_KNOWN_OBJECTS: Final = frozenset({"Lead", "Contact", "company", "Activity"})


@dataclass(frozen=True, slots=True)
class Conversion:
    """What would be saved: two documents; and all that must be told."""

    people: dict[str, object]
    activities: dict[str, object]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """How the plugin reaches its org, as a connection of ours has it."""

    settings: Mapping[str, str]
    secrets: Mapping[str, str]


def convert(settings: NativeSettings) -> Conversion:
    """Return our documents for the plugin's settings."""
    fields = convert_fields(settings)
    findings = [*fields.findings, *_tell_objects(settings), *_tell_consent(settings, fields), *_tell_id(fields)]
    people = dump_mapping(parse_mapping(_people(settings, fields)))
    activities, told = _activities(settings)
    return Conversion(people, activities, (*findings, *told, *_tell_companies(settings)))


def convert_access(settings: NativeSettings, keys: Mapping[str, str]) -> OrgAccess | None:
    """Return how to reach the org with the plugin's own app and authorisation; None if it was never authorised."""
    if not all(keys.get(name) for name in ("client_id", "client_secret", "refresh_token")):
        return None
    return OrgAccess(
        settings={
            "login_url": _LOGIN[settings.is_sandbox],
            "flow": "web_server",
            "client_id": keys["client_id"],
            "signed_in_as": "/".join(urlsplit(keys.get("id", "")).path.split("/")[-2:]),
            "namespace": settings.namespace,
        },
        secrets={name: keys[name] for name in ("client_secret", "refresh_token")},
    )


# -- people ----------------------------------------------------------------------------------------------------------


def _people(settings: NativeSettings, fields: Fields) -> dict[str, object]:
    named = name_pairs(fields.pairs)
    pulls, pushes = "get_leads" in settings.features, "push_leads" in settings.features
    rows = {name: pair.row() for name, pair in named.items()}
    if settings.updates_owner:
        rows["owner"] = {"host": "owner_email", "salesforce": "OwnerEmail", "priority": "salesforce"}
    document: dict[str, Any] = {
        "mapping": {
            "name": "people",
            "lane": "people",
            "host_object": "contact",
            "salesforce_objects": list(OBJECTS),
            "create_in_salesforce": "Lead" if pushes and "Lead" in settings.objects else False,
            "create_in_host": pulls,
            "update": [side for side, is_on in (("host", pulls), ("salesforce", pushes)) if is_on],
            "conflict_policy": "salesforce_wins",
            "fill_if_empty": settings.updates_blanks,
            "match_on": [name for name, pair in named.items() if pair.host == "email"],
            "external_id": fields.id_field or DEFAULT_ID_FIELD,
        },
        "consent": {
            "salesforce_field": fields.opt_out_field or "HasOptedOutOfEmail",
            "lift": "all_but_bounces" if settings.uses_latest_opt_out else "never",
        },
        "deletion": (
            {"on_salesforce_delete": "mark", "host_field": fields.deleted_field}
            if fields.deleted_field
            else {"on_salesforce_delete": "nothing"}
        ),
        "fields": rows,
    }
    # Who is linked goes on; of an object that was not ticked nobody new takes part.
    if scopes := {name: {"records": "none"} for name in OBJECTS if name not in settings.objects}:
        document["scope"] = scopes
    return document


def _tell_objects(settings: NativeSettings) -> list[Finding]:
    told = [
        changed(
            "native-object-not-followed",
            name,
            "the plugin was not told to follow it; who is linked with one goes on, nobody new takes part",
            "Change the scope in the mapping if people of this object shall take part.",
        )
        for name in OBJECTS
        if name not in settings.objects
    ]
    told += [
        left_out("native-object-unknown", name, "it is no object that the plugin is known to follow", "Nothing.")
        for name in settings.objects
        if name not in _KNOWN_OBJECTS
    ]
    if "push_lead" in settings.features:
        why = "campaign, form and point actions that push to the plugin stay in Mautic and go on calling it"
        what = "Replace them by those of the sidecar's bundle, then switch the plugin off."
        told.append(left_out("native-push-actions", "push_lead", why, what))
    return told


def _tell_consent(settings: NativeSettings, fields: Fields) -> list[Finding]:
    told = []
    if not (settings.uses_latest_opt_out and fields.opt_out_field):
        why = (
            "the plugin carried opt-outs one way or not at all; with us an opt-out on either side travels to the other"
        )
        what = "Look at the opt-outs that the shadow run names before you import."
        told.append(changed("native-consent-both-ways", fields.opt_out_field or "HasOptedOutOfEmail", why, what))
    if settings.uses_latest_opt_out:
        why = "an opt-out is lifted only by dated evidence that is newer, and a bounce never is"
        what = "Choose `never` or `staff` in the mapping to be more careful."
        told.append(changed("native-consent-lift", "updateDncByDate", why, what))
    return told


def _tell_id(fields: Fields) -> list[Finding]:
    if fields.id_field is None:
        return []
    why = "it becomes the external id by which a repeated creation is recognised"
    what = "Make it a text field, unique and an External ID, on Lead and on Contact."
    return [changed("native-id-field", fields.id_field, why, what)]


def _tell_companies(settings: NativeSettings) -> list[Finding]:
    if "company" not in settings.objects and not settings.company_fields:
        return []
    pairs = ", ".join(f"{name} = {alias}" for name, alias in settings.company_fields.items()) or "company"
    why = "companies are not synced yet; these settings are kept in the audit log"
    return [left_out("native-companies-later", pairs, why, "Nothing now.")]


# -- activities ------------------------------------------------------------------------------------------------------


def _activities(settings: NativeSettings) -> tuple[dict[str, object], list[Finding]]:
    chosen = settings.activity_events or DEFAULT_EVENTS
    told = [_tell_event(name) for name in chosen if name not in EVENT_TYPES]
    is_on = "Activity" in settings.objects
    if not is_on:
        why = "the plugin was not told to send activities"
        what = "Set `target` to `timeline` in the activities document to send them."
        told.append(changed("native-activities-off", "Activity", why, what))
    namespace = settings.namespace
    if namespace and not API_NAME.fullmatch(namespace):
        why = "it cannot be the prefix of a package"
        told.append(left_out("native-namespace-unreadable", namespace, why, "Set `namespace` by hand."))
        namespace = ""
    document = {
        "namespace": namespace,
        "target": "timeline" if is_on else "off",
        "event_types": [name for name in chosen if name in EVENT_TYPES],
    }
    return dump_activities(parse_activities({"activities": document})), told


def _tell_event(name: str) -> Finding:
    if name in NEVER_SENT:
        return left_out(
            "native-event-never-sent", name, "the plugin's form offers it, and it was never sent", "Nothing."
        )
    return left_out("native-event-unknown", name, "no timeline of Mautic's has such events", "Nothing.")
