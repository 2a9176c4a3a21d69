"""Which stretch of a source's time is read next. Pure."""

from datetime import datetime, timedelta

from sidecar.sync.model import Window

OVERLAP = timedelta(minutes=20)
"""Re-read before the watermark: a row's stamp is taken before its transaction commits, which may be minutes later."""


def next_window(watermark: datetime, *, source_now: datetime, overlap: timedelta = OVERLAP) -> Window:
    """Return everything since the watermark, less an overlap for late commits, up to the source's own clock.

    Re-reading is harmless: what is unchanged is skipped without a write. A source clock that went backwards gives an
    empty window, never a negative one.
    """
    start = watermark - overlap
    return Window(start=start, end=max(source_now, start))
