"""Lines about Mautic's database: reached, rights, prefix, clocks, how far its log goes back. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sidecar.hosts.mautic.registration.look_behind import rights_beyond_reading
from sidecar.hosts.mautic.registration.seen import Seen
from sidecar.hosts.mautic.registration.sentences import OPERATOR, fix, note, ok, unknown
from sidecar.lines import Line, told

CLOSE_ENOUGH: Final = timedelta(seconds=30)
"""Half of what a signed launch or a contact's tab lives."""

LOG_SHORT: Final = timedelta(days=7)
"""The nightly comparison reads a night; a week is what an outage may take."""


def database_lines(seen: Seen) -> Iterator[Line]:
    """Yield the lines about the database; without it there are no others."""
    found, about = seen.database, told("Mautic's database")
    if found.error is not None:
        text = told("Mautic's database cannot be read: %(why)s (%(code)s).")
        remedy = told("The page of errors says what to do about this code.")
        by = getattr(found.error, "fixed_by", OPERATOR)
        values = {"why": found.error.message, "code": found.error.code}
        yield fix("host-database", about, text, remedy, values, by=by)
        return
    yield from _table_lines(seen)
    yield _grants_line(seen)
    if found.schema is None:
        return
    yield from _clock_lines(seen)
    yield _log_line(seen)
    yield from _soft_deletion_lines(seen)


def _table_lines(seen: Seen) -> Iterator[Line]:
    found, about = seen.database, told("Mautic's database")
    if found.missing:
        values = {"tables": ", ".join(found.missing), "prefix": seen.prefix, "other": " / ".join(found.prefixes)}
        if found.prefixes and seen.prefix not in found.prefixes:
            text = told("There are no tables with the prefix “%(prefix)s”, but there are with “%(other)s”.")
            remedy = told("Connect again with the table prefix that is there.")
            yield fix("host-prefix", about, text, remedy, values, by=OPERATOR)
        else:
            text = told("These tables are not in the database: %(tables)s.")
            remedy = told("Check the name of the database in its address, and the table prefix.")
            yield fix("host-prefix", about, text, remedy, values, by=OPERATOR)
    if found.unreadable:
        values = {"tables": ", ".join(found.unreadable)}
        text = told("Our user may not read these tables: %(tables)s.")
        yield fix("host-tables", about, text, told("Give our database user SELECT on them."), values)
    if not found.missing and not found.unreadable:
        yield ok("host-database", about, told("Every table that the sync needs can be read."))


def _grants_line(seen: Seen) -> Line:
    grants, about = seen.database.grants, told("Rights of our database user")
    if grants is None:
        return unknown(
            "host-grants", about, told("This kind of database has no users: anybody who can open it may write.")
        )
    more = rights_beyond_reading(grants)
    values = {"grants": "; ".join(grants), "more": ", ".join(more)}
    if more:
        text = told("It may do more than it needs (%(more)s): %(grants)s. The sidecar only ever reads.")
        remedy = told("Take these rights away; SELECT is enough.")
        return note("host-grants", about, text, remedy, values)
    return ok("host-grants", about, told("It may read, and nothing else: %(grants)s."), values)


def _clock_lines(seen: Seen) -> Iterator[Line]:
    remedy = told("Let all machines take their time from the network (NTP).")
    for about, moment in (
        (told("Clock of the database"), seen.database.now),
        (told("Clock of the web server"), seen.api.said_at),
    ):
        if moment is None:
            yield unknown("host-clock", about, told("It was not told."))
            continue
        seconds = round((moment - seen.now).total_seconds())
        values = {"seconds": seconds}
        if abs(seconds) > CLOSE_ENOUGH.total_seconds():
            text = told("It is %(seconds)s seconds off ours: signed calls are refused, and dates cannot be compared.")
            yield fix("host-clock", about, text, remedy, values)
        else:
            yield ok("host-clock", about, told("It is %(seconds)s seconds off ours."), values)


def _log_line(seen: Seen) -> Line:
    found, about = seen.database, told("Mautic's log of changes")
    if found.log_from is None or found.contacts_from is None:
        return ok("host-log", about, told("It is empty, as there is nothing to tell yet."))
    days = (seen.now - found.log_from).days
    values = {"days": days}
    is_cut = found.log_from > found.contacts_from + timedelta(days=1)
    if is_cut and seen.now - found.log_from < LOG_SHORT:
        text = told(
            "It goes back %(days)s days only. It tells what changed: what it forgets before a run, no run sees."
        )
        remedy = told("Keep it for a month at least: the option --days-old of mautic:maintenance:cleanup.")
        return fix("host-log", about, text, remedy, values)
    return ok("host-log", about, told("It goes back %(days)s days."), values)


def _soft_deletion_lines(seen: Seen) -> Iterator[Line]:
    found, expected = seen.database.soft_deletion, seen.api.differences
    if found is None or expected is None or found == expected.has_soft_deletion:
        return
    text = told("Its columns are not those of its version: an update of Mautic was begun and not finished.")
    remedy = told("Run doctrine:migrations:migrate in Mautic.")
    yield fix("host-columns", told("Mautic's database"), text, remedy)
