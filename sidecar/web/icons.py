"""The few icons we use, taken out of the sprite that Bootstrap-Flask packages: six kilobytes instead of a megabyte."""

import re
from importlib.resources import files

from markupsafe import Markup

NAMES = (
    "arrow-left",
    "arrow-left-right",
    "arrow-repeat",
    "arrow-right",
    "box-arrow-right",
    "check-circle-fill",
    "dash-circle",
    "exclamation-triangle-fill",
    "globe2",
    "hdd-stack",
    "hourglass-split",
    "pause-circle-fill",
    "pencil",
    "person-circle",
    "skip-forward-fill",
    "slash-circle",
    "x-circle-fill",
    "x-octagon-fill",
)


def load_sprite() -> Markup:
    """Return an invisible drawing that holds our icons, to be put once into each page."""
    packaged = files("flask_bootstrap").joinpath("static/bootstrap5/icons/bootstrap-icons.svg").read_text()
    symbol_by_name = {
        name: symbol for symbol, name in re.findall(r'(<symbol [^>]*id="([\w-]+)">.*?</symbol>)', packaged)
    }
    symbols = "".join(symbol_by_name[name] for name in NAMES)
    return Markup('<svg xmlns="http://www.w3.org/2000/svg" hidden>%s</svg>') % Markup(symbols)  # noqa: S704  (packaged)


def icon(name: str) -> Markup:
    """Return one icon. It only repeats what a word beside it says, so screen readers pass over it."""
    if name not in NAMES:
        raise KeyError(name)
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="#{}"></use></svg>').format(name)
