"""Recorded answers of the token endpoint: which token calls then carry and to which host, and what each refusal is called."""

from datetime import timedelta

import pytest

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError
from sidecar.salesforce.oauth import TokenEndpoint
from sidecar.salesforce.refreshing import MemoryRefreshTokens, refresh
from sidecar.salesforce.transport import open_session
from sidecar.salesforce.web_server import arrive
from tests.recordings import recorded
from tests.salesforce_builders import NOON, a_connection, a_side, an_org
from tests.salesforce_stub import Answer

TOKEN_PATH = "/services/oauth2/token"


class Clock:
    """A clock to be set."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    "name",
    [
        "oauth-client-credentials-200-jwt",
        "oauth-client-credentials-200-live-2026-06",
        "oauth-client-credentials-200-opaque",
        "oauth-authcode-200-token_format",
        "oauth-password-200",
        "oauth-refresh-200",
        "oauth-refresh-200-2016",
    ],
)
def test_calls_carry_the_token_to_the_instance_and_it_is_kept_though_no_answer_says_how_long(name):
    answer = Answer.of(name)
    assert "expires_in" not in answer.body
    org, clock, cache = an_org(), Clock(), MemoryCache()
    org.on("POST", TOKEN_PATH, answer)
    a_side(org, clock=clock, cache=cache).describe("Lead")
    clock.now += timedelta(minutes=20)
    a_side(org, clock=clock, cache=cache).refresh_describe("Lead")
    assert len(org.sign_ins) == 1
    assert len(org.metered) == 2
    for sent in org.metered:
        assert sent.headers["Authorization"] == f"Bearer {answer.body['access_token']}"
        assert sent.url.startswith(f"{answer.body['instance_url']}/services/data/")


@pytest.mark.parametrize(
    ("name", "code", "fixed_by"),
    [
        ("oauth-inactive-user-400", "salesforce-user-inactive", "salesforce_admin"),
        ("oauth-invalid-client-400", "salesforce-client-refused", "salesforce_admin"),
        ("oauth-invalid-grant-password", "salesforce-sign-in-refused", "salesforce_admin"),
        ("oauth-jwt-audience-400", "salesforce-wrong-environment", "operator"),
        ("oauth-no-client-credentials-user-400", "salesforce-client-credentials-off", "salesforce_admin"),
        ("oauth-request-not-supported-on-this-domain-400", "salesforce-wrong-environment", "operator"),
    ],
)
def test_a_refused_sign_in_is_a_named_problem_with_who_can_mend_it_and_is_not_tried_again(name, code, fixed_by):
    org = an_org()
    org.on("POST", TOKEN_PATH, Answer.of(name))
    with pytest.raises(SetupError) as caught:
        a_side(org).describe("Lead")
    assert (caught.value.code, caught.value.fixed_by) == (code, fixed_by)
    assert len(org.sign_ins) == 1
    assert not org.metered


# -- refreshing ------------------------------------------------------------------------------------------------------


def refreshed(answer, tokens):
    org = an_org()
    org.on("POST", TOKEN_PATH, answer)
    found = refresh(TokenEndpoint(a_connection(), open_session(org)), tokens)
    [sent] = org.sign_ins
    assert (sent.body["grant_type"], sent.body["refresh_token"]) == ("refresh_token", "kept")
    return found


@pytest.mark.parametrize("name", ["oauth-refresh-200", "oauth-refresh-200-2016"])
def test_a_refresh_that_names_no_other_refresh_token_leaves_the_one_there_is(name):
    answer, tokens = Answer.of(name), MemoryRefreshTokens("kept")
    found = refreshed(answer, tokens)
    assert found["access_token"] == answer.body["access_token"]
    assert tokens.known() == ("kept",)


def test_a_refresh_token_that_rotates_is_replaced_and_the_one_before_it_kept():
    answer, tokens = Answer.of("oauth-refresh-200"), MemoryRefreshTokens("kept")
    answer.body["refresh_token"] = "other"
    refreshed(answer, tokens)
    assert tokens.known() == ("other", "kept")


def test_a_refresh_token_that_was_revoked_or_ran_out_asks_for_a_new_sign_in():
    tokens = MemoryRefreshTokens("kept")
    with pytest.raises(SetupError) as caught:
        refreshed(Answer.of("oauth-invalid-grant-refresh"), tokens)
    assert (caught.value.code, caught.value.fixed_by) == ("salesforce-sign-in-expired", "salesforce_admin")
    assert tokens.known() == ("kept",)


def test_whom_the_identity_address_stands_for_is_whom_it_says_when_asked():
    identity = recorded("identity-url-200")["body"]
    answer = Answer.of("oauth-password-200")
    answer.body |= {"id": identity["id"], "refresh_token": "new"}
    org = an_org()
    org.on("POST", TOKEN_PATH, answer)
    arrival = arrive(a_connection(), "https://sidecar.example/callback", "verifier", {"code": "c"}, org)
    assert arrival.signed_in_as == f"{identity['organization_id']}/{identity['user_id']}"
    assert arrival.instance_url == answer.body["instance_url"]
