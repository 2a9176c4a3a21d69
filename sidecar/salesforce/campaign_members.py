"""Puts people into campaigns: looks who is in already, then creates the others and changes statuses, 200 a collection.

A member cannot be upserted, a second membership is refused, and an update needs the member's own id (object reference,
CampaignMember). So one composite call looks, and one writes, for a few hundred people.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import SidecarError, TransientError
from sidecar.records import Ref
from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.ids import full_id
from sidecar.salesforce.rows import Kind, Row, RowWriter
from sidecar.sync.model import Reaction, WriteError

UNKNOWN: Final = WriteError("campaign-unknown", Reaction.DATA)
NOT_AVAILABLE: Final = WriteError("campaigns-not-available", Reaction.SETUP)
_PERSON_KEYS: Final = {"Lead": "LeadId", "Contact": "ContactId"}
_ASKED_AT_ONCE: Final = 200
_Key = tuple[str, str]
"""A campaign's id and a person's."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One person in one campaign; without a status the campaign's own default holds."""

    campaign_id: str
    person: Ref
    status: str | None = None


def add_members(client: SalesforceClient, wanted: Sequence[Membership]) -> list[WriteError | None]:
    """Put people into campaigns; return, in order, why one is not in it. Who is in already is done, with the status given.

    Errors: TransientError while nothing was written; SetupError of a refused sign-in.
    """
    asked = {each for each in map(_key, wanted) if each}
    if not asked:
        return [UNKNOWN for _ in wanted]
    found = _look(client, wanted, {campaign_id for campaign_id, _ in asked})
    if found is None:
        return [NOT_AVAILABLE for _ in wanted]
    campaigns, members = found
    rows: dict[_Key, Row] = {}
    for each in wanted:
        key = _key(each)
        if key and key[0] in campaigns and (row := _row(each, key, members.get(key))):
            rows[key] = row
    results = dict(zip(rows, RowWriter(client).write(list(rows.values())), strict=True)) if rows else {}
    errors = {key: result.error for key, result in results.items()}
    return [_verdict(_key(each), campaigns, errors) for each in wanted]


def _look(
    client: SalesforceClient, wanted: Sequence[Membership], campaign_ids: Iterable[str]
) -> tuple[set[str], dict[_Key, Mapping[str, Any]]] | None:
    """Return which campaigns there are and who is in them; None if our user sees no campaigns."""
    ids = sorted(campaign_ids)
    asked = [soql.select(["Id"], "Campaign", soql.is_in("Id", ids))]
    for object_name, field in _PERSON_KEYS.items():
        people = sorted({each.person.id for each in wanted if each.person.object == object_name})
        for start in range(0, len(people), _ASKED_AT_ONCE):
            where = f"{soql.is_in('CampaignId', ids)} AND {soql.is_in(field, people[start : start + _ASKED_AT_ONCE])}"
            asked.append(soql.select(["Id", "CampaignId", field, "Status"], "CampaignMember", where))
    campaigns, *members = client.try_each(asked)
    for answer in (campaigns, *members):
        if isinstance(answer, TransientError):
            raise answer
    if any(isinstance(answer, SidecarError) for answer in (campaigns, *members)):
        return None
    in_campaigns = [row for answer in members if not isinstance(answer, SidecarError) for row in answer]
    known = {str(row["Id"]) for row in campaigns} if not isinstance(campaigns, SidecarError) else set()
    return known, {(str(row["CampaignId"]), _person_id(row)): row for row in in_campaigns}


def _person_id(row: Mapping[str, Any]) -> str:
    return str(next(row[field] for field in _PERSON_KEYS.values() if row.get(field)))


def _key(wanted: Membership) -> _Key | None:
    """Return what tells memberships apart; None where the campaign's id or the person is none."""
    campaign_id = full_id(wanted.campaign_id.strip())
    return (campaign_id, wanted.person.id) if campaign_id and wanted.person.object in _PERSON_KEYS else None


def _row(wanted: Membership, key: _Key, member: Mapping[str, Any] | None) -> Row | None:
    """Return what is to be sent for a membership; nothing if it is as wanted."""
    status = {"Status": wanted.status} if wanted.status else {}
    if member is None:
        person = {_PERSON_KEYS[wanted.person.object]: wanted.person.id}
        return Row(Kind.INSERT, "CampaignMember", {"CampaignId": key[0]} | person | status)
    if not status or member.get("Status") == wanted.status:
        return None
    return Row(Kind.UPDATE, "CampaignMember", {"id": str(member["Id"])} | status)


def _verdict(key: _Key | None, campaigns: set[str], errors: Mapping[_Key, WriteError | None]) -> WriteError | None:
    if key is None or key[0] not in campaigns:
        return UNKNOWN
    error = errors.get(key)
    return None if error and error.code == "salesforce-duplicate-value" else error  # somebody else was quicker
