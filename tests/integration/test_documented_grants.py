"""The rights on Mautic's database that docs/connect.md tells to give are enough to read, and no more."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from sidecar.hosts.mautic.registration.look_behind import look_behind, rights_beyond_reading
from sidecar.hosts.mautic.side import MauticSide
from sidecar.hosts.mautic.timeline_sources import TIMELINE_SOURCES
from sidecar.records import Ref
from sidecar.sync.model import Wanted, Window
from tests.recorded_mautic import loaded_dump, mautic_at, rules_for, run_sql

DOCUMENT = Path(__file__).parents[2] / "docs" / "connect.md"
WAYS = dict(zip(("short", "narrow"), re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL), strict=True))
ALL_TIME = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def root_url(mariadb_url: str) -> Iterator[str]:
    with loaded_dump(mariadb_url, "final") as url:
        yield url


@pytest.fixture(params=WAYS)
def granted(request: pytest.FixtureRequest, root_url: str) -> Iterator[tuple[str, MauticSide]]:
    """A Mautic whose database is read by a user with the rights of one of the documented ways."""
    url, name = sqlalchemy.make_url(root_url), f"u{uuid.uuid4().hex[:12]}"
    statements = WAYS[request.param].replace("'sidecar'@'10.0.0.5'", f"'{name}'@'%'").replace("'…'", "'secret'")
    run_sql(url, statements.replace("mautic.", f"{url.database}."))
    theirs = url.set(username=name, password="secret").render_as_string(hide_password=False)
    with mautic_at(theirs, own_user_names=()) as side:
        yield request.param, side
    run_sql(url, f"DROP USER '{name}'@'%'")


def test_the_documented_rights_are_enough_for_people_and_activities(granted: tuple[str, MauticSide]) -> None:
    _, side = granted
    rules = rules_for(side.describe("contact"), "email", "firstname", "company", "owner_email")
    records = [record for page in side.read_changes(rules, "contact", ALL_TIME) for record in page.records]
    living = [record for record in records if not record.is_deleted and record.successor is None]
    assert len(living) > 200
    assert any(record.values["owner_email"] for record in living)
    assert side.find(rules, [Wanted(values={"email": living[0].values["email"] or "x@example.org"})])
    side.read_evidence(rules, [Ref("contact", record.ref.id) for record in living[:5]])
    assert side.timeline.missing_types(list(TIMELINE_SOURCES)) == ()
    events = [event for page in side.timeline.read_window("page.hit", ALL_TIME) for event in page.events]
    assert events


def test_the_documented_rights_never_allow_to_write(granted: tuple[str, MauticSide]) -> None:
    _, side = granted
    with (
        side.reader.engine.connect() as connection,
        pytest.raises(sqlalchemy.exc.DBAPIError, match=r"denied|READ ONLY"),
    ):
        connection.execute(sqlalchemy.text("UPDATE leads SET points = 1"))


def test_the_narrow_way_hides_passwords_and_secrets(granted: tuple[str, MauticSide]) -> None:
    way, side = granted
    for statement in ("SELECT password FROM users", "SELECT secret FROM oauth2_clients"):
        with side.reader.engine.connect() as connection:
            if way == "short":
                connection.execute(sqlalchemy.text(statement))
                continue
            with pytest.raises(sqlalchemy.exc.DBAPIError, match="denied"):
                connection.execute(sqlalchemy.text(statement))


def test_the_check_names_what_a_user_may_read_and_what_more_it_may(
    granted: tuple[str, MauticSide], root_url: str
) -> None:
    way, side = granted
    found = look_behind(side.reader)
    assert (found.error, found.unreadable, found.missing, found.soft_deletion) == (None, (), (), False)
    grants = found.grants or ()
    assert rights_beyond_reading(grants) == ()
    assert any("SELECT ON" in grant and grant.endswith(".*") for grant in grants) is (way == "short")
    assert "IDENTIFIED" not in "".join(grants)
    assert found.now is not None
    assert abs(found.now - datetime.now(UTC)) < timedelta(minutes=1)
    with mautic_at(root_url, own_user_names=()) as everything:
        assert "ALL PRIVILEGES" in rights_beyond_reading(look_behind(everything.reader).grants or ())
