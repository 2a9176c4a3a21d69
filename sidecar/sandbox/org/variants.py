"""Which objects and fields an org begins with: one that a customer has made their own, or one fresh from the vendor."""

from sidecar.sandbox.org.schema import Schema, SObject
from sidecar.sandbox.org.setup_objects import setup_objects
from sidecar.sandbox.org.standard import build_schema

OPT_OUT = "HasOptedOutOfEmail"


def first_schema(*, is_empty: bool) -> Schema:
    """Return the schema of a new org; an empty one has no custom object or field, hides the opt-out and tracks nothing."""
    schema = build_schema()
    if is_empty:
        schema.objects = {key: each for key, each in schema.objects.items() if not each.custom}
        for each in schema.objects.values():
            strip(each)
        for name in ("lead", "contact"):
            opt_out = schema.objects[name].fields[OPT_OUT]
            opt_out.profile_hides = opt_out.is_hidden = True
    schema.objects |= {each.name.lower(): each for each in setup_objects()}
    return schema


def strip(each: SObject) -> None:
    """Take an object back to how the vendor delivers it. Its history object exists only while history is switched on."""
    each.fields = {name: one for name, one in each.fields.items() if not one.custom}
    for one in each.fields.values():
        one.tracked = False
    each.history_on = False
    each.is_missing = each.parent_key is not None
    each.refresh()
