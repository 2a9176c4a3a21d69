"""The tables of Mautic's own Salesforce plugin with only the columns we read. Nothing here is ever written to."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import TableClause, column, table

NATIVE_NAME: Final = "Salesforce"
"""What the plugin calls itself, in its settings and in every link."""


@dataclass(frozen=True, slots=True)
class NativeTables:
    """The tables of one installation, with its prefix."""

    prefix: str = ""

    def _table(self, name: str, *columns: str) -> TableClause:
        return table(f"{self.prefix}{name}", *(column(each) for each in columns))

    @property
    def plugins(self) -> TableClause:
        """The plugins that are installed."""
        return self._table("plugins", "id", "bundle", "version")

    @property
    def settings(self) -> TableClause:
        """What was chosen on each plugin's form."""
        return self._table(
            "plugin_integration_settings",
            "id",
            "plugin_id",
            "name",
            "is_published",
            "supported_features",
            "api_keys",
            "feature_settings",
        )

    @property
    def links(self) -> TableClause:
        """Which contact or company is which record elsewhere."""
        return self._table(
            "integration_entity",
            "id",
            "date_added",
            "integration",
            "integration_entity",
            "integration_entity_id",
            "internal_entity",
            "internal_entity_id",
            "last_sync_date",
        )
