"""The org's own clock: real time by default, or set and moved by a test. The only place of the sandbox that asks the time."""

from datetime import UTC, date, datetime, timedelta


class Clock:
    """A clock that runs with real time until it is set; from then on it only moves when it is told to."""

    def __init__(self, at: datetime | None = None) -> None:
        self._at = at
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._at if self._at is not None else datetime.now(UTC) + self._ahead

    def set(self, at: datetime) -> None:
        """Stop at this moment."""
        self._at = at.astimezone(UTC)

    def advance(self, seconds: float) -> None:
        """Move on by some seconds."""
        if self._at is not None:
            self._at += timedelta(seconds=seconds)
        else:
            self._ahead += timedelta(seconds=seconds)


def stamp(at: datetime) -> str:
    """Return a date/time as the org writes it: whole seconds, +0000 without a colon."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parse_datetime(text: str) -> datetime:
    """Read an ISO 8601 date/time with a zone; ValueError without one."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


def parse_date(text: str) -> date:
    """Read YYYY-MM-DD, or the day of a date/time in UTC."""
    return date.fromisoformat(text) if len(text) == 10 else parse_datetime(text).date()
