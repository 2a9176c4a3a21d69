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


def require_own_machine_spared(base_url: str, database_url: str, *, allow_loopback: bool) -> None:
    """Refuse what would make this machine talk to itself or open its own files, unless an operator wants that.

    Of a database's address only the way in counts: options could name files, so none are taken but the character set.
    """
    if allow_loopback:
        return
    parts = urlsplit(database_url)
    is_database = parts.scheme.partition("+")[0] in {"mysql", "mariadb"} and parts.hostname
    options = {each.partition("=")[0] for each in parts.query.split("&") if each}
    hosts = [urlsplit(base_url).hostname or "", parts.hostname or ""]
    if not is_database or options - {"charset"} or any(_is_loopback(host) for host in hosts):
        raise SetupError(
            "From here Mautic and its database (mysql://user:password@host/name) must be on another machine; "
            "an operator can connect this one.",
            code="mautic-address-unsafe",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
