"""Mautic's REST API: one call at a time, signed in, timed out, counted, its errors in our words."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from sidecar.cache import Cache
from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.hosts.mautic.auth import Auth, BasicAuth, ClientCredentials
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.versions import Differences, differences_of

TIMEOUT = (5, 60)
WHO_AM_I = "/api/users/self"
OWN_WRITE = "X-Sidecar-Write"
"""Marks what we write: the bundle keeps it out of its outbox, where our client is the one it serves. Nobody else minds it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Mautic said: 2xx, or a 4xx that is about what was sent. `seconds` is how long it took."""

    status: int
    body: Any
    seconds: float


class ServerFailedError(TransientError):
    """Mautic answered with a 500: the request itself may be the reason."""


class ServerBusyError(TransientError):
    """Mautic took nothing in and asks us to come back: 429, or 503 with a word on when."""


class MauticClient:
    """Signed-in calls to one Mautic; may be used by several threads. `version` and `said_at` are of the latest answer."""

    def __init__(
        self,
        connection: MauticConnection,
        *,
        cache: Cache,
        clock: Callable[[], datetime],
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._base_url = connection.base_url
        self._session = requests.Session()
        chosen = adapter or HTTPAdapter(pool_maxsize=connection.parallel)
        self._session.mount("http://", chosen)
        self._session.mount("https://", chosen)
        self._lock = threading.Lock()
        self._open = threading.BoundedSemaphore(max(1, connection.parallel))
        self._auth: Auth = (
            BasicAuth(connection)
            if connection.auth == "basic"
            else ClientCredentials(connection, cache, clock, self._ask_token)
        )
        self._client_row = connection.client_id.partition("_")[0] if connection.auth == "oauth2" else ""
        self._own_name: str | None = None
        self.calls = 0
        self.version: str | None = None
        self.said_at: datetime | None = None

    def close(self) -> None:
        """Close the connections that were kept alive."""
        self._session.close()

    def call(self, method: str, path: str, body: Any = None, *, may_be_forbidden: bool = False) -> Answer:
        """Send one call, signed in; on a 401 once more with a new token. Raises SetupError or TransientError.

        A 403 is an answer like any other where the caller wants to know what our role may do.
        """
        header = self._auth.header()
        response = self._send(method, path, header, json=body)
        if response.status_code == 401 and self._auth.renew(header):
            response = self._send(method, path, self._auth.header(), json=body)
        if not (may_be_forbidden and response.status_code == 403):
            _raise_for_status(response)
        return Answer(response.status_code, _json(response), response.elapsed.total_seconds())

    def require_known_version(self) -> None:
        """Raise SetupError for a version we do not know; it is read with the first call."""
        self.differences()

    def differences(self) -> Differences:
        """Return what this Mautic's version does; it is read with the first call. SetupError for an unknown one."""
        if self.version is None:
            self._introduce()
        if self.version is None:
            raise SetupError(
                "What answers at Mautic's address does not say which version of Mautic it is",
                code="mautic-version-unknown",
            )
        return differences_of(self.version)

    def is_own_name(self, user_name: str) -> bool:
        """Tell whether a name in Mautic's audit log is ours: "<client's name> [<row>]", or our user's name with basic auth.

        The row is the beginning of the client id. A user's name is asked for once.
        """
        if self._client_row:
            return user_name.endswith(f" [{self._client_row}]")
        if self._own_name is None:
            self._introduce()
        return user_name == self._own_name

    def _introduce(self) -> None:
        answer = self.call("GET", WHO_AM_I)
        user = answer.body if answer.status == 200 and isinstance(answer.body, dict) else {}
        self._own_name = f"{user.get('firstName') or ''} {user.get('lastName') or ''}".strip()

    def _ask_token(self, form: dict[str, str]) -> tuple[str, int]:
        response = self._send("POST", "/oauth/v2/token", None, data=form)
        if response.status_code in {400, 401, 403}:
            raise _sign_in_refused()
        _raise_for_status(response)
        answer = _json(response)
        try:
            return str(answer["access_token"]), int(answer["expires_in"])
        except (KeyError, TypeError, ValueError):
            raise _not_mautic() from None

    def _send(self, method: str, path: str, header: str | None, **payload: Any) -> requests.Response:
        with self._lock:
            self.calls += 1
        headers = {"Accept": "application/json"} | ({} if method == "GET" else {OWN_WRITE: "1"})
        try:
            with self._open:  # never more requests at once than were granted, whoever makes them
                response = self._session.request(
                    method,
                    self._base_url + path,
                    headers=headers,
                    auth=_signing(header),
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    **payload,
                )
        except requests.RequestException as error:
            raise TransientError(f"Mautic did not answer ({type(error).__name__})", code="mautic-unreachable") from None
        self.version = response.headers.get("Mautic-Version", self.version)
        self.said_at = _moment_of(response) or self.said_at
        return response


def _signing(header: str | None) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return what signs a request; without it `requests` would put a .netrc entry in place of our header."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if header:
            request.headers["Authorization"] = header
        return request

    return sign


def _moment_of(response: requests.Response) -> datetime | None:
    """Return the web server's clock when it answered, if it tells it.

    HTTP's dates are UTC by definition; a proxy that adds a second Date makes the zone unreadable.
    """
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _raise_for_status(response: requests.Response) -> None:
    """Raise what concerns the whole connection; leave to the caller what is about the thing sent."""
    status = response.status_code
    error: SidecarError | None = None
    if status == 401:
        error = _sign_in_refused()
    elif status == 403:
        error = SetupError(
            "Mautic forbids this to our user: its role needs to view, edit and create contacts",
            code="mautic-forbidden",
            fixed_by="host_admin",
        )
    elif status == 429 or (status == 503 and "Retry-After" in response.headers):
        wait = response.headers.get("Retry-After", "")
        error = ServerBusyError(
            "Mautic asks us to wait", code="mautic-busy", retry_after_seconds=int(wait) if wait.isdigit() else None
        )
    elif status == 500:
        error = ServerFailedError("Mautic failed with an error of its own (500)", code="mautic-unreachable")
    elif status > 500:
        error = TransientError(f"Mautic is not available ({status})", code="mautic-unreachable")
    elif 300 <= status < 400:
        error = SetupError("Mautic's address redirects elsewhere; use the final one", code="mautic-address-redirects")
    if error:
        raise error


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise _not_mautic() from None


def _sign_in_refused() -> SetupError:
    return SetupError("Mautic refuses our sign-in", code="mautic-sign-in-refused", fixed_by="host_admin")


def _not_mautic() -> SetupError:
    return SetupError("What answers at Mautic's address is not Mautic's API", code="mautic-api-missing")
