"""Renewing by a refresh token: what is stored when, whose token is used, and what is left after a crash in between."""

import pytest

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.refreshing import MemoryRefreshTokens
from sidecar.salesforce.side import connect
from tests.salesforce_builders import NOON, Pauses, a_connection, an_org
from tests.salesforce_stub import TOKEN, Answer

TOKEN_PATH = "/services/oauth2/token"
DEAD = Answer({"error": "invalid_grant", "error_description": "expired access/refresh token"}, 400)
LEAD = ".*/sobjects/Lead/describe"
UNAUTHORISED = Answer([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401)


class Kept(MemoryRefreshTokens):
    """Refresh tokens that fail to be stored once, if told so."""

    def __init__(self, token, *, error=None):
        super().__init__(token)
        self.error = error

    def rotate(self, used, new):
        if self.error:
            error, self.error = self.error, None
            raise error
        super().rotate(used, new)


def a_web_side(org, tokens, cache=None):
    return connect(
        a_connection(flow="web_server"),
        cache=cache or MemoryCache(),
        clock=lambda: NOON,
        adapter=org,
        sleep=Pauses(),
        refresh_tokens=tokens,
    )


def rotating(number):
    return Answer(TOKEN | {"access_token": f"a-{number}", "refresh_token": f"r-{number}"})


def used(org):
    return [asked.body["refresh_token"] for asked in org.sign_ins]


def test_a_rotated_token_is_stored_with_the_one_before_it():
    org, tokens = an_org(), Kept("r-1")
    org.on("POST", TOKEN_PATH, rotating(2))
    a_web_side(org, tokens).describe("Lead")
    assert tokens.known() == ("r-2", "r-1")


def test_nothing_is_done_with_an_access_token_whose_refresh_token_could_not_be_stored():
    org, cache = an_org(), MemoryCache()
    tokens = Kept("r-1", error=TransientError("busy", code="database-unavailable"))
    org.on("POST", TOKEN_PATH, rotating(2))
    with pytest.raises(TransientError):
        a_web_side(org, tokens, cache).describe("Lead")
    assert org.metered == []
    assert cache.get("salesforce-token") is None


def test_a_lost_answer_is_asked_for_again_with_the_same_token():
    import requests

    org, tokens = an_org(), Kept("r-1")
    org.on("POST", TOKEN_PATH, requests.exceptions.ReadTimeout(), rotating(2))
    side = a_web_side(org, tokens)
    with pytest.raises(TransientError):
        side.describe("Lead")
    side.describe("Lead")
    assert used(org) == ["r-1", "r-1"]
    assert tokens.known() == ("r-2", "r-1")


def test_the_token_before_is_tried_when_the_present_one_is_refused():
    org, tokens = an_org(), Kept("r-1")
    tokens.rotate("r-1", "r-2")
    org.on("POST", TOKEN_PATH, DEAD, rotating(3))
    a_web_side(org, tokens).describe("Lead")
    assert used(org) == ["r-2", "r-1"]
    assert tokens.known() == ("r-3", "r-1")


def test_when_all_are_refused_somebody_must_connect_again():
    org, tokens = an_org(), Kept("r-1")
    tokens.rotate("r-1", "r-2")
    org.on("POST", TOKEN_PATH, DEAD)
    with pytest.raises(SetupError) as caught:
        a_web_side(org, tokens).describe("Lead")
    assert (caught.value.code, caught.value.fixed_by) == ("salesforce-sign-in-expired", "salesforce_admin")
    assert used(org) == ["r-2", "r-1"]


def test_another_refusal_does_not_touch_the_token_before():
    org, tokens = an_org(), Kept("r-1")
    tokens.rotate("r-1", "r-2")
    org.on("POST", TOKEN_PATH, Answer({"error": "invalid_grant", "error_description": "inactive user"}, 400))
    with pytest.raises(SetupError):
        a_web_side(org, tokens).describe("Lead")
    assert used(org) == ["r-2"]


def test_nobody_signed_in_yet_is_said_without_asking():
    org = an_org()
    with pytest.raises(SetupError) as caught:
        a_web_side(org, Kept("")).describe("Lead")
    assert caught.value.code == "salesforce-sign-in-expired"
    assert org.sign_ins == []


def test_a_worker_that_waited_uses_what_the_other_one_got():
    org, tokens, cache = an_org(), Kept("r-1"), MemoryCache()
    org.on("POST", TOKEN_PATH, rotating(2), rotating(3))
    one, two = a_web_side(org, tokens, cache), a_web_side(org, tokens, cache)
    one.describe("Lead")
    two.describe("Contact")
    org.on(
        "GET",
        LEAD,
        lambda sent: (
            UNAUTHORISED if sent.headers["Authorization"] == "Bearer a-2" else Answer({"name": "Lead", "fields": []})
        ),
    )
    one.refresh_describe("Lead")
    two.refresh_describe("Lead")
    assert used(org) == ["r-1", "r-2"]


def test_an_org_that_moved_is_followed_after_the_refresh():
    org, tokens = an_org(), Kept("r-1")
    moved = TOKEN | {"access_token": "a-2", "instance_url": "https://moved.my.salesforce.com"}
    org.on("POST", TOKEN_PATH, Answer(TOKEN), Answer(moved))
    org.on("GET", LEAD, lambda sent: Answer({"name": "Lead", "fields": []}) if "moved" in sent.url else UNAUTHORISED)
    a_web_side(org, tokens).describe("Lead")
    assert org.sent[-1].url.startswith("https://moved.my.salesforce.com/")


def test_refused_for_ever_costs_one_refresh():
    org, tokens = an_org(), Kept("r-1")
    org.on("POST", TOKEN_PATH, rotating(2), rotating(3), rotating(4))
    org.on("GET", LEAD, UNAUTHORISED)
    side = a_web_side(org, tokens)
    side.describe("Contact")
    assert len(org.sign_ins) == 1
    with pytest.raises(SetupError) as caught:
        side.describe("Lead")
    assert caught.value.code == "salesforce-session-refused"
    assert len(org.sign_ins) == 2
