"""The plugin's field list → our field pairs and the roles that are no field pairs with us. Pure.

The plugin has one line per Salesforce object ("LastName__Lead", "LastName__Contact"); we have one pair for both objects where
they share contact field and arrow, and two pairs where the arrows differ.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sidecar.hosts.mautic.native.findings import Finding, changed, left_out
from sidecar.hosts.mautic.native.settings import NativeSettings
from sidecar.mapping.document import API_NAME

OBJECTS: Final = ("Contact", "Lead")
"""The objects of people, in our matching order."""

DEFAULT_ID_FIELD: Final = "Mautic_Id__c"
_SALESFORCE_WINS: Final = "1"
_ID_NAMES: Final = frozenset({"mauticContactId", "id"})
_PAGE_NAME: Final = "mauticContactTimelineLink"
_OPT_OUT_NAME: Final = "mauticContactIsContactableByEmail"
_OPT_OUT_FIELD: Final = "hasoptedoutofemail"
_UNKNOWN: Final = "Unknown"
_NEEDS_TEXT: Final = frozenset({("Contact", "LastName"), ("Lead", "LastName"), ("Lead", "Company")})
"""Fields that Salesforce always insists on: the plugin wrote "Unknown" there."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the plugin's list."""

    key: str
    object: str
    salesforce: str
    host: str
    wins: str


@dataclass(slots=True)
class Pair:
    """One field pair as it grows: the Salesforce field per object."""

    host: str
    wins: str
    salesforce: dict[str, str] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """Return the pair as a mapping document has it."""
        names = set(self.salesforce.values())
        is_shared = len(names) == 1 and set(self.salesforce) == set(OBJECTS)
        row: dict[str, object] = {
            "host": self.host,
            "salesforce": names.pop() if is_shared else dict(self.salesforce),
            "priority": self.wins,
        }
        if any(item in _NEEDS_TEXT for item in self.salesforce.items()):
            row["placeholder"] = _UNKNOWN
        if self.host == "contact_url":
            row["enforce"] = True
        return row


@dataclass(slots=True)
class Fields:
    """Everything that the list says: pairs, and the three fields with a role of their own."""

    pairs: list[Pair] = field(default_factory=list)
    id_field: str | None = None
    opt_out_field: str | None = None
    deleted_field: str | None = None
    findings: list[Finding] = field(default_factory=list)


def convert_fields(settings: NativeSettings) -> Fields:
    """Return what becomes of each line; each one that is left out is told."""
    fields = Fields()
    lines = list(_read_lines(settings, fields))
    plain = [line for line in lines if not _take_role(line, fields)]
    for line in plain:
        _add(_as_ours(line, fields), fields)
    _match_by_email(fields)
    _tell_arrows(fields)
    return fields


def _read_lines(settings: NativeSettings, fields: Fields) -> Iterator[Line]:
    for key, host in settings.lead_fields.items():
        salesforce, _, object_name = key.rpartition("__")
        is_readable = object_name in OBJECTS and API_NAME.fullmatch(salesforce) and API_NAME.fullmatch(host)
        if not is_readable:
            why = "it does not name a field of Lead or of Contact, and a contact field"
            fields.findings.append(
                left_out("native-field-unreadable", f"{key} = {host}", why, "Add the pair to the mapping by hand.")
            )
            continue
        is_ours = settings.arrows.get(key, _SALESFORCE_WINS) == _SALESFORCE_WINS or salesforce == "CreatedDate"
        yield Line(key, object_name, salesforce, host, "salesforce" if is_ours else "host")


# -- fields with a role of their own ---------------------------------------------------------------------------------


def _take_role(line: Line, fields: Fields) -> bool:
    """Tell whether a line is no field pair with us, and remember or tell what it stands for."""
    if line.host in _ID_NAMES:
        fields.id_field = _only(line, fields.id_field, line.salesforce, fields, "the contact's id")
    elif line.host == _OPT_OUT_NAME:
        fields.opt_out_field = _only(line, fields.opt_out_field, line.salesforce, fields, "the opt-out")
    elif line.salesforce == "IsDeleted":
        fields.deleted_field = _only(line, fields.deleted_field, line.host, fields, "the mark of a deletion")
    elif line.salesforce.lower() == _OPT_OUT_FIELD:
        why = "an opt-out is a person's right and follows rules of its own; with us it travels both ways"
        what = "Nothing, or remove the contact field if it served nothing else."
        fields.findings.append(left_out("native-field-is-consent", line.key, why, what))
    elif line.salesforce == "AccountId":
        why = "it names the account behind a Contact, and companies are not synced yet"
        what = "Nothing now; the account's name stays in Mautic as it is."
        fields.findings.append(left_out("native-field-is-account", line.key, why, what))
    else:
        return False
    return True


def _only(line: Line, known: str | None, wanted: str, fields: Fields, role: str) -> str:
    if known is not None and known != wanted:
        why = f"{role} is {known} already, and there is one for both objects"
        what = f"Use {known} on both objects, or change the mapping."
        fields.findings.append(left_out("native-role-taken", f"{line.key} = {line.host}", why, what))
        return known
    return wanted


def _as_ours(line: Line, fields: Fields) -> Line:
    """Give the plugin's link to a contact's timeline the name of ours: the address of the contact's page."""
    if line.host != _PAGE_NAME:
        return line
    why = "the plugin's page of the contact goes away with it; the field now leads to the contact itself"
    what = "Nothing: a link is rewritten when its person is next looked at."
    fields.findings.append(changed("native-contact-link", line.key, why, what))
    return Line(line.key, line.object, line.salesforce, "contact_url", "host")


# -- field pairs -----------------------------------------------------------------------------------------------------


def _add(line: Line, fields: Fields) -> None:
    """Put a line into the pair it belongs to, or into a new one."""
    problem = _why_not(line, fields)
    if problem:
        what = "Choose which of the fields shall be mapped, and change the mapping."
        fields.findings.append(left_out("native-field-twice", f"{line.key} = {line.host}", problem, what))
        return
    for pair in fields.pairs:
        if pair.host == line.host and pair.wins == line.wins and line.object not in pair.salesforce:
            pair.salesforce[line.object] = line.salesforce
            return
    fields.pairs.append(Pair(line.host, line.wins, {line.object: line.salesforce}))


def _why_not(line: Line, fields: Fields) -> str | None:
    """Return why a line cannot stand beside what is there: one contact field, written from two places."""
    if line.host == fields.deleted_field:
        return f"{line.host} is the mark of a deletion"
    if line.salesforce == (fields.id_field or DEFAULT_ID_FIELD):
        return f"{line.salesforce} holds the contact's id and is filled by itself"
    if line.salesforce == fields.opt_out_field:
        return f"{line.salesforce} holds the opt-out"
    rivals = [pair for pair in fields.pairs if pair.host == line.host and line.object in pair.salesforce]
    if not rivals or (line.wins == "host" and all(pair.wins == "host" for pair in rivals)):
        return None
    return (
        f"{line.host} is mapped with {rivals[0].salesforce[line.object]} already, and takes values from one field only"
    )


def _match_by_email(fields: Fields) -> None:
    """Make sure that people of each object are recognised by their address, as the plugin did whatever was mapped."""
    for object_name in OBJECTS:
        if any(pair.host == "email" and object_name in pair.salesforce for pair in fields.pairs):
            continue
        why = "people are recognised by their e-mail address, so it must be mapped"
        what = "Check the arrow of the pair email: Salesforce wins."
        fields.findings.append(changed("native-email-added", f"Email__{object_name}", why, what))
        _add(Line(f"Email__{object_name}", object_name, "Email", "email", "salesforce"), fields)


def _tell_arrows(fields: Fields) -> None:
    for host in dict.fromkeys(pair.host for pair in fields.pairs):
        if len({pair.wins for pair in fields.pairs if pair.host == host}) > 1:
            why = "its arrow is another one for Leads than for Contacts; both are kept, as two field pairs"
            what = "Check that this was meant; one arrow for both is easier to explain."
            fields.findings.append(changed("native-arrows-differ", host, why, what))


def name_pairs(pairs: list[Pair]) -> dict[str, Pair]:
    """Return the pairs by a name of our form, each its own."""
    named: dict[str, Pair] = {}
    for pair in pairs:
        stem = re.sub(r"[^a-z0-9]+", "_", pair.host.lower()).strip("_")[:56] or "field"
        stem = stem if stem[0].isalpha() else f"f_{stem}"
        name, number = stem, 1
        while name in named:
            number += 1
            name = f"{stem}_{number}"
        named[name] = pair
    return named
