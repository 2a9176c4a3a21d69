"""The objects this org has: the standard ones with the lengths and types a real describe gives, and the customer's own."""

from sidecar.sandbox.org.campaigns import campaign, campaign_member
from sidecar.sandbox.org.schema import Field, Schema, SObject

SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")
LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
INDUSTRIES = ("Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction")
INTERESTS = ("Music", "Sport", "Art", "Travel")


def build_schema() -> Schema:
    """Return a fresh schema; its switches belong to one org."""
    histories = [history("LeadHistory", "Lead", "LeadId"), history("ContactHistory", "Contact", "ContactId")]
    campaigns = [
        campaign([*system("Campaign ID", "Campaign"), *audit()]),
        campaign_member([*system("Campaign Member ID", "CampaignMember"), *audit()]),
    ]
    people = [lead(), contact(), account(), user(), group(), task(), timeline(), organization()]
    return Schema([*people, *campaigns, *histories])


def text(name: str, label: str, length: int, **more: object) -> Field:
    """Return a text field."""
    return Field(name, label, "string", length, **more)  # type: ignore[arg-type]  # checked by Field


def area(name: str, label: str, length: int, **more: object) -> Field:
    """Return a text area; long ones can be neither filtered nor sorted."""
    short = length <= 255
    return Field(
        name,
        label,
        "textarea",
        length,
        filterable=short,
        sortable=short,
        extra_type="plaintextarea",
        **more,  # type: ignore[arg-type]  # checked by Field
    )


def picklist(name: str, label: str, options: tuple[str, ...], length: int = 255, **more: object) -> Field:
    """Return a picklist; unrestricted unless said."""
    return Field(name, label, "picklist", length, options=options, **more)  # type: ignore[arg-type]  # checked by Field


def checkbox(name: str, label: str, **more: object) -> Field:
    """Return a checkbox, which is never null."""
    return Field(name, label, "boolean", nillable=False, defaulted=True, default=False, **more)  # type: ignore[arg-type]  # checked by Field


def lookup(name: str, label: str, refers_to: str, relationship: str, **more: object) -> Field:
    """Return a reference to another object, or to one of several ("Group,User")."""
    targets = tuple(refers_to.split(","))
    return Field(name, label, "reference", 18, refers_to=targets, relationship=relationship, **more)  # type: ignore[arg-type]  # checked by Field


def fixed(field: Field, *, defaulted: bool = True) -> Field:
    """Make a field one that only the org itself writes."""
    field.createable = field.updateable = False
    field.nillable = not defaulted
    field.defaulted = defaulted
    return field


def system(label: str, object_name: str, *, mergeable: bool = False) -> list[Field]:
    """Return the fields every record begins with."""
    first = [
        fixed(Field("Id", label, "id", 18, id_lookup=True)),
        fixed(Field("IsDeleted", "Deleted", "boolean", default=False)),
    ]
    if mergeable:
        first.append(fixed(lookup("MasterRecordId", "Master Record ID", object_name, "MasterRecord"), defaulted=False))
    return first


def audit() -> list[Field]:
    """Return who and when, of creation and last change."""
    return [
        fixed(Field("CreatedDate", "Created Date", "datetime")),
        fixed(lookup("CreatedById", "Created By ID", "User", "CreatedBy")),
        fixed(Field("LastModifiedDate", "Last Modified Date", "datetime")),
        fixed(lookup("LastModifiedById", "Last Modified By ID", "User", "LastModifiedBy")),
        fixed(Field("SystemModstamp", "System Modstamp", "datetime")),
    ]


def person_name() -> list[Field]:
    """Return the parts of a person's name and the computed whole."""
    return [
        text("LastName", "Last Name", 80, nillable=False, compound="Name", extra_type="personname"),
        text("FirstName", "First Name", 40, compound="Name", extra_type="personname"),
        picklist("Salutation", "Salutation", SALUTATIONS, 40, compound="Name", extra_type="personname"),
        text(
            "Name",
            "Full Name",
            121,
            nillable=False,
            createable=False,
            updateable=False,
            name_field=True,
            extra_type="personname",
        ),
    ]


def address(prefix: str, label: str) -> list[Field]:
    """Return the parts of an address and the compound that shows them."""
    compound = f"{prefix}Address"
    say = f"{label} " if label else ""
    whole = Field(compound, f"{say}Address", "address", sortable=False)
    return [
        area(f"{prefix}Street", f"{say}Street", 255, compound=compound),
        text(f"{prefix}City", f"{say}City", 40, compound=compound),
        text(f"{prefix}State", f"{say}State/Province", 80, compound=compound),
        text(f"{prefix}PostalCode", f"{say}Zip/Postal Code", 20, compound=compound),
        text(f"{prefix}Country", f"{say}Country", 80, compound=compound),
        fixed(whole, defaulted=False),
    ]


def phones(*names: tuple[str, str]) -> list[Field]:
    """Return phone fields."""
    return [Field(name, label, "phone", 40) for name, label in names]


def consent() -> list[Field]:
    """Return the opt-outs of a person; the e-mail one is history-tracked."""
    return [
        checkbox("HasOptedOutOfEmail", "Email Opt Out", tracked=True),
        checkbox("HasOptedOutOfFax", "Fax Opt Out"),
        checkbox("DoNotCall", "Do Not Call", tracked=True),
    ]


def people_extras() -> list[Field]:
    """Return the custom fields Lead and Contact share in this org."""
    return [
        text("Mautic_Id__c", "Mautic Id", 40, unique=True, external_id=True, id_lookup=True),
        checkbox("Deleted_in_Mautic__c", "Deleted in Mautic"),
        Field(
            "Interests__c",
            "Interests",
            "multipicklist",
            4099,
            precision=4,
            options=INTERESTS,
            restricted=True,
            sortable=False,
        ),
        Field("Score__c", "Score", "double", precision=8, scale=2),
        Field("Birthday__c", "Birthday", "date"),
        Field("Last_Visit__c", "Last Visit", "datetime"),
        Field("Mautic_Url__c", "Mautic Url", "url", 255),
    ]


def by_name(fields: list[Field]) -> dict[str, Field]:
    """Return fields keyed by name, in order."""
    return {each.name: each for each in fields}


def lead() -> SObject:
    """Return the Lead: needs LastName and Company, can be converted."""
    fields = [
        *system("Lead ID", "Lead", mergeable=True),
        *person_name(),
        text("Title", "Title", 128),
        text("Company", "Company", 255, nillable=False),
        *address("", ""),
        *phones(("Phone", "Phone"), ("MobilePhone", "Mobile Phone"), ("Fax", "Fax")),
        Field("Email", "Email", "email", 80, id_lookup=True),
        Field("Website", "Website", "url", 255),
        area("Description", "Description", 32000),
        picklist("LeadSource", "Lead Source", LEAD_SOURCES),
        picklist("Status", "Status", LEAD_STATUSES, nillable=False, defaulted=True, default=LEAD_STATUSES[0]),
        picklist("Industry", "Industry", INDUSTRIES),
        picklist("Rating", "Rating", ("Hot", "Warm", "Cold"), restricted=True),
        Field("AnnualRevenue", "Annual Revenue", "currency", precision=18),
        Field("NumberOfEmployees", "Employees", "int", precision=8),
        lookup("OwnerId", "Owner ID", "Group,User", "Owner", nillable=False, defaulted=True),
        *consent(),
        Field("IsConverted", "Converted", "boolean", nillable=False, defaulted=True, default=False, updateable=False),
        fixed(Field("ConvertedDate", "Converted Date", "date"), defaulted=False),
        fixed(lookup("ConvertedAccountId", "Converted Account ID", "Account", "ConvertedAccount"), defaulted=False),
        fixed(lookup("ConvertedContactId", "Converted Contact ID", "Contact", "ConvertedContact"), defaulted=False),
        *audit(),
        fixed(Field("LastActivityDate", "Last Activity", "date"), defaulted=False),
        *people_extras(),
    ]
    return SObject("Lead", "Lead", "Leads", "00Q", by_name(fields), mergeable=True, history="LeadHistory")


def contact() -> SObject:
    """Return the Contact: needs LastName."""
    fields = [
        *system("Contact ID", "Contact", mergeable=True),
        lookup("AccountId", "Account ID", "Account", "Account"),
        *person_name(),
        *address("Other", "Other"),
        *address("Mailing", "Mailing"),
        *phones(("Phone", "Business Phone"), ("Fax", "Business Fax"), ("MobilePhone", "Mobile Phone")),
        *phones(("HomePhone", "Home Phone"), ("OtherPhone", "Other Phone"), ("AssistantPhone", "Asst. Phone")),
        lookup("ReportsToId", "Reports To ID", "Contact", "ReportsTo"),
        Field("Email", "Email", "email", 80, id_lookup=True),
        text("Title", "Title", 128),
        text("Department", "Department", 80),
        text("AssistantName", "Assistant's Name", 40),
        picklist("LeadSource", "Lead Source", LEAD_SOURCES),
        Field("Birthdate", "Birthdate", "date"),
        area("Description", "Contact Description", 32000),
        lookup("OwnerId", "Owner ID", "User", "Owner", nillable=False, defaulted=True),
        *consent(),
        *audit(),
        fixed(Field("LastActivityDate", "Last Activity", "date"), defaulted=False),
        Field("EmailBouncedReason", "Email Bounced Reason", "string", 255),
        Field("EmailBouncedDate", "Email Bounced Date", "datetime"),
        *people_extras(),
    ]
    return SObject("Contact", "Contact", "Contacts", "003", by_name(fields), mergeable=True, history="ContactHistory")


def account() -> SObject:
    """Return the Account: needs Name."""
    fields = [
        *system("Account ID", "Account", mergeable=True),
        text("Name", "Account Name", 255, nillable=False, name_field=True),
        picklist("Type", "Account Type", ("Prospect", "Customer - Direct", "Partner", "Other")),
        *address("Billing", "Billing"),
        *phones(("Phone", "Account Phone"), ("Fax", "Account Fax")),
        text("AccountNumber", "Account Number", 40),
        Field("Website", "Website", "url", 255),
        picklist("Industry", "Industry", INDUSTRIES),
        Field("AnnualRevenue", "Annual Revenue", "currency", precision=18),
        Field("NumberOfEmployees", "Employees", "int", precision=8),
        area("Description", "Account Description", 32000),
        lookup("OwnerId", "Owner ID", "User", "Owner", nillable=False, defaulted=True),
        *audit(),
        fixed(Field("LastActivityDate", "Last Activity", "date"), defaulted=False),
        text("Mautic_Id__c", "Mautic Id", 40, unique=True, external_id=True, id_lookup=True),
    ]
    return SObject("Account", "Account", "Accounts", "001", by_name(fields), mergeable=True)


def user() -> SObject:
    """Return the User."""
    fields = [
        fixed(Field("Id", "User ID", "id", 18, id_lookup=True)),
        text("Username", "Username", 80, nillable=False, id_lookup=True),
        *person_name(),
        Field("Email", "Email", "email", 128, nillable=False, id_lookup=True),
        text("Alias", "Alias", 8),
        Field("IsActive", "Active", "boolean", nillable=False, defaulted=True, default=True),
        text("TimeZoneSidKey", "Time Zone", 40, defaulted=True, default="Europe/Paris"),
        picklist("UserType", "User Type", ("Standard",), 40, defaulted=True, default="Standard"),
        lookup("ProfileId", "Profile ID", "Profile", "Profile"),
        *audit(),
    ]
    return SObject("User", "User", "Users", "005", by_name(fields), deletable=False)


def group() -> SObject:
    """Return the Group, whose kind "Queue" may own leads."""
    fields = [
        fixed(Field("Id", "Group ID", "id", 18, id_lookup=True)),
        text("Name", "Name", 40, nillable=False, name_field=True),
        picklist("Type", "Type", ("Regular", "Queue"), 40, defaulted=True, default="Queue"),
        Field("Email", "Email", "email", 255),
        *audit(),
    ]
    return SObject("Group", "Group", "Group", "00G", by_name(fields))


def task() -> SObject:
    """Return the Task. The custom field lives on Activity, as all custom fields of tasks do."""
    subject = Field("Subject", "Subject", "combobox", 255, options=("Call", "Email", "Other"), name_field=True)
    fields = [
        *system("Activity ID", "Task"),
        lookup("WhoId", "Name ID", "Contact,Lead", "Who"),
        lookup("WhatId", "Related To ID", "Account", "What"),
        subject,
        Field("ActivityDate", "Due Date Only", "date"),
        picklist(
            "Status",
            "Status",
            ("Not Started", "In Progress", "Completed"),
            255,
            nillable=False,
            defaulted=True,
            default="Not Started",
        ),
        picklist(
            "Priority", "Priority", ("High", "Normal", "Low"), 255, nillable=False, defaulted=True, default="Normal"
        ),
        picklist("Type", "Type", ("Call", "Email", "Meeting", "Other")),
        lookup("OwnerId", "Assigned To ID", "User", "Owner", nillable=False, defaulted=True),
        area("Description", "Description", 32000),
        picklist(
            "TaskSubtype", "Task Subtype", ("Task", "Email", "Call", "ListEmail"), 40, restricted=True, updateable=False
        ),
        Field("CompletedDateTime", "Completed Date", "datetime", createable=False, updateable=False),
        *audit(),
        text("ReferenceId__c", "ReferenceId", 255, unique=True, external_id=True, id_lookup=True),
    ]
    return SObject("Task", "Task", "Tasks", "00T", by_name(fields))


def timeline() -> SObject:
    """Return the custom object Mautic's timeline goes to."""
    fields = [
        *system("Record ID", "mautic_timeline__c"),
        lookup("OwnerId", "Owner ID", "Group,User", "Owner", nillable=False, defaulted=True),
        text("Name", "Name", 80, name_field=True),
        *audit(),
        Field("ActivityDate__c", "ActivityDate", "datetime"),
        lookup("contact_id__c", "contact_id", "Contact", "contact_id__r"),
        lookup("WhoId__c", "WhoId", "Lead", "WhoId__r"),
        area("Description__c", "Description", 131072),
        Field("MauticLead__c", "MauticLead", "double", precision=18, external_id=True, id_lookup=True),
        Field("Mautic_url__c", "Mautic_url", "url", 255),
        text("ReferenceId__c", "ReferenceId", 255, unique=True, external_id=True, id_lookup=True),
    ]
    return SObject("mautic_timeline__c", "Timeline", "Timelines", "a00", by_name(fields))


def history(name: str, parent: str, parent_key: str) -> SObject:
    """Return a field-history object; its values are of any type and cannot be filtered."""
    fields = [
        *system(f"{parent} History ID", name),
        fixed(lookup(parent_key, f"{parent} ID", parent, parent)),
        fixed(lookup("CreatedById", "Created By ID", "User", "CreatedBy")),
        fixed(Field("CreatedDate", "Created Date", "datetime")),
        fixed(picklist("Field", "Changed Field", ())),
        fixed(Field("OldValue", "Old Value", "anyType", 255, filterable=False, sortable=False), defaulted=False),
        fixed(Field("NewValue", "New Value", "anyType", 255, filterable=False, sortable=False), defaulted=False),
    ]
    label = f"{parent} History"
    return SObject(name, label, label, "017", by_name(fields), createable=False, deletable=False, parent_key=parent_key)


def organization() -> SObject:
    """Return the org's own record."""
    fields = [
        fixed(Field("Id", "Organization ID", "id", 18, id_lookup=True)),
        text("Name", "Name", 80, nillable=False, name_field=True),
        *address("", ""),
        text("OrganizationType", "Edition", 40),
        text("InstanceName", "Instance Name", 5),
        text("Division", "Division", 80),
        *phones(("Phone", "Phone"), ("Fax", "Fax")),
        text("PrimaryContact", "Primary Contact", 80),
        text("DefaultLocaleSidKey", "Locale", 40),
        text("LanguageLocaleKey", "Language", 40),
        text("SignupCountryIsoCode", "Signup Country", 2),
        Field("TrialExpirationDate", "Trial Expiration Date", "datetime"),
        checkbox("IsReadOnly", "Is Read Only"),
        *(text(f"Default{name}Access", f"Default {name} Access", 40) for name in ("Account", "Contact", "Lead")),
        text("NamespacePrefix", "Namespace Prefix", 15),
        text("TimeZoneSidKey", "Time Zone", 40),
        checkbox("IsSandbox", "Is Sandbox"),
        *audit(),
    ]
    return SObject(
        "Organization", "Organization", "Organizations", "00D", by_name(fields), createable=False, deletable=False
    )
