"""The sandbox's own clock: time stands still until somebody moves it, or follows the machine's."""

from datetime import UTC, datetime, timedelta


class HostClock:
    """What time it is in this Mautic, in whole seconds, UTC. Runs with the machine when `start` is None."""

    def __init__(self, start: datetime | None = None) -> None:
        self._at = start.astimezone(UTC) if start else None
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the present second."""
        return ((self._at or datetime.now(UTC)) + self._ahead).replace(microsecond=0)

    def set(self, moment: datetime) -> None:
        """Stop the clock at a moment."""
        self._at, self._ahead = moment.astimezone(UTC), timedelta()

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move the clock on and return the new time."""
        self._ahead += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now()
