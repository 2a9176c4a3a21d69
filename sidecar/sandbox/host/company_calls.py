"""REST calls on companies: list, read, write, delete, batches, members."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host import companies, contacts
from sidecar.sandbox.host.answers import (
    NOT_FOUND,
    answer,
    generic_error,
    list_or_object,
    plain_error,
)
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.change import Change, known_in, parse_change
from sidecar.sandbox.host.company_rendering import company_json
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.filters import UnknownColumnError, conditions, nested, ordering, span
from sidecar.sandbox.host.stats_calls import as_text
from sidecar.sandbox.host.uniques import NOT_UNIQUE, fold
from sidecar.sandbox.host.writing import Body, RefusedError, as_id, read_items

REQUIRED = "This field is required."


def companies_list(call: Call) -> Response:
    """Return companies as an object keyed by id; `total` is a text."""
    query, table = nested(call.request.args), call.work.schema["companies"]
    try:
        wanted = [*conditions(table, query.get("where")), *companies.present(call.work)]
        order = ordering(table, query) or [table.c.id]
    except UnknownColumnError as error:
        raise generic_error(500) from error
    if query.get("search"):
        wanted.append(table.c.companyname.like(f"%{query['search'].strip()}%"))
    total = call.work.connection.execute(select(func.count()).select_from(table).where(*wanted)).scalar()
    start, limit = span(query)
    page = select(table).where(*wanted).order_by(*order).offset(start).limit(limit)
    rows = [dict(row) for row in call.work.connection.execute(page).mappings()]
    shown = {str(row["id"]): company_json(call.work, row) for row in rows}
    return answer({"total": str(total), "companies": shown})


def company_get(call: Call, company_id: int) -> Response:
    """Return a company."""
    return answer({"company": company_json(call.work, company(call, company_id))})


def company_new(call: Call) -> Response:
    """Make a company, or change the one of that name."""
    row, status = create_or_update(call, call.item)
    response = answer({"company": company_json(call.work, row, fresh=status == 201)}, status)
    response.headers["Location"] = f"/api/companies/{row['id']}"
    return response


def company_edit(call: Call, company_id: int) -> Response:
    """Edit a company; PUT blanks what is not sent and makes what is not there."""
    is_put, rows = call.request.method == "PUT", companies.load(call.work, [company_id])
    if not rows and is_put:
        row, status = create_or_update(call, call.item, replace=True)
        return answer({"company": company_json(call.work, row, fresh=True)}, status)
    row = company(call, company_id)
    update(call, row, call.item, replace=is_put)
    return answer({"company": company_json(call.work, row)})


def company_delete(call: Call, company_id: int) -> Response:
    """Delete a company."""
    row = company(call, company_id)
    companies.remove(call.work, row, call.actor)
    return answer({"company": without_id(company_json(call.work, row))})


def batch_new(call: Call) -> Response:
    """Make many companies: 201 whatever became of the items. A name that is taken refuses its item, or changes the company."""
    codes: dict[Any, int] = {}
    errors: dict[Any, Any] = {}
    shown: dict[Any, Any] = {}
    for key, item in read_items(call.body).items():
        try:
            row, codes[key] = create_or_update(call, item, upserts=call.work.profile.company_batches_upsert)
            shown[key] = company_json(call.work, row, fresh=codes[key] == 201)
        except RefusedError as refused:
            codes[key], errors[key] = refused.error["code"], {**refused.error, "type": None}
    return answer(batch_body(shown, codes, errors), 201)


def batch_edit(call: Call) -> Response:
    """Edit many companies by their place among the ids that were sent: an item without id shifts the rest."""
    items, is_put = read_items(call.body), call.request.method == "PUT"
    ids = [as_id(item["id"]) for item in items.values() if "id" in item]
    rows = known_or_fail(call, ids)
    in_order = [rows.get(company_id) for company_id in ids]
    codes: dict[Any, int] = {}
    errors = {key: api_error(400, "mautic.api.call.id_missing") for key, item in items.items() if "id" not in item}
    shown: dict[Any, Any] = {}
    for position, (key, item) in enumerate(items.items()):
        row = in_order[position] if position < len(in_order) else None
        if row is None:
            codes[key] = 400 if key in errors else 404
            errors.setdefault(key, api_error(404, NOT_FOUND))
            continue
        try:
            update(call, row, item, replace=is_put)
            codes[key] = 400 if key in errors else 200
        except RefusedError as refused:
            codes[key] = refused.error["code"]
            errors.setdefault(key, {**refused.error, "type": None})
        shown[key] = company_json(call.work, row)
    return answer(batch_body(shown, codes, errors))


def batch_delete(call: Call) -> Response:
    """Delete the companies named in ?ids=; unknown ids are passed over, or end the call."""
    sent = call.request.args.getlist("ids[]") or call.request.args.get("ids", "").split(",")
    rows = known_or_fail(call, [int(part) for part in sent if part.strip().isdigit()])
    for row in rows.values():
        companies.remove(call.work, row, call.actor)
    return answer({"companies": [without_id(company_json(call.work, row)) for row in rows.values()]})


def member_add(call: Call, company_id: int, contact_id: int) -> Response:
    """Make a contact a member of a company."""
    companies.add_member(call.work, company(call, company_id), member(call, contact_id))
    return answer({"success": 1})


def member_remove(call: Call, company_id: int, contact_id: int) -> Response:
    """Take a contact out of a company; one that is not in it is no error."""
    companies.remove_member(call.work, company(call, company_id), member(call, contact_id))
    return answer({"success": 1})


def contact_companies(call: Call, contact_id: int) -> Response:
    """Return the companies of a contact as raw rows, every value as text, nothing that is empty."""
    row, schema = call.contact(contact_id), call.work.schema
    members, table = schema["companies_leads"], schema["companies"]
    named = (members.c.company_id, members.c.date_added.label("date_associated"), members.c.is_primary)
    joined = select(*named, table).join_from(members, table, table.c.id == members.c.company_id)
    found = call.work.connection.execute(joined.where(members.c.lead_id == row["id"])).mappings()
    shown = [{key: as_text(value) for key, value in each.items() if value is not None} for each in found]
    return answer({"total": len(shown), "companies": shown})


def create_or_update(call: Call, item: Body, *, replace: bool = False, upserts: bool = True) -> tuple[Row, int]:
    """Make a company or change the one that has its name; where names may not be taken, refuse."""
    change = parse(call, item, replace=replace)
    if not change.values.get("companyname"):
        raise RefusedError({"companyname": [REQUIRED]})
    held = companies.named(call.work, change.values["companyname"])
    if held and not upserts:
        raise RefusedError({"companyname": [NOT_UNIQUE]})
    if held:
        companies.edit(call.work, held, change, call.actor)
        return held, 200
    return companies.create(call.work, change, call.actor), 201


def update(call: Call, row: Row, item: Body, *, replace: bool) -> None:
    """Change a company; its name must stay its own and be there."""
    change = parse(call, item, replace=replace)
    name = change.values.get("companyname", row["companyname"])
    if not name:
        raise RefusedError({"companyname": [REQUIRED]})
    held = companies.named(call.work, name)
    if held and held["id"] != row["id"] and fold(name) != fold(row["companyname"]):
        raise RefusedError({"companyname": [NOT_UNIQUE]})
    companies.edit(call.work, row, change, call.actor)


def parse(call: Call, item: Body, *, replace: bool) -> Change:
    """Return the change a body asks for, or raise RefusedError."""
    change, errors = parse_change(call.work.company_fields, item, known_in(call.work), replace=replace)
    if errors:
        raise RefusedError(errors)
    return change


def known_or_fail(call: Call, ids: list[int]) -> dict[int, Row]:
    """Return the companies of a batch; where one unknown id makes the whole call fail, end it."""
    rows = companies.load(call.work, ids)
    if rows and set(ids) - set(rows) and call.work.profile.unknown_company_fails_batch:
        raise generic_error(500)
    return rows


def company(call: Call, company_id: int) -> Row:
    """Return the company a path names, or end the call."""
    rows = companies.load(call.work, [company_id])
    if not rows:
        raise plain_error(404, NOT_FOUND)
    return rows[company_id]


def member(call: Call, contact_id: int) -> Row:
    """Return the contact of a membership call, whose 404 has words of its own."""
    row = contacts.find(call.work, contact_id)
    if row is None:
        raise plain_error(404, "Contact not found.")
    return row


def api_error(code: int, message: str) -> dict[str, Any]:
    """Return the error of one item of a batch."""
    return {"message": message, "code": code, "type": "api"}


def without_id(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a deleted company as it is answered."""
    fields = shown["fields"]
    return {**shown, "id": None, "fields": {**fields, "all": {**fields["all"], "id": None}}}


def batch_body(shown: dict[Any, Any], codes: dict[Any, int], errors: dict[Any, Any]) -> dict[str, Any]:
    """Return what a batch answers."""
    body = {"companies": list_or_object(shown), "statusCodes": list_or_object(codes)}
    return {**body, "errors": list_or_object(errors)} if errors else body


RULES = [
    Rule("/api/companies", endpoint=companies_list, methods=["GET"]),
    Rule("/api/companies/new", endpoint=company_new, methods=["POST"]),
    Rule("/api/companies/<int:company_id>", endpoint=company_get, methods=["GET"]),
    Rule("/api/companies/<int:company_id>/edit", endpoint=company_edit, methods=["PATCH", "PUT"]),
    Rule("/api/companies/<int:company_id>/delete", endpoint=company_delete, methods=["DELETE"]),
    Rule("/api/companies/batch/new", endpoint=batch_new, methods=["POST"]),
    Rule("/api/companies/batch/edit", endpoint=batch_edit, methods=["PATCH", "PUT"]),
    Rule("/api/companies/batch/delete", endpoint=batch_delete, methods=["DELETE"]),
    Rule("/api/companies/<int:company_id>/contact/<int:contact_id>/add", endpoint=member_add, methods=["POST"]),
    Rule("/api/companies/<int:company_id>/contact/<int:contact_id>/remove", endpoint=member_remove, methods=["POST"]),
    Rule("/api/contacts/<int:contact_id>/companies", endpoint=contact_companies, methods=["GET"]),
]
