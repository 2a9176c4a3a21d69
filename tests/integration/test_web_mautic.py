"""The page of an instance's Mautic: connected, looked at, registered; and how an instance comes to be."""

from collections.abc import Iterator

import pytest

from sidecar.records import Side
from sidecar.store.audit import AuditLog
from sidecar.store.users import Role
from tests.web_app import add_user, client_of
from tests.world import HOST_URL, World, make_world

PAGE = "/instances/acme/mautic"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    found = make_world()
    for name, role in (("ope", Role.OPERATOR), ("ada", Role.ADMINISTRATOR), ("vue", Role.VIEWER)):
        add_user(found.app, name, role)
    add_user(found.app, "own", Role.ADMINISTRATOR, instance_id=found.instance.id)
    yield found
    found.close()


def form(world: World, **changes: object) -> dict[str, object]:
    client_id = world.app.connections.load(world.instance.id, Side.HOST).settings["client_id"]
    return {"base_url": HOST_URL, "client_id": client_id, "parallel": 1, **changes}


def test_an_operator_connects_checks_and_registers_and_the_keys_are_shown_once(world: World) -> None:
    client = client_of(world.app, "ope")
    saved = client.post(PAGE, data=form(world), follow_redirects=True).text
    assert "The connection works" in saved
    assert "A secret is stored" in saved
    checked = client.post(f"{PAGE}/check", follow_redirects=True).text
    assert "Signed in as" in checked
    assert "Nobody said at which address Mautic reaches us" in checked
    assert checked.index("Not visible") < checked.index("Good to know") < checked.index("Signed in as")
    assert "Not checked yet" not in checked
    answer = client.post(f"{PAGE}/register")
    keys = world.app.connections.load_secrets(world.instance.id, Side.HOST)
    assert keys["shared_key"] in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    again = client.post(f"{PAGE}/register", follow_redirects=True).text + client.get(PAGE).text
    assert not any(secret in again for secret in keys.values())
    segment = client.post(f"{PAGE}/segment", follow_redirects=True).text
    assert "Made or mended in Mautic: 1." in segment
    assert "deleted in Salesforce" in segment


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "mautic-address-unsafe"),
        ({"base_url": "http://mautic.example.com"}, "mautic-address-unsafe"),
        ({"base_url": "https://m.example.com", "database_url": "sqlite:////etc/x"}, "mautic-address-unsafe"),
        ({"base_url": "https://m.example.com", "database_url": "mysql://u:p@127.0.0.1/m"}, "mautic-address-unsafe"),
        (
            {"base_url": "https://m.example.com", "database_url": "mysql://u:p@db.example.com/m?read_default_file=/x"},
            "mautic-address-unsafe",
        ),
        (
            {"base_url": "https://m.example.com", "database_url": "mysql://u:p@db.example.com/m"},
            "mautic-sign-in-missing",
        ),
    ],
)
def test_an_administrator_reaches_no_place_of_this_machine_and_no_secret_moves_to_another_address(
    world: World, changes: dict[str, object], code: str
) -> None:
    before = world.app.connections.load(world.instance.id, Side.HOST).settings
    answer = client_of(world.app, "ada").post(PAGE, data=form(world, **changes))
    assert answer.status_code == 422
    assert code in answer.text
    assert world.app.connections.load(world.instance.id, Side.HOST).settings == before


def test_who_only_looks_neither_connects_nor_registers(world: World) -> None:
    client = client_of(world.app, "vue")
    assert {client.get(PAGE).status_code, client.post(f"{PAGE}/register").status_code} == {403}
    assert "Add connection" not in client.get("/").text


def test_a_connection_is_added_from_the_list_with_a_name_that_is_given_once(world: World) -> None:
    client = client_of(world.app, "ada")
    assert "/add-connection" in client.get("/").text
    added = client.post("/add-connection", data={"label": "Été & Fils"})
    assert added.headers["Location"].endswith("/instances/ete-fils/mautic")
    entry = AuditLog(world.app.database).entries(limit=1)[0]
    assert (entry.who, entry.what, entry.after) == ("ada", "instance-added", "Été & Fils")
    for data, code in (({"label": " été & fils ", "slug": "x"}, "instance-label-taken"), ({"label": ""}, "a name")):
        refused = client.post("/add-connection", data=data)
        assert (refused.status_code, code in refused.text) == (422, True)
    assert client_of(world.app, "own").get("/add-connection").status_code == 403
