"""The sandbox Mautic on MariaDB behaves as on SQLite."""

import re
from collections.abc import Callable, Mapping

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
    company_id = host.join_company(new_id, "Acme")
    host.submit_form(new_id, answers={"message": "R&R"})
    assert host.rows("form_results_1_contact_us")[0]["message"] == "R&amp;R"
    host.close()
    a_newer_version_takes_the_database_over(host.database_url, company_id, new_id)


def a_newer_version_takes_the_database_over(url: str, company_id: int, contact_id: int) -> None:
    """Show that 7.2 finds its columns in tables that 5.1 made, and that its queue and background deletions work."""
    host = Host(url, clock=HostClock(START), table_prefix="mtc_", profile="7.2")
    sent: list[bytes] = []

    def take(url: str, headers: Mapping[str, str], body: bytes) -> int:
        sent.append(body)
        return 200

    host.deliver = take
    host.add_hook("http://127.0.0.1:8099/", ("mautic.lead_post_save_update", "mautic.company_post_delete"))
    host.hooks.allowed_private_addresses.add("127.0.0.1")
    host.hooks.mode = "command_process"
    host.edit_contact(contact_id, {"city": "Rom"})
    host.delete_company(company_id, in_background=True)
    assert (host.process_webhooks(), len(sent), host.rows("webhook_queue")) == (1, 1, [])
    assert [row["status_code"] for row in host.rows("webhook_logs")] == ["200"]
    assert (host.contact(contact_id) or {})["company"] is None
    assert (host.finish_deletions(), host.rows("companies", id=company_id)) == (1, [])
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
