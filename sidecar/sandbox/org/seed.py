"""What every org has from its first day: its own record, profiles and users, a queue."""

from sidecar.sandbox.org.clock import stamp
from sidecar.sandbox.org.records import Records
from sidecar.sandbox.org.setup_objects import USER_RIGHTS
from sidecar.sandbox.org.storage import Row

PEOPLE = (
    ("user", "Anna", "Admin", "anna.admin@example.com"),
    ("api", "Mautic", "Integration", "integration@example.com"),
    ("automation", "Automated", "Process", "autoproc@example.com"),
    ("seller", "Sam", "Seller", "sam.seller@example.com"),
)
ABOUT = {
    "InstanceName": "SBX1",
    "TimeZoneSidKey": "Europe/Paris",
    "IsSandbox": True,
    "Country": "FR",
    "SignupCountryIsoCode": "FR",
    "DefaultLocaleSidKey": "fr_FR",
    "LanguageLocaleKey": "en_US",
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultLeadAccess": "ReadEditTransfer",
}
ADMINISTRATOR = "System Administrator"
STANDARD = "Standard User"
API_ONLY = "Minimum Access - API Only Integrations"
PROFILES = {
    ADMINISTRATOR: frozenset(USER_RIGHTS),
    STANDARD: frozenset({"PermissionsApiEnabled", "PermissionsViewSetup"}),
    API_ONLY: frozenset({"PermissionsApiEnabled"}),
}
PROFILE_OF = {"anna.admin@example.com": ADMINISTRATOR}


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
                person |= {"TimeZoneSidKey": "Europe/Paris", "UserType": "Standard"}
                storage.insert(user, person | made)
            queue = {"Id": storage.next_id(group), "Name": "Inbound leads", "Type": "Queue"}
            storage.insert(group, queue | made)
            whole = {
                "Id": storage.next_id(organization),
                "Name": "Sandbox org",
                "OrganizationType": "Developer Edition",
            }
            storage.insert(
                organization,
                whole | made | ABOUT,
            )
    people = storage.where(user, "1")
    if any(row["ProfileId"] is None for row in people):
        seed_profiles(records, people)
    ids = {row["Username"]: row["Id"] for row in people}
    org_id: str = storage.where(organization, "1")[0]["Id"]
    return org_id, {role: ids[email] for role, _, _, email in PEOPLE}


def seed_profiles(records: Records, people: list[Row]) -> None:
    """Create the profiles, each with the permission set that stands for it, and give everybody one."""
    storage, at = records.storage, stamp(records.clock.now())
    profile, permission_set = (records.schema.objects[name] for name in ("profile", "permissionset"))
    made: Row = {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
    ids = {}
    with storage.transaction():
        for name, held in PROFILES.items():
            ids[name] = storage.next_id(profile)
            rights: Row = {right: right in held for right in USER_RIGHTS}
            storage.insert(profile, {"Id": ids[name], "Name": name, "UserType": "Standard"} | rights | made)
            whole: Row = {"Id": storage.next_id(permission_set), "Name": f"X{ids[name]}", "Label": f"X{ids[name]}"}
            whole |= {"ProfileId": ids[name], "IsOwnedByProfile": True, "IsCustom": False, "Type": "Profile"}
            storage.insert(permission_set, whole | rights | made)
        for person in people:
            give_profile(records, person["Id"], ids[PROFILE_OF.get(person["Username"], STANDARD)])


def give_profile(records: Records, user_id: str, profile_id: str) -> None:
    """Give a user a profile, and with it the permission set behind it."""
    storage = records.storage
    user, permission_set, assignment = (
        records.schema.objects[name] for name in ("user", "permissionset", "permissionsetassignment")
    )
    owned = {row["Id"]: row["ProfileId"] for row in storage.where(permission_set, "IsOwnedByProfile = 1")}
    for row in storage.where(assignment, "AssigneeId = ?", [user_id]):
        if row["PermissionSetId"] in owned:
            storage.remove(assignment, "Id = ?", [row["Id"]])
    storage.update(user, user_id, {"ProfileId": profile_id})
    behind = next(set_id for set_id, owner in owned.items() if owner == profile_id)
    held: Row = {"Id": storage.next_id(assignment), "PermissionSetId": behind, "AssigneeId": user_id, "IsActive": True}
    storage.insert(assignment, held | {"SystemModstamp": stamp(records.clock.now())})
    records.permissions.note_change()


def show_rule(records: Records, object_name: str, name: str) -> None:
    """Let an active duplicate rule be found by a query."""
    each, at = records.schema.objects["duplicaterule"], stamp(records.clock.now())
    records.storage.remove(each, "SobjectType = ?", [object_name])
    shown: Row = {
        "Id": records.storage.next_id(each),
        "SobjectType": object_name,
        "DeveloperName": name,
        "IsActive": True,
    }
    shown["IsDeleted"] = False
    made: Row = {"MasterLabel": name.replace("_", " "), "CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
    records.storage.insert(each, shown | made)
