"""How to reach one Salesforce org, and which addresses may be called at all. Pure."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from sidecar.errors import SetupError

API_VERSION = "66.0"
"""The version of the REST API used unless another is chosen: pinned, since answers differ between versions."""
_SALESFORCE_DOMAINS = ("salesforce.com", "salesforce.mil", "force.com", "cloudforce.com", "sfcrmproducts.cn")
DEFAULT_EVENTS_ADDRESS = "api.pubsub.salesforce.com:7443"


@dataclass(frozen=True, slots=True)
class SalesforceConnection:
    """Where and as whom we sign in. `namespace` is the prefix of a managed package that brought our custom fields.

    client_credentials needs `client_secret` and the org's own My Domain as `login_url`; jwt_bearer needs `private_key`
    (PEM) and `username`, with login.salesforce.com, test.salesforce.com or the My Domain. web_server has a
    `refresh_token` from a person's sign-in, the one before it, and as whom that was ("org id/user id").
    """

    login_url: str
    flow: Literal["client_credentials", "jwt_bearer", "web_server"]
    client_id: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    username: str = ""
    refresh_token: str = field(default="", repr=False)
    previous_refresh_token: str = field(default="", repr=False)
    signed_in_as: str = ""
    api_version: str = API_VERSION
    namespace: str = ""
    events_address: str = DEFAULT_EVENTS_ADDRESS


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


def require_events_address(address: str) -> tuple[str, bool]:
    """Return host:port of the Pub/Sub API and whether it is spoken to in plain text, as only this machine is.

    Our access token goes there, so it must be Salesforce's own: the global address, or a regional one.
    """
    try:
        parts = urlsplit(f"//{address.strip()}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port = "", None
    is_plain = is_loopback(host)
    is_known = is_plain or any(host.endswith(f".{domain}") for domain in _SALESFORCE_DOMAINS)
    if port and is_known and not parts.username and not parts.path:
        return parts.netloc, is_plain
    raise SetupError(
        "The address of the Pub/Sub API must be one of Salesforce's, such as api.pubsub.salesforce.com:7443.",
        code="change-events-address-not-allowed",
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
