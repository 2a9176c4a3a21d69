"""Lines about the contact fields that the mapping names. Pure."""

from collections.abc import Iterator

from sidecar.hosts.mautic.registration.plan import missing_fields
from sidecar.hosts.mautic.registration.seen import Seen
from sidecar.hosts.mautic.registration.sentences import BUTTON, OPERATOR, fix, note, ok
from sidecar.hosts.mautic.registration.wanted import ALIAS, FieldWish, Wanted
from sidecar.lines import Line, told
from sidecar.mapping.convert import can_convert
from sidecar.records import FieldInfo, FieldType


def field_lines(wanted: Wanted, seen: Seen) -> Iterator[Line]:
    """Yield a line per field that is missing or of another kind, and one about all the others."""
    there = seen.database.schema.fields if seen.database.schema else {}
    missing = missing_fields(wanted, seen)
    for wish in missing:
        yield _missing_line(wanted, wish)
    wrong = 0
    for wish in wanted.fields:
        info = there.get(wish.alias)
        if info is None or wish.like is None:
            continue
        if not _fits(wanted, wish, info):
            wrong += 1
            text = told("The field is there with another type: %(type)s instead of %(wanted)s.")
            remedy = told("Map a field of a type that fits, or make a new one; we never change a present field.")
            values = {"type": info.type.value, "wanted": wish.like.type.value}
            yield fix("host-field", wish.alias, text, remedy, values, by=OPERATOR)
    count = len(wanted.fields) - len(missing) - wrong
    yield ok("host-field", told("Contact fields"), told("%(count)s mapped fields are there."), {"count": count})


def _missing_line(wanted: Wanted, wish: FieldWish) -> Line:
    if not ALIAS.fullmatch(wish.alias):
        text = told("The field is missing, and Mautic takes no such name: a-z, 0-9 and _, at most 25 characters.")
        return fix("host-field", wish.alias, text, told("Choose a shorter name in the mapping."), by=OPERATOR)
    if wish.like is None:
        text = told("The field is missing. Its type is that of the Salesforce field, which nobody could tell us yet.")
        remedy = told("Connect the org first, or take the field out of the mapping.")
        return note("host-field", wish.alias, text, remedy, by=OPERATOR)
    if wish.alias == wanted.mark:
        text = told("The field that marks deletions is missing: they are noticed but not marked.")
        return fix("host-field", wish.alias, text, BUTTON)
    text = told("The field is missing: its pair is left out, the others travel.")
    return note("host-field", wish.alias, text, BUTTON)


def _fits(wanted: Wanted, wish: FieldWish, info: FieldInfo) -> bool:
    """A mark must be true or false; any other field must be able to take what comes, or to send what goes."""
    like = wish.like
    if like is None or info.type is like.type:
        return True
    if wish.alias == wanted.mark:
        return info.type is FieldType.BOOLEAN
    return can_convert(like.type, info.type) or can_convert(info.type, like.type)
