"""What Mautic's own Salesforce plugin leaves in its tables, read and turned into ours."""

import pytest

from sidecar.errors import SetupError, UsageError
from sidecar.hosts.mautic.native.cipher import decrypt, decrypt_all
from sidecar.hosts.mautic.native.convert import convert, convert_access
from sidecar.hosts.mautic.native.findings import Kind
from sidecar.hosts.mautic.native.links import Fate, NativeLink, PersonLink, choose, complete_id, judge
from sidecar.hosts.mautic.native.settings import NativeSettings, parse_settings
from sidecar.mapping.activities import EVENT_TYPES
from sidecar.records import Ref
from sidecar.takeover.beginning import read_reference

KEY = "68c7e75470c02cba06dd543431411e0de94e04fdf2b3a2eac05957060edb66d0"  # that of Mautic's own public tests
HELLO = (
    "ZS9DS0c2UzlZWDNYTDY4cVM0VWJLVUE2SjJORm8wVDFUNFBHVm1IbTRNZnVEUCtySDljN0I3RDNZMmZFSE10OUlBRDFXdE5XRzExUnhaY1Q1UmxYWG12"
    "YzRuUUlmc2pLNnczS3NhWU9aYk09|AQEBAQEBAQEBAQEBAQEBAQ=="
)
LEAD = "00Q000000000001EAA"


# -- the cipher ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [KEY, f"  '{KEY}'\n"])
def test_a_secret_that_mautic_encrypted_is_opened(written: str) -> None:
    assert decrypt(HELLO, written) == "hello"
    assert decrypt_all({"client_id": HELLO, "empty": ""}, written) == {"client_id": "hello"}


@pytest.mark.parametrize(
    ("cell", "key", "code"),
    [
        (HELLO, "0" * 64, "native-secret-key-wrong"),
        (HELLO, KEY[:-1] + "1", "native-secret-key-wrong"),
        (HELLO.replace("|AQEB", "|AgEB"), KEY, "native-secret-key-wrong"),  # one bit of the text, which the HMAC covers
        (HELLO, "hello", "native-secret-key-invalid"),
        (HELLO, "", "native-secret-key-invalid"),
        ("hello", KEY, "native-cipher-unknown"),
        (HELLO.partition("|")[0], KEY, "native-cipher-unknown"),
        (HELLO.partition("|")[0] + "|AQEB", KEY, "native-cipher-unknown"),
        ("YWJj|AQEBAQEBAQEBAQEBAQEBAQ==", KEY, "native-cipher-unknown"),
    ],
)
def test_a_wrong_key_and_another_cipher_are_told_apart(cell: str, key: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        decrypt(cell, key)
    assert refused.value.code == code
    assert not key or key not in refused.value.message


# -- settings --------------------------------------------------------------------------------------------------------


def test_a_row_of_settings_is_read_as_php_wrote_it() -> None:
    row = {
        "is_published": 1,
        "version": "1.0",
        "supported_features": 'a:2:{i:0;s:9:"get_leads";i:1;s:10:"push_leads";}',
        "api_keys": f'a:1:{{s:9:"client_id";s:{len(HELLO)}:"{HELLO}";}}',
        "feature_settings": 'a:4:{s:7:"sandbox";a:1:{i:0;s:7:"sandbox";}s:12:"updateBlanks";a:0:{}s:10:"leadFields";'
        'a:1:{s:14:"LastName__Lead";s:8:"lastname";}s:13:"update_mautic";a:1:{s:14:"LastName__Lead";s:1:"0";}}',
    }
    settings = parse_settings(row)
    assert settings.is_sandbox
    assert not settings.updates_blanks
    assert settings.features == {"get_leads", "push_leads"}
    assert (settings.lead_fields, settings.arrows) == ({"LastName__Lead": "lastname"}, {"LastName__Lead": "0"})
    assert HELLO not in repr(settings), "not even encrypted secrets show in a log"
    with pytest.raises(SetupError):
        parse_settings({**row, "feature_settings": "{}"})


def some_settings(*lines: str, **changes: object) -> NativeSettings:
    """Return settings with lines "SalesforceField__Object > alias", or "<" for the other arrow."""
    split = [line.split() for line in ("Email__Lead > email", "Email__Contact > email", *lines)]
    usual = {
        "is_published": True,
        "features": frozenset({"get_leads", "push_leads"}),
        "objects": ("Lead", "Contact"),
        "uses_latest_opt_out": True,
        "lead_fields": {key: alias for key, _, alias in split},
        "arrows": {key: "1" if arrow == ">" else "0" for key, arrow, _ in split},
    }
    return NativeSettings(**usual | changes)


def fields_of(settings: NativeSettings) -> dict[str, dict]:
    return convert(settings).people["fields"]


def codes_of(settings: NativeSettings, kind: Kind | None = None) -> list[str]:
    return [each.code for each in convert(settings).findings if kind in (None, each.kind)]


OPT_OUT = ("HasOptedOutOfEmail__Lead < mauticContactIsContactableByEmail",)


def test_lines_of_both_objects_become_one_pair_with_the_plugins_arrow() -> None:
    fields = fields_of(
        some_settings("LastName__Lead > lastname", "LastName__Contact > lastname", "Score__c__Lead < score")
    )
    assert fields["lastname"] == {
        "host": "lastname",
        "salesforce": "LastName",
        "priority": "salesforce",
        "placeholder": "Unknown",
    }
    assert fields["score"] == {"host": "score", "salesforce": {"Lead": "Score__c"}, "priority": "host"}


def test_fields_of_different_names_are_one_pair() -> None:
    fields = fields_of(some_settings("City__Lead > city", "MailingCity__Contact > city"))
    assert fields["city"]["salesforce"] == {"Lead": "City", "Contact": "MailingCity"}


def test_arrows_that_differ_between_objects_are_kept_as_two_pairs_and_told() -> None:
    settings = some_settings("Phone__Lead > phone", "Phone__Contact < phone", *OPT_OUT)
    fields = fields_of(settings)
    assert fields["phone"] == {"host": "phone", "salesforce": {"Lead": "Phone"}, "priority": "salesforce"}
    assert fields["phone_2"] == {"host": "phone", "salesforce": {"Contact": "Phone"}, "priority": "host"}
    assert "native-arrows-differ" in codes_of(settings, Kind.CHANGED)


def test_a_contact_field_takes_values_from_one_field_and_may_feed_several() -> None:
    taking = some_settings("Phone__Lead > phone", "MobilePhone__Lead > phone")
    assert "native-field-twice" in codes_of(taking, Kind.LEFT_OUT)
    assert fields_of(taking)["phone"]["salesforce"] == {"Lead": "Phone"}
    feeding = some_settings("Phone__Lead < phone", "MobilePhone__Lead < phone")
    assert "native-field-twice" not in codes_of(feeding)
    assert fields_of(feeding)["phone_2"]["salesforce"] == {"Lead": "MobilePhone"}


def test_creation_dates_only_ever_come_from_salesforce() -> None:
    assert fields_of(some_settings("CreatedDate__Lead < since"))["since"]["priority"] == "salesforce"


def test_what_is_no_field_gets_its_place() -> None:
    """The contact's id, its page, the opt-out and the mark of a deletion."""
    document = convert(
        some_settings(
            "Webmecanik_Id__c__Lead < mauticContactId",
            "Webmecanik_Id__c__Contact < mauticContactId",
            "Page__c__Lead < mauticContactTimelineLink",
            "IsDeleted__Lead > gone",
            *OPT_OUT,
        )
    ).people
    assert document["mapping"]["external_id"] == "Webmecanik_Id__c"
    assert document["fields"].keys() == {"email", "contact_url"}
    assert document["fields"]["contact_url"]["enforce"] is True
    assert document["consent"]["lift"] == "all_but_bounces"
    assert document["deletion"] == {"on_salesforce_delete": "mark", "host_field": "gone"}


def test_the_other_choice_of_a_contact_id_is_the_same_id() -> None:
    document = convert(some_settings("Core_Id__c__Lead < id", "Other_Id__c__Contact < mauticContactId")).people
    assert document["mapping"]["external_id"] == "Core_Id__c"
    assert "native-role-taken" in codes_of(some_settings("A__c__Lead < id", "B__c__Contact < mauticContactId"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("HasOptedOutOfEmail__Lead > newsletter", "native-field-is-consent"),
        ("AccountId__Contact > company", "native-field-is-account"),
        ("Name__Account > company", "native-field-unreadable"),
        ("LastName > lastname", "native-field-unreadable"),
        ("Bad'Name__Lead > lastname", "native-field-unreadable"),
        ("Mautic_Id__c__Lead > other_id", "native-field-twice"),
    ],
)
def test_what_has_no_counterpart_is_left_out_with_a_reason(line: str, code: str) -> None:
    settings = some_settings(line)
    told = [each for each in convert(settings).findings if each.code == code]
    assert told[0].kind is Kind.LEFT_OUT
    assert told[0].why
    assert fields_of(settings).keys() == {"email"}


def test_people_are_always_recognised_by_their_address() -> None:
    settings = some_settings(lead_fields={"Email__Lead": "email"}, arrows={})
    assert fields_of(settings)["email"]["salesforce"] == "Email"
    assert "native-email-added" in codes_of(settings, Kind.CHANGED)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("Lead", True, ["host", "salesforce"], None)),
        ({"features": frozenset({"get_leads"})}, (False, True, ["host"], None)),
        ({"features": frozenset({"push_leads"})}, ("Lead", False, ["salesforce"], None)),
        ({"features": frozenset()}, (False, False, [], None)),
        ({"objects": ("Lead",)}, ("Lead", True, ["host", "salesforce"], {"Contact": {"records": "none"}})),
        ({"objects": ("Contact",)}, (False, True, ["host", "salesforce"], {"Lead": {"records": "none"}})),
    ],
)
def test_what_the_plugin_may_create_and_change_is_what_we_may(changes: dict, expected: tuple) -> None:
    document = convert(some_settings(**changes)).people
    head = document["mapping"]
    made = (head["create_in_salesforce"], head["create_in_host"], head["update"], document.get("scope"))
    assert made == expected
    assert head["salesforce_objects"] == ["Contact", "Lead"], "who is linked with either goes on"


def test_blanks_owners_and_opt_outs_follow_the_boxes() -> None:
    off = convert(some_settings(uses_latest_opt_out=False)).people
    assert (off["mapping"]["fill_if_empty"], off["consent"]["lift"], "owner" in off["fields"]) == (
        False,
        "never",
        False,
    )
    on = convert(some_settings(updates_blanks=True, updates_owner=True)).people
    assert on["mapping"]["fill_if_empty"] is True
    assert on["fields"]["owner"] == {"host": "owner_email", "salesforce": "OwnerEmail", "priority": "salesforce"}


# -- activities and the org ------------------------------------------------------------------------------------------


def activities_of(settings: NativeSettings) -> dict:
    return convert(settings).activities["activities"]


def test_the_events_that_were_ticked_travel_and_the_rest_is_told() -> None:
    events = (*EVENT_TYPES, "lead.create", "lead.identified", "lead.ipadded", "lead.apiadded", "made.up")
    settings = some_settings(
        *OPT_OUT, objects=("Lead", "Contact", "Activity"), activity_events=events, namespace="acme"
    )
    assert activities_of(settings)["event_types"] == list(EVENT_TYPES)
    assert activities_of(settings)["namespace"] == "acme"
    left = codes_of(settings, Kind.LEFT_OUT)
    assert left == ["native-event-never-sent"] * 4 + ["native-event-unknown"]


def test_nothing_ticked_means_the_three_that_the_plugin_sends() -> None:
    activities = activities_of(some_settings(objects=("Lead", "Contact", "Activity")))
    assert activities["targets"] == dict.fromkeys(("point.gained", "form.submitted", "email.read"), "timeline")


def test_without_activity_nothing_is_sent() -> None:
    settings = some_settings()
    assert set(activities_of(settings)["targets"].values()) == {"off"}
    assert "native-activities-off" in codes_of(settings)


def test_the_plugins_own_sign_in_is_ours_where_it_was_authorised() -> None:
    keys = {"client_id": "3MVG9", "client_secret": "s", "refresh_token": "r", "id": "https://login.x/id/00D1/0051"}
    access = convert_access(some_settings(is_sandbox=True, namespace="acme"), keys)
    assert access is not None
    assert access.settings["login_url"] == "https://test.salesforce.com"
    assert access.settings["signed_in_as"] == "00D1/0051"
    assert access.secrets == {"client_secret": "s", "refresh_token": "r"}
    assert convert_access(some_settings(), {**keys, "refresh_token": ""}) is None


# -- links -----------------------------------------------------------------------------------------------------------


def a_row(**changes: object) -> NativeLink:
    usual = {"id": 1, "object": "Lead", "record_id": LEAD, "state": "lead", "internal_id": 7, "synced_at": None}
    return NativeLink(**usual | changes)


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        ({"object": "CampaignMember", "record_id": "701000000000001AAA"}, Fate.CAMPAIGN),
        ({"object": "company", "state": "company"}, Fate.COMPANY),
        ({"object": "Account", "record_id": "001000000000001AAA"}, Fate.COMPANY_AS_PERSON),
        ({"state": "lead-duplicate"}, Fate.DUPLICATE_CONTACT),
        ({"state": "lead-error", "record_id": ""}, Fate.WITHOUT_ID),
        ({"record_id": "005000000000001AAA"}, Fate.UNREADABLE),
        ({"record_id": "00Q000000000001AAB"}, Fate.UNREADABLE),
        ({"record_id": "not an id"}, Fate.UNREADABLE),
        ({"internal_id": None}, Fate.UNREADABLE),
    ],
)
def test_a_row_that_links_nobody_says_why(changes: dict, fate: Fate) -> None:
    judged = judge(a_row(**changes))
    assert (judged.person, judged.fates) == (None, (fate,))


@pytest.mark.parametrize(
    ("changes", "salesforce", "fates"),
    [
        ({}, Ref("Lead", LEAD), ()),
        ({"record_id": LEAD[:15]}, Ref("Lead", LEAD), (Fate.ID_COMPLETED,)),
        ({"record_id": "003000000000001AAA"}, Ref("Contact", "003000000000001AAA"), (Fate.OBJECT_REPAIRED,)),
        ({"state": "lead-error"}, Ref("Lead", LEAD), (Fate.ERROR_CLEARED,)),
    ],
)
def test_a_person_is_known_by_the_id_whatever_the_row_says(changes: dict, salesforce: Ref, fates: tuple) -> None:
    judged = judge(a_row(**changes))
    assert judged.person == PersonLink(1, 7, salesforce)
    assert judged.fates == fates


def test_short_ids_get_the_three_characters_that_salesforce_gives_them() -> None:
    """The example is the one of Salesforce's own manual."""
    assert complete_id("001A0000006Vm9u") == "001A0000006Vm9uIAC"
    assert complete_id("001A0000006Vm9uIAC") == "001A0000006Vm9uIAC"
    assert complete_id("001A0000006Vm9uIAD") is None


def test_who_comes_first_keeps_both_ends_and_a_loser_may_keep_an_older_link() -> None:
    first, second = Ref("Lead", LEAD), Ref("Lead", "00Q000000000002EAA")
    newest = PersonLink(3, 8, first)
    lost, older = PersonLink(2, 7, first), PersonLink(1, 7, second)
    assert choose([newest, lost, older]) == ([newest, older], [lost])


def test_a_reference_names_its_event() -> None:
    sent = read_reference(f"Campaign_membership5-{LEAD}")
    assert sent is not None
    assert (sent.event_id, sent.salesforce_id) == ("Campaign_membership5", LEAD)
    assert read_reference("made by hand") is None
