"""Production, sandbox and My Domain, and the refusals that come of choosing the wrong one."""

import pytest

from sidecar.errors import SetupError, TransientError, UsageError
from sidecar.salesforce.environments import environment_of, login_url_for, require_environment, require_own_address
from sidecar.salesforce.refusals import sign_in_error
from tests.salesforce_builders import a_connection

PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
OWN, OWN_SANDBOX = "https://acme.my.salesforce.com", "https://acme--qa.sandbox.my.salesforce.com"


@pytest.mark.parametrize(
    ("choice", "url"),
    [("production", PRODUCTION), ("sandbox", SANDBOX), ("my_domain", "https://acme.my.salesforce.com")],
)
def test_each_choice_has_its_address_and_back(choice, url):
    assert login_url_for(choice, "https://acme.my.salesforce.com/lightning") == url
    assert environment_of(url) == choice


def test_a_choice_that_is_none_is_refused():
    with pytest.raises(UsageError):
        login_url_for("moon")


def test_an_address_of_this_machine_is_only_for_those_who_may():
    assert login_url_for("my_domain", "http://127.0.0.1:8801") == "http://127.0.0.1:8801"
    with pytest.raises(SetupError):
        login_url_for("my_domain", "http://127.0.0.1:8801", allow_loopback=False)


@pytest.mark.parametrize(
    ("asked", "answered"), [(PRODUCTION, OWN), (SANDBOX, OWN_SANDBOX), (OWN, OWN), (OWN_SANDBOX, OWN_SANDBOX)]
)
def test_an_org_of_the_chosen_kind_is_accepted(asked, answered):
    require_environment(asked, answered)


@pytest.mark.parametrize(("asked", "answered"), [(PRODUCTION, OWN_SANDBOX), (SANDBOX, OWN)])
def test_an_org_of_the_other_kind_is_named(asked, answered):
    with pytest.raises(SetupError) as caught:
        require_environment(asked, answered)
    assert caught.value.code == "salesforce-wrong-environment"
    assert "sandbox" in caught.value.message
    assert "production" in caught.value.message


@pytest.mark.parametrize("url", [PRODUCTION, SANDBOX])
def test_client_credentials_at_a_common_host_are_refused_before_anything_is_sent(url):
    with pytest.raises(SetupError) as caught:
        require_own_address(a_connection(login_url=url))
    assert (caught.value.code, caught.value.fixed_by) == ("salesforce-wrong-environment", "operator")


@pytest.mark.parametrize(
    ("error", "description", "code", "fixed_by"),
    [
        ("invalid_grant", "expired access/refresh token", "salesforce-sign-in-expired", "salesforce_admin"),
        ("invalid_grant", "expired authorization code", "salesforce-code-expired", "operator"),
        ("invalid_grant", "invalid code verifier", "salesforce-code-expired", "operator"),
        ("invalid_grant", "ip restricted", "salesforce-ip-restricted", "salesforce_admin"),
        ("invalid_grant", "inactive user", "salesforce-user-inactive", "salesforce_admin"),
        ("inactive_user", "", "salesforce-user-inactive", "salesforce_admin"),
        ("inactive_org", "organization locked", "salesforce-org-inactive", "salesforce_admin"),
        ("invalid_grant", "user hasn't approved this consumer", "salesforce-app-not-approved", "salesforce_admin"),
        (
            "OAUTH_APP_ACCESS_DENIED",
            "user is not admin approved to access this app",
            "salesforce-app-not-approved",
            "salesforce_admin",
        ),
        ("access_denied", "end-user denied authorization", "salesforce-access-denied", "salesforce_admin"),
        ("access-denied", "", "salesforce-access-denied", "salesforce_admin"),
        ("redirect_uri_mismatch", "x", "salesforce-callback-mismatch", "salesforce_admin"),
        ("invalid_scope", "x", "salesforce-scope-missing", "salesforce_admin"),
        ("unsupported_grant_type", "grant type not supported", "salesforce-flow-off", "salesforce_admin"),
        ("invalid_client", "invalid client credentials", "salesforce-client-refused", "salesforce_admin"),
        ("invalid_client_id", "client identifier invalid", "salesforce-client-refused", "salesforce_admin"),
        ("invalid_grant", "authentication failure", "salesforce-sign-in-refused", "salesforce_admin"),
        ("something_new", "of next year", "salesforce-sign-in-refused", "salesforce_admin"),
    ],
)
def test_each_refusal_has_a_name_and_someone_who_fixes_it(error, description, code, fixed_by):
    found = sign_in_error(400, {"error": error, "error_description": description})
    assert isinstance(found, SetupError)
    assert (found.code, found.fixed_by) == (code, fixed_by)
    assert not description or description not in found.message


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": "invalid_grant", "error_description": "login rate exceeded"}),
        (400, {"error": "rate_limit_exceeded"}),
        (429, {"error": "invalid_grant", "error_description": "too many"}),
    ],
)
def test_too_many_sign_ins_are_waited_for(status, answer):
    found = sign_in_error(status, answer)
    assert isinstance(found, TransientError)
    assert (found.code, found.retry_after_seconds) == ("salesforce-limit-reached", 900)


@pytest.mark.parametrize(("url", "other"), [(PRODUCTION, "if it is sandbox"), (SANDBOX, "if it is production")])
@pytest.mark.parametrize("error", ["invalid_client_id", "invalid_grant"])
def test_what_a_wrong_choice_would_look_like_says_so(url, other, error):
    assert other in sign_in_error(400, {"error": error}, url).message


def test_at_the_orgs_own_address_there_is_no_other_choice_to_hint_at():
    assert "if it is" not in sign_in_error(400, {"error": "invalid_client_id"}, OWN).message
