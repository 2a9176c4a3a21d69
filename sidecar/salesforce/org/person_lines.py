"""Lines about an object of people: our fields, the opt-out, and what is mapped. Pure."""

from collections.abc import Iterator

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.org.field_lines import field_line
from sidecar.salesforce.org.line import ADMIN, OPERATOR, fix, unknown
from sidecar.salesforce.org.seen import Seen
from sidecar.salesforce.org.wanted import Wanted


def person_lines(wanted: Wanted, seen: Seen, name: str) -> Iterator[Line]:
    """Yield the lines about one object of people."""
    described = seen.objects.get(name)
    if described is None:
        yield fix("org-object", name, told("Our user may not see this object."))
        return
    if described.is_createable and described.is_updateable:
        yield Line("org-object", LineStatus.OK, name, told("Our user may read, create and change these records."))
    else:
        yield fix("org-object", name, told("Our user may read these records, and not create or change them."))
    for spec in wanted.specs(name):
        yield field_line("org-field", wanted, seen, name, spec)
    yield from _opt_out_lines(wanted, seen, name)
    yield _mapped_line(wanted, seen, name)
    yield from _formula_lines(wanted, seen, name)


def _opt_out_lines(wanted: Wanted, seen: Seen, name: str) -> Iterator[Line]:
    if wanted.opt_out is None:
        return
    about = f"{name}.{wanted.opt_out}"
    info = seen.objects[name].fields.get(wanted.opt_out)
    if info is None or not info.is_updateable:
        steps = told(
            "Let the sidecar set up the org. By hand: Setup, Object Manager, %(object)s, Fields & Relationships, "
            "Email Opt Out, Set Field-Level Security: visible and not read-only for the profile of the integration user; "
            "or the same in a permission set."
        )
        text = (
            told("The opt-out is hidden from our user: no unsubscribe travels, in either direction.")
            if info is None
            else told("Our user may not change the opt-out: unsubscribes in Mautic do not reach Salesforce.")
        )
        yield Line("org-opt-out", LineStatus.FIX, about, text, steps, ADMIN, {"object": name})
    else:
        yield Line("org-opt-out", LineStatus.OK, about, told("Our user may read and change the opt-out."))
    yield _history_line(wanted, seen, name)


def _history_line(wanted: Wanted, seen: Seen, name: str) -> Line:
    about = f"{name}.{wanted.opt_out}"
    tracked = seen.is_tracked(name, wanted.opt_out or "")
    if tracked is None:
        return unknown("org-history", about)
    if tracked:
        return Line("org-history", LineStatus.OK, about, told("Field history is kept: changes have a date."))
    status = LineStatus.FIX if wanted.is_history_needed else LineStatus.NOTE
    steps = told(
        "Let the sidecar set up the org. By hand: Setup, Object Manager, %(object)s, Fields & Relationships, "
        "Set History Tracking: Email Opt Out."
    )
    text = told("Field history is off: an opt-out has no date, and is never lifted by the sync.")
    return Line("org-history", status, about, text, steps, ADMIN, {"object": name})


def _mapped_line(wanted: Wanted, seen: Seen, name: str) -> Line:
    fields = seen.objects[name].fields
    hidden = sorted(field for field in wanted.mapped[name] if seen.is_known_hidden(name, field))
    missing = sorted(field for field in wanted.mapped[name] if not seen.has_field(name, field))
    read_only = sorted(
        field
        for field, is_written in wanted.mapped[name].items()
        if is_written and field in fields and fields[field].is_plain and not fields[field].is_updateable
    )
    values = {"fields": ", ".join(hidden or read_only or missing), "count": len(wanted.mapped[name])}
    about = f"{name}.*"
    if hidden:
        return fix(
            "org-mapped-fields", about, told("Mapped fields are hidden from our user: %(fields)s."), values=values
        )
    if read_only:
        return fix(
            "org-mapped-fields", about, told("Our user may not change mapped fields: %(fields)s."), values=values
        )
    if missing:
        text = told("Mapped fields are not there or hidden; they are left out, the others travel: %(fields)s.")
        remedy = told("Make them in Salesforce and let our user see them, or take them out of the mapping.")
        return Line("org-mapped-fields", LineStatus.NOTE, about, text, remedy, OPERATOR, values)
    text = told("All %(count)s mapped fields are visible and can be changed.")
    return Line("org-mapped-fields", LineStatus.OK, about, text, values=values)


def _formula_lines(wanted: Wanted, seen: Seen, name: str) -> Iterator[Line]:
    for each in wanted.mapped[name]:
        info = seen.field(name, each)
        if info is not None and info.is_calculated:
            text = told(
                "A formula: it can only be read, and its changes leave no trace, so they come with the next change of "
                "the record or with the nightly comparison."
            )
            remedy = told("Give the field pair the priority of Salesforce, or map the fields that the formula reads.")
            yield Line("org-formula", LineStatus.NOTE, f"{name}.{each}", text, remedy, OPERATOR)
