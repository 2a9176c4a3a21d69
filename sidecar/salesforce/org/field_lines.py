"""The line about one custom field of ours: is it there, of the right type, long enough, a key? Pure."""

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.org.line import ADMIN, BUTTON, fix
from sidecar.salesforce.org.seen import Seen, SeenField
from sidecar.salesforce.org.wanted import DESCRIBED, FieldSpec, Kind, Wanted


def field_line(code: str, wanted: Wanted, seen: Seen, object_name: str, spec: FieldSpec) -> Line:
    """Return the line about one field of ours."""
    about = f"{object_name}.{spec.name}"
    described = seen.objects.get(object_name)
    info = described.fields.get(spec.name) if described else None
    if info is None:
        if seen.is_known_hidden(object_name, spec.name):
            return fix(code, about, told("The field is there, but hidden from our user."))
        return fix(code, about, told("The field is missing, or hidden from our user."), remedy_for(spec.name, seen))
    if _differs(spec, info):
        text = told("The field is there with another type: %(type)s instead of %(wanted)s.")
        remedy = told("Rename the present field or remove it, then let the sidecar set up the org; we never change it.")
        values = {"type": info.type, "wanted": spec.kind.value}
        return Line(code, LineStatus.FIX, about, text, remedy, ADMIN, values)
    if not info.is_updateable or not info.is_createable:
        return fix(code, about, told("Our user may not fill the field."))
    if spec.length and info.length and info.length < spec.length:
        text = told("The field holds %(length)s characters instead of %(wanted)s: longer texts are cut.")
        remedy = told("Make the field longer in Salesforce; we never change it.")
        values = {"length": str(info.length), "wanted": str(spec.length)}
        status = LineStatus.NOTE if spec.kind in {Kind.LONG_TEXT, Kind.URL} else LineStatus.FIX
        return Line(code, status, about, text, remedy, ADMIN, values)
    return _key_line(code, wanted, spec, info, about)


def _differs(spec: FieldSpec, info: SeenField) -> bool:
    if info.type != DESCRIBED[spec.kind]:
        return True
    return spec.refers_to is not None and spec.refers_to not in info.refers_to


def _key_line(code: str, wanted: Wanted, spec: FieldSpec, info: SeenField, about: str) -> Line:
    remedy = told("In Salesforce, edit the field and tick External ID, and Unique; we never change a present field.")
    is_key = spec.is_unique and info.is_external_id and info.is_unique
    if spec.name == wanted.reference_field and not is_key:
        if info.is_unique:
            text = told("The field is unique, but no External ID: events are sent one by one, slower.")
            return Line(code, LineStatus.NOTE, about, text, remedy, ADMIN)
        text = told("The field is not unique: a repeated event would be there twice.")
        return Line(code, LineStatus.FIX, about, text, remedy, ADMIN)
    if spec.is_unique and not is_key:
        text = told("The field is not both unique and an External ID: creations are looked up first.")
        return Line(code, LineStatus.NOTE, about, text, remedy, ADMIN)
    text = told("The field is as it should be: unique and an External ID.") if is_key else told("As it should be.")
    return Line(code, LineStatus.OK, about, text)


def remedy_for(name: str, seen: Seen) -> str:
    """Return how a missing part comes to be there."""
    prefix, separator, _ = name.removesuffix("__c").partition("__")
    if separator and prefix != seen.namespace:
        return told("It belongs to a package: install the package, or clear the namespace of the connection.")
    return BUTTON
