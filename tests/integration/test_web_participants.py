"""The page that says who of Mautic takes part: what it counts, what can be chosen, and that everybody is chosen on purpose."""

import re
from collections.abc import Iterator

import pytest

from sidecar.mapping.export import dump_mapping
from sidecar.store.users import Role
from tests.web_app import add_user, client_of
from tests.world import World, make_world

PAGE = "/instances/acme/mapping/scope"


@pytest.fixture
def world() -> Iterator[World]:
    """Two contacts with an address, three without, who are in two segments, one of them not published."""
    found = make_world()
    add_user(found.app, "ada", Role.ADMINISTRATOR)
    add_user(found.app, "vue", Role.VIEWER)
    for number in range(5):
        contact = found.host.create_contact(
            {"email": f"p{number}@example.org" if number < 2 else "", "lastname": "Lee"}
        )
    for name in ("Buyers", "Old"):
        found.host.join_segment(contact, name)
    with found.host.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE lead_lists SET is_published = 0 WHERE alias = 'old'")
    yield found
    found.close()


def chosen(world: World, **more: str) -> dict[str, str]:
    saved = world.app.mappings.current(world.instance.id, "people")
    version = str(saved.version if saved else 0)
    form = {"version": version, "who": "identified_with_email", "only_in_segment": "", "not_in_segment": ""}
    return {**form, **more}


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def scope_of(world: World):
    return world.app.mapping(world.instance, "people").host_scope


def test_everybody_takes_part_only_by_whoever_saw_the_number_and_means_it(world: World) -> None:
    ada = client_of(world.app, "ada")
    everybody = chosen(world, who="everyone", is_meant="y")
    refused = ada.post(PAGE, data=everybody)
    assert (refused.status_code, "Count first" in refused.text) == (422, True)
    ada.post(f"{PAGE}/read")
    page = words(ada.get(PAGE).text)
    assert "Contacts with an e-mail address 2" in page
    assert "3 more people would become new records there." in page
    refused = ada.post(PAGE, data=chosen(world, who="everyone"))
    assert (refused.status_code, "Tick that you want" in refused.text) == (422, True)
    assert scope_of(world).who == "identified_with_email"
    told = words(ada.post(PAGE, data=everybody, follow_redirects=True).text)
    assert "Who of Mautic takes part: Contacts with an e-mail address → Everybody" in told
    world.hourly()
    assert len(world.org.rows("Lead")) == 5
    ada.post(PAGE, data=chosen(world))
    assert "scope" not in world.app.mappings.current(world.instance.id, "people").document


def test_segments_are_chosen_by_name_from_those_that_mautic_has_published(world: World) -> None:
    ada = client_of(world.app, "ada")
    assert "buyers" not in ada.get(PAGE).text
    ada.post(f"{PAGE}/read")
    page = ada.get(PAGE).text
    assert re.search(r'<option value="buyers">[^<]*\(buyers\)</option>', page)
    assert 'value="old"' not in page
    assert re.search(r'href="http://[^"]+/s/segments/new"', page)
    assert ada.post(PAGE, data=chosen(world, only_in_segment="nowhere")).status_code == 422
    ada.post(PAGE, data=chosen(world, only_in_segment="buyers"))
    assert scope_of(world).only_in_segment == "buyers"
    assert world.hourly().counts.get("written", {}) == {}, "nobody is in the segment"


def test_what_else_the_scope_says_stays_and_a_segment_that_is_gone_can_be_kept(world: World) -> None:
    document = dump_mapping(world.app.mapping(world.instance, "people"))
    scope = {"host": {"only_in_segment": "gone", "not_with_tag": "staff"}}
    world.app.mappings.save(world.instance.id, "people", {**document, "scope": scope}, "a test", world.now)
    ada = client_of(world.app, "ada")
    assert re.search(r'<option selected value="gone">', ada.get(PAGE).text)
    ada.post(PAGE, data=chosen(world, only_in_segment="gone", not_in_segment=""))
    ada.post(PAGE, data=chosen(world))
    assert (scope_of(world).only_in_segment, scope_of(world).not_with_tag) == (None, "staff")


def test_who_only_looks_on_chooses_nothing(world: World) -> None:
    vue = client_of(world.app, "vue")
    answers = [vue.get(PAGE), vue.post(PAGE, data=chosen(world)), vue.post(f"{PAGE}/read")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
