"""Looking at Mautic's database: what our user may read there, and what it must not be able to do. Changes nothing."""

import re
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, TableClause, column, func, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from sidecar.errors import SidecarError
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.reader import ContactReader
from sidecar.hosts.mautic.registration.seen import DatabaseSeen
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import utc

MARKER: Final = "lead_donotcontact"
"""A table that every Mautic has and nobody else does: what stands before its name is the prefix."""

HARMLESS: Final = frozenset({"SELECT", "USAGE", "SHOW VIEW"})
_REFUSED: Final = "mautic-database-refused"
_MISSING: Final = "mautic-database-without-tables"
_GRANT: Final = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>.+?) TO ", re.DOTALL)


def look_behind(reader: ContactReader) -> DatabaseSeen:
    """Ask the database everything; what keeps it from answering is what was seen."""
    engine, tables = reader.engine, reader.tables
    try:
        now = reader.now()
        unreadable, missing = _try_tables(engine, tables)
        grants = _read_grants(engine)
        if unreadable or missing:
            found = _find_prefixes(engine) if missing else ()
            return DatabaseSeen(now=now, grants=grants, unreadable=unreadable, missing=missing, prefixes=found)
        waiting, since = _read_queue(engine, tables)
        return DatabaseSeen(
            now=now,
            schema=reader.schema,
            grants=grants,
            soft_deletion=_has_soft_deletion(engine, tables),
            log_from=_first(engine, tables.audit_log),
            contacts_from=_first(engine, tables.leads()),
            hooks_waiting=waiting,
            hooks_waiting_since=since,
        )
    except SidecarError as error:
        return DatabaseSeen(error=error)


def rights_beyond_reading(grants: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the grants allow beyond reading, each once; `a role` where a role may hide more."""
    found: list[str] = []
    for grant in grants:
        parts = _GRANT.match(f"{grant} TO ")
        if parts is None:
            found.append("a role")
            continue
        words = re.sub(r"\([^)]*\)", "", parts["what"]).split(",")
        found += [word.strip().upper() for word in words if word.strip().upper() not in HARMLESS]
        if "GRANT OPTION" in grant.upper():
            found.append("GRANT OPTION")
    return tuple(dict.fromkeys(found))


def _needed(tables: Tables) -> tuple[TableClause, ...]:
    return (
        tables.leads(),
        tables.lead_fields,
        tables.do_not_contact,
        tables.merges,
        tables.audit_log,
        tables.company_members,
        tables.users,
    )


def _try_tables(engine: Engine, tables: Tables) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tables that we may not read, and those that are not there."""
    codes = {each.name: _why_unreadable(engine, each) for each in _needed(tables)}
    unreadable = tuple(name for name, code in codes.items() if code == _REFUSED)
    return unreadable, tuple(name for name, code in codes.items() if code == _MISSING)


def _why_unreadable(engine: Engine, source: TableClause) -> str | None:
    try:
        with reading(engine) as connection:
            connection.execute(select(source).limit(1)).all()
    except SidecarError as error:
        if error.code in {_REFUSED, _MISSING}:
            return error.code
        raise
    return None


def _find_prefixes(engine: Engine) -> tuple[str, ...]:
    with reading(engine) as connection:
        names = inspect(connection).get_table_names()
    return tuple(sorted(name.removesuffix(MARKER) for name in names if name.endswith(MARKER)))


def _read_grants(engine: Engine) -> tuple[str, ...] | None:
    """Return our grants; of each only what stands before TO, since a password's hash may follow."""
    if engine.dialect.name == "sqlite":
        return None
    with reading(engine) as connection:
        rows = connection.execute(text("SHOW GRANTS FOR CURRENT_USER")).scalars().all()
    return tuple(_without_the_rest(str(row)) for row in rows)


def _without_the_rest(grant: str) -> str:
    before, separator, after = grant.partition(" TO ")
    tail = " WITH GRANT OPTION" if separator and "WITH GRANT OPTION" in after.upper() else ""
    return before.replace("`", "") + tail


def _has_soft_deletion(engine: Engine, tables: Tables) -> bool | None:
    """Tell whether segments can be on their way out; None where our user does not see them."""
    try:
        with engine.connect() as connection:
            columns = inspect(connection).get_columns(f"{tables.prefix}lead_lists")
    except SQLAlchemyError:
        return None
    return any(each["name"] == "deleted" for each in columns) if columns else None


def _first(engine: Engine, source: TableClause) -> datetime | None:
    with reading(engine) as connection:
        return utc(connection.execute(select(source.c.date_added).order_by(source.c.id).limit(1)).scalar())


def _read_queue(engine: Engine, tables: Tables) -> tuple[int | None, datetime | None]:
    """Return how many deliveries of any webhook wait, and since when; None where our user may not read that."""
    queue = table(f"{tables.prefix}webhook_queue", column("id"), column("date_added"))
    try:
        with reading(engine) as connection:
            asked = select(func.count(queue.c.id), func.min(queue.c.date_added))
            count, since = connection.execute(asked).one()
    except SidecarError:
        return None, None
    return int(count), utc(since)
