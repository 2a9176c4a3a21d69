"""Sides, rules and descriptions for the Salesforce tests: valid by default."""

from datetime import UTC, datetime

from sidecar.cache import MemoryCache
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import ConsentRule, DeletionRule, FieldPair, ObjectMapping
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import FieldInfo, FieldType, Ref, Side
from sidecar.salesforce.connection import SalesforceConnection
from sidecar.salesforce.side import connect
from sidecar.sync.model import Write
from tests.salesforce_stub import INSTANCE, Answer, StubOrg

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MAPPED = {
    "email": ("Email", FieldType.EMAIL),
    "lastname": ("LastName", FieldType.TEXT),
    "company": ("Company", FieldType.TEXT),
    "interests": ("Interests__c", FieldType.MULTI_PICKLIST),
    "score": ("Score__c", FieldType.NUMBER),
    "birthday": ("Birthday__c", FieldType.DATE),
    "last_visit": ("Last_Visit__c", FieldType.DATETIME),
}
_SYSTEM = [
    ("Id", "id", {"createable": False, "updateable": False, "idLookup": True}),
    ("IsDeleted", "boolean", {"createable": False, "updateable": False}),
    ("SystemModstamp", "datetime", {"createable": False, "updateable": False}),
    ("LastModifiedDate", "datetime", {"createable": False, "updateable": False}),
    ("MasterRecordId", "reference", {"createable": False, "updateable": False}),
]
_PERSON = [
    ("Email", "email", {"length": 80, "idLookup": True}),
    ("LastName", "string", {"length": 80, "nillable": False}),
    ("AccountId", "reference", {}),
    ("Mautic_Id__c", "string", {"length": 40, "externalId": True, "unique": True, "idLookup": True}),
    ("Deleted_in_Mautic__c", "boolean", {"nillable": False, "defaultedOnCreate": True}),
    ("HasOptedOutOfEmail", "boolean", {"nillable": False, "defaultedOnCreate": True}),
    ("Interests__c", "multipicklist", {"picklistValues": [{"value": "Music", "active": True}]}),
    ("Score__c", "double", {"scale": 2}),
    ("Birthday__c", "date", {}),
    ("Last_Visit__c", "datetime", {}),
]
_LEAD = [
    ("Company", "string", {"length": 255, "nillable": False}),
    ("IsConverted", "boolean", {"createable": False, "updateable": False}),
    ("ConvertedContactId", "reference", {"createable": False, "updateable": False}),
]


def a_described_field(name, kind, **changes):
    """Return one field of a describe answer."""
    defaults = {"label": name, "nillable": True, "createable": True, "updateable": True, "defaultedOnCreate": False}
    flags = {"unique": False, "externalId": False, "idLookup": False, "restrictedPicklist": False}
    return {"name": name, "type": kind, "length": 0, "scale": 0, "picklistValues": []} | defaults | flags | changes


def a_description(object_name, *, without=(), **changes):
    """Return a describe answer of Lead or Contact with our custom fields; `changes` are per field name."""
    fields = [*_SYSTEM, *_PERSON, *(_LEAD if object_name == "Lead" else [])]
    described = [a_described_field(name, kind, **(more | changes.get(name, {}))) for name, kind, more in fields]
    return {"name": object_name, "fields": [field for field in described if field["name"] not in without]}


def people_rules(*names, objects=("Contact", "Lead"), consent=True, external_id="Mautic_Id__c", match_on=("email",)):
    """Return rules that map these pairs (e-mail and name by default) to both kinds of people."""
    pairs = tuple(_pair(name, objects) for name in (names or ("email", "lastname")))
    mapping = ObjectMapping(
        name="people",
        lane="people",
        host_object="contact",
        salesforce_objects=objects,
        fields=pairs,
        match_on=match_on,
        create_in_salesforce="Lead",
        create_in_host=True,
        external_id=external_id,
        consent=ConsentRule("email", "HasOptedOutOfEmail") if consent else None,
        deletion=DeletionRule(salesforce_field="Deleted_in_Mautic__c"),
    )
    fields = {name: tuple(_rule(pair) for pair in pairs if name in pair.salesforce) for name in objects}
    return Rules(mapping=mapping, fields=fields, fingerprint=Fingerprinter(b"salt"))


def _pair(name, objects):
    field = MAPPED[name][0]
    return FieldPair(name=name, host=name, salesforce={o: field for o in objects if o == "Lead" or name != "company"})


def _rule(pair):
    field, kind = MAPPED[pair.name]
    return FieldRule(pair, FieldInfo(pair.host, pair.host, kind), FieldInfo(field, field, kind))


def a_connection(**changes):
    """Return a connection to the stub."""
    defaults = {"login_url": INSTANCE, "flow": "client_credentials", "client_id": "key", "client_secret": "s3cret"}
    return SalesforceConnection(**(defaults | changes))


class Pauses(list):
    """Remembers how long somebody would have slept."""

    def __call__(self, seconds):
        self.append(seconds)


def a_side(org, *, cache=None, clock=lambda: NOON, sleep=None, **changes):
    """Return a side that talks to the stub."""
    return connect(
        a_connection(**changes),
        cache=MemoryCache() if cache is None else cache,
        clock=clock,
        adapter=org,
        sleep=Pauses() if sleep is None else sleep,
    )


def an_org(**descriptions):
    """Return a stub that describes Lead and Contact; other descriptions replace them (None: no such object)."""
    org = StubOrg()
    known = {"Lead": a_description("Lead"), "Contact": a_description("Contact")} | descriptions
    for name, body in known.items():
        missing = Answer([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], 404)
        org.on("GET", f".*/sobjects/{name}/describe", Answer(body, headers={"ETag": '"1"'}) if body else missing)
    return org


def salesforce_id(number, prefix="00Q"):
    """Return a well-formed id: numbers need no capitals' check characters, so only the prefix does."""
    check = {"00Q": "EAA", "003": "AAA", "001": "AAA"}[prefix]
    return f"{prefix}{number:012d}{check}"


def a_row(number=1, *, prefix="00Q", at="2026-05-01T10:00:00.000+0000", **values):
    """Return a row of a query answer."""
    defaults = {"IsDeleted": False, "SystemModstamp": at, "LastModifiedDate": at, "MasterRecordId": None}
    return {"Id": salesforce_id(number, prefix)} | defaults | values


def an_update(number=1, *, object_name="Lead", consent=None, **values):
    """Return a write that changes a record."""
    prefix = "00Q" if object_name == "Lead" else "003"
    ref = Ref(object_name, salesforce_id(number, prefix))
    return Write(Side.SALESFORCE, object_name, ref, values, consent=consent)


def a_creation(number=1, *, object_name="Lead", consent=None, **values):
    """Return a write that makes the twin of a host contact."""
    return Write(Side.SALESFORCE, object_name, None, values, external_id=str(number), consent=consent)
