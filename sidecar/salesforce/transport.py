"""The HTTP session under simple-salesforce: time-outs, constant headers, a call counter, and http for this machine.

simple-salesforce builds every URL as https and sets no time-out; both are put right here, below it.
"""

import re
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from sidecar.salesforce.connection import is_loopback

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 60
WRITE_HEADERS: Final = {
    # Without it Salesforce runs its assignment rules, which may change the owner and send e-mail to people.
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Call-Options": "client=mautic-sidecar",
}
_USAGE = re.compile(r"(?:^|[;\s])api-usage=(\d+)/(\d+)")


class CallGate(Protocol):
    """Counts metered calls before they are made, and may refuse them."""

    def before_call(self) -> None:
        """Count a call that is about to be made; BudgetError if it may not be made now."""

    def after_call(self, usage: tuple[int, int] | None) -> None:
        """Hear what Salesforce said of everybody's calls (used, allowed), if it did."""


class OpenGate:
    """A gate that lets everything through."""

    def before_call(self) -> None:
        """Let it through."""

    def after_call(self, usage: tuple[int, int] | None) -> None:
        """Nothing is kept."""


class OrgSession(requests.Session):
    """A requests session for one org. Requests that carry a token are metered calls; others (sign-in, versions) are free.

    `calls` counts metered requests sent, whether answered or not. `usage` is the last (used, allowed) Salesforce told.
    """

    def __init__(self, gate: CallGate | None = None) -> None:
        super().__init__()
        self.gate: CallGate = gate or OpenGate()
        self.calls = 0
        self.usage: tuple[int, int] | None = None
        self.headers.update(WRITE_HEADERS)
        # Any auth keeps requests from putting a machine's .netrc in place of our token.
        self.auth = _as_it_is

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request, without following redirects: they would turn a write into a read elsewhere."""
        headers = dict(kwargs.get("headers") or {})
        headers.pop("X-PrettyPrint", None)
        kwargs["headers"] = headers
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS))
        kwargs["allow_redirects"] = False
        is_metered = "Authorization" in headers
        if is_metered:
            self.gate.before_call()
        self.calls += is_metered
        response = super().request(method, url, *args, **kwargs)
        if is_metered:
            told = _parse_usage(response.headers.get("Sforce-Limit-Info"))
            self.usage = told or self.usage
            self.gate.after_call(told)
        return response


class PlainHttpAdapter(HTTPAdapter):
    """Sends what was addressed by https to this machine by plain http, for a sandbox that speaks no TLS."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Change the scheme and send."""
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


def open_session(adapter: BaseAdapter | None = None, gate: CallGate | None = None) -> OrgSession:
    """Return a session; an adapter given takes every request (tests drive a sandbox in-process that way)."""
    session = OrgSession(gate)
    if adapter is not None:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    return session


def speak_plain_http(session: OrgSession, instance_url: str, adapter: BaseAdapter | None) -> None:
    """Make https requests to a plain-http instance on this machine go out as http."""
    parts = urlsplit(instance_url)
    if adapter is None and parts.scheme == "http" and is_loopback(parts.hostname):
        session.mount(f"https://{parts.netloc}/", PlainHttpAdapter())


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _parse_usage(header: str | None) -> tuple[int, int] | None:
    # The header is absent from free calls and from 401 answers, and may carry a per-app entry as well.
    found = _USAGE.search(header or "")
    return (int(found[1]), int(found[2])) if found else None
