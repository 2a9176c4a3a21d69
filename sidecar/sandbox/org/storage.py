"""Rows in SQLite: one table per object, one column per field. The only place that opens the database."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sidecar.sandbox.org.changes import Changes
from sidecar.sandbox.org.ids import make_id, number_of
from sidecar.sandbox.org.schema import Field, Schema, SObject

TEXT_TYPES = frozenset({"string", "textarea", "picklist", "combobox", "phone", "url", "multipicklist"})
COLUMN_TYPES = {"boolean": "INTEGER", "int": "INTEGER", "double": "REAL", "currency": "REAL", "percent": "REAL"}
INDEXED = frozenset(
    {"SystemModstamp", "Email", "CreatedDate", "WhoId", "LeadId", "ContactId", "AccountId", "ConvertedContactId"}
)

MEMORY = ":memory:"
KEPT = '"sandbox schema"'

Row = dict[str, Any]


def column(field: Field) -> str:
    """Return how a field is stored: texts compare without case, ids, dates and numbers as they are."""
    if field.type == "email" or field.unique or field.external_id:
        kind = COLUMN_TYPES.get(field.type, "TEXT COLLATE NOCASE")
    elif field.type in TEXT_TYPES:
        kind = "TEXT COLLATE FOLDED"
    else:
        kind = COLUMN_TYPES.get(field.type, "TEXT")
    return f'"{field.name}" {kind}' + (" PRIMARY KEY" if field.name == "Id" else "")


def kept_schema(path: str) -> str | None:
    """Return the schema a file was kept with, if any."""
    if path == MEMORY or not Path(path).exists():
        return None
    with closing(sqlite3.connect(path)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [KEPT.strip('"')]).fetchone():
            return None
        found = database.execute(f"SELECT body FROM {KEPT}").fetchone()
    return str(found[0]) if found else None


def table(each: SObject) -> list[str]:
    """Return the statements that make room for an object, unless there is room already."""
    columns = ", ".join(column(field) for field in each.stored())
    keys = [one for one in each.stored() if one.name in INDEXED or one.unique or one.external_id]
    return [f'CREATE TABLE IF NOT EXISTS "{each.name}" ({columns})', *(index(each, one) for one in keys)]


def index(each: SObject, field: Field) -> str:
    """Return the statement that indexes a field."""
    key = f'"{field.name}"' + (", Id" if field.name == "SystemModstamp" else "")
    return f'CREATE INDEX IF NOT EXISTS "{each.name}_{field.name}" ON "{each.name}" ({key})'


@cache
def template(statements: tuple[str, ...]) -> sqlite3.Connection:
    """Return an empty database with all tables, to be copied: far quicker than making them one by one."""
    database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    database.create_collation("FOLDED", compare_folded)
    for sql in statements:
        database.execute(sql)
    return database


def compare_folded(left: str, right: str) -> int:
    """Order two texts as the org does, without case."""
    left, right = left.casefold(), right.casefold()
    return (left > right) - (left < right)


def matches_like(pattern: str, value: str | None) -> int:
    """Say whether a text fits a regular expression made from a LIKE pattern."""
    return int(value is not None and re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None)


def includes(wanted: str, value: str | None) -> int:
    """Say whether a multi-select value holds all options of one of the wanted sets (a JSON list of lists)."""
    held = {part.casefold() for part in (value or "").split(";") if part}
    return int(any(held.issuperset(group) for group in json.loads(wanted)))


def encode(field: Field, value: object) -> object:
    """Return a value as its column holds it."""
    if value is not None and field.type == "boolean":
        return int(bool(value))
    return json.dumps(value) if field.type == "anyType" and value is not None else value


def decode(field: Field, value: Any) -> Any:
    """Return a column's value as the API shows it."""
    if value is None:
        return False if field.type == "boolean" else None
    if field.type == "boolean":
        return bool(value)
    return json.loads(value) if field.type == "anyType" else value


@dataclass(slots=True)
class Transaction:
    """Changes that belong together."""

    is_undone: bool = False

    def undo(self) -> None:
        """Keep nothing of it."""
        self.is_undone = True


class Storage:
    """The org's rows. Callers hold the org's lock; `transaction` nests."""

    def __init__(self, path: str, schema: Schema) -> None:
        self.schema = schema
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=512)
        self._db.create_collation("FOLDED", compare_folded)
        self._db.create_function("like_text", 2, matches_like, deterministic=True)
        self._db.create_function("includes", 2, includes, deterministic=True)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._depth = 0
        self.changes = Changes()
        self._make_tables(path)
        self._last = {each.prefix: 0 for each in schema.objects.values()}
        for each in schema.objects.values():
            newest = self._db.execute(f'SELECT max(Id) FROM "{each.name}"').fetchone()[0]
            self._last[each.prefix] = max(self._last[each.prefix], number_of(newest) if newest else 0)

    def _make_tables(self, path: str) -> None:
        """Create what is not there; in memory, all tables at once, copied from a template."""
        statements = tuple(sql for each in self.schema.objects.values() for sql in table(each))
        if path == MEMORY:
            template(statements).backup(self._db)
            return
        for each in self.schema.objects.values():
            make, *keys = table(each)
            self._db.execute(make)
            known = {row[1] for row in self._db.execute(f'PRAGMA table_info("{each.name}")')}
            for one in each.stored():
                if one.name not in known:
                    self.add_column(each, one)
            for sql in keys:
                self._db.execute(sql)

    def keep_schema(self, text: str) -> None:
        """Keep what the tables are made from beside them."""
        self._db.execute(f"CREATE TABLE IF NOT EXISTS {KEPT} (body TEXT)")
        self._db.execute(f"DELETE FROM {KEPT}")
        self._db.execute(f"INSERT INTO {KEPT} VALUES (?)", [text])

    def create(self, each: SObject) -> None:
        """Make room for a new object."""
        for sql in table(each):
            self._db.execute(sql)
        self._last.setdefault(each.prefix, 0)

    def drop(self, each: SObject) -> None:
        """Take an object away with all its rows."""
        self._db.execute(f'DROP TABLE IF EXISTS "{each.name}"')

    def add_column(self, each: SObject, field: Field) -> None:
        """Make room for a new field; a checkbox is not null in the rows that are there."""
        filled = f" DEFAULT {int(bool(field.default))}" if field.type == "boolean" else ""
        self._db.execute(f'ALTER TABLE "{each.name}" ADD COLUMN {column(field)}{filled}')
        if field.unique or field.external_id:
            self._db.execute(index(each, field))

    def drop_column(self, each: SObject, field: Field) -> None:
        """Take a field away with its values."""
        self._db.execute(f'DROP INDEX IF EXISTS "{each.name}_{field.name}"')
        self._db.execute(f'ALTER TABLE "{each.name}" DROP COLUMN "{field.name}"')

    def has_doubles(self, each: SObject, field: Field) -> bool:
        """Say whether two rows share a value of a field."""
        query = (
            f'SELECT 1 FROM "{each.name}" WHERE "{field.name}" IS NOT NULL GROUP BY "{field.name}" HAVING count(*) > 1'
        )
        return self._db.execute(query).fetchone() is not None

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def next_id(self, each: SObject) -> str:
        """Return a fresh id of an object."""
        self._last[each.prefix] += 1
        return make_id(each.prefix, self._last[each.prefix])

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Keep everything inside, or nothing if it is undone or an exception leaves it."""
        name, transaction, mark = f"level_{self._depth}", Transaction(), self.changes.mark()
        self._db.execute(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield transaction
            if transaction.is_undone:
                self._db.execute(f"ROLLBACK TO {name}")
                self.changes.undo(mark)
        except BaseException:
            self._db.execute(f"ROLLBACK TO {name}")
            self.changes.undo(mark)
            raise
        finally:
            self._depth -= 1
            self._db.execute(f"RELEASE {name}")
            if self._depth == 0:
                self.changes.commit()

    def insert(self, each: SObject, row: Row) -> None:
        """Add a row; fields it does not name are null."""
        names = [name for name in row if name in each.fields]
        marks = ", ".join("?" * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        values = [encode(each.fields[name], row[name]) for name in names]
        self._db.execute(f'INSERT INTO "{each.name}" ({columns}) VALUES ({marks})', values)

    def update(self, each: SObject, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change some fields of a row."""
        columns = ", ".join(f'"{name}" = ?' for name in changes)
        values = [encode(each.fields[name], value) for name, value in changes.items()]
        self._db.execute(f'UPDATE "{each.name}" SET {columns} WHERE Id = ?', [*values, record_id])

    def get(self, each: SObject, record_id: str) -> Row | None:
        """Return a row, deleted or not."""
        found = self.where(each, "Id = ?", [record_id])
        return found[0] if found else None

    def where(self, each: SObject, condition: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows that fit a condition, in order of creation."""
        fields = list(each.stored())
        columns = ", ".join(f'"{field.name}"' for field in fields)
        query = f'SELECT {columns} FROM "{each.name}" WHERE {condition} ORDER BY rowid'
        return [
            {field.name: decode(field, value) for field, value in zip(fields, row, strict=True)}
            for row in self._db.execute(query, values)
        ]

    def matching(self, each: SObject, field: Field, value: object) -> list[str]:
        """Return the ids of living rows that have a value, without case for texts."""
        living = ' AND "IsDeleted" = 0' if "IsDeleted" in each.fields else ""
        query = f'SELECT Id FROM "{each.name}" WHERE "{field.name}" = ?{living} LIMIT 5'
        return [row[0] for row in self._db.execute(query, [value])]

    def count(self, each: SObject) -> int:
        """Return how many rows an object has; what lies in the recycle bin takes no room."""
        living = " WHERE IsDeleted = 0" if "IsDeleted" in each.fields else ""
        found: int = self._db.execute(f'SELECT count(*) FROM "{each.name}"{living}').fetchone()[0]
        return found

    def remove(self, each: SObject, condition: str, values: Sequence[object] = ()) -> None:
        """Take rows away for good."""
        self._db.execute(f'DELETE FROM "{each.name}" WHERE {condition}', values)

    def select(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a compiled query."""
        return self._db.execute(sql, values).fetchall()
