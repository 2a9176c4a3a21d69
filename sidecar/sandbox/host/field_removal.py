"""The REST call that deletes a contact field: its row, its column, and everybody's values go."""

from __future__ import annotations

from sqlalchemy import MetaData, delete, text
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host.answers import NOT_FOUND, answer, plain_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.field_calls import field_json


def field_delete(call: Call, field_id: int) -> Response:
    """Delete a field that somebody added; Mautic's own stay."""
    fields = call.work.schema["lead_fields"]
    mine = (fields.c.id == field_id, fields.c.object == "lead", fields.c.date_added.is_not(None))
    rows = call.work.rows("lead_fields", *mine)
    if not rows:
        raise plain_error(404, NOT_FOUND)
    alias, leads = rows[0]["alias"], call.work.schema["leads"]
    call.work.connection.execute(delete(fields).where(fields.c.id == field_id))
    for index in [each for each in leads.indexes if alias in each.columns]:
        index.drop(call.work.connection)
    call.work.connection.execute(text(f"ALTER TABLE {leads.name} DROP COLUMN {alias}"))
    # As with a new column, the table is replaced; SQLAlchemy has no public way to take a column away.
    rest = leads.to_metadata(MetaData())
    rest._columns.remove(rest.c[alias])
    call.work.schema.tables["leads"] = rest
    call.database.reload_fields(call.work)
    return answer({"field": {**field_json(rows[0]), "id": None}})


RULES = [Rule("/api/fields/contact/<int:field_id>/delete", endpoint=field_delete, methods=["DELETE"])]
