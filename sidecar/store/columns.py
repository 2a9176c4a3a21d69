"""What the tables are made of: one metadata, a number per row, and the columns that many tables have."""

from sqlalchemy import Column, ForeignKey, MetaData, String, Table
from sqlalchemy.sql.schema import SchemaItem

from sidecar.store.types import BigId, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *items: SchemaItem) -> Table:
    """A table with a number per row; on MariaDB transactional, in full Unicode, comparing byte by byte."""
    number = Column("id", BigId, primary_key=True, autoincrement=True)
    return Table(
        name, metadata, number, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin"
    )  # fmt: skip


def of_instance() -> Column[int]:
    """Return the column that says whose row it is."""
    return Column("instance_id", BigId, ForeignKey("instances.id"), nullable=False)


def word(name: str, length: int = 32, *, nullable: bool = False) -> Column[str]:
    """Return a column for a short text."""
    return Column(name, String(length), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column for a moment in UTC."""
    return Column(name, UtcDateTime(), nullable=nullable)


def ref(prefix: str = "", *, nullable: bool = False) -> list[Column[str]]:
    """Return the two columns that name a record: its object and its id there."""
    names = (f"{prefix}_object", f"{prefix}_id") if prefix else ("object", "record_id")
    return [word(names[0], 80, nullable=nullable), word(names[1], 64, nullable=nullable)]
