"""How a mapping is said in words: types, who wins, what the extra settings mean, what preflight found, what a save changed."""

from collections.abc import Mapping
from typing import Any

from flask_babel import format_decimal, format_percent, gettext, lazy_gettext
from wtforms.fields.choices import SelectChoice

from sidecar.mapping.editing import Change
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import FieldPair, ObjectMapping, Priority, TooLong
from sidecar.mapping.offers import Refusal
from sidecar.mapping.problems import Code
from sidecar.mapping.rules import Problem
from sidecar.records import FieldInfo, FieldType
from sidecar.web.language import current_locale

_LONGEST_VALUE = 60

TYPES: Mapping[FieldType, Any] = {
    FieldType.TEXT: lazy_gettext("Text"),
    FieldType.LONG_TEXT: lazy_gettext("Long text"),
    FieldType.EMAIL: lazy_gettext("E-mail"),
    FieldType.PHONE: lazy_gettext("Phone"),
    FieldType.URL: lazy_gettext("Web address"),
    FieldType.NUMBER: lazy_gettext("Number"),
    FieldType.BOOLEAN: lazy_gettext("Yes or no"),
    FieldType.DATE: lazy_gettext("Date"),
    FieldType.DATETIME: lazy_gettext("Date and time"),
    FieldType.PICKLIST: lazy_gettext("One of a list"),
    FieldType.MULTI_PICKLIST: lazy_gettext("Several of a list"),
    FieldType.ID: lazy_gettext("Record id"),
    FieldType.REFERENCE: lazy_gettext("Reference"),
}
PRIORITIES: Mapping[str, Any] = {
    "both": lazy_gettext("Two-way"),
    "salesforce": lazy_gettext("Salesforce wins"),
    "host": lazy_gettext("Mautic wins"),
}
ARROWS: Mapping[str, str] = {"both": "arrow-left-right", "salesforce": "arrow-right", "host": "arrow-left"}
"""Salesforce stands on the left, so the arrow shows which way values travel; the words beside it say the same."""
PRIORITY_CHOICES: Mapping[str, Any] = {
    "both": lazy_gettext("Two-way: the newer change travels, whichever side it was made on"),
    "salesforce": lazy_gettext("Salesforce wins: Mautic's value never changes Salesforce's"),
    "host": lazy_gettext("Mautic wins: Salesforce's value never changes Mautic's"),
}
POLICIES: Mapping[str, Any] = {
    "salesforce_wins": lazy_gettext("Salesforce wins"),
    "host_wins": lazy_gettext("Mautic wins"),
    "newest_wins": lazy_gettext("the newer change wins"),
    "hold": lazy_gettext("a person decides"),
}
TOO_LONG: Mapping[str, Any] = {
    "hold": lazy_gettext("Hold it back: nothing is lost, and it travels once it fits"),
    "cut": lazy_gettext("Cut it between two characters"),
}
TRANSFORMS: Mapping[str, Any] = {
    "": lazy_gettext("As it is"),
    "digits_only": lazy_gettext("Digits only"),
    "e164_phone": lazy_gettext("Phone number in international form"),
    "lower_text": lazy_gettext("Small letters"),
    "strip_text": lazy_gettext("Without blanks at both ends"),
    "title_text": lazy_gettext("A capital for each word"),
    "unescape_entities": lazy_gettext("HTML characters written out"),
    "upper_text": lazy_gettext("Capital letters"),
}
DIRECTIONS: Mapping[str, Any] = {
    "both": lazy_gettext("Both ways"),
    "to_salesforce": lazy_gettext("Only from Mautic to Salesforce"),
    "to_host": lazy_gettext("Only from Salesforce to Mautic"),
}
DUPLICATES: Mapping[str, Any] = {
    "link": lazy_gettext("Link with the record it names"),
    "hold": lazy_gettext("Leave it to a person"),
    "save": lazy_gettext("Save all the same, where the rule only warns"),
}
WHO: Mapping[str, Any] = {
    "identified_with_email": lazy_gettext("Contacts with an e-mail address"),
    "everyone": lazy_gettext("Everybody, anonymous visitors among them"),
}
KEYS: Mapping[str, Any] = {
    "host": lazy_gettext("Mautic field"),
    "salesforce": lazy_gettext("Salesforce field"),
    "priority": lazy_gettext("Who wins"),
    "conflict_policy": lazy_gettext("When both sides changed"),
    "propagate_blanks": lazy_gettext("Clearing travels too"),
    "enforce": lazy_gettext("A change on the losing side is put right"),
    "too_long": lazy_gettext("A text that is too long"),
    "placeholder": lazy_gettext("Placeholder"),
    "transform": lazy_gettext("On the way"),
    "direction": lazy_gettext("Direction"),
    "create_in_salesforce": lazy_gettext("New in Salesforce as"),
    "create_in_host": lazy_gettext("New in Mautic"),
    "fill_if_empty": lazy_gettext("Fill what is empty, even against the arrow"),
    "on_duplicate": lazy_gettext("When a duplicate rule stops a creation"),
    "match_on": lazy_gettext("People are recognised by"),
    "update": lazy_gettext("Sides that are changed"),
    "host.who": lazy_gettext("Who of Mautic takes part"),
    "host.only_in_segment": lazy_gettext("Only who is in the segment"),
    "host.not_in_segment": lazy_gettext("Nobody who is in the segment"),
}
_VALUES: Mapping[str, Mapping[str, Any]] = {
    "priority": PRIORITIES,
    "conflict_policy": POLICIES,
    "too_long": TOO_LONG,
    "transform": TRANSFORMS,
    "direction": DIRECTIONS,
    "on_duplicate": DUPLICATES,
    "host.who": WHO,
}
_DEFAULTS: Mapping[str, Any] = {
    "priority": Priority.BOTH,
    "too_long": TooLong.HOLD,
    "transform": "",
    "propagate_blanks": False,
    "enforce": False,
    "host.who": "identified_with_email",
}
PROBLEMS: Mapping[str, Any] = {
    Code.HOST_OBJECT_HIDDEN: lazy_gettext("Mautic's contacts cannot be read with our access."),
    Code.SALESFORCE_OBJECT_HIDDEN: lazy_gettext("The object is not visible to our Salesforce user."),
    Code.HOST_FIELD_MISSING: lazy_gettext("The Mautic field is gone or hidden: the pair is suspended."),
    Code.SALESFORCE_FIELD_MISSING: lazy_gettext("The Salesforce field is gone or hidden: the pair is suspended."),
    Code.NO_CONVERTER: lazy_gettext("The types do not fit: the pair is suspended."),
    Code.FIELD_MAPPED_TWICE: lazy_gettext("The Salesforce field is mapped already: the pair is suspended."),
    Code.PAIR_READ_ONLY: lazy_gettext("The field is read-only, and its value cannot travel the other way either."),
    Code.HOST_FIELD_READ_ONLY: lazy_gettext("The Mautic field is read-only: its value only travels to Salesforce."),
    Code.SALESFORCE_FIELD_READ_ONLY: lazy_gettext(
        "The Salesforce field is read-only: its value only travels to Mautic."
    ),
    Code.REQUIRED_FIELD_UNMAPPED: lazy_gettext("A required field has no pair: nothing can be created there."),
    Code.REQUIRED_FIELD_WITHOUT_PLACEHOLDER: lazy_gettext(
        "Required, without a placeholder: who has no such value cannot be created."
    ),
    Code.TARGET_SHORTER: lazy_gettext("The other side takes fewer characters."),
    Code.DECIMALS_LOST: lazy_gettext("The other side keeps fewer decimals: values are rounded."),
    Code.OPTIONS_DIFFER: lazy_gettext("The other side refuses some options of the list."),
    Code.MATCH_FIELD_UNUSABLE: lazy_gettext("No field to recognise people by can be used: nothing runs."),
    Code.EXTERNAL_ID_MISSING: lazy_gettext("The field for Mautic's id cannot be used: creations are looked up first."),
    Code.OPT_OUT_HIDDEN: lazy_gettext("The opt-out field is hidden: nobody is taken for opted in."),
    Code.OPT_OUT_READ_ONLY: lazy_gettext("The opt-out field is read-only: unsubscribes do not reach Salesforce."),
    Code.DELETION_MARK_MISSING: lazy_gettext("The field that marks deletions cannot be used."),
    Code.SCOPE_FIELD_MISSING: lazy_gettext("The scope asks for a field that is gone or hidden: nobody new takes part."),
    Code.SCOPE_FIELD_UNUSABLE: lazy_gettext("The scope asks something that does not fit: nobody new takes part."),
}
"""What preflight finds, for readers of other languages; English is what preflight says itself, with every name."""


def say_type(info: FieldInfo) -> str:
    """Say what a field holds."""
    word = str(TYPES[info.type])
    return str(gettext("%(type)s, up to %(count)s characters", type=word, count=info.length)) if info.length else word


def say_filled(filled: Filled, name: str) -> str:
    """Say of how many records a field is filled, as a share with the number; nothing where nobody counted."""
    share = filled.share(name)
    if share is None:
        return ""
    count, everybody = format_decimal(filled.by_field[name]), format_decimal(filled.records)
    percent = format_percent(share, "#,##0 %" if str(current_locale()) == "fr" else "#,##0%")
    return str(gettext("filled: %(share)s (%(count)s of %(all)s)", share=percent, count=count, all=everybody))


def say_policy(pair: FieldPair, mapping: ObjectMapping) -> str:
    """Say who wins when both sides changed a two-way field."""
    policy = pair.conflict_policy or mapping.conflict_policy
    return str(gettext("when both changed: %(who)s", who=POLICIES[policy]))


def say_extras(pair: FieldPair, mapping: ObjectMapping) -> list[str]:
    """Say every setting of a pair that is not the usual one."""
    found = [gettext("People are recognised by it")] if pair.name in mapping.match_on else []
    if pair.propagate_blanks:
        found.append(str(KEYS["propagate_blanks"]))
    if pair.enforce:
        found.append(str(KEYS["enforce"]))
    if pair.too_long is TooLong.CUT:
        found.append(gettext("A text that is too long is cut"))
    if pair.placeholder is not None:
        found.append(gettext("“%(text)s” for new people without a value", text=pair.placeholder))
    if pair.transform:
        found.append(str(TRANSFORMS.get(pair.transform, pair.transform)))
    return found


def say_problem(problem: Problem) -> str:
    """Say what preflight found."""
    if str(current_locale()) == "en":
        return problem.message
    return str(PROBLEMS.get(problem.code, problem.message))


def say_refusal(refusal: Refusal) -> str:
    """Say why two fields cannot be joined, and what would do."""
    if refusal.why.code != Code.NO_CONVERTER or refusal.host is None or refusal.salesforce is None:
        return say_problem(refusal.why)
    told = gettext(
        "%(salesforce)s (%(salesforce_type)s) and %(host)s (%(host_type)s) cannot be joined like this: the types do not fit.",
        salesforce=refusal.salesforce.label,
        salesforce_type=TYPES[refusal.salesforce.type],
        host=refusal.host.label,
        host_type=TYPES[refusal.host.type],
    )
    arrows = ", ".join(str(PRIORITIES[arrow]) for arrow in refusal.arrows)
    way_out = gettext("What would do: %(arrows)s.", arrows=arrows) if arrows else gettext("No choice would do.")
    return f"{told} {way_out}"


def say_change(change: Change) -> str:
    """Say one change of a document in a line."""
    first, *rest = change.path.split(".")
    if first == "fields" and len(rest) == 1:
        added, removed = gettext("%(name)s: added", name=rest[0]), gettext("%(name)s: removed", name=rest[0])
        return str(added if change.before is None else removed)
    key = rest[1] if first == "fields" else ".".join(rest)
    place = rest[0] if first == "fields" else ""
    name = str(KEYS[key]) if first in ("fields", "mapping", "scope") and key in KEYS else change.path
    if first == "fields" and len(rest) > 2:
        name = f"{name} ({rest[2]})"
    place = f"{place} · " if place and name != change.path else ""
    return f"{place}{name}: {_value(key, change.before)} → {_value(key, change.after)}"


def _value(key: str, value: Any) -> str:
    value = _DEFAULTS.get(key) if value is None else value
    match value:
        case None:
            return "–"
        case True:
            return str(gettext("yes"))
        case False:
            return str(gettext("no"))
        case list():
            return ", ".join(str(each) for each in value) or "–"
        case _:
            return str(_VALUES.get(key, {}).get(str(value), value))[:_LONGEST_VALUE]


def choices(words: Mapping[str, Any]) -> list[SelectChoice]:
    """Return the choices of a list, in its order."""
    return [SelectChoice(value=str(value), label=label) for value, label in words.items()]


def policy_choices() -> list[SelectChoice]:
    """Return the choices of who wins a conflict in one pair."""
    return choices({"": lazy_gettext("as for the whole mapping"), **POLICIES})
