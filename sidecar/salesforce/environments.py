"""Production, sandbox or My Domain: which host signs in where, and what its name tells about the org. Pure."""

from typing import Final, Literal
from urllib.parse import urlsplit

from sidecar.errors import SetupError, UsageError
from sidecar.salesforce.connection import SalesforceConnection, is_loopback, require_allowed_url

Environment = Literal["production", "sandbox", "my_domain"]

PRODUCTION_HOST: Final = "login.salesforce.com"
SANDBOX_HOST: Final = "test.salesforce.com"
_COMMON_HOSTS: Final = {PRODUCTION_HOST, SANDBOX_HOST}
WRONG_ENVIRONMENT: Final = "salesforce-wrong-environment"


def login_url_for(environment: str, my_domain: str = "", *, allow_loopback: bool = True) -> str:
    """Return where to sign in; the address counts for `my_domain` only, where it must be one of Salesforce's."""
    match environment:
        case "production":
            return f"https://{PRODUCTION_HOST}"
        case "sandbox":
            return f"https://{SANDBOX_HOST}"
        case "my_domain":
            return require_allowed_url(my_domain, allow_loopback=allow_loopback)
    raise UsageError("Choose production, sandbox or My Domain.", code="environment-unclear")


def environment_of(login_url: str) -> Environment:
    """Return which choice leads to this address."""
    host = _host(login_url)
    if host == PRODUCTION_HOST:
        return "production"
    return "sandbox" if host == SANDBOX_HOST else "my_domain"


def is_sandbox(url: str) -> bool:
    """Tell whether an address belongs to a sandbox or scratch org.

    A sandbox's My Domain reads acme--name.sandbox.my.salesforce.com, that of a scratch org ….scratch.my.salesforce.com.
    """
    host = _host(url)
    return host == SANDBOX_HOST or "--" in host or ".sandbox." in host or ".scratch." in host


def is_common_login(url: str) -> bool:
    """Tell whether an address is one of the two hosts where every org may sign in, and not an org's own."""
    return _host(url) in _COMMON_HOSTS


def audience(login_url: str) -> str:
    """Return whom an assertion is for: only the two log-in hosts are, whatever the org's own address is."""
    return f"https://{SANDBOX_HOST if is_sandbox(login_url) else PRODUCTION_HOST}"


def require_own_address(connection: SalesforceConnection) -> None:
    """Refuse client credentials at the common log-in hosts, where Salesforce never accepts them."""
    if connection.flow == "client_credentials" and is_common_login(connection.login_url):
        raise SetupError(
            "Client credentials work at the org's own My Domain address only, not at login.salesforce.com or "
            "test.salesforce.com.",
            code=WRONG_ENVIRONMENT,
        )


def require_environment(login_url: str, instance_url: str) -> None:
    """Refuse an org of the other kind than the sign-in address is for: somebody chose the wrong one."""
    if is_loopback(_host(instance_url)) or is_sandbox(login_url) == is_sandbox(instance_url):
        return
    chosen, found = ("sandbox", "production org") if is_sandbox(login_url) else ("production", "sandbox")
    raise SetupError(
        f"The sign-in address is that of {chosen}, but the org that answered is a {found}. Choose the other one.",
        code=WRONG_ENVIRONMENT,
    )


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def pages_address(login_url: str, instance_url: str | None) -> str | None:
    """Return where people see the org's records: its own address, by the connection or its last answer; None if neither tells."""
    own = instance_url if is_common_login(login_url) else login_url
    return own.rstrip("/") if own else None
