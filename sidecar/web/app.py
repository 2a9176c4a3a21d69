"""What the pages use of the rest of the program."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import current_app, flash

from sidecar.bootstrap import App
from sidecar.errors import SidecarError
from sidecar.store.history import History
from sidecar.store.overview import Overview


def sidecar() -> App:
    """Return the application behind this web server."""
    return cast(App, current_app.extensions["sidecar"])


@contextmanager
def errors_flashed() -> Iterator[None]:
    """Tell on the next page what went wrong inside; what stands after it in the block is not done."""
    try:
        yield
    except SidecarError as error:
        flash(f"{error.message} ({error.code})", "bad")


def history() -> History:
    """Return what reads the ledger."""
    return History(sidecar().database, sidecar().cipher)


def overview() -> Overview:
    """Return what answers the pages' questions."""
    return Overview(sidecar().database)
