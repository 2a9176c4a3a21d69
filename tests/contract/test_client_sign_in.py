"""What the token endpoint of a real org is on record to answer, and what the client makes of each answer."""

from dataclasses import dataclass

import pytest

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.refreshing import MemoryRefreshTokens
from sidecar.salesforce.web_server import arrive, depart
from tests.recordings import recorded
from tests.salesforce_builders import a_connection, a_side, an_org
from tests.salesforce_stub import Answer

TOKEN_PATH = "/services/oauth2/token"
ADMIN = "salesforce_admin"
CALLBACK = "https://sidecar.example.com/oauth/salesforce/callback"


@dataclass(frozen=True)
class RefusedCall:
    """A recorded refusal of a sign-in, and what it is called here."""

    recording: str
    flow: str
    code: str
    fixed_by: str = ADMIN


REFUSED = (
    RefusedCall("oauth-inactive-user-400", "web_server", "salesforce-user-inactive"),
    RefusedCall("oauth-invalid-client-400", "client_credentials", "salesforce-client-refused"),
    RefusedCall("oauth-invalid-grant-password", "client_credentials", "salesforce-sign-in-refused"),
    RefusedCall("oauth-invalid-grant-refresh", "web_server", "salesforce-sign-in-expired"),
    RefusedCall("oauth-jwt-audience-400", "client_credentials", "salesforce-wrong-environment", "operator"),
    RefusedCall("oauth-no-client-credentials-user-400", "client_credentials", "salesforce-client-credentials-off"),
    RefusedCall(
        "oauth-request-not-supported-on-this-domain-400",
        "client_credentials",
        "salesforce-wrong-environment",
        "operator",
    ),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.recording)
def test_a_recorded_refusal_is_one_named_problem_with_who_fixes_it(case):
    org = an_org()
    org.on("POST", TOKEN_PATH, Answer.of(case.recording))
    with pytest.raises(SetupError) as caught:
        a_side(org, flow=case.flow, refresh_token="r-1").describe("Lead")
    assert (caught.value.code, caught.value.fixed_by) == (case.code, case.fixed_by)
    assert len(org.sign_ins) == 1


@pytest.mark.parametrize(
    "name",
    [
        "oauth-client-credentials-200-opaque",
        "oauth-client-credentials-200-jwt",
        "oauth-client-credentials-200-live-2026-06",
        "oauth-password-200",
        "oauth-refresh-200",
        "oauth-refresh-200-2016",
        "oauth-authcode-200-token_format",
    ],
)
def test_a_recorded_answer_is_a_token_for_the_org_it_names(name):
    org = an_org()
    org.on("POST", TOKEN_PATH, Answer.of(name))
    a_side(org).describe("Lead")
    assert org.metered[0].headers["Authorization"] == f"Bearer {recorded(name)['body']['access_token']}"
    assert org.metered[0].url.startswith(recorded(name)["body"]["instance_url"])


@pytest.mark.parametrize("name", ["oauth-refresh-200", "oauth-refresh-200-2016"])
def test_a_refresh_without_rotation_keeps_the_refresh_token(name):
    org = an_org()
    org.on("POST", TOKEN_PATH, Answer.of(name))
    side = a_side(org, flow="web_server", refresh_token="r-1")
    side.describe("Lead")
    [asked] = org.sign_ins
    assert asked.body == {
        "grant_type": "refresh_token",
        "refresh_token": "r-1",
        "client_id": "key",
        "client_secret": "s3cret",
    }


def test_a_code_is_turned_into_a_refresh_token_with_its_verifier():
    org = an_org()
    body = recorded("oauth-authcode-200-token_format")["body"] | {"refresh_token": "r-1"}
    org.on("POST", TOKEN_PATH, Answer(body))
    connection = a_connection(flow="web_server")
    departure = depart(connection, CALLBACK)
    arrival = arrive(connection, CALLBACK, departure.verifier, {"code": "c-1", "state": departure.state}, org)
    [asked] = org.sign_ins
    assert asked.body == {
        "grant_type": "authorization_code",
        "code": "c-1",
        "code_verifier": departure.verifier,
        "redirect_uri": CALLBACK,
        "client_id": "key",
        "client_secret": "s3cret",
    }
    assert (arrival.refresh_token, arrival.signed_in_as) == ("r-1", "00Dxxxxxxxxxxxxxxx/005xxxxxxxxxxxxxxx")


def test_an_answer_without_a_refresh_token_is_a_missing_scope():
    org = an_org()
    org.on("POST", TOKEN_PATH, Answer.of("oauth-authcode-200-token_format"))
    with pytest.raises(SetupError) as caught:
        arrive(a_connection(flow="web_server"), CALLBACK, "v", {"code": "c-1"}, org)
    assert caught.value.code == "salesforce-scope-missing"


@pytest.mark.parametrize("name", ["invalid-session-401", "invalid-session-401-2016"])
def test_a_session_that_ran_out_costs_one_refresh(name):
    org, tokens = an_org(), MemoryRefreshTokens("r-1")
    org.on("POST", TOKEN_PATH, Answer.of("oauth-refresh-200"))
    org.on("GET", ".*/sobjects/Lead/describe", Answer.of(name))
    side = a_side(org, flow="web_server", refresh_token="r-1", cache=MemoryCache())
    with pytest.raises(SetupError) as caught:
        side.describe("Lead")
    assert caught.value.code == "salesforce-session-refused"
    assert len(org.sign_ins) == 2  # the first sign-in, and one refresh
    assert tokens.known() == ("r-1",)


# -- answers that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (Answer("<html>Down for maintenance</html>", 503), TransientError, "salesforce-unreachable"),
        (Answer("<html>Welcome to the hotel network</html>", 200), TransientError, "salesforce-unexpected-answer"),
        (Answer('{"access_token": "00D!AQ', 200), TransientError, "salesforce-unexpected-answer"),
        (Answer([], 200), TransientError, "salesforce-unexpected-answer"),
        (Answer({}, 200), TransientError, "salesforce-unexpected-answer"),
        (Answer("<html>Forbidden by the proxy</html>", 403), TransientError, "salesforce-unexpected-answer"),
        (Answer("", 302, {"Location": "https://moved.my.salesforce.com"}), SetupError, "salesforce-address-moved"),
        (Answer("<html>URL No Longer Exists</html>", 404), SetupError, "salesforce-not-found"),
        (ConnectionResetError("reset"), TransientError, "salesforce-unreachable"),
    ],
)
@pytest.mark.parametrize("flow", ["client_credentials", "web_server"])
def test_an_answer_that_is_none_is_classified(flow, answer, error, code):
    import requests

    org = an_org()
    org.on("POST", TOKEN_PATH, requests.ConnectionError() if isinstance(answer, Exception) else answer)
    with pytest.raises(error) as caught:
        a_side(org, flow=flow, refresh_token="r-1").describe("Lead")
    assert caught.value.code == code
