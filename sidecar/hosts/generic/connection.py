"""How a platform with one table is reached: its document, and the address of its database."""

from dataclasses import dataclass, field

from sidecar.hosts.generic.database import require_address
from sidecar.hosts.generic.document import TableDocument, parse_table

KIND = "generic"
"""What a connection's `kind` says of such a host."""


@dataclass(frozen=True, slots=True)
class GenericConnection:
    """The document as it was given, and the database's address, which never shows in a repr."""

    document: str
    database_url: str = field(repr=False)
    kind: str = KIND

    def __post_init__(self) -> None:
        parse_table(self.document)
        require_address(self.database_url)

    @property
    def table(self) -> TableDocument:
        """The document, understood."""
        return parse_table(self.document)
