"""The sandbox Mautic on MariaDB behaves as on SQLite."""

import re
from collections.abc import Callable

from sqlalchemy import create_engine, text

from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.fields import NewField
from tests.contract.host_replay import START, call
from tests.contract.test_host_schema import recorded_columns


def test_contacts_merges_forms_late_commits_and_new_fields_work_on_mariadb(
    new_mariadb_database: Callable[[], str],
) -> None:
    host = Host(new_mariadb_database(), clock=HostClock(START), table_prefix="mtc_")
    first, second = host.create_many([{"email": "Zoë@example.com"}, {"email": "two@example.com", "score": 1.5}])
    host.opt_out(second)
    host.merge_contacts(first, second)
    with host.late_commit() as late:
        late_id = host.create_contact({"email": "late@example.com"})
    assert late_id < host.create_contact({"email": "during@example.com"})
    late.commit()
    host.add_field(NewField("nickname", "text"))
    host.edit_contact(late_id, {"nickname": "n"})
    new_id = host.submit_form_fresh_browser("late@example.com")
    row = host.contact(new_id)
    assert row
    assert (row["nickname"], row["date_added"], host.dnc(first)) == ("n", START.replace(tzinfo=None), [])
    status, body = call(host, "GET", f"/api/contacts?limit=0&start=1&orderBy=id&search=ids:{first},{new_id}")
    assert (status, list(body["contacts"])) == (200, [str(new_id)])
    host.delete_contact(first)
    assert host.rows("contact_merge_records", contact_id=first) == []
    the_bundle_works_on_mariadb(host, new_id)
    host.close()


def the_bundle_works_on_mariadb(host: Host, contact_id: int) -> None:
    """Show that rows replace each other, that items are undone alone, and that the beginning stays."""
    host.install_bundle()
    host.edit_contact(contact_id, {"nickname": "one"})
    [began, first] = host.outbox()
    items = [{"fields": {"points": 10**30}, "tags": ["x"]}, {"id": contact_id, "fields": {"nickname": "two"}}]
    status, body = call(host, "POST", "/api/sidecar/contacts/bulk", {"items": items})
    assert (status, body["results"][0]["error"]["code"]) == (200, 500)
    assert body["results"][1] == {"id": contact_id, "created": False, "changed": True}
    [_, second] = host.outbox()
    assert (second["dedupe_key"], second["id"] > first["id"]) == (first["dedupe_key"], True)
    assert host.rows("lead_tags") == []
    assert call(host, "POST", "/api/sidecar/outbox/done", {"ids": [began["id"], second["id"]]}) == (200, {"deleted": 1})


def test_mariadb_shows_the_recorded_column_types(new_mariadb_database: Callable[[], str]) -> None:
    url = new_mariadb_database()
    Host(url, custom_fields=()).close()
    columns = "SELECT column_name, column_type, is_nullable FROM information_schema.columns"
    query = columns + " WHERE table_schema = DATABASE() AND table_name = '{}'"
    with create_engine(url).connect() as connection:
        for table in ("leads", "audit_log", "lead_donotcontact", "email_stats"):
            rows = connection.execute(text(query.format(table))).all()
            ours = {
                n: (re.sub(r"(int)\(\d+\)", r"\1", t), null == "YES")
                for n, t, null in rows
                if not n.startswith("generated")
            }
            recorded = {n: kind for n, kind in recorded_columns(table).items() if not n.startswith("generated")}
            assert ours == recorded
