"""One REST call being answered: who sent it, what it says, the transaction it happens in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request

from sidecar.sandbox.host import contacts
from sidecar.sandbox.host.answers import NOT_FOUND, generic_error, plain_error
from sidecar.sandbox.host.faults import Fault
from sidecar.sandbox.host.work import Actor, Database, Work
from sidecar.sandbox.host.writing import Writer


@dataclass(slots=True)
class Call:
    """One call being answered."""

    request: Request
    work: Work
    actor: Actor
    database: Database
    faults: list[Fault] = field(default_factory=list)

    @property
    def body(self) -> Any:
        """The body: JSON, or a form."""
        if self.request.mimetype == "application/x-www-form-urlencoded":
            return {k.removesuffix("[]"): v if k.endswith("[]") else v[-1] for k, v in self.request.form.lists()}
        text = self.request.get_data()
        if not text.strip():
            return {}
        try:
            return json.loads(text)
        except ValueError as error:
            raise generic_error(400) from error

    @property
    def item(self) -> dict[str, Any]:
        """The body, which must be one object."""
        if not isinstance(self.body, dict):
            raise generic_error(400)
        return self.body

    def writer(self, source: str) -> Writer:
        """Return a writer of contacts for this call."""
        is_blind = any(fault.kind == "race" for fault in self.faults)
        return Writer(self.work, self.actor, source, is_blind)

    def contact(self, contact_id: int) -> contacts.Row:
        """Return a contact or its survivor, or end the call."""
        if row := contacts.find(self.work, contact_id):
            return row
        raise plain_error(404, NOT_FOUND)
