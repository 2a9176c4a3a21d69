"""The page that maps fields: what it tells, what can be saved, who may, and what it costs both systems."""

import re
from collections.abc import Iterator

import pytest

from sidecar.field_mapping.counting import run_count
from sidecar.field_mapping.saving import NAME
from sidecar.mapping.export import dump_mapping
from sidecar.store.audit import AuditLog
from sidecar.store.users import Role
from tests.web_app import add_user, client_of, counted_queries
from tests.world import World, make_world

PAGE = "/instances/acme/mapping"
COST: list[int] = []
"""The calls to Salesforce that counting took."""


@pytest.fixture(scope="module")
def read_world() -> Iterator[World]:
    """Both systems, read and counted once."""
    found = make_world()
    for name, role, language in (("ada", Role.ADMINISTRATOR, "en"), ("vue", Role.VIEWER, "fr")):
        add_user(found.app, name, role, language=language)
    for number in range(4):
        email = f"p{number}@example.org" if number else ""
        found.host.create_contact({"email": email, "lastname": "Lee", "firstname": "Ana" if number == 1 else ""})
    with found.host.database.engine.begin() as connection:  # an empty text is as blank as NULL
        connection.exec_driver_sql("UPDATE leads SET firstname = '' WHERE firstname IS NULL")
    found.org.insert("Lead", {"LastName": "Roe", "Company": "B", "Phone": "1", "Interests__c": "Music"})
    found.org.insert("Lead", {"LastName": "Poe", "Company": "B"})
    found.later(minutes=1)
    client = client_of(found.app, "ada")
    client.post(f"{PAGE}/read")
    before = calls_of(found)
    run_count(found.app, found.instance)
    COST.append(calls_of(found) - before)
    yield found
    found.close()


@pytest.fixture
def world(read_world: World) -> World:
    """The same, with the shipped mapping: whatever a test before saved is put back as a new version."""
    client = client_of(read_world.app, "ada")
    client.post(f"{PAGE}/versions/0", data={"version": version(read_world)})
    return read_world


def calls_of(world: World) -> int:
    return world.app.budgets.calls(world.instance.id, world.now).ours


def version(world: World) -> int:
    saved = world.app.mappings.current(world.instance.id, NAME)
    return saved.version if saved else 0


def document(world: World) -> dict:
    return dump_mapping(world.app.mapping(world.instance, NAME))


def pair_form(world: World, host: str, salesforce: dict[str, str], **more: object) -> dict[str, object]:
    chosen = {f"on_{name}": field for name, field in salesforce.items()}
    settings = {"priority": "both", "conflict_policy": "", "too_long": "hold", "transform": "", "placeholder": ""}
    return {"version": version(world), "host": host, **chosen, **settings, "do": "save", **more}


def row_of(text: str, name: str) -> str:
    """Return the table row that leads to a pair."""
    return next(row for row in re.split(r"<tr>", text) if f"/mapping/pairs/{name}" in row)


def test_the_table_tells_both_fields_their_types_who_wins_and_what_is_wrong(world: World) -> None:
    text = client_of(world.app, "ada").get(PAGE).text
    title = row_of(text, "title")
    assert all(words in title for words in ("Title", "position", "Text, up to 128 characters", "Two-way"))
    assert "A text that is too long is cut" in title
    assert title.count("<code>target-shorter</code>") == 1  # the same of both objects is said once
    assert "Contact, Lead: Title takes 128 characters" in title
    assert "A Salesforce administrator can fix this" in title
    assert "Salesforce wins" in row_of(text, "street")
    assert "MailingStreet" in row_of(text, "street")
    assert "required" in row_of(text, "last_name")
    assert "“Unknown” for new people without a value" in row_of(text, "last_name")
    assert "People are recognised by it" in row_of(text, "email")
    assert "Companies and Accounts cannot be mapped yet" in text


def test_a_search_by_label_or_name_needs_no_script(world: World) -> None:
    client = client_of(world.app, "ada")
    found = client.get(f"{PAGE}?q=mailingcity").text
    assert re.findall(r"/mapping/pairs/(\w+)", found) == ["city"]
    assert "/pairs/email" in client.get(f"{PAGE}?q=E-MAIL").text or "/pairs/email" in client.get(f"{PAGE}?q=email").text
    troubled = re.findall(r"/mapping/pairs/(\w+)", client.get(f"{PAGE}?problems=1").text)
    assert "title" in troubled
    assert len(troubled) < len(document(world)["fields"])


def test_looking_asks_neither_system_and_as_much_of_our_database_for_300_pairs_as_for_a_few(world: World) -> None:
    client, calls = client_of(world.app, "ada"), calls_of(world)
    with counted_queries() as few:
        client.get(PAGE)
    wide = document(world)
    for number in range(300):
        row = {"host": f"h{number}", "salesforce": {"Lead": f"F{number}__c"}, "priority": "host"}
        wide["fields"][f"extra_{number}"] = row
    world.app.mappings.save(world.instance.id, NAME, wide, "a test", world.now)
    with counted_queries() as many:
        text = client.get(PAGE).text
    assert len(few) == len(many) < 30
    assert not any("leads" in statement or "lead_fields" in statement for statement in many)
    assert text.count("/mapping/pairs/") == len(wide["fields"])
    assert calls_of(world) == calls


def test_filled_fields_are_counted_as_shares_with_their_numbers_in_few_calls(world: World) -> None:
    text = client_of(world.app, "ada").get(PAGE).text
    assert "filled: 33% (1 of 3)" in row_of(text, "first_name")  # who has no address does not count
    phone, interests = row_of(text, "phone"), row_of(text, "interests")
    assert "filled: 50% (1 of 2)" in phone
    assert "filled: 50% (1 of 2)" in interests  # a list of several options is counted in another way
    assert COST == [1]  # for two objects: three queries of up to 40 fields, and one for each list of several options


def test_values_are_shown_once_to_administrators_and_kept_nowhere(world: World) -> None:
    answer = client_of(world.app, "ada").post(f"{PAGE}/pairs/phone/samples")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<li>1</li>" in answer.text
    entry = AuditLog(world.app.database).entries(limit=1)[0]
    assert (entry.who, entry.what, entry.after) == ("ada", "mapping-samples-shown", "phone")
    assert client_of(world.app, "vue").post(f"{PAGE}/pairs/phone/samples").status_code == 403


def test_a_pair_is_added_changed_and_removed_as_versions_with_author_and_changes(world: World) -> None:
    client = client_of(world.app, "ada")
    before = version(world)
    added = client.post(
        f"{PAGE}/add",
        data=pair_form(world, "fax", {"Lead": "Fax", "Contact": "Fax"}, priority="host", placeholder=" "),
        follow_redirects=True,
    )
    assert "fax: added" in added.text
    assert document(world)["fields"]["fax"] == {"host": "fax", "salesforce": "Fax", "priority": "host"}
    client.post(
        f"{PAGE}/pairs/fax",
        data=pair_form(world, "fax", {"Lead": "Fax"}, too_long="cut", propagate_blanks="y", conflict_policy="hold"),
    )
    expected = {"salesforce": {"Lead": "Fax"}, "too_long": "cut", "propagate_blanks": True, "conflict_policy": "hold"}
    assert document(world)["fields"]["fax"] == {"host": "fax", **expected}
    client.post(f"{PAGE}/pairs/fax/remove", data={"version": version(world)})
    assert "fax" not in document(world)["fields"]
    assert version(world) == before + 3
    told = client.get(f"{PAGE}/versions").text
    assert all(words in told for words in ("fax: removed", "fax · Who wins: Mautic wins → Two-way", "ada"))
    entry = AuditLog(world.app.database).entries(limit=1)[0]
    assert (entry.who, entry.what, entry.after["version"]) == ("ada", "mapping-changed", before + 3)


def test_an_edit_leaves_everything_it_is_not_about_as_it_stands(world: World) -> None:
    rich = document(world)
    rich["owners"] = {"fallback": "office@example.com"}
    rich["scope"] = {"Lead": {"records": "matching", "criteria": [{"field": "Rating", "in": ["Hot"]}]}}
    world.app.mappings.save(world.instance.id, NAME, rich, "a file", world.now)
    client_of(world.app, "ada").post(
        f"{PAGE}/pairs/score", data=pair_form(world, "score", {"Lead": "Score__c", "Contact": "Score__c"})
    )
    rich["fields"]["score"].pop("priority")
    assert world.app.mappings.current(world.instance.id, NAME).document == rich


@pytest.mark.parametrize(
    ("host", "salesforce", "more", "told"),
    [
        ("id", {"Lead": "CreatedDate"}, {}, "pair-read-only"),
        ("phone", {"Lead": "Fax"}, {}, "phone is already mapped by phone"),
        ("fax", {"Lead": "Fax"}, {"enforce": "y"}, "in a two-way field there is no value to enforce"),
        ("fax", {"Lead": "Email"}, {}, "is already mapped by email"),
        ("fax", {"Lead": "HasOptedOutOfEmail"}, {}, "is consent, not a field"),
        ("nowhere", {"Lead": "Fax"}, {}, "host-field-missing"),
        ("fax", {}, {}, "Choose a Mautic field and at least one Salesforce field."),
        ("fax", {"Lead": "Fax"}, {"priority": "nobody"}, "Nothing was saved"),
    ],
)
def test_nothing_that_cannot_be_followed_is_saved(
    world: World, host: str, salesforce: dict[str, str], more: dict[str, str], told: str
) -> None:
    before = version(world)
    answer = client_of(world.app, "ada").post(f"{PAGE}/add", data=pair_form(world, host, salesforce, **more))
    assert (answer.status_code, told in answer.text) == (422, True)
    assert version(world) == before


def test_types_that_cannot_be_joined_are_refused_in_words_with_the_choice_that_would_do(world: World) -> None:
    client = client_of(world.app, "ada")
    refused = client.post(f"{PAGE}/add", data=pair_form(world, "points", {"Contact": "Birthdate"})).text
    assert "Birthdate (Date) and Points (Number) cannot be joined like this: the types do not fit." in refused
    assert "No choice would do. (no-converter)" in refused
    one_way = client.post(f"{PAGE}/add", data=pair_form(world, "fax", {"Lead": "DoNotCall"})).text
    assert "What would do: Mautic wins." in one_way
    form = pair_form(world, "fax", {"Lead": "DoNotCall"}, priority="host")
    assert client.post(f"{PAGE}/add", data=form).status_code == 302


def test_the_drop_downs_offer_what_is_free_grouped_by_type_with_label_and_filling(world: World) -> None:
    client = client_of(world.app, "ada")
    text = client.get(f"{PAGE}/add").text
    hosts = text.split('id="host"')[1].split("</select>")[0]
    assert 'value="fax"' in hosts
    assert 'value="email"' not in hosts
    assert '<optgroup label="Phone">' in hosts
    leads = text.split('id="on_Lead"')[1].split("</select>")[0]
    assert 'value="HasOptedOutOfEmail"' not in leads
    assert 'value="Email"' not in leads
    assert re.search(r"Fax \(Fax\) · filled: 0% \(0 of 2\)", leads)
    narrowed = client.post(
        f"{PAGE}/add", data=pair_form(world, "fax", {}, do="narrow", find_salesforce="fax", find_host="zzz")
    ).text
    assert re.findall(r'<option value="(\w+)"', narrowed.split('id="on_Lead"')[1].split("</select>")[0]) == [
        "Fax",
        "HasOptedOutOfFax",
    ]
    assert '<option value="fax" selected>' in narrowed  # what was chosen stays, whatever is sought


def test_what_means_the_same_on_both_sides_is_recommended_and_can_be_chosen(world: World) -> None:
    client = client_of(world.app, "ada")
    client.post(f"{PAGE}/pairs/title/remove", data={"version": version(world)})
    assert "1 recommended" in client.get(PAGE).text
    text = client.get(f"{PAGE}/add?recommended=title").text
    assert '<option value="position" selected>' in text
    assert text.count('<option value="Title" selected>') == 2
    assert '<option selected value="cut">' in text


def test_an_earlier_version_holds_again_and_who_looked_at_an_old_one_overwrites_nothing(world: World) -> None:
    client = client_of(world.app, "ada")
    kept, old = document(world), version(world)
    client.post(f"{PAGE}/pairs/mobile/remove", data={"version": old})
    late = client.post(f"{PAGE}/pairs/phone/remove", data={"version": old}, follow_redirects=True).text
    assert "mapping-changed" in late
    assert "phone" in document(world)["fields"]
    client.post(f"{PAGE}/versions/{old}", data={"version": version(world)})
    assert document(world) == kept
    assert version(world) == old + 2
    assert (
        "no-such-mapping-version"
        in client.post(f"{PAGE}/versions/999", data={"version": version(world)}, follow_redirects=True).text
    )


def test_the_settings_of_the_whole_are_saved_by_the_same_rules(world: World) -> None:
    client = client_of(world.app, "ada")
    settings = {
        "version": version(world),
        "direction": "to_salesforce",
        "create_in_salesforce": "Contact",
        "create_in_host": "y",
        "conflict_policy": "hold",
        "on_duplicate": "hold",
    }
    saved = client.post(f"{PAGE}/settings", data=settings, follow_redirects=True).text
    head = document(world)["mapping"]
    assert (head["direction"], head["update"], head["create_in_salesforce"]) == (
        "to_salesforce",
        ["salesforce"],
        "Contact",
    )
    assert (head["create_in_host"], head["fill_if_empty"]) == (False, False)
    assert "New in Salesforce as: Lead → Contact" in saved
    wrong = client.post(f"{PAGE}/settings", data=settings | {"create_in_salesforce": "Account"})
    assert wrong.status_code == 422


def test_a_viewer_reads_in_french_and_changes_nothing(world: World) -> None:
    client, before = client_of(world.app, "vue"), version(world)
    text = client.get(PAGE).text
    assert "Correspondance des champs" in text
    assert "rempli" in text
    assert "L’autre côté accepte moins de caractères." in text
    assert "/mapping/pairs/" not in text
    assert client.get(f"{PAGE}/versions").status_code == 200
    paths = ("/read", "/count", "/add", "/settings", "/pairs/phone", "/pairs/phone/remove", "/versions/0")
    assert {client.post(f"{PAGE}{path}", data={"version": before}).status_code for path in paths} == {403}
    assert {client.get(f"{PAGE}{path}").status_code for path in ("/add", "/settings", "/pairs/phone")} == {403}
    assert version(world) == before
