"""Taking over from Mautic's own Salesforce plugin: 300 links with everything that is known to go wrong in them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy
from typer.testing import CliRunner

from sidecar.cli import app as commands
from sidecar.errors import SetupError, TransientError, UsageError
from sidecar.hosts.mautic.database import open_database
from sidecar.hosts.mautic.native.rows import LinkRows
from sidecar.hosts.mautic.native.tables import NativeTables
from sidecar.hosts.mautic.native.watch import read_state
from sidecar.lanes import RunReport, run_lane
from sidecar.records import Ref, Side
from sidecar.sandbox.host.native_plugin import INSTALLATION_KEY
from sidecar.sandbox.host.tables import build_schema
from sidecar.store.audit import AuditLog
from sidecar.store.links import Scope, load_tombstones, walk_links
from sidecar.takeover.importing import Imported, OrgSaving, Saving, take_over
from sidecar.takeover.looking import look
from sidecar.takeover.shadow import Shadow, run_shadow
from sidecar.takeover.warning import warn
from tests.builders import NOON
from tests.world import World, make_world

FIELDS = {
    "LastName__Lead": "lastname",
    "LastName__Contact": "lastname",
    "FirstName__Lead": "firstname",
    "FirstName__Contact": "firstname",
    "Email__Lead": "email",
    "Email__Contact": "email",
    "Phone__Lead": "phone",
    "Phone__Contact": "phone",
    "Company__Lead": "company",
    "Score__c__Lead": "score",
    "Score__c__Contact": "score",
    "IsDeleted__Lead": "deleted_in_salesforce",
    "HasOptedOutOfEmail__Lead": "mauticContactIsContactableByEmail",
    "HasOptedOutOfEmail__Contact": "mauticContactIsContactableByEmail",
    "Mautic_Url__c__Lead": "mauticContactTimelineLink",
    "AccountId__Contact": "company",
}
CHOSEN = {
    "objects": ["Lead", "Contact", "company", "Activity"],
    "activityEvents": ["point.gained", "page.hit", "lead.create"],
    "updateDncByDate": ["updateDncByDate"],
    "leadFields": FIELDS,
    "update_mautic": {name: "0" if name.startswith("Score") else "1" for name in FIELDS},
    "companyFields": {"Name": "companyname"},
}
KEYS = {"client_id": "3MVG9", "client_secret": "a secret", "refresh_token": "5Aep861", "id": "https://x/id/00D1/0051"}
COUNT = 300


@dataclass
class Installation:
    """A Mautic whose plugin has linked 300 people, badly, and the org it did that with. `told` is what it would say later."""

    world: World
    contacts: list[int]
    records: list[str]
    strays: dict[str, int] = field(default_factory=dict)

    def object_of(self, number: int) -> str:
        return "Contact" if number < 60 else "Lead"

    def row(self, number: int, **changes: object) -> dict:
        usual = {"integration_entity": self.object_of(number), "integration_entity_id": self.records[number]}
        return {"internal_entity_id": self.contacts[number], **usual, **changes}


def installed(world: World, **changes: object) -> Installation:
    """Let people have lived with the plugin for a day; nothing of ours has run."""
    people = [{"email": f"p{n}@example.org", "lastname": f"Person {n}"} for n in range(COUNT)]
    contacts = world.host.create_many(people)
    in_org = [{"Email": each["email"], "LastName": each["lastname"]} for each in people]
    records = world.org.insert_many("Contact", in_org[:60])
    records += world.org.insert_many("Lead", [{**each, "Company": "Acme"} for each in in_org[60:]])
    plugin = Installation(world, contacts, records)
    world.host.install_native_plugin({**CHOSEN, **changes}, api_keys=KEYS)
    return plugin


def make_faults(plugin: Installation) -> list[dict]:
    """Return the plugin's links, each known fault among them, after what became of the people meanwhile."""
    world, stamp = plugin.world, plugin.world.now.replace(tzinfo=None)
    older = stamp - timedelta(hours=9)
    rows = {n: plugin.row(n) for n in range(COUNT)}
    for n in range(10):
        rows[n]["integration_entity"] = "Lead"  # a Contact's id, kept as that of a Lead
    for n in range(20, 40):
        rows[n]["integration_entity_id"] = plugin.records[n][:15]
    for n in range(100, 105):
        rows[n]["internal_entity"] = "lead-error"
    for n in range(105, 108):
        world.org.delete("Lead", plugin.records[n])
        rows[n] |= {"internal_entity": "lead-error", "integration_entity_id": None}
    for n in range(110, 115):
        world.org.delete("Lead", plugin.records[n])
        rows[n]["internal_entity"] = "lead-deleted"
    for n in range(115, 118):
        rows[n]["internal_entity"] = "lead-duplicate"
    for n in range(120, 125):
        world.org.convert_lead(plugin.records[n])
    for n in range(130, 133):  # the contact lives on in one that was never linked
        plugin.strays[f"survivor {n}"] = world.host.create_contact({"lastname": "Survivor"})
        world.host.merge_contacts(plugin.strays[f"survivor {n}"], plugin.contacts[n])
    world.host.delete_contact(plugin.contacts[135])
    world.org.merge("Lead", plugin.records[140], [plugin.records[141]])
    del rows[140]  # only the loser of that merge was linked
    for n in range(150, 155):
        rows[n]["last_sync_date"] = None
    extra = [
        plugin.row(160, integration_entity_id=plugin.records[161], last_sync_date=older),  # two rows of one contact
        plugin.row(162, internal_entity_id=plugin.contacts[163], last_sync_date=older),  # two rows of one record
        {"integration_entity": "Account", "integration_entity_id": f"001{records_tail(plugin)}",
         "internal_entity_id": plugin.contacts[170]},  # a company, typed lead, with a contact's number
        {"integration_entity": "company", "integration_entity_id": f"001{records_tail(plugin)}",
         "internal_entity": "company", "internal_entity_id": 1},
        {"integration_entity": "CampaignMember", "integration_entity_id": "701000000000001AAA",
         "internal_entity_id": plugin.contacts[171]},
        {"integration": "Hubspot", "integration_entity_id": "7", "internal_entity_id": plugin.contacts[172]},
    ]  # fmt: skip
    return [*extra, *rows.values()]


def records_tail(plugin: Installation) -> str:
    return plugin.records[0][3:15]


@dataclass
class Story:
    """Everything that happened, so that each test can look at one part of it."""

    plugin: Installation
    before: dict[str, list]
    shadow: Shadow
    after_shadow: dict[str, list]
    imported: Imported
    again: Imported
    states: tuple[list, list]
    people: RunReport
    activities: RunReport
    idle: RunReport
    after: dict[str, list]

    @property
    def world(self) -> World:
        return self.plugin.world

    def link(self, number: int) -> Ref | None:
        link = self.world.link_of(self.plugin.contacts[number])
        return link.salesforce if link else None


def both_sides(world: World) -> dict[str, list]:
    found = {name: world.org.rows(name) for name in ("Lead", "Contact", "mautic_timeline__c")}
    return {**found, "contacts": world.host.contacts(), "opt-outs": world.host.rows("lead_donotcontact")}


def our_links(world: World) -> list:
    with world.app.database.read() as connection:
        tables = ("links", "tombstones", "activity_starts", "activity_log", "watermarks", "mappings", "audit_log")
        return [connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY id").all() for name in tables]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    world = make_world()
    plugin = installed(world)
    rows = make_faults(plugin)
    world.host.gain_points(plugin.contacts[50], 1)  # long ago, for the plugin as for us
    world.later(hours=10)
    sent = [world.host.gain_points(contact, 5) for contact in plugin.contacts[:5]]
    visit = world.host.hit_page(plugin.contacts[0])
    world.later(minutes=5)
    stamp = world.now.replace(tzinfo=None)
    world.host.add_native_links([{"last_sync_date": stamp, **row} for row in rows])
    references = [f"PointGained{row}-{plugin.records[n]}" for n, row in enumerate(sent)] + [
        f"{visit}-{plugin.records[0]}"
    ]
    timeline = [{"Name": "Point gained", "ReferenceId__c": each} for each in references]
    world.org.insert_many("mautic_timeline__c", [{**each, "contact_id__c": plugin.records[0]} for each in timeline])
    world.later(minutes=30)
    world.org.update("Lead", plugin.records[200], {"Phone": "+1 555 0200"})
    world.host.edit_contact(plugin.contacts[201], {"score": 12, "phone": "+1 555 0201"})
    world.host.gain_points(plugin.contacts[7], 3)
    world.later(minutes=30)
    before = both_sides(world)
    shadow = run_shadow(world.app, world.instance, 2)
    after_shadow = both_sides(world)
    world.host.publish_native_plugin(is_published=False)
    imported = take_over(world.app, world.instance, "ana")
    first = our_links(world)
    world.later(minutes=1)
    again = take_over(world.app, world.instance, "ana")
    states = (first, our_links(world))
    people, activities, idle = world.sync(), world.sync("activities"), world.sync()
    yield Story(
        plugin, before, shadow, after_shadow, imported, again, states, people, activities, idle, both_sides(world)
    )
    world.close()


# -- the first run ---------------------------------------------------------------------------------------------------


def test_the_first_run_creates_nobody(story: Story) -> None:
    """Neither side has a person more, however the plugin's links were broken."""
    for name in ("Lead", "Contact", "contacts"):
        assert len(story.after[name]) == len(story.before[name])
    assert {report.state for report in (story.people, story.activities, story.idle)} == {"done"}


def test_the_first_run_sends_no_activity_again_and_loses_none(story: Story) -> None:
    """Six records came from the plugin; the one event since then is sent, and nothing else."""
    assert story.activities.counts == {"written": {"timeline-written": 1}}
    references = [row["ReferenceId__c"] for row in story.after["mautic_timeline__c"]]
    assert len(references) == len(set(references)) == 7


def test_what_changed_since_the_plugins_last_push_travels_by_its_arrows(story: Story) -> None:
    """Where Salesforce wins its value comes, where Mautic wins it goes, and everybody else stays as they were."""
    world, plugin = story.world, story.plugin
    assert world.host.contact(plugin.contacts[200])["phone"] == "+1 555 0200"
    assert world.org.row("Lead", plugin.records[201])["Score__c"] == 12
    assert world.org.row("Lead", plugin.records[201])["Phone"] is None, "that arrow points the other way"
    changed = {row["Id"] for row, was in zip(story.after["Lead"], story.before["Lead"], strict=True) if row != was}
    assert changed <= {plugin.records[200], plugin.records[201]}
    assert story.idle.counts.get("written", {}) == {}


def test_a_second_import_changes_nothing(story: Story) -> None:
    assert story.states[0] == story.states[1]
    assert not story.again.has_changed
    assert story.again.links["native-link-taken-over"] == 0
    assert story.again.links["native-link-known"] == story.imported.links["native-link-taken-over"]


# -- links -----------------------------------------------------------------------------------------------------------


def test_a_contacts_id_kept_as_a_leads_becomes_a_link_to_the_contact(story: Story) -> None:
    assert story.link(3) == Ref("Contact", story.plugin.records[3])
    assert story.imported.links["native-link-object-repaired"] == 10


def test_short_ids_are_completed(story: Story) -> None:
    assert story.link(25) == Ref("Contact", story.plugin.records[25])
    assert story.imported.links["native-link-id-completed"] == 20


def test_of_several_links_the_newest_sync_wins(story: Story) -> None:
    """One contact with two records, and one record with two contacts; the losers keep links of their own."""
    for number in (160, 161, 162, 163):
        assert story.link(number) == Ref("Lead", story.plugin.records[number])
    assert story.imported.links["native-link-lost-to-newer"] == 2


def test_an_error_with_an_id_is_a_link_and_one_without_is_left_to_matching(story: Story) -> None:
    assert story.link(101) == Ref("Lead", story.plugin.records[101])
    assert story.link(106) is None
    assert story.imported.links["native-link-without-id"] == 3


def test_who_was_deleted_in_salesforce_has_a_tombstone_and_no_link(story: Story) -> None:
    refs = [Ref("contact", str(story.plugin.contacts[n])) for n in range(110, 115)]
    with story.world.app.database.read() as connection:
        assert load_tombstones(connection, story.world.instance.id, Side.HOST, refs) == set(refs)
    assert story.link(112) is None


def test_converted_leads_are_followed(story: Story) -> None:
    moved = story.world.org.row("Lead", story.plugin.records[121])["ConvertedContactId"]
    assert story.link(121) == Ref("Contact", moved)
    assert story.imported.links["native-link-record-moved"] == 6, "five conversions and a merge"
    assert story.link(141) == Ref("Lead", story.plugin.records[140])


def test_merged_contacts_are_followed_and_deleted_ones_are_not_resurrected(story: Story) -> None:
    survivor = story.plugin.strays["survivor 131"]
    assert story.world.link_of(survivor).salesforce == Ref("Lead", story.plugin.records[131])
    assert story.imported.links["native-link-contact-merged"] == 3
    gone = Ref("Lead", story.plugin.records[135])
    with story.world.app.database.read() as connection:
        assert load_tombstones(connection, story.world.instance.id, Side.SALESFORCE, [gone]) == {gone}


def test_companies_and_campaigns_make_no_link_and_block_nobody(story: Story) -> None:
    """A company typed as a person has a contact's number; that contact keeps its own link."""
    assert story.link(170) == Ref("Lead", story.plugin.records[170])
    assert story.imported.links["native-link-company-as-person"] == 1
    assert story.imported.links["native-link-of-campaign"] == 1
    assert story.imported.links["native-link-duplicate-contact"] == 3
    scope = Scope(story.world.instance.id, "people")
    living = list(walk_links(story.world.app.database, scope, Side.HOST, "contact"))
    assert len(living) == COUNT - 1 - 3 - 5 - 3 - 1


# -- documents and audit ---------------------------------------------------------------------------------------------


def test_the_mapping_is_saved_with_its_arrows_and_an_author(story: Story) -> None:
    world = story.world
    [version] = world.app.mappings.history(world.instance.id, "people")
    assert version.author == "take-over (ana)"
    mapping = world.app.mapping(world.instance, "people")
    assert mapping.pair("score").priority == "host"
    assert mapping.pair("phone").priority == "salesforce"
    assert mapping.consent.lift == "all_but_bounces"
    assert world.app.activities(world.instance).event_types == ("point.gained", "page.hit")


def test_who_took_over_what_is_written_down_once(story: Story) -> None:
    entries = [
        each for each in AuditLog(story.world.app.database).entries(story.world.instance.id) if each.who == "ana"
    ]
    assert [each.what for each in entries] == ["native-plugin-taken-over"]
    assert entries[0].after["company_fields"] == {"Name": "companyname"}, "kept for the day companies are synced"


def test_what_could_not_be_imported_is_told_with_a_reason(story: Story) -> None:
    told = {each.code: each for each in story.imported.looked.conversion.findings}
    expected = {
        "native-field-is-account",
        "native-companies-later",
        "native-event-never-sent",
        "native-push-actions",
        "native-contact-link",
        "native-consent-lift",
    }
    assert told.keys() == expected
    assert all(each.why and each.what_to_do.endswith(".") for each in told.values())


# -- the shadow run --------------------------------------------------------------------------------------------------


def test_the_shadow_run_names_who_differs_and_writes_nothing(story: Story) -> None:
    """Before anything is imported: two people of 300 differ, by field and reason, without a value."""
    differing = {each.contact: each for each in story.shadow.records}
    first, second = (str(story.plugin.contacts[n]) for n in (200, 201))
    assert ("phone", "host", "first-contact-salesforce-wins") in story.shadow.by_field or (
        "phone",
        "host",
        "filled-empty",
    ) in story.shadow.by_field
    assert {first, second} <= differing.keys()
    assert all(each.action != "create" for each in story.shadow.records)
    assert story.after_shadow == story.before
    assert "555" not in repr(story.shadow.records)


# -- while both write ------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[World]:
    world = make_world()
    yield world
    world.close()


def test_the_alert_stays_open_while_the_plugin_is_published_or_its_cron_leaves_marks(world: World) -> None:
    """It is published → alert; unpublished but syncing → alert, since its cron ignores that; silent → closed."""
    codes = lambda: [each.code for each in world.app.alerts.list_open(world.instance.id)]  # noqa: E731  (short)
    assert warn(world.app, world.instance) is None, "no plugin was ever set up"
    world.host.install_native_plugin(CHOSEN)
    world.sync()
    assert codes() == ["native-plugin-running"]
    world.host.publish_native_plugin(is_published=False)
    assert warn(world.app, world.instance) is None
    assert codes() == []
    stamp = world.now.replace(tzinfo=None)
    world.host.add_native_links([{"internal_entity_id": 1, "integration_entity_id": "x", "last_sync_date": stamp}])
    assert "cron" in warn(world.app, world.instance).message
    world.later(hours=3)
    assert warn(world.app, world.instance) is None


def test_the_secret_key_opens_the_plugins_sign_in_and_is_kept_nowhere(world: World) -> None:
    """Only where nobody has entered a way to the org; a wrong key says so and nothing is imported."""
    world.host.install_native_plugin(CHOSEN, api_keys=KEYS)
    bare = world.app.instances.add("bare", "Bare", world.now)
    host = world.app.connections.load(world.instance.id, Side.HOST)
    secrets = world.app.connections.load_secrets(world.instance.id, Side.HOST)
    world.app.connections.save(bare.id, Side.HOST, host.settings, secrets)
    with pytest.raises(UsageError) as wrong:
        take_over(world.app, bare, "ana", secret_key="ab" * 32)
    assert wrong.value.code == "native-secret-key-wrong"
    assert take_over(world.app, world.instance, "ana", secret_key=INSTALLATION_KEY).org is OrgSaving.KEPT
    # The plugin's app is unknown to the org of these tests; the connection was saved before anybody signed in.
    with pytest.raises(SetupError) as unknown:
        take_over(world.app, bare, "ana", secret_key=INSTALLATION_KEY)
    assert unknown.value.code == "salesforce-client-refused"
    saved = world.app.connections.load(bare.id, Side.SALESFORCE)
    assert saved.settings["flow"] == "web_server"
    assert saved.settings["login_url"] == "https://login.salesforce.com"
    assert saved.settings["signed_in_as"] == "00D1/0051"
    assert world.app.connections.load_secrets(bare.id, Side.SALESFORCE)["refresh_token"] == KEYS["refresh_token"]
    state = b"".join(path.read_bytes() for path in world.folder.glob("state.sqlite3*"))
    assert INSTALLATION_KEY.encode() not in state


def test_a_mapping_made_here_is_kept_unless_it_shall_be_replaced(world: World) -> None:
    world.host.install_native_plugin(CHOSEN)
    world.change_document(lambda document: document["mapping"].update(fill_if_empty=False))
    kept = take_over(world.app, world.instance, "ana")
    assert kept.documents["people"] == (Saving.KEPT, 1)
    replaced = take_over(world.app, world.instance, "ana", replace=True)
    assert replaced.documents["people"] == (Saving.SAVED, 2)


def test_nothing_is_imported_beside_a_run(world: World) -> None:
    world.host.install_native_plugin(CHOSEN)
    world.app.schedules.claim_lease(world.instance.id, "people", "another worker", world.now, 600)
    with pytest.raises(TransientError) as busy:
        take_over(world.app, world.instance, "ana")
    assert busy.value.code == "lane-running"
    assert world.app.mappings.current(world.instance.id, "people") is None
    assert run_lane(world.app, world.instance, "activities", "test").state == "done", "its lease was given back"


def test_without_a_plugin_there_is_nothing_to_take_over(world: World) -> None:
    with pytest.raises(UsageError) as absent:
        look(world.app, world.instance)
    assert absent.value.code == "native-plugin-absent"


@pytest.mark.parametrize("engine", ["sqlite", "mariadb"])
def test_links_are_read_page_by_page_the_newest_sync_first(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Pages of two, with equal moments and without any; each link comes once."""
    url = f"sqlite:///{tmp_path}/mautic.sqlite3"
    if engine == "mariadb":
        url = request.getfixturevalue("new_mariadb_database")()
    stamp = NOON.replace(tzinfo=None)
    ages = [3, 1, 1, 1, 2, None, 0, None, None]
    dates = [None if age is None else stamp - timedelta(hours=age) for age in ages]
    with_links(url, [{"internal_entity_id": 1, "last_sync_date": each} for each in dates])
    rows = LinkRows(open_database(url), NativeTables(), page_size=2)
    pages = list(rows.pages())
    assert [row.id for page in pages for row in page] == [7, 4, 3, 2, 5, 1, 9, 8, 6]
    assert max(len(page) for page in pages) == 2
    assert [(each.object, each.state, each.count) for each in rows.count()] == [("Lead", "lead", 9)]
    assert read_state(rows.engine, rows.tables).last_push_at == NOON
    rows.engine.dispose()


def with_links(url: str, links: list[dict]) -> None:
    """Make only the plugin's own tables in an empty database, and fill them."""
    schema, engine = build_schema(), sqlalchemy.create_engine(url)
    usual = {"date_added": NOON.replace(tzinfo=None) - timedelta(days=1), "integration": "Salesforce"}
    usual |= {"integration_entity": "Lead", "internal_entity": "lead", "integration_entity_id": "00Q"}
    settings = {"name": "Salesforce", "is_published": 0, "api_keys": "a:0:{}"}
    with engine.begin() as connection:
        for name in ("plugins", "plugin_integration_settings", "integration_entity"):
            schema[name].create(connection)
        connection.execute(schema["plugin_integration_settings"].insert(), settings)
        connection.execute(schema["integration_entity"].insert(), [{**usual, **link} for link in links])
    engine.dispose()


# -- the commands ----------------------------------------------------------------------------------------------------


def test_the_commands_tell_it_in_tables_and_in_json(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect, shadow and import; each says what to do next, and the key never shows."""
    world.host.install_native_plugin(CHOSEN, api_keys=KEYS)
    monkeypatch.setattr("sidecar.cli.takeover.bootstrap", lambda: world.app)
    key = world.folder / "key"
    key.write_text(INSTALLATION_KEY)

    def told(*words: str) -> str:
        done = CliRunner().invoke(commands, ["takeover", *words])
        assert done.exit_code == 0, done.output
        assert INSTALLATION_KEY not in done.output
        return done.output

    for words in (("inspect", "acme"), ("shadow", "acme"), ("import", "acme")):
        document = json.loads(told(*words, "--json"))
        assert "native-plugin-running" in told(*words), "it is still published"
        assert "still published" in document["warning"]
    assert "sidecar takeover shadow acme" in told("inspect", "acme")
    assert "sidecar takeover import acme" in told("shadow", "acme")
    again = json.loads(told("import", "acme", "--secret-key-file", str(key), "--json"))
    assert (again["changed"], again["org"]) == (False, "kept")
    twice = CliRunner().invoke(
        commands, ["takeover", "import", "acme", "--ask-secret-key", "--secret-key-file", str(key)]
    )
    assert twice.exit_code == 2
