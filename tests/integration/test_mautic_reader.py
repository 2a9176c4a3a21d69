"""Reading the databases of a real Mautic 5.1.1, loaded into MariaDB."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy

from sidecar.errors import SetupError, TransientError
from sidecar.hosts.mautic.reader import Wish
from sidecar.hosts.mautic.side import MauticSide
from sidecar.records import Consent, FieldType, Record, Ref
from sidecar.sync.model import Cursor, Wanted, Window
from tests.recorded_mautic import experiments, loaded_dump, mautic_at, rules_for, run_sql

FIELDS = ("email", "firstname", "lastname", "company")
ALL_TIME = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def final_url(mariadb_url: str) -> Iterator[str]:
    with loaded_dump(mariadb_url, "final") as url:
        yield url


@pytest.fixture(scope="module")
def final(final_url: str) -> Iterator[MauticSide]:
    with mautic_at(final_url, own_user_names=("sync sidecar [1]",)) as side:
        yield side


@pytest.fixture(scope="module")
def seeded(mariadb_url: str) -> Iterator[MauticSide]:
    with loaded_dump(mariadb_url, "seeded") as url, mautic_at(url) as side:
        yield side


def rows(side: MauticSide, statement: str) -> list[tuple]:
    with side.reader.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(statement))]


def read_one(side: MauticSide, contact_id: int, *fields: str) -> Record:
    ref = Ref("contact", str(contact_id))
    return side.read(rules_for(side.reader.schema, *(fields or FIELDS)), [ref])[ref]


def changed(side: MauticSide, window: Window, *fields: str) -> dict[str, Record]:
    rules = rules_for(side.reader.schema, *(fields or FIELDS))
    return {record.ref.id: record for page in side.read_changes(rules, "contact", window) for record in page.records}


# -- fields ----------------------------------------------------------------------------------------------------------


def test_every_published_contact_field_with_a_column_is_described(final: MauticSide) -> None:
    published = {
        alias for (alias,) in rows(final, "SELECT alias FROM lead_fields WHERE object='lead' AND is_published")
    }
    assert set(final.describe("contact").fields) == published | {"id", "contact_url", "owner_email"}


def test_companies_are_described_beside_contacts_and_nothing_else_is(final: MauticSide) -> None:
    company = final.describe("company")
    assert company is not None
    assert {"id", "companyname", "companycity", "companyvat"} <= company.fields.keys()
    assert final.describe("segment") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("firstname", (FieldType.TEXT, 191, None)),
        ("crm_reference", (FieldType.TEXT, 64, None)),
        ("long_text", (FieldType.TEXT, 191, None)),
        ("email", (FieldType.EMAIL, 191, None)),
        ("bio", (FieldType.LONG_TEXT, None, None)),
        ("annual_spend", (FieldType.NUMBER, None, 2)),
        ("points", (FieldType.NUMBER, None, 0)),
        ("last_call", (FieldType.DATETIME, None, 0)),
        ("birthday", (FieldType.DATE, None, None)),
        ("is_customer", (FieldType.BOOLEAN, None, None)),
        ("website", (FieldType.URL, 191, None)),
        ("salesforce_id", (FieldType.TEXT, 191, None)),
        ("mobile", (FieldType.PHONE, 191, None)),
    ],
)
def test_a_field_is_described_by_its_type_and_column(final: MauticSide, name: str, expected: tuple) -> None:
    info = final.describe("contact").fields[name]
    assert (info.type, info.length, info.scale) == expected


def test_lists_offer_their_values_and_only_selects_refuse_others(final: MauticSide) -> None:
    fields = final.describe("contact").fields
    assert (fields["tier"].options, fields["tier"].is_restricted) == (("gold", "silver", "bronze"), True)
    assert (fields["interests"].options, fields["interests"].is_restricted) == (("music", "art", "sport"), True)
    assert (fields["title"].options, fields["title"].is_restricted) == (("Mr", "Mrs", "Miss"), False)


def test_an_unpublished_field_does_not_exist(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(url, "UPDATE lead_fields SET is_published = 0 WHERE alias = 'city'")
        with mautic_at(url) as side:
            assert "city" not in side.describe("contact").fields


def test_a_field_whose_column_is_about_to_go_does_not_exist(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "ALTER TABLE lead_fields ADD column_is_not_removed TINYINT(1) NOT NULL DEFAULT 0;"
            "UPDATE lead_fields SET column_is_not_removed = 1 WHERE alias = 'city'",
        )
        with mautic_at(url) as side:
            assert "city" not in side.describe("contact").fields
            assert "state" in side.describe("contact").fields


# -- contacts as they are now ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seeded", "final"])
def test_every_contact_is_read_with_every_field(name: str, request: pytest.FixtureRequest) -> None:
    side = request.getfixturevalue(name)
    ids = [Ref("contact", str(each)) for (each,) in rows(side, "SELECT id FROM leads")]
    found = side.read(rules_for(side.reader.schema, *side.reader.schema.fields), ids)
    assert len(found) == len(ids) > 200
    assert not [record for record in found.values() if record.is_deleted or record.successor]
    emails = dict(rows(side, "SELECT CAST(id AS CHAR), NULLIF(email, '') FROM leads"))
    assert {record.ref.id: record.values["email"] for record in found.values()} == emails


def test_values_come_in_canonical_form(final: MauticSide) -> None:
    values = read_one(final, 8, "interests", "birthday", "is_customer", "annual_spend", "id", "contact_url").values
    assert values == {
        "interests": ("music",),
        "birthday": date(1956, 7, 16),
        "is_customer": True,
        "annual_spend": Decimal("6003.3"),
        "id": "8",
        "contact_url": "https://mautic.example/s/contacts/view/8",
    }


def test_several_choices_are_a_tuple_and_times_are_text(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "ALTER TABLE leads ADD best TIME NULL, ADD likes LONGTEXT NULL, ADD seen DATETIME NULL;"
            "INSERT INTO lead_fields (is_published,label,alias,type,is_required,is_fixed,is_visible,is_short_visible,"
            "is_listable,is_publicly_updatable,object) VALUES (1,'b','best','time',0,0,1,1,1,1,'lead'),"
            "(1,'l','likes','multiselect',0,0,1,1,1,1,'lead'),(1,'s','seen','datetime',0,0,1,1,1,1,'lead');"
            "UPDATE leads SET best='09:30:05', likes='Musik & Tanz|Ärger|✂️', seen='2026-03-04 15:06:07' WHERE id=2",
        )
        with mautic_at(url) as side:
            values = read_one(side, 2, "best", "likes", "seen").values
    assert values["best"] == "09:30:05"
    assert values["likes"] == ("Musik & Tanz", "Ärger", "✂️")
    assert values["seen"] == datetime(2026, 3, 4, 15, 6, tzinfo=UTC)


def test_every_script_and_symbol_survives(final: MauticSide) -> None:
    assert read_one(final, 17).values["firstname"] == "דוד"
    assert read_one(final, 17).values["company"] == "Ünïted Cœur SA"


def test_the_owner_is_known_by_address(final: MauticSide) -> None:
    [(contact_id, email)] = rows(
        final, "SELECT l.id, u.email FROM leads l JOIN users u ON u.id=l.owner_id ORDER BY l.id LIMIT 1"
    )
    assert read_one(final, contact_id, "owner_email").values == {"owner_email": email}
    assert read_one(final, 5111, "owner_email").values == {"owner_email": None}


@pytest.mark.parametrize(
    ("contact_id", "reason", "at"),
    [
        (3, "manual", datetime(2026, 11, 21, 21, 12, 34, tzinfo=UTC)),
        (4, "unsubscribed", datetime(2026, 11, 21, 21, 12, 35, tzinfo=UTC)),
        (5, "bounced", datetime(2026, 11, 21, 21, 12, 35, tzinfo=UTC)),
    ],
)
def test_an_opt_out_has_its_reason_and_date(final: MauticSide, contact_id: int, reason: str, at: datetime) -> None:
    assert read_one(final, contact_id).consent == Consent(True, reason, at)


@pytest.mark.parametrize("contact_id", [6, 32])
def test_other_channels_are_no_e_mail_opt_out(final: MauticSide, contact_id: int) -> None:
    survivor = read_one(final, contact_id)
    record = read_one(final, int(survivor.successor.id)) if survivor.successor else survivor
    assert record.consent == Consent(opted_out=False)


def test_of_several_opt_outs_the_bounce_counts(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "INSERT INTO lead_donotcontact (lead_id,date_added,reason,channel) VALUES"
            "(2,'2026-01-01',2,'email'),(2,'2026-02-01',3,'email'),(2,'2026-03-01',1,'email')",
        )
        with mautic_at(url) as side:
            assert read_one(side, 2).consent.reason == "bounced"


def test_every_merged_id_points_to_its_survivor(final: MauticSide) -> None:
    merges = rows(final, "SELECT merged_id, contact_id FROM contact_merge_records")
    refs = [Ref("contact", str(merged)) for merged, _ in merges]
    found = final.read(rules_for(final.reader.schema, *FIELDS), refs)
    assert {int(ref.id): int(record.successor.id) for ref, record in found.items()} == dict(merges)
    assert not any(record.is_deleted for record in found.values())


def test_a_deleted_contact_is_marked_deleted(final: MauticSide) -> None:
    record = read_one(final, 669)
    assert (record.is_deleted, record.successor) == (True, None)


def test_a_contact_is_as_recent_as_its_last_log_entry(final: MauticSide) -> None:
    """date_modified stands still in Mautic 6 and 7, and knows nothing of a creation in 5."""
    assert read_one(final, 655).modified_at is not None
    [(logged,)] = rows(final, "SELECT MAX(date_added) FROM audit_log WHERE object='lead' AND object_id=649")
    assert read_one(final, 649).modified_at == logged.replace(tzinfo=UTC)


def test_what_cannot_be_an_id_is_not_read(final: MauticSide) -> None:
    rules = rules_for(final.reader.schema, *FIELDS)
    assert final.read(rules, [Ref("contact", "1 OR 1=1"), Ref("contact", ""), Ref("company", "2")]) == {}


# -- the change feed -------------------------------------------------------------------------------------------------


def logged_changes() -> list[tuple[str, int, str]]:
    return [
        (each["experiment"], row["object_id"], row["action"])
        for each in experiments()
        for row in each["audit_log"]
        if (row["bundle"], row["object"]) == ("lead", "lead")
    ]


@pytest.mark.parametrize(("experiment", "contact_id", "action"), sorted(set(logged_changes())))
def test_the_feed_shows_each_logged_change_in_its_own_second(
    final: MauticSide, experiment: str, contact_id: int, action: str
) -> None:
    at = logged_at(final, contact_id, action)
    assert str(contact_id) in changed(final, Window(at, at + timedelta(seconds=1)))


@pytest.mark.parametrize(
    "experiment",
    [each for each in experiments() if each["leads_columns_changed"] == "ROW GONE"],
    ids=lambda e: e["experiment"],
)
def test_the_feed_tells_a_merge_from_a_deletion(final: MauticSide, experiment: dict) -> None:
    gone = experiment["contact"]
    at = logged_at(final, gone, "delete")
    record = changed(final, Window(at, at + timedelta(seconds=1)))[str(gone)]
    was_merged = "contact_merge_records" in experiment["tables_rows_added"]
    assert (record.successor is not None, record.is_deleted) == (was_merged, not was_merged)


def test_a_merge_shows_the_merged_and_the_survivor(final: MauticSide) -> None:
    [(merged, survivor, at)] = rows(
        final, "SELECT merged_id, contact_id, date_added FROM contact_merge_records ORDER BY id DESC LIMIT 1"
    )
    at = at.replace(tzinfo=UTC)
    assert {str(merged), str(survivor)} <= changed(final, Window(at, at + timedelta(seconds=1))).keys()


def test_a_merge_record_is_enough_without_a_log_entry(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "INSERT INTO contact_merge_records (contact_id,date_added,merged_id,name) VALUES (2,'2027-01-01 00:00:00',9999,'')",
        )
        with mautic_at(url) as side:
            at = datetime(2027, 1, 1, tzinfo=UTC)
            found = changed(side, Window(at, at + timedelta(seconds=1)))
    assert found.keys() == {"2", "9999"}
    assert found["9999"].successor == Ref("contact", "2")


def test_a_membership_without_a_log_entry_shows_where_the_company_is_mapped(mariadb_url: str) -> None:
    """POST /companies/{id}/contact/{id}/add changes the contact's company text and leaves no audit row."""
    at = datetime(2027, 1, 1, tzinfo=UTC)
    window = Window(at, at + timedelta(seconds=1))
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(url, "UPDATE companies_leads SET date_added='2027-01-01 00:00:00' LIMIT 1")
        with mautic_at(url) as side:
            [(member,)] = rows(side, "SELECT lead_id FROM companies_leads WHERE date_added >= '2027-01-01'")
            assert list(changed(side, window, "email", "company")) == [str(member)]
            assert changed(side, window, "email") == {}


def test_an_opt_out_by_sql_shows_too(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "INSERT INTO lead_donotcontact (lead_id,date_added,reason,channel) VALUES (2,'2027-01-01 00:00:00',1,'email')",
        )
        with mautic_at(url) as side:
            at = datetime(2027, 1, 1, tzinfo=UTC)
            assert list(changed(side, Window(at, at + timedelta(seconds=1)))) == ["2"]


def test_the_window_is_half_open(final: MauticSide) -> None:
    at = logged_at(final, 634, "update")
    assert "634" in changed(final, Window(at, at + timedelta(seconds=1)))
    assert "634" not in changed(final, Window(at - timedelta(seconds=1), at))
    assert "634" not in changed(final, Window(at + timedelta(seconds=1), at + timedelta(seconds=2)))


def test_the_whole_feed_shows_each_contact_once_and_leaves_none_out(final: MauticSide) -> None:
    rules = rules_for(final.reader.schema, *FIELDS)
    ids = [record.ref.id for page in final.read_changes(rules, "contact", ALL_TIME) for record in page.records]
    living = {str(each) for (each,) in rows(final, "SELECT id FROM leads")}
    assert len(ids) == len(set(ids))
    assert living <= set(ids)


def test_thousands_of_one_second_are_paged_without_loss(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        values = ",".join(f"({each},1,'2027-01-01 12:00:00',0)" for each in range(100_000, 105_000))
        run_sql(url, f"INSERT INTO leads (id,is_published,date_added,points) VALUES {values}")
        at = datetime(2027, 1, 1, 12, tzinfo=UTC)
        with mautic_at(url) as side:
            rules = rules_for(side.reader.schema, *FIELDS)
            pages = list(side.read_changes(rules, "contact", Window(at, at + timedelta(seconds=1))))
            resumed = Window(at, at + timedelta(seconds=1), after=pages[1].cursor)
            rest = list(side.read_changes(rules, "contact", resumed))
    assert [len(page.records) for page in pages] == [1000] * 5
    assert [record.ref.id for page in pages for record in page.records] == [
        str(each) for each in range(100_000, 105_000)
    ]
    assert pages[1].cursor == Cursor(at, "101999")
    assert [page.records for page in rest] == [page.records for page in pages[2:]]


def test_a_page_costs_the_same_few_statements_whatever_it_holds(final: MauticSide) -> None:
    def statements(page_size: int) -> tuple[int, int]:
        ran: list[str] = []
        with mautic_at(str(final.reader.engine.url), page_size=page_size) as side:
            rules = rules_for(side.reader.schema, *FIELDS, "owner_email")
            sqlalchemy.event.listen(side.reader.engine, "before_cursor_execute", lambda *call: ran.append(call[2]))
            page = next(iter(side.read_changes(rules, "contact", ALL_TIME)))
        return len(page.records), len(ran)

    small, large = statements(10), statements(2000)
    assert small[0] <= 10
    assert large[0] > 500
    assert small[1] == large[1] <= 7  # the first of a connection looks whether there is an outbox


def test_reading_100_changes_asks_for_no_more_than_the_mapped_fields(final: MauticSide) -> None:
    record = next(iter(changed(final, ALL_TIME, "email").values()))
    assert set(record.values) <= {"email"}


def logged_at(side: MauticSide, contact_id: int, action: str) -> datetime:
    statement = (
        f"SELECT MAX(date_added) FROM audit_log WHERE object='lead' AND object_id={contact_id} AND action='{action}'"
    )
    [(at,)] = rows(side, statement)
    return at.replace(tzinfo=UTC)


# -- finding ---------------------------------------------------------------------------------------------------------


def find(side: MauticSide, *wanted: Wanted) -> list[list[str]]:
    found = side.find(rules_for(side.reader.schema, *FIELDS), wanted)
    return [sorted(record.ref.id for record in records) for records in found]


def test_contacts_are_found_by_id_and_by_address_in_any_case(final: MauticSide) -> None:
    wanted = (
        Wanted("8", {"email": "nobody@example.com"}),
        Wanted(None, {"email": "CONTACT015@Example.com"}),
        Wanted("99999999", {"email": "contact015@example.com"}),
        Wanted(None, {"email": "nobody@example.com"}),
        Wanted("no number", {}),
    )
    assert find(final, *wanted) == [["8"], ["17"], ["17"], [], []]


def test_a_merged_id_finds_the_survivor_and_a_deleted_one_nobody(final: MauticSide) -> None:
    [(merged, survivor)] = rows(final, "SELECT merged_id, contact_id FROM contact_merge_records ORDER BY id LIMIT 1")
    assert find(final, Wanted(str(merged)), Wanted("669")) == [[str(survivor)], []]


def test_accents_make_another_address(mariadb_url: str) -> None:
    """The column's collation takes é for e; two people must not be taken for one."""
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(
            url,
            "UPDATE leads SET email='rené@example.com' WHERE id=2; UPDATE leads SET email='rene@example.com' WHERE id=3",
        )
        with mautic_at(url) as side:
            assert find(side, Wanted(None, {"email": "RENÉ@example.com"})) == [["2"]]


def test_a_thousand_wanted_cost_a_handful_of_statements(final: MauticSide) -> None:
    ran: list[str] = []
    with mautic_at(str(final.reader.engine.url)) as side:
        rules = rules_for(side.reader.schema, *FIELDS)
        sqlalchemy.event.listen(side.reader.engine, "before_cursor_execute", lambda *call: ran.append(call[2]))
        side.find(rules, [Wanted(str(each), {"email": f"contact{each:03}@example.com"}) for each in range(1000)])
    assert len(ran) < 30


# -- consent evidence ------------------------------------------------------------------------------------------------


def evidence(side: MauticSide, contact_id: int) -> datetime | None:
    ref = Ref("contact", str(contact_id))
    return side.read_evidence(rules_for(side.reader.schema, *FIELDS), [ref])[ref]


def test_an_opt_out_is_proved_by_its_row_and_a_lift_by_the_log(final: MauticSide) -> None:
    assert evidence(final, 4) == datetime(2026, 11, 21, 21, 12, 35, tzinfo=UTC)
    assert evidence(final, 649) == datetime(2026, 11, 21, 21, 33, 55, tzinfo=UTC)
    assert evidence(final, 634) is None


def test_an_opt_out_that_a_merge_lost_proves_nothing(final: MauticSide) -> None:
    """Contact 713 took over 712, whose unsubscription vanished: nobody opted anybody in."""
    assert evidence(final, 713) is None or read_one(final, 713).consent.opted_out


def test_our_own_lift_proves_nothing(final_url: str) -> None:
    with mautic_at(final_url, own_user_names=("Ada Admin",)) as side:
        assert evidence(side, 649) is None


# -- the database itself ---------------------------------------------------------------------------------------------


def test_a_table_prefix_is_followed(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "seeded") as url:
        with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect() as connection:
            names = [name for (name,) in connection.execute(sqlalchemy.text("SHOW TABLES"))]
        run_sql(url, "RENAME TABLE " + ",".join(f"`{name}` TO `mtc_{name}`" for name in names))
        with mautic_at(url, table_prefix="mtc_") as side:
            assert read_one(side, 17).values["firstname"] == "דוד"
            assert len(changed(side, ALL_TIME)) > 200
        with mautic_at(url) as side, pytest.raises(SetupError) as caught:
            side.describe("contact")
    assert caught.value.code == "mautic-database-without-tables"


def test_our_session_cannot_write(final: MauticSide) -> None:
    with final.reader.engine.connect() as connection, pytest.raises(sqlalchemy.exc.DBAPIError, match="READ ONLY"):
        connection.execute(sqlalchemy.text("UPDATE leads SET points = 1 WHERE id = 2"))


def test_the_right_to_select_is_enough(final_url: str) -> None:
    url = sqlalchemy.make_url(final_url)
    user = f"reader_{url.database[-8:]}"
    run_sql(url, f"CREATE USER {user}@'%' IDENTIFIED BY 'r'; GRANT SELECT ON {url.database}.* TO {user}@'%'")
    limited = url.set(username=user, password="r").render_as_string(hide_password=False)
    try:
        with mautic_at(limited, own_user_names=()) as side:
            assert read_one(side, 17).values["firstname"] == "דוד"
            assert len(changed(side, ALL_TIME, *FIELDS, "owner_email")) > 400
            assert evidence(side, 649) is not None
    finally:
        run_sql(url, f"DROP USER {user}@'%'")


def test_a_wrong_password_is_for_the_administrator(final_url: str) -> None:
    url = sqlalchemy.make_url(final_url).set(username="nobody", password="s3cret")
    with mautic_at(url.render_as_string(hide_password=False)) as side, pytest.raises(SetupError) as caught:
        side.now()
    assert caught.value.code == "mautic-database-refused"
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_away_is_waited_for() -> None:
    with mautic_at("mysql://u:s3cret@127.0.0.1:9/none") as side, pytest.raises(TransientError) as caught:
        side.now()
    assert caught.value.code == "mautic-database-unreachable"
    assert "s3cret" not in str(caught.value)


def test_an_address_that_is_none_is_said_to_be() -> None:
    with pytest.raises(SetupError) as caught, mautic_at("not an address"):
        pass
    assert caught.value.code == "mautic-database-address-wrong"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_machines_time_zone_changes_nothing(final_url: str, zone: str) -> None:
    script = (
        "import json,sys;from tests.recorded_mautic import mautic_at,rules_for;from sidecar.records import Ref\n"
        "from sidecar.clock import utc_now\n"
        "with mautic_at(sys.argv[1]) as side:\n"
        "  r=side.read(rules_for(side.reader.schema,'last_call','email'),[Ref('contact','683')])[Ref('contact','683')]\n"
        "  print(json.dumps([str(r.values['last_call']),str(r.modified_at),abs((side.now()-utc_now()).total_seconds())<60]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, final_url],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["2026-06-01 10:00:00+00:00", "2026-11-21 21:39:08+00:00", True]


def test_wish_names_each_field_once(final: MauticSide) -> None:
    rules = rules_for(final.reader.schema, "email", "city")
    assert Wish.of(rules) == Wish(("email", "city"), consent=True)
