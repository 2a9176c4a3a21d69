"""Campaigns and who is in them: a Lead or a Contact, once, with a status of a line of 40 characters.

The member's campaign and person can be chosen at its creation only; a second membership is refused, and an update needs the
member's own id (Salesforce's object reference, CampaignMember; the words of the refusal: openstax/tutor-server, pull request 1653).
"""

from collections.abc import Sequence

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.storage import Row, Storage

STATUSES = ("Sent", "Responded")
PERSON_KEYS = ("ContactId", "LeadId")
ONLY_READ = frozenset({"read"})


def campaign(common: Sequence[Field]) -> SObject:
    """Return the Campaign: needs a name. Only a marketing user may make or remove one, which who calls the API is not."""
    name = Field("Name", "Name", "string", 80, nillable=False, name_field=True)
    active = Field("IsActive", "Active", "boolean", nillable=False, defaulted=True, default=False)
    fields = _by_name([*common, name, active])
    return SObject(
        "Campaign",
        "Campaign",
        "Campaigns",
        "701",
        fields,
        is_undeletable=False,
        profile_rights=ONLY_READ,
        rights=ONLY_READ,
    )


def campaign_member(common: Sequence[Field]) -> SObject:
    """Return the membership of a person in a campaign."""
    fields = [
        *common,
        _reference("CampaignId", "Campaign ID", "Campaign", nillable=False),
        _reference("LeadId", "Lead ID", "Lead"),
        _reference("ContactId", "Contact ID", "Contact"),
        Field("Status", "Status", "picklist", 40, defaulted=True, default=STATUSES[0], options=STATUSES),
    ]
    members = ("CampaignMember", "Campaign Member", "Campaign Members", "00v", _by_name(fields))
    return SObject(*members, is_undeletable=False)


def check_member(storage: Storage, each: SObject, row: Row) -> None:
    """Refuse a member who is nobody, or is in the campaign already."""
    if each.name != "CampaignMember":
        return
    key = next((name for name in PERSON_KEYS if row.get(name)), None)
    if key is None:
        raise OrgError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId]", ["LeadId"])
    same = f'"CampaignId" = ? AND "{key}" = ? AND "IsDeleted" = 0'
    if storage.where(each, same, [row["CampaignId"], row[key]]):
        raise OrgError("DUPLICATE_VALUE", "Already a campaign member.", [])


def _reference(name: str, label: str, target: str, *, nillable: bool = True) -> Field:
    relationship = name.removesuffix("Id")
    return Field(
        name,
        label,
        "reference",
        18,
        nillable=nillable,
        updateable=False,
        refers_to=(target,),
        relationship=relationship,
    )


def _by_name(fields: Sequence[Field]) -> dict[str, Field]:
    return {each.name: each for each in fields}
