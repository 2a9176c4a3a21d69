"""The plugin's mapping held against both sides as they are, for reading: nothing here is saved."""

from dataclasses import replace

from sidecar.bootstrap import OpenSides
from sidecar.errors import SetupError
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import ObjectMapping
from sidecar.mapping.preflight import preflight
from sidecar.mapping.rules import Rules
from sidecar.store.instances import Instance


def rules_of(mapping: ObjectMapping, instance: Instance, sides: OpenSides) -> Rules:
    """Return the rules that can be followed today; SetupError if there are none."""
    rules = preflight(
        mapping,
        sides.host.describe(mapping.host_object),
        {name: sides.salesforce.describe(name) for name in mapping.salesforce_objects},
        fingerprint=Fingerprinter(instance.salt),
    )
    blocking = next((problem for problem in rules.problems if problem.is_blocking), None)
    if blocking:
        raise SetupError(blocking.message, code=blocking.code, fixed_by=blocking.fixed_by)
    return rules


def identity_only(mapping: ObjectMapping) -> ObjectMapping:
    """Return a mapping by which people are read without their values: enough to see where each record lives now."""
    pairs = tuple(pair for pair in mapping.fields if pair.name in mapping.match_on)
    return replace(mapping, fields=pairs, consent=None, scopes={})
