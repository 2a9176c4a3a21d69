"""What a query sees through a reference to several objects: an owner who is a person or a queue, a task's lead or contact."""

from collections.abc import Sequence

from sidecar.sandbox.org.schema import Field, SObject

SHOWN = ("Id", "Name", "FirstName", "LastName", "Title", "Phone", "Email", "Username", "Alias", "IsActive")


def name_object(targets: Sequence[SObject]) -> tuple[SObject, str]:
    """Return the common face of several objects, and the SQL it is read from."""
    shown = [name for name in SHOWN if any(target.visible(name) for target in targets)]
    fields = {name: next(found for target in targets if (found := target.visible(name))) for name in shown}
    fields["Type"] = Field("Type", "Type", "picklist", 40)
    selects = []
    for target in targets:
        columns = [f'"{name}"' if target.visible(name) else f'NULL AS "{name}"' for name in shown]
        kind = '"Type"' if target.name == "Group" else f"'{target.name}' AS \"Type\""
        selects.append(f'SELECT {", ".join([*columns, kind])} FROM "{target.name}"')
    return SObject("Name", "Name", "Names", "", fields), f"({' UNION ALL '.join(selects)})"
