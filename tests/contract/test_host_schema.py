"""The sandbox Mautic's tables against the dumped schema of a real one."""

import re

import pytest
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from sidecar.sandbox.host.tables import build_schema
from tests.contract.host_replay import FOLDER

LINE = re.compile(r"^\s*`(\w+)` ([a-z]+)(\(\d+\))?( unsigned)?(.*)$", re.M)
# MariaDB shows a display width for every whole number; it has no meaning.
WIDTHLESS = {"int", "bigint", "smallint", "tinyint"}


def recorded_columns(table: str) -> dict[str, tuple[str, bool]]:
    dump = (FOLDER / "schema.sql").read_text()
    body = re.search(rf"CREATE TABLE `{table}` \((.*?)\n\)", dump, re.S)
    assert body
    columns = {}
    for name, kind, size, unsigned, rest in LINE.findall(body.group(1)):
        whole = kind + ("" if kind in WIDTHLESS else size) + unsigned
        columns[name] = (whole, "NOT NULL" not in rest)
    return columns


def our_columns(table: str) -> dict[str, tuple[str, bool]]:
    dialect = mysql.dialect()
    found = {}
    for column in build_schema()[table].columns:
        kind = column.type.compile(dialect).lower()
        kind = re.sub(r"\(\d+\)", "", kind) if kind.split("(")[0].split(" ")[0] in WIDTHLESS else kind
        found[column.name] = (kind.replace("integer", "int"), bool(column.nullable))
    return found


@pytest.mark.parametrize("table", sorted(build_schema().tables))
def test_a_table_has_the_recorded_columns(table: str) -> None:
    recorded, ours = recorded_columns(table), our_columns(table)
    generated = {"generated_sent_date", "generated_email_domain"}
    assert {name: kind for name, kind in ours.items() if name not in generated} == {
        name: kind for name, kind in recorded.items() if name not in generated
    }


def test_a_prefix_stands_before_every_table() -> None:
    assert {table.name for table in build_schema("mtc_").tables.values()} >= {"mtc_leads", "mtc_audit_log"}
    assert "mtc_leads" in str(CreateTable(build_schema("mtc_")["lead_donotcontact"]).compile(dialect=mysql.dialect()))
