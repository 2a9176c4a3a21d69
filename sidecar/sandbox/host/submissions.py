"""Submitted forms: the row each leaves, and the table `form_results_…` that keeps the answers of a form."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from sidecar.sandbox.host import notice_acts
from sidecar.sandbox.host.work import Work


def add_submission(work: Work, contact_id: int, form_id: int, answers: Mapping[str, str] | None = None) -> int:
    """Leave a row of a submitted form, with its answers when somebody gives any; return its id."""
    values = {
        "form_id": form_id,
        "lead_id": contact_id,
        "tracking_id": f"tracked{contact_id}",
        "referer": "https://example.com/contact",
    }
    submission_id = work.add("form_submissions", **values, date_submitted=work.stamp)
    stored = {name: as_stored(work, text) for name, text in (answers or {}).items()}
    if stored:
        table = results_table(work, form_id, list(stored))
        row = {"submission_id": submission_id, "form_id": form_id, **stored}
        work.connection.execute(insert(table), row)
    notice_acts.form_submitted(work, submission_id, stored)
    return submission_id


def as_stored(work: Work, text: str) -> str:
    """Return an answer as its table keeps it: with HTML escaped before 6.0, as it came since."""
    return html.escape(text) if work.profile.escapes_answers else text


def results_table(work: Work, form_id: int, names: list[str]) -> Table:
    """Return the table of a form's answers, made with its first ones; it is known by its name from then on."""
    forms, leads = work.schema["forms"], work.schema["leads"]
    [form] = work.rows("forms", forms.c.id == form_id)
    name = f"form_results_{form_id}_{form['alias']}"
    if name not in work.schema.tables:
        keys: list[Column[Any]] = [
            Column("submission_id", Integer, primary_key=True, autoincrement=False),
            Column("form_id", Integer, nullable=False),
        ]
        prefix = leads.name.removesuffix("leads")
        table = Table(f"{prefix}{name}", MetaData(), *keys, *(Column(each, Text) for each in names))
        table.create(work.connection, checkfirst=True)
        work.schema.tables[name] = table
    return work.schema[name]
