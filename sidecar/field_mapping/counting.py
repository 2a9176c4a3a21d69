"""Counting filled fields in the background: asked for once, done by a worker, and how far it came remembered per side."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sidecar.bootstrap import App
from sidecar.errors import SidecarError, TransientError
from sidecar.field_mapping.filling import count_side
from sidecar.field_mapping.kept import forget, keep, load_kept
from sidecar.queue import enqueue
from sidecar.records import Side
from sidecar.store.instances import Instance

JOB: Final = "jobs.maintenance.count_fields"
LOST_AFTER: Final = timedelta(hours=1)
"""A count that was asked for longer ago and has not ended counts as lost: no worker took it, or the one that did died."""
_COUNTING: Final = "mapping-counting"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SideCount:
    """How the count last asked for stands on one side; `code` and `message` say why that side told nothing."""

    asked_at: datetime
    is_ended: bool = False
    code: str = ""
    message: str = ""

    @property
    def is_done(self) -> bool:
        """Tell whether the side told its numbers."""
        return self.is_ended and not self.code


@dataclass(frozen=True, slots=True)
class Counting:
    """How the count last asked for stands; a side is missing if nobody asked, or its connection changed since."""

    sides: Mapping[Side, SideCount]

    @property
    def asked_at(self) -> datetime | None:
        """When somebody last asked."""
        return max((each.asked_at for each in self.sides.values()), default=None)

    @property
    def failed(self) -> Mapping[Side, SideCount]:
        """The sides that told nothing."""
        return {side: each for side, each in self.sides.items() if each.code}

    def is_done(self, side: Side) -> bool:
        """Tell whether a side told its numbers."""
        return side in self.sides and self.sides[side].is_done

    def is_under_way(self, now: datetime) -> bool:
        """Tell whether a side is still to be counted, and that can be hoped for."""
        return any(now <= each.asked_at + LOST_AFTER for each in self._open)

    def is_lost(self, now: datetime) -> bool:
        """Tell whether a side is still to be counted, and that was hoped for long enough."""
        return bool(self._open) and not self.is_under_way(now)

    @property
    def _open(self) -> list[SideCount]:
        return [each for each in self.sides.values() if not each.is_ended]


def known_counting(app: App, instance: Instance) -> Counting:
    """Return how the count last asked for stands; asks nobody."""
    return Counting({side: found for side in Side if (found := _kept(app, instance, side))})


def ask_count(app: App, instance: Instance) -> bool:
    """Have a worker count, unless one is about to; tell whether that was news. TransientError if the queue does not answer."""
    before, now = known_counting(app, instance), app.clock()
    if before.is_under_way(now):
        return False
    # Remembered first: a quick worker must not have ended before.
    for side in Side:
        _keep(app, instance, side, SideCount(now))
    try:
        # Who asks twice within a second asks for the same.
        prefix = f"count-{instance.id}-"
        enqueue(JOB, instance.id, job_id=f"{prefix}{now:%Y%m%dT%H%M%S}", settings=app.settings, unless_waiting=prefix)
    except TransientError:
        _put_back(app, instance, before)
        raise
    return True


def run_count(app: App, instance: Instance) -> bool:
    """Count on both sides and remember how that went; tell whether both told. What one told stays without the other."""
    asked_at = known_counting(app, instance).asked_at or app.clock()
    told = [_count(app, instance, side, asked_at) for side in Side]
    return all(told)


def _count(app: App, instance: Instance, side: Side, asked_at: datetime) -> bool:
    try:
        count_side(app, instance, app.mapping(instance, "people"), side)
        ended = SideCount(asked_at, is_ended=True)
    except SidecarError as error:
        _log.warning("Fields were not counted", extra={"instance": instance.id, "side": side, "code": error.code})
        ended = SideCount(asked_at, is_ended=True, code=error.code, message=error.message)
    known = _kept(app, instance, side)
    if known is None or known.asked_at <= asked_at:  # else somebody asked anew, and waits for an answer of their own
        _keep(app, instance, side, ended)
    return ended.is_done


def _put_back(app: App, instance: Instance, before: Counting) -> None:
    for side in Side:
        if side in before.sides:
            _keep(app, instance, side, before.sides[side])
        else:
            forget(app, instance, side, _COUNTING)


def _keep(app: App, instance: Instance, side: Side, count: SideCount) -> None:
    keep(app, instance, side, _COUNTING, asdict(count) | {"asked_at": count.asked_at.isoformat()})


def _kept(app: App, instance: Instance, side: Side) -> SideCount | None:
    kept = load_kept(app, instance, side, _COUNTING)
    if kept is None:
        return None
    return SideCount(**kept | {"asked_at": datetime.fromisoformat(kept["asked_at"])})
