"""Signing in at the sandbox org: the recorded answers, and what Salesforce publishes about codes and rotating tokens."""

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import HOST, Caller
from tests.contract.sign_in_cases import (
    CHALLENGE,
    OF_COMMUNITIES,
    REDIRECT,
    SIGN_IN_CASES,
    authorize,
    by_code,
    redeem,
    refresh,
    send,
    sent_back,
    tokens,
)
from tests.contract.test_org_recordings import differences
from tests.recordings import recorded


@pytest.fixture
def caller():
    org = Org()
    yield Caller(org)
    org.close()


@pytest.mark.parametrize("case", SIGN_IN_CASES, ids=lambda case: case.recording)
def test_the_sandbox_answers_a_sign_in_as_recorded(case, caller):
    wanted, given = recorded(case.recording), case.ask(caller)
    assert given.status_code == wanted["status"], given.text
    assert differences(wanted["body"], given.json(), case) == []


def test_the_answer_to_a_code_is_as_published_but_for_what_only_sites_get(caller):
    wanted, given = recorded("oauth-authcode-200-token_format")["body"], by_code(caller).json()
    assert set(given) == set(wanted) - OF_COMMUNITIES
    assert (given["token_format"], given["token_type"]) == (wanted["token_format"], wanted["token_type"])


def is_dead(response):
    return response.status_code == 400 and response.json() == recorded("oauth-invalid-grant-refresh")["body"]


def has_access(caller, token):
    caller.session.headers["Authorization"] = f"Bearer {token}"
    return caller.ask("GET", "/limits").status_code == 200


def test_a_refresh_token_that_does_not_rotate_can_be_used_again(caller):
    given = tokens(caller)
    answers = [refresh(caller, given["refresh_token"]).json() for _ in range(3)]
    assert not any("refresh_token" in answer for answer in answers)
    assert has_access(caller, answers[-1]["access_token"])


def test_a_refresh_token_that_rotates_is_replaced_at_each_use(caller):
    first = tokens(caller, rotates=True)["refresh_token"]
    second = refresh(caller, first).json()["refresh_token"]
    third = refresh(caller, second).json()["refresh_token"]
    assert len({first, second, third}) == 3


def test_using_a_rotated_token_again_ends_the_whole_sign_in(caller):
    given = tokens(caller, rotates=True)
    after = refresh(caller, given["refresh_token"]).json()
    assert is_dead(refresh(caller, given["refresh_token"]))
    assert is_dead(refresh(caller, after["refresh_token"]))
    assert not has_access(caller, after["access_token"])


def test_a_code_is_good_for_one_use_and_a_quarter_of_an_hour(caller):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    code = sent_back(authorize(caller))["code"]
    assert redeem(caller, code).status_code == 200
    assert redeem(caller, code).json()["error"] == "invalid_grant"
    late = sent_back(authorize(caller))["code"]
    caller.org.clock.advance(901)
    assert redeem(caller, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"code_verifier": "another"}, {"redirect_uri": "https://evil.example.com"}])
def test_a_code_is_only_for_who_asked_for_it(caller, changes):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    assert redeem(caller, sent_back(authorize(caller))["code"], **changes).status_code == 400


def test_the_state_comes_back_as_it_was_sent(caller):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    assert sent_back(authorize(caller, state="x y&z"))["state"] == "x y&z"


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example.com"}])
def test_an_unknown_app_or_callback_is_never_redirected_to(caller, changes):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    answer = authorize(caller, **changes)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"decision": "deny"}, "access_denied"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "api full"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_the_page_refuses_is_told_to_the_app(caller, changes, error):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    assert sent_back(authorize(caller, **changes))["error"] == error


def test_the_page_asks_the_person_and_escapes_what_the_app_sent(caller):
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    asked = {"response_type": "code", "client_id": "app", "redirect_uri": REDIRECT, "state": '"><script>'}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    page = send(caller, "GET", f"{HOST}/services/oauth2/authorize", params=asked)
    assert page.status_code == 200
    assert "Allow" in page.text
    assert "<script>" not in page.text


def test_tokens_name_the_address_an_org_has_moved_to(caller):
    given = tokens(caller)
    caller.org.move_to("https://moved.my.salesforce.com")
    assert refresh(caller, given["refresh_token"]).json()["instance_url"] == "https://moved.my.salesforce.com"
