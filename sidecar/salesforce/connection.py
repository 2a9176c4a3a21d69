"""How to reach one Salesforce org, and which addresses may be called at all. Pure."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from sidecar.errors import SetupError

_SALESFORCE_DOMAINS = ("salesforce.com", "salesforce.mil", "force.com", "cloudforce.com", "sfcrmproducts.cn")


@dataclass(frozen=True, slots=True)
class SalesforceConnection:
    """Where and as whom we sign in. `namespace` is the prefix of a managed package that brought our custom fields.

    client_credentials needs `client_secret` and the org's own My Domain as `login_url`; jwt_bearer needs `private_key`
    (PEM) and `username`, with login.salesforce.com, test.salesforce.com or the My Domain.
    """

    login_url: str
    flow: Literal["client_credentials", "jwt_bearer"]
    client_id: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    username: str = ""
    api_version: str = "66.0"
    namespace: str = ""


def require_allowed_url(url: str, *, allow_loopback: bool = True) -> str:
    """Return scheme and host of the URL, or raise SetupError: Salesforce's own hosts by https, or this very machine.

    An address from a form or from a sign-in answer must not make us call anything else (server-side request forgery).
    """
    parts = urlsplit(url.strip())
    if parts.hostname and not parts.username and _is_allowed(parts, allow_loopback):
        return f"{parts.scheme}://{parts.netloc}"
    raise SetupError(
        "The Salesforce address must be an https address of Salesforce, such as https://example.my.salesforce.com.",
        code="salesforce-address-not-allowed",
    )


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_allowed(parts: SplitResult, allow_loopback: bool) -> bool:
    if is_loopback(parts.hostname):
        return allow_loopback and parts.scheme in {"http", "https"}
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" and any(host.endswith(f".{domain}") for domain in _SALESFORCE_DOMAINS)
