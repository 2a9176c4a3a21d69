"""An org that answers writes, and what was sent to it."""

from tests.salesforce_builders import (
    a_side,
    an_org,
    people_rules,
    salesforce_id,
)
from tests.salesforce_stub import Answer, composite, saved

COLLECTION = ".*/composite/sobjects"
UPSERT = ".*/composite/sobjects/Lead/Mautic_Id__c"
COMPOSITE = ".*/composite"


def save_all(records):
    """Answer a collection as an org that likes every row."""
    return [saved(row.get("id") or salesforce_id(int(row.get("Mautic_Id__c", 0)))) for row in records]


def accepting(rows=save_all, **descriptions):
    """Return an org that answers collections, alone and inside a composite, by a function of their records."""
    org = an_org(**descriptions)
    for method, path in (("PATCH", COLLECTION), ("POST", COLLECTION), ("PATCH", UPSERT)):
        org.on(method, path, lambda sent: Answer(rows(sent.body["records"])))
    org.on("POST", COMPOSITE, lambda sent: composite(*[rows(part["body"]["records"]) for part in sent.parts]))
    return org


def writes_sent(org):
    """Return the calls after the descriptions."""
    return [sent for sent in org.metered if "/composite" in sent.path]


def write(org, *writes, rules=None, **changes):
    return a_side(org, **changes).write(rules or people_rules(), writes)
