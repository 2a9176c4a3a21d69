"""What every org has from its first day: its own record, its users, a queue."""

from sidecar.sandbox.org.clock import stamp
from sidecar.sandbox.org.records import Records
from sidecar.sandbox.org.storage import Row

PEOPLE = (
    ("user", "Anna", "Admin", "anna.admin@example.com"),
    ("api", "Mautic", "Integration", "integration@example.com"),
    ("automation", "Automated", "Process", "autoproc@example.com"),
    ("seller", "Sam", "Seller", "sam.seller@example.com"),
)


def seed_org(records: Records) -> tuple[str, dict[str, str]]:
    """Create what is not there yet; return the org's id and the users' ids by role."""
    storage = records.storage
    user, organization, group = (records.schema.objects[name] for name in ("user", "organization", "group"))
    if not storage.where(organization, "1"):
        at = stamp(records.clock.now())
        made: Row = {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
        with storage.transaction():
            for _, first, last, email in PEOPLE:
                person: Row = {
                    "Id": storage.next_id(user),
                    "FirstName": first,
                    "LastName": last,
                    "Name": f"{first} {last}",
                }
                person |= {"Username": email, "Email": email, "Alias": first[:8].lower(), "IsActive": True}
                storage.insert(user, person | made | {"TimeZoneSidKey": "Europe/Paris", "UserType": "Standard"})
            queue = {"Id": storage.next_id(group), "Name": "Inbound leads", "Type": "Queue"}
            storage.insert(group, queue | made)
            whole = {
                "Id": storage.next_id(organization),
                "Name": "Sandbox org",
                "OrganizationType": "Developer Edition",
            }
            storage.insert(
                organization,
                whole | made | {"InstanceName": "SBX1", "TimeZoneSidKey": "Europe/Paris", "IsSandbox": True},
            )
    ids = {row["Username"]: row["Id"] for row in storage.where(user, "1")}
    org_id: str = storage.where(organization, "1")[0]["Id"]
    return org_id, {role: ids[email] for role, _, _, email in PEOPLE}
