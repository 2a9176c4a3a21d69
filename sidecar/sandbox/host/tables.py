"""Mautic's tables: names, columns, types, keys and indexes as in `schema.tsv`, with an optional table prefix."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Computed,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from sidecar.sandbox.host import php

SCHEMA_FILE = Path(__file__).with_name("schema.tsv")


@dataclass(frozen=True, slots=True)
class ColumnFact:
    """One column of one table as Mautic has it."""

    table: str
    name: str
    type: str
    nullable: bool
    key: str
    default: str
    reference: str


@dataclass(slots=True)
class Schema:
    """The tables under their names without prefix, and what a column holds when nobody says."""

    tables: dict[str, Table]
    blanks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def add_lead_column(self, alias: str, kind: TypeEngine[Any]) -> Column[Any]:
        """Give this sandbox's contacts one more column and return it."""
        column: Column[Any] = Column(alias, kind)
        # The other tables are shared between sandboxes, so the contacts' table is replaced rather than changed.
        own = self["leads"].to_metadata(MetaData())
        own.append_column(column)
        self.tables["leads"] = own
        return column


@cache
def read_facts() -> tuple[tuple[ColumnFact, ...], tuple[tuple[str, str, str, tuple[str, ...]], ...]]:
    """Return the columns, and the indexes as (table, name, kind, columns)."""
    columns, indexes = [], []
    with SCHEMA_FILE.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        for row in rows:
            if row[2] in {"INDEX", "UNIQUE"}:
                indexes.append((row[0], row[1], row[2], tuple(row[3].split(","))))
                continue
            table, name, kind, nullable, key, default, reference = row + [""] * (7 - len(row))
            columns.append(ColumnFact(table, name, kind, nullable == "YES", key, default, reference))
    return tuple(columns), tuple(indexes)


def build_schema(
    prefix: str = "",
    more: tuple[ColumnFact, ...] = (),
    dropped: frozenset[tuple[str, str]] = frozenset(),
) -> Schema:
    """Return Mautic's tables under a prefix, for one sandbox: with `more` columns, and without the `dropped` ones."""
    shared = _build_shared(prefix, more, dropped)
    return Schema(dict(shared.tables), shared.blanks)


@cache
def _build_shared(prefix: str, more: tuple[ColumnFact, ...], dropped: frozenset[tuple[str, str]]) -> Schema:
    facts, indexes = read_facts()
    facts = tuple(fact for fact in (*facts, *more) if (fact.table, fact.name) not in dropped)
    metadata, schema = MetaData(), Schema({})
    by_table: dict[str, list[ColumnFact]] = {}
    for fact in facts:
        by_table.setdefault(fact.table, []).append(fact)
    for name, columns in by_table.items():
        parts = (_column(c, prefix) for c in columns)
        # Ids are never given out twice, as in MariaDB.
        schema.tables[name] = Table(f"{prefix}{name}", metadata, *parts, sqlite_autoincrement=True)
        schema.blanks[name] = {c.name: _blank(c) for c in columns if c.key != "auto"}
    schema["leads"].append_column(_email_domain())
    for table, name, kind, names in indexes:
        # SQLite has one name space for tables and indexes of all tables.
        Index(f"{prefix}{table}_{name}", *(schema[table].c[n] for n in names), unique=kind == "UNIQUE")
    Index(f"{prefix}leads_email_search", schema["leads"].c.email)
    return schema


def _column(fact: ColumnFact, prefix: str) -> Column[Any]:
    target, _, on_delete = fact.reference.partition(" ")
    keys = [ForeignKey(f"{prefix}{target}", ondelete=on_delete)] if target else []
    return Column(
        fact.name,
        column_type(fact.type),
        *keys,
        primary_key=fact.key != "",
        autoincrement=fact.key == "auto",
        nullable=fact.nullable,
    )


def _email_domain() -> Column[Any]:
    return Column(
        "generated_email_domain", text_type(255), Computed("substr(email, instr(email, '@') + 1)", persisted=False)
    )


def text_type(length: int) -> TypeEngine[Any]:
    """Return a text column that, as in MariaDB, takes upper and lower case for the same."""
    return String(length).with_variant(String(length, collation="NOCASE"), "sqlite")


def column_type(kind: str) -> TypeEngine[Any]:
    """Return the type for one of Mautic's, so that MariaDB gets the very same and SQLite its nearest."""
    name, size = re.fullmatch(r"([a-z]+)(?:\((\d+)\))?(?: unsigned)?", kind).groups()  # type: ignore[union-attr]  # fits
    unsigned = kind.endswith("unsigned")
    if name == "char":
        return text_type(int(size)).with_variant(mysql.CHAR(int(size)), "mysql", "mariadb")
    if name == "varchar":
        return text_type(int(size))
    simple: dict[str, TypeEngine[Any]] = {
        "bigint": Integer().with_variant(mysql.BIGINT(unsigned=unsigned), "mysql", "mariadb"),
        "int": Integer().with_variant(mysql.INTEGER(unsigned=unsigned), "mysql", "mariadb"),
        "smallint": SmallInteger(),
        "tinyint": SmallInteger().with_variant(mysql.TINYINT(1), "mysql", "mariadb"),
        "datetime": DateTime().with_variant(mysql.DATETIME(), "mysql", "mariadb"),
        "double": Float().with_variant(mysql.DOUBLE(asdecimal=False), "mysql", "mariadb"),
        "time": Time(),
        "mediumblob": LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"),
        "tinytext": Text().with_variant(mysql.TINYTEXT(), "mysql", "mariadb"),
    }
    return simple.get(name) or Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _blank(fact: ColumnFact) -> Any:
    if fact.nullable:
        return None
    if fact.type == "array":
        return php.EMPTY
    if fact.type == "json":
        return "[]"
    if re.match(r"(big|small|tiny)?int\(|double", fact.type):
        return int(fact.default or 0)
    return fact.default or ("" if fact.type != "datetime" else None)
