"""What is said of one person: how they stand, why in a sentence, and the words of an explanation, each in both languages."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext, lazy_gettext

from sidecar.people import EXCLUDED, PersonState, Standing
from sidecar.records import Side, Value
from sidecar.web.explanations import explain
from sidecar.web.wording import REACTIONS, Badge

STATE_BADGES: Mapping[PersonState, Badge] = {
    PersonState.LINKED: Badge(lazy_gettext("Kept in step"), "good", "check-circle-fill"),
    PersonState.WAITING: Badge(lazy_gettext("Waiting"), "run", "hourglass-split"),
    PersonState.EXCLUDED: Badge(lazy_gettext("Left out by hand"), "calm", "slash-circle"),
    PersonState.UNKNOWN: Badge(lazy_gettext("Not linked"), "calm", "dash-circle"),
}
UNSETTLED = Badge(lazy_gettext("Linked, but something waits"), "warn", "exclamation-triangle-fill")

_STATES: Mapping[PersonState, Any] = {
    PersonState.LINKED: lazy_gettext("This person is kept in step with Salesforce."),
    PersonState.WAITING: lazy_gettext("This person is not in Salesforce yet."),
    PersonState.EXCLUDED: lazy_gettext(
        "Somebody took this person out of the sync by hand. Opt-outs of e-mail still travel."
    ),
    PersonState.UNKNOWN: lazy_gettext("This person is linked to nobody in Salesforce."),
}
_STATES_IN_SALESFORCE: Mapping[PersonState, Any] = {
    **_STATES,
    PersonState.WAITING: lazy_gettext("This person is not in Mautic yet."),
    PersonState.UNKNOWN: lazy_gettext("This person is linked to nobody in Mautic."),
}
_LINKED_WAITING = lazy_gettext("This person is linked, but the last change could not be carried over.")
_REASONS: Mapping[str, Any] = {
    "pushed": lazy_gettext("Somebody wants this person in Salesforce: the next run sees to it."),
    "webhook": lazy_gettext("Something changed: the next run looks at this person."),
    "change-event": lazy_gettext("Something changed: the next run looks at this person."),
    "asked-for": lazy_gettext("Somebody asked for it: the next run looks at this person."),
    "included-again": lazy_gettext("Taken in again: the next run looks at this person."),
    "no-identity": lazy_gettext("Without an e-mail address nobody is created in Salesforce."),
    "creation-off": lazy_gettext("By the settings nobody is created on the other side."),
    "direction-off": lazy_gettext("By the settings nothing is written this way."),
    "out-of-scope": lazy_gettext("By the settings this person does not take part in the sync."),
    "not-pushed": lazy_gettext("By the settings only people who are pushed are created in Salesforce, and nobody pushed this one."),
    "ambiguous-match": lazy_gettext("Several records in Salesforce have this address: a person must merge them or choose one."),
    "another-is-preferred": lazy_gettext("Another record in Salesforce has this address and comes first."),
    "match-linked-elsewhere": lazy_gettext("The only match in Salesforce is linked to somebody else already."),
    "required-missing": lazy_gettext("Salesforce insists on a value that this person does not have."),
    "salesforce-required-field-missing": lazy_gettext("Salesforce insists on a value that this person does not have."),
    "salesforce-field-custom-validation-exception": lazy_gettext("A validation rule in Salesforce says no."),
    "salesforce-duplicates-detected": lazy_gettext("A duplicate rule in Salesforce says no."),
    "linked-as-another-object": lazy_gettext("This person is in Salesforce already, as another object than was wanted."),
    "deleted-in-host": lazy_gettext("The contact was deleted in Mautic."),
    "deleted-in-salesforce": lazy_gettext("The record was deleted in Salesforce."),
}  # fmt: skip

_AGREED: Mapping[str, Any] = {
    "never agreed": lazy_gettext("never agreed"),
    "both as agreed": lazy_gettext("both as agreed"),
    "changed in Salesforce since": lazy_gettext("changed in Salesforce since"),
    "changed in the host since": lazy_gettext("changed in Mautic since"),
    "changed on both sides since": lazy_gettext("changed on both sides since"),
}
_RULES: Mapping[str, Any] = {
    "Salesforce wins": lazy_gettext("Salesforce wins"),
    "host wins": lazy_gettext("Mautic wins"),
    "two-way, conflict: salesforce_wins": lazy_gettext("two-way; in a conflict Salesforce wins"),
    "two-way, conflict: host_wins": lazy_gettext("two-way; in a conflict Mautic wins"),
    "two-way, conflict: newest_wins": lazy_gettext("two-way; in a conflict the newer change wins"),
    "two-way, conflict: hold": lazy_gettext("two-way; in a conflict a person decides"),
    "fills empty": lazy_gettext("fills what is empty"),
    "blanks travel": lazy_gettext("clearing travels"),
    "enforced": lazy_gettext("enforced"),
}
FIELD_OUTCOMES: Mapping[str, Any] = {
    "agreed": lazy_gettext("both agree"),
    "write": lazy_gettext("is written"),
    "kept": lazy_gettext("stays as it is"),
    "held": lazy_gettext("is held back"),
}
PUSH_STATES: Mapping[str, Any] = {
    "waiting": lazy_gettext("waits for the next run"),
    "done": lazy_gettext("done"),
    "refused": lazy_gettext("refused"),
}


def badge_of(standing: Standing) -> Badge:
    """Say in a word how somebody stands."""
    if standing.state is PersonState.LINKED and standing.reason:
        return UNSETTLED
    return STATE_BADGES[standing.state]


def sentence_of(standing: Standing, side: Side) -> str:
    """Say how somebody stands, seen from their record on a side, and why."""
    if standing.state is PersonState.LINKED and standing.reason is not None:
        state = _LINKED_WAITING
    else:
        state = (_STATES if side is Side.HOST else _STATES_IN_SALESFORCE)[standing.state]
    return f"{state} {_because(standing.reason)}".rstrip()


def _because(reason: str | None) -> str:
    if reason is None or reason == EXCLUDED:
        return ""
    if reason in _REASONS:
        return str(_REASONS[reason])
    told = explain(reason)
    return told.what.striptags() if told else ""


def waiting_for(standing: Standing) -> str | None:
    """Say what somebody waits for."""
    return None if standing.waits_for is None else str(REACTIONS[standing.waits_for])


def agreed(text: str) -> str:
    """Say what was last agreed of a field; moments that stand behind it stay as they are."""
    words, bracket, dates = text.partition(" (")
    return f"{_AGREED.get(words, words)}{bracket}{dates}"


def rule(text: str) -> str:
    """Say the rule of a field."""
    return " · ".join(_part(part) for part in text.split("; "))


def _part(text: str) -> str:
    name = text.removeprefix("transform ")
    if name != text:
        return str(gettext("changed by “%(name)s” on the way", name=name))
    return str(_RULES.get(text, text))


def value(found: Value) -> str:
    """Write one field's value."""
    match found:
        case None | "" | ():
            return "–"
        case bool():
            return str(gettext("yes") if found else gettext("no"))
        case tuple():
            return ", ".join(found)
        case datetime():
            return f"{found:%Y-%m-%d %H:%M:%S}"
        case date():
            return found.isoformat()
        case _:
            return str(found)
