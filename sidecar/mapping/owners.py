"""The owners' part of a document: [owners]. Pure."""

import re
from collections.abc import Mapping

from sidecar.mapping.document import TableReader, shown
from sidecar.mapping.model import OwnerRule

OWNERS_KEYS = ("aliases", "fallback")

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_MOST = 2000


def parse_owners(table: TableReader | None) -> OwnerRule:
    """Return what a document says about owners whose addresses differ; everything wrong with it is noted."""
    if table is None:
        return OwnerRule()
    table.require_known(OWNERS_KEYS)
    fallback = table.text("fallback")
    if fallback is not None and not _ADDRESS.fullmatch(fallback):
        table.note("fallback", f"{shown(fallback)} is not an e-mail address")
    return OwnerRule(_parse_aliases(table), fallback)


def dump_owners(rule: OwnerRule) -> dict[str, object]:
    """Return the table again; parsing it gives the same rule."""
    document: dict[str, object] = {"aliases": dict(rule.aliases)} if rule.aliases else {}
    return document | ({"fallback": rule.fallback} if rule.fallback else {})


def _parse_aliases(table: TableReader) -> dict[str, str]:
    value = table.get("aliases") if table.has("aliases") else {}
    if not isinstance(value, Mapping) or len(value) > _MOST:
        table.note("aliases", 'must be a table: { "address in the host" = "address in Salesforce" }')
        return {}
    aliases: dict[str, str] = {}
    for theirs, ours in value.items():
        wrong = next(
            (each for each in (theirs, ours) if not isinstance(each, str) or not _ADDRESS.fullmatch(each)), None
        )
        if wrong is not None:
            table.note("aliases", f"{shown(wrong)} is not an e-mail address")
        elif theirs.casefold() in {known.casefold() for known in aliases}:
            table.note("aliases", f"{shown(theirs)} is named twice")
        else:
            aliases[theirs] = ours
    return aliases
