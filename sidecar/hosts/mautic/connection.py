"""How one Mautic installation is reached: its REST API for writing, its database for reading."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from sidecar.errors import SetupError


@dataclass(frozen=True, slots=True)
class MauticConnection:
    """Addresses and credentials of one installation. Secrets never show in a repr.

    `client_id` is the whole public key as Mautic shows it, `<row>_<random>`. `parallel` is how many requests may be open at once.
    """

    base_url: str
    database_url: str = field(repr=False)
    table_prefix: str = ""
    auth: Literal["oauth2", "basic"] = "oauth2"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    parallel: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
        require_safe_address(self.base_url)


def require_safe_address(url: str) -> None:
    """Refuse an address that is not http(s), and plain http to another machine: it would show the token to the network."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise SetupError("Mautic's address must begin with https://", code="mautic-address-unsafe")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
