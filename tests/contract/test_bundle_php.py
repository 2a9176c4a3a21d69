"""The bundle inside Mautic: its files are sound PHP, its own tests pass, and both parties make the same of the same."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy import Connection, create_engine, text

from sidecar.sandbox.host import bundle as sandbox_bundle
from sidecar.sandbox.host.tables import build_schema
from tests.services import PHP, PHPUNIT, require_php

MANIFEST_FOLDER = Path(__file__).parents[2] / "plugin_manifest"
BUNDLE = MANIFEST_FOLDER / "SalesforceSidecarBundle"
TESTS = MANIFEST_FOLDER / "tests"
ASKED = {
    "key": "a-shared-key-of-at-least-32-characters",
    "instance": "acme",
    "name": "Zoë Ünal",
    "now": 1_800_000_000,
    "body": '{"wake": true, "name": "Zoë"}',
}


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What the bundle's classes say of `ASKED`, in one process."""
    require_php()
    done = subprocess.run(
        [PHP.require(), TESTS / "say.php"], input=json.dumps(ASKED), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_php_file_compiles() -> None:
    require_php()
    files = sorted(str(path) for path in (*BUNDLE.rglob("*.php"), *TESTS.rglob("*.php")))
    assert len(files) > 40
    # One process per file is all that `php -l` of 8.2 can do; without its ini files each takes some milliseconds.
    command = ["xargs", "-0", "-n1", "-P2", str(PHP.require()), "-n", "-l"]
    done = subprocess.run(command, input="\0".join(files), capture_output=True, text=True, check=False)
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("No syntax")]
    assert (done.returncode, wrong) == (0, [])


def test_the_bundles_own_tests_pass() -> None:
    require_php()
    done = subprocess.run(
        [PHPUNIT.require(), "--configuration", TESTS / "phpunit.xml"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDEBUG_MODE": "off"},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    counted = re.search(r"OK \((\d+) tests", done.stdout)
    assert counted, done.stdout
    assert int(counted.group(1)) >= 50


def test_the_ticket_of_a_launch_is_a_json_web_token(said: dict[str, Any]) -> None:
    options: dict[str, Any] = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "jti", "aud", "iss"]}
    read = jwt.decode(
        said["token"], ASKED["key"], algorithms=["HS256"], audience="acme", issuer="mautic", options=options
    )
    assert re.fullmatch(r"[0-9a-f]{32}", read.pop("jti"))
    assert read == {
        "iss": "mautic",
        "aud": "acme",
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
        "sub": "7",
        "name": "Zoë Ünal",
        "email": "zoe@example.org",
        "locale": "",
        "admin": True,
        "edit_others": False,
        "path": "contact/17",
    }
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(said["token"], "x" * 38, algorithms=["HS256"], audience="acme", options=options)


def test_all_parties_sign_alike(said: dict[str, Any]) -> None:
    body, key = str(ASKED["body"]).encode(), str(ASKED["key"])
    ours = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
    assert said["signature"] == ours == sandbox_bundle.signature(key, body)


def test_name_version_and_addresses_are_those_that_are_told(said: dict[str, Any]) -> None:
    told = json.loads((MANIFEST_FOLDER / "manifest.json").read_text())
    composer = json.loads((BUNDLE / "composer.json").read_text())
    assert {told["version"], said["version"], said["config"]["version"], composer["version"]} == {
        told["bundle"]["version"]
    }
    assert composer["extra"]["install-directory-name"] == told["bundle"]["name"] == BUNDLE.name
    assert [route["path"] for route in said["config"]["routes"]["api"].values()] == [
        "/sidecar/status",
        "/sidecar/outbox",
        "/sidecar/outbox/done",
        "/sidecar/contacts/bulk",
    ]
    for route in (each for group in said["config"]["routes"].values() for each in group.values()):
        name, method = route["controller"].split("::")
        source = BUNDLE.joinpath(*name.split("\\")[2:]).with_suffix(".php").read_text()
        assert f"public function {method}(" in source


def test_every_text_exists_in_both_languages() -> None:
    english, french = (
        dict(re.findall(r'^([\w.]+)="(.*)"$', (BUNDLE / f"Translations/{each}/messages.ini").read_text(), re.MULTILINE))
        for each in ("en_US", "fr")
    )
    sources = "".join(path.read_text() for kind in ("php", "twig") for path in BUNDLE.rglob(f"*.{kind}"))
    used = set(re.findall(r"'(salesforce_sidecar\.[\w.]*\w)'", sources)) - {"salesforce_sidecar.push"}
    states = {f"salesforce_sidecar.contact.state.{each}" for each in ("linked", "waiting", "excluded", "unknown")}
    assert english.keys() == french.keys()
    assert all(english.values())
    assert all(french.values())
    assert used | states == english.keys()


def test_templates_leave_escaping_on() -> None:
    templates = list((BUNDLE / "Resources").rglob("*.twig"))
    assert len(templates) == 4
    assert not [path.name for path in templates if re.search(r"\|\s*raw|autoescape|\|\s*purify", path.read_text())]


def test_the_statements_do_on_mariadb_what_they_should(
    said: dict[str, Any], new_mariadb_database: Callable[[], str]
) -> None:
    schema = build_schema("mtc_")
    engine = create_engine(new_mariadb_database())
    with engine.begin() as connection:
        connection.execute(text("SET foreign_key_checks = 0"))  # only these tables are needed
        for name in ("lead_utmtags", "lead_stages_change_log", "lead_donotcontact", "leads", "contact_merge_records"):
            schema[name].create(connection, checkfirst=True)
        for name, columns in OF_MAUTIC.items():
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS mtc_{name} ({columns})"))
        ask(connection, said["create"])
        ask(connection, said["create"])
        for sql, values in said["rows"]:
            ask(connection, sql, values)
        rows = connection.execute(text("SELECT id, dedupe_key, date_added FROM mtc_sidecar_outbox ORDER BY id")).all()
        assert [row[1] for row in rows] == ["deleted:18", "contact:17", "began"]
        assert rows[1][0] > rows[0][0] > 1
        assert (rows[2][2] - rows[1][2]).total_seconds() == 60
        connection.execute(
            text("INSERT INTO mtc_lead_utmtags (lead_id, utm_source, date_added) VALUES (4, 'a', NOW())")
        )
        for sql in said["copies"]:
            ask(connection, sql, [9, 4])
        copied = connection.execute(text("SELECT lead_id, utm_source FROM mtc_lead_utmtags ORDER BY lead_id")).all()
        assert [tuple(row) for row in copied] == [(4, "a"), (9, "a")]
        for sql, values in said["reads"]:
            ask(connection, sql, values)
    engine.dispose()


OF_MAUTIC = {
    "plugin_integration_settings": "name VARCHAR(191), is_published TINYINT, api_keys LONGTEXT",
    "oauth2_clients": "id INT, random_id VARCHAR(191)",
    "oauth2_accesstokens": "client_id INT, token VARCHAR(191), expires_at BIGINT",
    "users": "id INT",
}
"""Tables that the sandbox keeps in another way; their columns are those of the recorded schema."""


def test_the_tables_above_are_as_recorded() -> None:
    dump = (Path(__file__).parents[1] / "recordings/mautic/schema.sql").read_text()
    for name, columns in OF_MAUTIC.items():
        body = re.search(rf"CREATE TABLE `{name}` \((.*?)\n\)", dump, re.DOTALL)
        assert body
        assert {each.split()[0] for each in columns.split(", ")} <= set(
            re.findall(r"^\s*`(\w+)`", body[1], re.MULTILINE)
        )


def ask(connection: Connection, sql: str, values: list[Any] | None = None) -> None:
    """Run a statement with PHP's marks for values."""
    connection.exec_driver_sql(sql.replace("%", "%%").replace("?", "%s"), tuple(values or ()))
