"""State and country picklists: a switch of the org. With it, each address has codes, and its texts must be known names."""

from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import Field, Schema, SObject
from sidecar.sandbox.org.storage import Row, Storage

COUNTRIES = {
    "AU": "Australia",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IN": "India",
    "IT": "Italy",
    "NL": "Netherlands",
    "US": "United States",
}
STATES = {
    "AU": {"NSW": "New South Wales", "QLD": "Queensland", "VIC": "Victoria"},
    "CA": {"BC": "British Columbia", "ON": "Ontario", "QC": "Quebec"},
    "US": {"CA": "California", "FL": "Florida", "IL": "Illinois", "NY": "New York", "TX": "Texas", "WA": "Washington"},
}
PREFIXES = {"lead": ("",), "contact": ("Mailing", "Other"), "account": ("Billing",)}
PROBLEM = "There's a problem with this {}, even though it may appear correct. Please select a {} from the list of valid {}.: {}"


@dataclass(slots=True)
class Addresses:
    """The switch, and what it does to what is written."""

    schema: Schema
    storage: Storage
    is_on: bool = False

    def switch_on(self) -> None:
        """Give every address its codes."""
        self.is_on = True
        states = tuple(sorted({code for listed in STATES.values() for code in listed}))
        for name, prefixes in PREFIXES.items():
            each = self.schema.objects[name]
            for prefix in prefixes:
                self._add(each, f"{prefix}StateCode", f"{prefix} State/Province Code".strip(), states)
                self._add(each, f"{prefix}CountryCode", f"{prefix} Country Code".strip(), tuple(COUNTRIES))

    def settle(self, each: SObject, given: Row, before: Row) -> None:
        """Refuse an address the org does not know, and complete names by codes and codes by names."""
        for prefix in PREFIXES.get(each.name.lower(), ()) if self.is_on else ():
            names = {f"{prefix}{part}" for part in ("State", "StateCode", "Country", "CountryCode")}
            if names & given.keys():
                self._settle_country(each, prefix, given)
                self._settle_state(each, prefix, given, before)

    def _add(self, each: SObject, name: str, label: str, options: tuple[str, ...]) -> None:
        if each.find(name) is None:
            compound = name.removesuffix("StateCode").removesuffix("CountryCode") + "Address"
            made = Field(name, label, "picklist", 10, options=options, restricted=True, compound=compound)
            each.fields[name] = made
            each.refresh()
            self.storage.add_column(each, made)

    @staticmethod
    def _settle_country(each: SObject, prefix: str, given: Row) -> None:
        name, code = f"{prefix}Country", f"{prefix}CountryCode"
        if given.get(code) is not None:
            given[name] = COUNTRIES[given[code]]
        elif given.get(name) is not None:
            given[code] = code_of(COUNTRIES, given[name])
            if given[code] is None:
                text = PROBLEM.format("country", "country/territory", "countries", each.fields[name].label)
                raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, [name])
            given[name] = COUNTRIES[given[code]]
        elif name in given or code in given:
            given[name] = given[code] = None

    @staticmethod
    def _settle_state(each: SObject, prefix: str, given: Row, before: Row) -> None:
        name, code, country = f"{prefix}State", f"{prefix}StateCode", f"{prefix}CountryCode"
        if (name in given or code in given) and given.get(name) is None and given.get(code) is None:
            given[name] = given[code] = None
        after: dict[str, Any] = before | given
        if code in given and given[code] is not None:
            after[name] = STATES.get(after.get(country) or "", {}).get(given[code], given[code])
        if after.get(name) is None:
            return
        if after.get(country) is None:
            text = f"A country/territory must be specified before specifying a state value for field: {each.fields[name].label}"
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, [name])
        found = code_of(STATES.get(after[country], {}), after[name])
        if found is None:
            text = PROBLEM.format("state", "state", "states", each.fields[name].label)
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, [name])
        given[name], given[code] = STATES[after[country]][found], found


def code_of(listed: dict[str, str], name: str) -> str | None:
    """Return the code of a name, in any case."""
    return next((code for code, known in listed.items() if known.casefold() == name.casefold()), None)
