"""What the pages use of the rest of the program."""

from typing import cast

from flask import current_app

from sidecar.bootstrap import App
from sidecar.store.history import History
from sidecar.store.overview import Overview


def sidecar() -> App:
    """Return the application behind this web server."""
    return cast(App, current_app.extensions["sidecar"])


def history() -> History:
    """Return what reads the ledger."""
    return History(sidecar().database, sidecar().cipher)


def overview() -> Overview:
    """Return what answers the pages' questions."""
    return Overview(sidecar().database)
