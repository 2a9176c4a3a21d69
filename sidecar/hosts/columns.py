"""What a column of a host's database holds, in canonical form. A moment without a zone is UTC. Pure."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


def moment_of(raw: Any) -> datetime | None:
    """Return a moment with all its digits, or None for what is none."""
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            return None
    if not isinstance(raw, datetime):
        return None
    return raw.replace(tzinfo=raw.tzinfo or UTC).astimezone(UTC)


def as_sql(moment: datetime) -> str:
    """Return a moment as columns of MariaDB hold it, and as SQLite's own functions write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def number_of(raw: Any) -> Decimal | None:
    """Return a finite number, or None for what is none."""
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def date_of(raw: Any) -> date | None:
    """Return a day, or None for what is none."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    try:
        return date.fromisoformat(str(raw)[:10])
    except ValueError:
        return None
