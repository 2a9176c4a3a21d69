"""The lines of a check of a Mautic, in the order of the page, from what was wanted and what was seen. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.hosts.mautic.registration.database_lines import database_lines
from sidecar.hosts.mautic.registration.field_lines import field_lines
from sidecar.hosts.mautic.registration.hook_lines import hook_lines
from sidecar.hosts.mautic.registration.plan import Plan, build_plan
from sidecar.hosts.mautic.registration.seen import Seen
from sidecar.hosts.mautic.registration.sentences import HOST_ADMIN, OPERATOR, fix, note, ok, unknown
from sidecar.hosts.mautic.registration.wanted import Wanted
from sidecar.lines import Line, LineStatus, told


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a Mautic means: its lines, and what a registration would make."""

    lines: tuple[Line, ...]
    plan: Plan

    @property
    def is_green(self) -> bool:
        """Whether nothing has to be put right."""
        return all(line.status is not LineStatus.FIX for line in self.lines)


def build_report(wanted: Wanted, seen: Seen, secret: str | None = None) -> Report:
    """Return the lines, and what would be made. `secret` is that of our webhook, to see whether Mautic has the same."""
    return Report(tuple(_lines(wanted, seen, secret)), build_plan(wanted, seen, secret))


def _lines(wanted: Wanted, seen: Seen, secret: str | None) -> Iterator[Line]:
    yield from _api_lines(seen)
    yield from database_lines(seen)
    if seen.api.error is None and seen.database.schema is not None:
        yield from field_lines(wanted, seen)
        yield from hook_lines(wanted, seen, secret)
        yield _bundle_line(seen)


def _api_lines(seen: Seen) -> Iterator[Line]:
    api = seen.api
    if api.error is not None:
        by = getattr(api.error, "fixed_by", OPERATOR)
        text = told("Mautic's API cannot be used: %(why)s (%(code)s).")
        remedy = told("The page of errors says what to do about this code.")
        values = {"why": api.error.message, "code": api.error.code}
        yield fix("host-api", seen.base_url, text, remedy, values, by=by)
        return
    yield _sign_in_line(seen)
    about_version = {"version": api.version}
    yield ok("host-version", "Mautic", told("Version %(version)s, which the sidecar knows."), about_version)
    yield from _rights_lines(seen)


def _sign_in_line(seen: Seen) -> Line:
    values = {"who": seen.api.who or "?"}
    if seen.is_basic:
        text = told("Signed in as %(who)s with a password: each call costs Mautic 0.4 seconds of computing.")
        remedy = told("Make an OAuth 2 client under API Credentials and connect with it.")
        return note("host-sign-in", seen.base_url, text, remedy, values)
    return ok("host-sign-in", seen.base_url, told("Signed in as %(who)s, by OAuth 2."), values)


def _rights_lines(seen: Seen) -> Iterator[Line]:
    api = seen.api
    role = told("In Mautic, give it to the role of the user who made the API client.")
    rights = (
        (api.may_list, told("Contacts: view own")),
        (api.may_view_others, told("Contacts: view others")),
        (api.may_edit_others, told("Contacts: edit others")),
        (api.may_create, told("Contacts: create")),
    )
    for may, name in rights:
        if may is None:
            text = told("There is no contact yet that somebody else made, so this could not be tried.")
            yield unknown("host-right", name, text)
        elif may:
            yield ok("host-right", name, told("Our role may do this."))
        else:
            yield fix("host-right", name, told("Our role may not do this: the sync cannot work without it."), role)
    optional = (
        (
            api.may_manage_fields,
            told("Custom fields: full"),
            told("Our role may not do this, so missing fields must be made by hand."),
        ),
        (
            api.may_manage_hooks,
            told("Webhooks: view, edit, create, delete"),
            told("Our role may not do this, so no webhook is made and changes wait for the next run."),
        ),
    )
    for may, name, without in optional:
        if may:
            yield ok("host-right", name, told("Our role may do this."))
        else:
            yield note("host-right", name, without, role, by=HOST_ADMIN)


def _bundle_line(seen: Seen) -> Line:
    api = seen.api
    about = told("The plugin inside Mautic")
    if api.bundle_status == 200:
        values = {"version": api.bundle.get("bundle", "?")}
        if not api.bundle.get("own_client"):
            text = told(
                "Version %(version)s is there, but does not know our API client: our own writes come back as changes."
            )
            remedy = told("In Mautic, Plugins, Salesforce Sidecar: enter the public key of the sidecar's API client.")
            return fix("host-bundle", about, text, remedy, values)
        return ok("host-bundle", about, told("Version %(version)s is at work."), values)
    if api.bundle_status == 403:
        text = told("It is installed and not switched on.")
        remedy = told("In Mautic, Plugins, Salesforce Sidecar: Published, Yes.")
        return note("host-bundle", about, text, remedy, by=HOST_ADMIN)
    text = told(
        "It is not installed. The sync works without it; the push actions of campaigns and forms, the contact's Salesforce "
        "tab, the one-click sign-in and the repair of merges come with it."
    )
    return note("host-bundle", about, text)
