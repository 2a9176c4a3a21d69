"""Reads the plugin's row of settings. What its form keeps is clear text; only the values of its API keys are encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from sidecar.errors import SetupError, UsageError
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.native.tables import NATIVE_NAME, NativeTables
from sidecar.hosts.mautic.php import unserialize


@dataclass(frozen=True, slots=True)
class NativeSettings:
    """What somebody chose on the plugin's form, in its own words.

    `lead_fields` is Salesforce field and object ("LastName__Lead") → contact field; `arrows` has the same keys, "1" where
    Salesforce wins. `features` are pull and push as ticked. `api_keys` are still encrypted.
    """

    is_published: bool
    version: str = ""
    features: frozenset[str] = frozenset()
    objects: tuple[str, ...] = ()
    is_sandbox: bool = False
    updates_owner: bool = False
    updates_blanks: bool = False
    uses_latest_opt_out: bool = False
    activity_events: tuple[str, ...] = ()
    namespace: str = ""
    lead_fields: Mapping[str, str] = field(default_factory=dict)
    arrows: Mapping[str, str] = field(default_factory=dict)
    company_fields: Mapping[str, str] = field(default_factory=dict)
    company_arrows: Mapping[str, str] = field(default_factory=dict)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_settings(engine: Engine, tables: NativeTables) -> NativeSettings:
    """Return the settings; UsageError if this Mautic's plugin was never set up."""
    rows, plugins = tables.settings, tables.plugins
    wanted = (
        select(*rows.c, plugins.c.version)
        .select_from(rows.outerjoin(plugins, plugins.c.id == rows.c.plugin_id))
        .where(rows.c.name == NATIVE_NAME)
        .order_by(rows.c.id)
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(wanted).mappings().one_or_none()
    if row is None:
        raise UsageError("Mautic's own Salesforce plugin was never set up here", code="native-plugin-absent")
    return parse_settings(dict(row))


def parse_settings(row: Mapping[str, Any]) -> NativeSettings:
    """Return what a row says; SetupError if it is not what PHP would have written. Pure."""
    chosen = unserialize(row["feature_settings"])
    if not isinstance(chosen, dict):
        raise SetupError(
            "The plugin's settings cannot be read: open its form in Mautic and save it once",
            code="native-settings-unreadable",
            fixed_by="host_admin",
        )
    return NativeSettings(
        is_published=bool(row["is_published"]),
        version=str(row.get("version") or ""),
        features=frozenset(_list(unserialize(row["supported_features"]))),
        objects=_list(chosen.get("objects")),
        is_sandbox=_is_ticked(chosen.get("sandbox")),
        updates_owner=_is_ticked(chosen.get("updateOwner")),
        updates_blanks=_is_ticked(chosen.get("updateBlanks")),
        uses_latest_opt_out=_is_ticked(chosen.get("updateDncByDate")),
        activity_events=_list(chosen.get("activityEvents")),
        namespace=str(chosen.get("namespace") or "").strip(),
        lead_fields=_table(chosen.get("leadFields")),
        arrows=_table(chosen.get("update_mautic")),
        company_fields=_table(chosen.get("companyFields")),
        company_arrows=_table(chosen.get("update_mautic_company")),
        api_keys=_table(unserialize(row["api_keys"])),
    )


def _list(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, which PHP keeps as an array with numbers for keys."""
    entries = value.values() if isinstance(value, dict) else ()
    return tuple(dict.fromkeys(str(entry) for entry in entries if entry not in (None, "")))


def _table(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): str(entry) for key, entry in value.items() if entry not in (None, "") and _is_plain(entry)}


def _is_plain(entry: Any) -> bool:
    return isinstance(entry, str | int)


def _is_ticked(value: Any) -> bool:
    """Tell whether a box is ticked: its own name in a list, or a plain one in older versions."""
    return bool(_list(value)) if isinstance(value, dict) else str(value) in {"1", "True", "true"}
