"""An org in which nothing is ready: the check lists what is missing, the set-up makes it, an undo takes it back."""

import io
import json
import zipfile

import pytest
import requests
from typer.testing import CliRunner

from sidecar.cli import app as cli
from sidecar.cli.output import ExitCode
from sidecar.errors import SafetyError, SetupError, TransientError
from sidecar.lines import LineStatus
from sidecar.orgs import AdminGrant, admin_of, check_org, made_parts, set_up_org, undo_set_up, whole_package
from sidecar.records import Side
from sidecar.salesforce.org.look import CALLS
from sidecar.salesforce.org.plan import OrgPart, PartKind
from tests.world import ORG_URL, make_world

TIMELINE = "mautic_timeline__c"
SEVEN = {
    "ActivityDate__c",
    "contact_id__c",
    "Description__c",
    "WhoId__c",
    "MauticLead__c",
    "Mautic_url__c",
    "ReferenceId__c",
}


@pytest.fixture
def world():
    """An org as the vendor delivers it; the integration user has the rights of an administrator."""
    found = make_world(is_empty_org=True)
    found.org.make_admin("api")
    yield found
    found.close()


@pytest.fixture
def plain(world):
    """The same, with an integration user who may not change the org's set-up."""
    world.org.make_admin("api", is_admin=False)
    return world


def check(world):
    return check_org(world.app, world.instance).report


def lines(report, status):
    return {(line.code, line.about) for line in report.lines if line.status is status}


def line_of(report, about):
    return next(line for line in report.lines if line.about == about)


def deployments(world):
    return [seen for seen in world.org.requests if seen.method == "POST" and "deployRequest" in seen.path]


def people_fields():
    return {f"{name}.{field}" for name in ("Lead", "Contact") for field in ("Mautic_Id__c", "Deleted_in_Mautic__c")}


def as_admin(world):
    return admin_of(world.app, world.instance, AdminGrant(world.org.token("user")))


def deploy_by_hand(world, package):
    """Do what an administrator does with the package: deploy it, and assign the permission set to the integration user."""
    session = requests.Session()
    session.mount("https://", world.adapters[Side.SALESFORCE])
    session.mount("http://", world.adapters[Side.SALESFORCE])
    session.headers["Authorization"] = f"Bearer {world.org.token('user')}"
    root = f"{ORG_URL}/services/data/v66.0"
    options = json.dumps({"deployOptions": {"singlePackage": True, "rollbackOnError": True}})
    files = {"json": (None, options, "application/json"), "file": ("p.zip", package, "application/zip")}
    begun = session.post(f"{root}/metadata/deployRequest", files=files).json()
    for _ in range(3):
        result = session.get(f"{root}/metadata/deployRequest/{begun['id']}").json()["deployResult"]
    assert result["status"] == "Succeeded", result
    found = session.get(f"{root}/query", params={"q": "SELECT Id FROM PermissionSet WHERE Name = 'Mautic_Sidecar'"})
    assigned = {"PermissionSetId": found.json()["records"][0]["Id"], "AssigneeId": world.org.actor("api").user_id}
    assert session.post(f"{root}/sobjects/PermissionSetAssignment", json=assigned).status_code == 201


# -- checking ----------------------------------------------------------------------------------------------------------


def test_the_check_of_an_empty_org_lists_all_that_is_missing(plain):
    report = check(plain)
    missing = {about for _, about in lines(report, LineStatus.FIX)}
    opt_outs = {"Lead.HasOptedOutOfEmail", "Contact.HasOptedOutOfEmail"}
    assert missing == people_fields() | opt_outs | {TIMELINE, "Mautic_Sidecar"} | {f"{TIMELINE}.{n}" for n in SEVEN}
    assert all(line.how and line.fixed_by for line in report.lines if line.status is LineStatus.FIX)
    assert not report.is_green


def test_the_check_writes_nothing_and_costs_the_same_few_calls_in_any_org(plain):
    plain.org.reset_calls()
    report = check(plain)
    assert report.calls == plain.org.calls <= CALLS
    methods = {(seen.method, seen.path.rsplit("/", 1)[-1]) for seen in plain.org.requests if seen.method != "GET"}
    assert methods == {("POST", "composite"), ("POST", "token")}, "queries in one call, and signing in"


def test_the_check_of_an_org_that_a_customer_prepared_is_green():
    world = make_world()
    try:
        report = check(world)
        assert lines(report, LineStatus.FIX) == set()
        assert report.plan.parts == ()
    finally:
        world.close()


def test_what_differs_from_what_is_wanted_is_told_field_by_field():
    world = make_world()
    try:
        world.org.set_external_id(TIMELINE, "ReferenceId__c", False)
        world.org.resize_field(TIMELINE, "Description__c", 32_000)
        world.org.make_read_only("Lead", "Mautic_Id__c")
        world.org.hide_field("Lead", "HasOptedOutOfEmail")
        report = check(world)
        assert line_of(report, f"{TIMELINE}.ReferenceId__c").status is LineStatus.NOTE
        assert "32000 characters instead of 131072" in line_of(report, f"{TIMELINE}.Description__c").what
        assert line_of(report, "Lead.Mautic_Id__c").what == "Our user may not fill the field."
        assert "Email Opt Out" in line_of(report, "Lead.HasOptedOutOfEmail").how
    finally:
        world.close()


def test_trying_to_write_leaves_nothing_behind_and_tells_what_refuses(plain):
    report = check_org(plain.app, plain.instance, tries_writing=True).report
    assert lines(report, LineStatus.OK) >= {("org-write-trial", "Lead"), ("org-write-trial", "Contact")}
    plain.org.add_validation_rule("Lead", lambda row: row.get("Phone") is None, "A lead needs a phone")
    report = check_org(plain.app, plain.instance, tries_writing=True).report
    refused = next(line for line in report.lines if (line.code, line.about) == ("org-write-trial", "Lead"))
    assert refused.status is LineStatus.FIX
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in refused.what
    assert plain.org.rows("Lead", include_deleted=True) == plain.org.rows("Contact", include_deleted=True) == []


# -- setting up --------------------------------------------------------------------------------------------------------


def test_the_set_up_makes_what_is_missing_and_the_check_is_green(world):
    done = set_up_org(world.app, world.instance)
    assert done.after.report.is_green
    assert done.after.report.plan.parts == ()
    assert {part.kind for part in done.made} == set(PartKind)
    assert set(done.made) == set(made_parts(world.app, world.instance))


def test_a_second_set_up_changes_and_deploys_nothing(world):
    set_up_org(world.app, world.instance)
    world.org.reset_calls()
    assert set_up_org(world.app, world.instance).made == ()
    assert deployments(world) == []
    assert not [seen for seen in world.org.requests if "PermissionSetAssignment" in seen.path and seen.method == "POST"]


def test_people_and_activities_then_travel(plain):
    with as_admin(plain) as admin:
        set_up_org(plain.app, plain.instance, admin=admin)
    contact, lead = plain.link_person()
    assert plain.twin(contact)["Mautic_Id__c"] == str(contact)
    plain.host.submit_form(contact)
    assert plain.sync("activities").state == "done"
    assert [row["WhoId__c"] for row in plain.org.rows(TIMELINE)] == [lead]
    plain.host.opt_out(contact)
    plain.hourly()
    assert plain.twin(contact)["HasOptedOutOfEmail"] is True


def test_who_waited_for_the_set_up_travels_in_the_next_run(world):
    contact = world.host.create_contact({"email": "early@example.org", "lastname": "Early"})
    assert world.hourly().counts["held"] == {"consent-unknown": 1}
    set_up_org(world.app, world.instance)
    world.hourly()
    assert world.twin(contact)["Mautic_Id__c"] == str(contact)


def test_without_rights_the_set_up_says_who_must_do_what_and_changes_nothing(plain):
    with pytest.raises(SetupError) as caught:
        set_up_org(plain.app, plain.instance)
    assert (caught.value.code, caught.value.fixed_by) == ("org-set-up-not-allowed", "salesforce_admin")
    assert "Mautic_Sidecar" in caught.value.message
    assert made_parts(plain.app, plain.instance) == []
    assert not check(plain).is_green


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_package_deployed_by_an_administrator_gives_the_same_green_check(plain, is_whole):
    looked = check_org(plain.app, plain.instance)
    deploy_by_hand(plain, whole_package(plain.app, plain.instance) if is_whole else looked.package())
    by_hand = check(plain)
    assert by_hand.is_green
    other = make_world(is_empty_org=True)
    try:
        with as_admin(other) as admin:
            by_us = set_up_org(other.app, other.instance, admin=admin).after.report
        shared = {(line.code, line.about, line.status) for line in by_us.lines} - {
            (line.code, line.about, line.status) for line in by_hand.lines
        }
        assert {code for code, _, _ in shared} <= {"org-history"}, "only an administrator's eyes see the history switch"
    finally:
        other.close()


def test_a_deployment_whose_end_was_not_seen_is_taken_up_by_the_next_try(world):
    with pytest.raises(TransientError) as caught:
        set_up_org(world.app, world.instance, waits=(1,))
    assert caught.value.code == "org-deployment-unfinished"
    assert set_up_org(world.app, world.instance).after.report.is_green
    assert {part.kind for part in made_parts(world.app, world.instance)} == set(PartKind)


def test_an_administrators_token_is_used_for_once_and_kept_nowhere(plain):
    token = plain.org.token("user")
    with admin_of(plain.app, plain.instance, AdminGrant(token)) as admin:
        assert set_up_org(plain.app, plain.instance, admin=admin).after.report.is_green
    state = (plain.folder / "state.sqlite3").read_bytes()
    assert token.encode() not in state
    with as_admin(plain) as admin:
        plain.org.expire_tokens()
        with pytest.raises(SetupError, match="administrator's access token"):
            undo_set_up(plain.app, plain.instance, admin=admin)


# -- undoing -----------------------------------------------------------------------------------------------------------


def test_an_undo_removes_what_the_set_up_made_and_nothing_else(world):
    world.org.track_field("Lead", "Company")
    before = check(world)
    done = set_up_org(world.app, world.instance)
    removed = undo_set_up(world.app, world.instance)
    assert set(removed) == set(done.made)
    assert made_parts(world.app, world.instance) == []
    after = check(world)
    assert lines(after, LineStatus.FIX) == lines(before, LineStatus.FIX)
    assert after.plan.parts == before.plan.parts


def test_an_undo_leaves_alone_what_was_there_before_or_was_made_by_others():
    world = make_world()
    world.org.make_admin("api")
    try:
        world.org.hide_field("Lead", "HasOptedOutOfEmail")
        made = set_up_org(world.app, world.instance).made
        assert {part.kind for part in made} == {PartKind.PERMISSION_SET, PartKind.ASSIGNMENT}
        undo_set_up(world.app, world.instance)
        fields = check(world)
        assert line_of(fields, "Lead.Mautic_Id__c").status is LineStatus.OK
        assert line_of(fields, TIMELINE).status is LineStatus.OK
    finally:
        world.close()


def test_an_undo_of_what_an_administrator_deployed_removes_nothing(plain):
    deploy_by_hand(plain, check_org(plain.app, plain.instance).package())
    assert undo_set_up(plain.app, plain.instance) == []
    assert check(plain).is_green


def test_an_undo_refuses_to_lose_data_unless_told_to(world):
    set_up_org(world.app, world.instance)
    contact, _ = world.link_person()
    world.host.submit_form(contact)
    world.sync("activities")
    with pytest.raises(SafetyError) as caught:
        undo_set_up(world.app, world.instance)
    assert caught.value.code == "org-parts-hold-data"
    assert "Lead.Mautic_Id__c (1)" in caught.value.message
    assert f"{TIMELINE} (1)" in caught.value.message
    assert "Deleted_in_Mautic__c" not in caught.value.message, "an unticked box is no data"
    assert check(world).is_green
    undo_set_up(world.app, world.instance, with_data=True)
    assert OrgPart(PartKind.OBJECT, TIMELINE) in check(world).plan.parts


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(world, *arguments, **options):
        monkeypatch.setattr("sidecar.cli.org.bootstrap", lambda: world.app)
        return CliRunner().invoke(cli, ["org", *arguments], **options)

    return run


def test_the_command_shows_the_list_and_asks_first(world, command):
    answer = command(world, "set-up", "acme", input="n\n")
    assert answer.exit_code == 1
    assert TIMELINE in answer.stdout
    assert deployments(world) == []
    assert command(world, "set-up", "acme", input="y\n").exit_code == 0
    checked = command(world, "check", "acme", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["green"]) == (0, True)
    again = json.loads(command(world, "set-up", "acme", "--yes", "--json").stdout)
    assert again["made"] == []
    removed = json.loads(command(world, "undo", "acme", "--yes", "--json").stdout)["removed"]
    assert {"kind": "object", "name": TIMELINE} in removed


def test_the_command_of_a_user_without_rights_leaves_the_package_for_an_administrator(plain, command, tmp_path):
    answer = command(plain, "set-up", "acme", "--yes")
    assert answer.exit_code == ExitCode.CANNOT_CONNECT
    assert "mautic-sidecar.zip" in answer.stderr
    deploy_by_hand(plain, (tmp_path / "mautic-sidecar.zip").read_bytes())
    assert json.loads(command(plain, "check", "acme", "--json").stdout)["green"]


def test_the_command_takes_an_administrators_token_from_a_file(plain, command, tmp_path):
    (tmp_path / "token").write_text(plain.org.token("user"))
    answer = command(plain, "set-up", "acme", "--yes", "--json", "--admin-token-file", "token")
    assert (answer.exit_code, json.loads(answer.stdout)["green"]) == (0, True)


def test_the_package_command_writes_a_zip_with_its_manifest(plain, command, tmp_path):
    assert command(plain, "package", "acme", "--output", "p.zip", "--whole").exit_code == 0
    with zipfile.ZipFile(io.BytesIO((tmp_path / "p.zip").read_bytes())) as archive:
        names = set(archive.namelist())
    files = {"Lead", "Contact", TIMELINE}
    assert names == {
        "package.xml",
        "permissionsets/Mautic_Sidecar.permissionset",
        *(f"objects/{name}.object" for name in files),
    }


def test_the_general_check_tells_of_the_org_in_one_line(world, command, monkeypatch):
    monkeypatch.setattr("sidecar.cli.connect.bootstrap", lambda: world.app)
    told = json.loads(CliRunner().invoke(cli, ["check", "acme", "--json"]).stdout)
    assert [(line["side"], line["ok"]) for line in told] == [("host", True), ("salesforce", True), ("org", False)]
    assert "sidecar org check acme" in told[-1]["message"]
    set_up_org(world.app, world.instance)
    assert json.loads(CliRunner().invoke(cli, ["check", "acme", "--json"]).stdout)[-1]["ok"]
