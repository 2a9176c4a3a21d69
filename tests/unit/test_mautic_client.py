"""Signing in to Mautic and telling its troubles apart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.hosts.mautic.client import MauticClient
from sidecar.hosts.mautic.connection import MauticConnection
from tests.recorded_mautic import ScriptedMautic, playback

PATH = "/api/contacts/1"
OK = (200, {"contact": {"id": 1}})


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def client_of(mautic: ScriptedMautic, clock: Clock | None = None, cache: Any = None, **connection: Any) -> MauticClient:
    settings = {"client_id": "1_abc", "client_secret": "geheim"} | connection
    return MauticClient(
        MauticConnection("https://mautic.example", "sqlite://", **settings),
        cache=cache or MemoryCache(),
        clock=clock or Clock(),
        adapter=mautic,
    )


def test_one_token_serves_many_calls_and_many_runs() -> None:
    mautic, cache = ScriptedMautic({PATH: [OK]}), MemoryCache()
    for _ in range(3):
        client = client_of(mautic, cache=cache)
        client.call("GET", PATH)
        client.call("GET", PATH)
    assert mautic.tokens == 1
    assert {headers["Authorization"] for headers in mautic.headers} == {"Bearer token1"}


def test_a_token_is_renewed_shortly_before_it_runs_out() -> None:
    mautic, clock = ScriptedMautic({PATH: [OK]}), Clock()
    client = client_of(mautic, clock)
    client.call("GET", PATH)
    clock.now += timedelta(seconds=3541)
    client.call("GET", PATH)
    assert [headers["Authorization"] for headers in mautic.headers] == ["Bearer token1", "Bearer token2"]


def test_a_refused_token_is_renewed_once() -> None:
    mautic = ScriptedMautic({PATH: [playback("oauth_bearer_expired"), OK]})
    assert client_of(mautic).call("GET", PATH).status == 200
    assert mautic.tokens == 2


def test_a_token_that_is_refused_again_is_for_the_administrator() -> None:
    mautic = ScriptedMautic({PATH: [playback("oauth_bearer_expired")]})
    with pytest.raises(SetupError) as caught:
        client_of(mautic).call("GET", PATH)
    assert caught.value.code == "mautic-sign-in-refused"
    assert len(mautic.paths()) == 2


def test_another_secret_never_uses_the_old_ones_token() -> None:
    mautic, cache = ScriptedMautic({PATH: [OK]}), MemoryCache()
    client_of(mautic, cache=cache).call("GET", PATH)
    client_of(mautic, cache=cache, client_secret="other").call("GET", PATH)
    assert mautic.tokens == 2


def test_basic_sign_in_asks_for_no_token() -> None:
    mautic = ScriptedMautic({PATH: [OK]})
    client_of(mautic, auth="basic", username="Aladdin", password="open sesame").call("GET", PATH)
    assert mautic.tokens == 0
    assert mautic.headers[0]["Authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (playback("error_bad_password"), SetupError, "mautic-sign-in-refused"),
        (playback("error_role_readonly_edit"), SetupError, "mautic-forbidden"),
        (playback("contacts_batch_new_not_array"), TransientError, "mautic-unreachable"),
        ((502, {}), TransientError, "mautic-unreachable"),
        ((503, {}), TransientError, "mautic-unreachable"),
        ((429, {}), TransientError, "mautic-busy"),
        ((302, {}), SetupError, "mautic-address-redirects"),
        ((200, b"<html>A shop</html>"), SetupError, "mautic-api-missing"),
        (requests.ConnectionError("reset by 10.0.0.1 geheim"), TransientError, "mautic-unreachable"),
        (requests.ReadTimeout("geheim"), TransientError, "mautic-unreachable"),
    ],
)
def test_each_trouble_has_its_reaction(reply: Any, kind: type[SidecarError], code: str) -> None:
    with pytest.raises(kind) as caught:
        client_of(ScriptedMautic({PATH: [reply]})).call("GET", PATH)
    assert caught.value.code == code
    assert "geheim" not in str(caught.value)


def test_a_wrong_secret_is_for_the_administrator() -> None:
    mautic = ScriptedMautic({"/oauth/v2/token": [playback("oauth_token_bad_secret")]})
    with pytest.raises(SetupError) as caught:
        client_of(mautic).call("GET", PATH)
    assert (caught.value.code, caught.value.fixed_by) == ("mautic-sign-in-refused", "host_admin")


def test_every_request_is_counted_the_token_too() -> None:
    client = client_of(ScriptedMautic({PATH: [OK]}))
    client.call("GET", PATH)
    client.call("GET", PATH)
    assert client.calls == 3


def test_a_bearer_token_never_follows_a_redirect() -> None:
    mautic = ScriptedMautic({PATH: [(307, {})]})
    with pytest.raises(SetupError):
        client_of(mautic).call("GET", PATH)
    assert len(mautic.sent) == 1


def test_a_netrc_file_does_not_sign_in_for_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine mautic.example login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    mautic = ScriptedMautic({PATH: [OK]})
    client_of(mautic).call("GET", PATH)
    assert mautic.headers[0]["Authorization"] == "Bearer token1"


@pytest.mark.parametrize("version", ["4.4.0", "8.0.0", None])
def test_an_unknown_version_is_refused_before_anything_is_written(version: str | None) -> None:
    mautic = ScriptedMautic()
    mautic.version = version
    with pytest.raises(SetupError) as caught:
        client_of(mautic).require_known_version()
    assert caught.value.code == "mautic-version-unknown"
    assert [method for method, _, _ in mautic.sent] == ["GET"]


def test_our_name_in_the_log_ends_with_the_clients_row() -> None:
    mautic = ScriptedMautic()
    client = client_of(mautic, client_id="12_abc")
    assert client.is_own_name("sync sidecar [12]")
    assert not client.is_own_name("sync sidecar [1]")
    assert not client.is_own_name("Ada Admin")
    assert mautic.sent == []


def test_with_basic_auth_our_name_is_the_users() -> None:
    mautic = ScriptedMautic({"/api/users/self": [(200, {"firstName": "Ada", "lastName": "Admin"})]})
    client = client_of(mautic, auth="basic", username="ada", password="x")
    assert client.is_own_name("Ada Admin")
    assert not client.is_own_name("Sally Lab")
    client.require_known_version()
    assert mautic.paths("/api") == ["/api/users/self"]


@pytest.mark.parametrize(
    "date", ["Sun, 22 Nov 2026 06:49:20 GMT", "Sun, 22 Nov 2026 06:49:20 GMT, Sun, 22 Nov 2026 06:49:20 GMT"]
)
def test_the_web_servers_clock_is_utc_even_where_a_proxy_adds_a_second_date(date: str) -> None:
    client = client_of(ScriptedMautic({PATH: [(*OK, {"Date": date})]}))
    client.call("GET", PATH)
    assert client.said_at == datetime(2026, 11, 22, 6, 49, 20, tzinfo=UTC)
