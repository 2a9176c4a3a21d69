"""Lines about the org as such, and about what else goes on in it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.org.line import unknown
from sidecar.salesforce.org.seen import Seen
from sidecar.salesforce.org.wanted import Wanted


def org_lines(seen: Seen) -> Iterator[Line]:
    """Yield the lines about the org as such."""
    yield Line("org-api", LineStatus.OK, "API", told("Salesforce lets our user use the API."))
    yield _version_line(seen)
    yield _edition_line(seen)
    yield _limits_line(seen)


def _version_line(seen: Seen) -> Line:
    newest = max(seen.versions, key=float)
    number = int(float(seen.api_version))
    # Three versions a year, 66 being Spring '26; each is kept for at least three years (API End-of-Life policy).
    until = 2026 + (number - 66) // 3 + 3
    values = {"version": seen.api_version, "newest": newest, "oldest": min(seen.versions, key=float), "until": until}
    text = told(
        "We use version %(version)s, which Salesforce keeps at least until %(until)s; the org offers %(oldest)s to %(newest)s."
    )
    return Line("org-version", LineStatus.OK, "API", text, values=values)


def _edition_line(seen: Seen) -> Line:
    found = seen.organization
    if found is None:
        return unknown("org-edition", "Organization")
    values = {"edition": found.get("OrganizationType") or "?", "instance": found.get("InstanceName") or "?"}
    is_sandbox = found.get("IsSandbox") is True
    text = told("%(edition)s on %(instance)s, a sandbox.") if is_sandbox else told("%(edition)s on %(instance)s.")
    return Line("org-edition", LineStatus.OK, "Organization", text, values=values)


def _limits_line(seen: Seen) -> Line:
    calls = (seen.limits or {}).get("DailyApiRequests")
    if not isinstance(calls, Mapping):
        return unknown("org-limits", "Organization")
    storage = (seen.limits or {}).get("DataStorageMB") or {}
    values = {
        "free": calls.get("Remaining"),
        "most": calls.get("Max"),
        "storage": storage.get("Remaining", "?"),
        "storage_most": storage.get("Max", "?"),
    }
    text = told("%(free)s of %(most)s API calls a day and %(storage)s of %(storage_most)s MB of data storage are free.")
    return Line("org-limits", LineStatus.OK, "Organization", text, values=values)


def surroundings(wanted: Wanted, seen: Seen) -> Iterator[Line]:
    """Yield the lines about what else goes on in the org."""
    yield _places_line(seen)
    yield _duplicates_line(seen)
    for name in wanted.objects:
        if name in seen.writers:
            yield _writers_line(name, seen.writers[name], seen.user_id)


def _places_line(seen: Seen) -> Line:
    fields = {name for each in seen.objects.values() for name in each.fields}
    if fields & {"StateCode", "MailingStateCode", "CountryCode", "MailingCountryCode"}:
        text = told(
            "State and country picklists are on: a state or country that is not in Salesforce's list is held back, "
            "the rest of the record travels."
        )
        return Line("org-places", LineStatus.NOTE, "State/Country", text)
    return Line("org-places", LineStatus.OK, "State/Country", told("States and countries are plain texts."))


def _duplicates_line(seen: Seen) -> Line:
    if seen.duplicate_rules is None:
        return unknown("org-duplicate-rules", "DuplicateRule")
    if not seen.duplicate_rules:
        return Line("org-duplicate-rules", LineStatus.OK, "DuplicateRule", told("No duplicate rule is active."))
    text = told("Duplicate rules are active, and may refuse new people: %(rules)s.")
    values = {"rules": ", ".join(sorted(str(rule.get("DeveloperName")) for rule in seen.duplicate_rules))}
    return Line("org-duplicate-rules", LineStatus.NOTE, "DuplicateRule", text, values=values)


def _writers_line(name: str, rows: Sequence[Mapping[str, Any]] | None, user_id: str | None) -> Line:
    if rows is None:
        return unknown("org-writers", name)
    others = {str(row["LastModifiedById"]): int(row["total"]) for row in rows if row["LastModifiedById"] != user_id}
    if not others:
        text = told("Nobody else changed these records in the last 24 hours.")
        return Line("org-writers", LineStatus.OK, name, text)
    busiest = max(others, key=lambda each: others[each])
    values = {"count": len(others), "busiest": busiest, "changed": others[busiest]}
    text = told(
        "Other users who changed records in the last 24 hours: %(count)s, most of all %(busiest)s (%(changed)s)."
    )
    return Line("org-writers", LineStatus.OK, name, text, values=values)
