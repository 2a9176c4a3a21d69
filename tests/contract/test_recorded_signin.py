"""Recorded answers of the token endpoint: which token calls then carry and to which host, and what each refusal is called."""

from datetime import timedelta

import pytest

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError
from tests.salesforce_builders import NOON, a_side, an_org
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
