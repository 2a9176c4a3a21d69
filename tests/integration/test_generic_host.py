"""A host that is one table: connected by its document, checked, run, and told clearly what it has not."""

from collections.abc import Iterator

import pytest

from sidecar.checks import check_side
from sidecar.errors import SetupError
from sidecar.hosts.generic.connection import GenericConnection
from sidecar.hosts.generic.side import connect
from sidecar.lanes import prepare_rules
from sidecar.records import Ref, Side
from sidecar.sync.model import Reaction
from sidecar.takeover.warning import warn
from tests.contract.side_contract import edit
from tests.generic_host import DOCUMENT
from tests.world import GENERIC, World, make_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = make_world(profile=GENERIC)
    yield made
    made.close()


def test_what_is_there_is_told_and_what_only_mautic_has_is_refused(world: World) -> None:
    checked = check_side(world.app, world.instance, Side.HOST)
    assert (checked.is_ok, checked.message[:21]) == (True, "Shop, table customers")
    assert warn(world.app, world.instance) is None
    report = world.sync("activities")
    assert (report.state, report.counts) == ("done", {})
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["host-has-no-timeline"]
    with pytest.raises(SetupError) as refused:
        world.app.connect_mautic(world.instance)
    assert refused.value.code == "host-not-mautic"


def test_a_value_that_another_row_has_is_held_back_and_a_rule_of_the_table_fails_one_alone(world: World) -> None:
    with world.host.engine.begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX one_phone ON customers (phone)")
        connection.exec_driver_sql(
            "CREATE TRIGGER no_oslo BEFORE UPDATE ON customers WHEN NEW.city = 'Oslo' "
            "BEGIN SELECT RAISE(ABORT, 'not here'); END"
        )
    made = world.host.create_many([{"email": f"{name}@example.org", "phone": name} for name in "abc"])
    first, second, third = (Ref("contact", str(each)) for each in made)
    with world.app.open_sides(world.instance) as sides:
        rules = prepare_rules(world.app, world.instance, "people", sides)
        writes = [edit(second, phone="a"), edit(first, city="Oslo"), edit(third, city="Bonn"), edit(third, city="Rome")]
        taken, refused, written, twice = sides.host.write(rules, writes)
    assert (taken.error.code, taken.error.reaction, taken.error.fields) == (
        "host-value-taken", Reaction.RETRY, ("phone",),
    )  # fmt: skip
    assert (refused.error.code, refused.error.reaction) == ("host-value-refused", Reaction.DATA)
    assert (written.error, twice.error.code) == (None, "host-written-twice")
    assert world.host.contact(made[2])["city"] == "Bonn"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("[host]", "[hosts]"), "host-document-invalid"),
        (('modified_at = "modified_at"\n', ""), "host-document-invalid"),
        (('deleted = "deleted"', 'deleted = "id"'), "host-document-invalid"),
        (('type = "url"', 'type = "link"'), "host-document-invalid"),
        (("{id}", ""), "host-document-invalid"),
        (('"customers"', '"nobody"'), "host-table-missing"),
        (('"merged_into"', '"nowhere"'), "host-column-missing"),
        (('modified_at = "modified_at"', 'modified_at = "city"'), "host-column-unfit"),
        (('id = "id"', 'id = "phone"'), "host-column-unfit"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_name(wrong: tuple[str, str], code: str) -> None:
    world = make_world(profile=GENERIC)
    with pytest.raises(SetupError) as refused:
        connect(GenericConnection(DOCUMENT.replace(*wrong, 1), world.host.database_url)).look()
    assert refused.value.code == code
    world.close()
