"""Valid-by-default values for tests; name only what the test is about."""

from datetime import UTC, datetime

from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import ConsentRule, DeletionRule, FieldPair, LiftPolicy, ObjectMapping
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Consent, FieldInfo, FieldType, Record, Ref, Side
from sidecar.sync.model import Link, Pair

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FINGERPRINT = Fingerprinter(b"a salt for tests")


def a_field(name="phone", field_type=FieldType.TEXT, **changes):
    return FieldInfo(name=name, label=name.title(), type=field_type, **changes)


def a_pair_of_fields(name="phone", **changes):
    return FieldPair(
        **{"name": name, "host": name, "salesforce": {"Lead": name.title(), "Contact": name.title()}} | changes
    )


def a_rule(name="phone", host=None, salesforce=None, **changes):
    return FieldRule(a_pair_of_fields(name, **changes), host or a_field(name), salesforce or a_field(name.title()))


def some_rules(*field_rules, lift=LiftPolicy.NEVER, external_id="Mautic_Id__c", **changes):
    """Return rules with e-mail as match field and the given field rules, for Lead and Contact alike."""
    email = FieldRule(a_pair_of_fields("email"), a_field("email", FieldType.EMAIL), a_field("Email", FieldType.EMAIL))
    in_rules = {name: changes.pop(name) for name in ("may_write", "is_consent_known") if name in changes}
    mapping = ObjectMapping(
        **{
            "name": "people",
            "lane": "people",
            "host_object": "contact",
            "salesforce_objects": ("Contact", "Lead"),
            "fields": tuple(rule.pair for rule in (email, *field_rules)),
            "match_on": ("email",),
            "create_in_salesforce": "Lead",
            "create_in_host": True,
            "external_id": external_id,
            "consent": ConsentRule("email", "HasOptedOutOfEmail", lift),
            "deletion": DeletionRule(host_field="deleted_in_salesforce", salesforce_field="Deleted_in_Mautic__c"),
        }
        | changes
    )
    return Rules(
        mapping=mapping,
        fields={"Lead": (email, *field_rules), "Contact": (email, *field_rules)},
        fingerprint=FINGERPRINT,
        can_mark_host_deletion=True,
        can_mark_salesforce_deletion=frozenset({"Lead", "Contact"}),
        external_id_on=frozenset({"Lead", "Contact"}) if external_id else frozenset(),
        **in_rules,
    )


def a_contact(contact_id="7", *, opted_out=False, reason=None, is_deleted=False, successor=None, at=NOON, **values):
    return Record(
        Ref("contact", contact_id),
        {"email": "ana@example.org"} | values,
        at,
        Consent(opted_out, reason or ("manual" if opted_out else None)),
        successor,
        is_deleted,
    )


def a_lead(lead_id="00Q000000000001AAA", *, opted_out=False, is_deleted=False, successor=None, at=NOON, **values):
    known = {"Email": "ana@example.org", "Mautic_Id__c": "7"}
    return Record(Ref("Lead", lead_id), known | values, at, Consent(opted_out), successor, is_deleted)


def a_link(rules, host, salesforce, *, opted_out=False, **changes):
    """Return the link of two records that agree as they are given."""
    object_name = salesforce.ref.object
    fingerprints = {
        side: {
            rule.pair.name: rules.fingerprint.of(record.values.get(rule.field(side).name), rule.field(side))
            for rule in rules.fields[object_name]
        }
        for side, record in ((Side.HOST, host), (Side.SALESFORCE, salesforce))
    }
    return Link(
        **{
            "host": host.ref,
            "salesforce": salesforce.ref,
            "opted_out": opted_out,
            "fingerprints": fingerprints,
            "id": 1,
        }
        | changes
    )


def a_pair(host=None, salesforce=None, link=None, trigger=Side.HOST, **changes):
    record = host if trigger is Side.HOST else salesforce
    return Pair(
        trigger=trigger,
        trigger_ref=record.ref if record else Ref("contact", "7"),
        host=host,
        salesforce=salesforce,
        link=link,
        **changes,
    )
