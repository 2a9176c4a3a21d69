"""What the tab inside Mautic is told of a contact: stored facts alone, in both languages. Neither side is asked."""

from datetime import datetime
from typing import Any

from flask_babel import force_locale

from sidecar.bootstrap import App
from sidecar.people import addresses_of, ref_of, standing_of
from sidecar.records import Side
from sidecar.store.people import People
from sidecar.web.language import LANGUAGES
from sidecar.web.person_wording import sentence_of, waiting_for


def tell(app: App, instance_id: int, contact_id: int) -> dict[str, Any]:
    """Return the answer that plugin_manifest/PROTOCOL.md describes."""
    instance = app.instances.get_by_id(instance_id)
    facts = People(app.database, app.cipher).load(instance_id, Side.HOST, ref_of(str(contact_id), Side.HOST))
    standing, record = standing_of(facts), facts.end(Side.SALESFORCE)
    address = addresses_of(app, instance, facts.ends).get(Side.SALESFORCE)
    sentences, waits = {}, {}
    for language in LANGUAGES:
        with force_locale(language):
            sentences[language] = sentence_of(standing, Side.HOST)
            waits[language] = waiting_for(standing)
    return {
        "state": standing.state.value,
        "record_url": address if address and address.startswith("https://") else None,
        "record": f"{record.object} {record.id}" if record else None,
        "last_synced_at": _moment(facts.settled_at),
        "reason": standing.reason,
        "sentence": sentences,
        "waiting_for": waits if standing.waits_for else None,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
