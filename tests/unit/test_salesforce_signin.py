"""Signing in: two flows without a password, one token for all, and refusals an administrator can act on."""

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.environments import audience
from sidecar.sync.model import Window
from tests.salesforce_builders import NOON, a_connection, a_row, a_side, an_org, people_rules
from tests.salesforce_stub import TOKEN, Answer, StubOrg, recorded, result

QUERY = ".*/queryAll/"


def ask(side):
    """Do anything that needs a token."""
    return side.describe("Lead")


def refused_sign_in(body, status=400):
    org = an_org()
    org.on("POST", "/services/oauth2/token", Answer(body, status))
    with pytest.raises((SetupError, TransientError)) as caught:
        ask(a_side(org))
    return caught.value


def test_client_credentials_are_sent_to_the_orgs_own_address():
    org = an_org()
    ask(a_side(org, login_url="https://acme.my.salesforce.com"))
    [sign_in] = org.sign_ins
    assert sign_in.url == "https://acme.my.salesforce.com/services/oauth2/token"
    assert sign_in.body == {"grant_type": "client_credentials", "client_id": "key", "client_secret": "s3cret"}


def test_a_bearer_token_is_asked_for_with_a_short_signed_assertion():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    org = an_org()
    ask(a_side(org, flow="jwt_bearer", login_url="https://test.salesforce.com", private_key=pem, username="sync@acme"))
    [sign_in] = org.sign_ins
    options = {"verify_exp": False}
    claims = jwt.decode(
        sign_in.body["assertion"], key.public_key(), ["RS256"], audience="https://test.salesforce.com", options=options
    )
    assert (claims["iss"], claims["sub"]) == ("key", "sync@acme")
    assert 0 < claims["exp"] - NOON.timestamp() <= 300
    assert sign_in.body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.parametrize(
    ("login_url", "expected"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--qa.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_an_assertion_is_for_the_login_host_of_its_environment(login_url, expected):
    assert audience(login_url) == expected


def test_an_unusable_key_is_a_setup_problem_and_stays_secret():
    with pytest.raises(SetupError) as caught:
        ask(a_side(an_org(), flow="jwt_bearer", private_key="not a key"))
    assert caught.value.code == "salesforce-private-key-unusable"
    assert "not a key" not in str(caught.value)


def test_signing_in_is_free():
    org = an_org()
    side = a_side(org)
    side.describe("Lead")
    assert len(org.sign_ins) == 1
    assert side.calls == 1


def test_a_token_is_shared_by_later_runs():
    org, cache = an_org(), MemoryCache()
    ask(a_side(org, cache=cache))
    a_side(org, cache=cache).refresh_describe("Lead")
    assert len(org.sign_ins) == 1


def test_a_token_is_not_used_for_another_connection():
    org, cache = an_org(), MemoryCache()
    ask(a_side(org, cache=cache))
    ask(a_side(org, cache=cache, client_id="another"))
    assert len(org.sign_ins) == 2


@pytest.mark.parametrize(("form", "minutes"), [("opaque", 720), ("jwt", 25)])
def test_a_token_is_forgotten_before_it_can_run_out(form, minutes):
    kept = []

    class Recording(MemoryCache):
        def put(self, key, text, *, expires_at):
            kept.append((key, expires_at))
            super().put(key, text, expires_at=expires_at)

    org = an_org()
    org.on("POST", "/services/oauth2/token", Answer(TOKEN | {"token_format": form}))
    ask(a_side(org, cache=Recording()))
    assert (kept[0][1] - NOON).total_seconds() == minutes * 60


@pytest.mark.parametrize(
    "name",
    [
        "oauth-client-credentials-200-opaque",
        "oauth-client-credentials-200-jwt",
        "oauth-client-credentials-200-live-2026-06",
    ],
)
def test_calls_go_to_the_org_and_never_to_the_api_host_of_the_answer(name):
    org = an_org()
    org.on("POST", "/services/oauth2/token", Answer.of(name))
    ask(a_side(org))
    assert org.metered[0].url.startswith(recorded(name)["body"]["instance_url"])
    assert org.metered[0].headers["Authorization"] == f"Bearer {recorded(name)['body']['access_token']}"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("oauth-inactive-user-400", "salesforce-user-inactive"),
        ("oauth-invalid-client-400", "salesforce-client-refused"),
        ("oauth-jwt-audience-400", "salesforce-wrong-environment"),
        ("oauth-no-client-credentials-user-400", "salesforce-client-credentials-off"),
        ("oauth-request-not-supported-on-this-domain-400", "salesforce-wrong-environment"),
        ("oauth-invalid-grant-password", "salesforce-sign-in-refused"),
    ],
)
def test_each_refusal_says_what_must_be_changed(name, code):
    assert refused_sign_in(recorded(name)["body"]).code == code


@pytest.mark.parametrize(
    "text", ["user hasn't approved this consumer", "user is not admin approved to access this app"]
)
def test_an_app_that_is_not_approved_is_named(text):
    assert refused_sign_in({"error": "invalid_grant", "error_description": text}).code == "salesforce-app-not-approved"


def test_a_refusal_without_a_description_is_still_a_refusal():
    assert refused_sign_in({"error": "invalid_grant"}).code == "salesforce-sign-in-refused"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_sign_in_that_is_down_is_waited_for(status):
    assert isinstance(refused_sign_in("<html>maintenance</html>", status), TransientError)


def test_a_sign_in_that_cannot_be_reached_is_waited_for_and_tells_no_secret():
    org = an_org()
    org.on("POST", "/services/oauth2/token", requests.exceptions.ConnectionError("client_secret=s3cret"))
    with pytest.raises(TransientError) as caught:
        ask(a_side(org))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_secrets_are_not_shown_by_what_holds_them():
    shown = repr(a_connection(private_key="PEM"))
    assert "s3cret" not in shown
    assert "PEM" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://example.com",
        "https://salesforce.com.example.com",
        "https://evil-salesforce.com",
        "http://169.254.169.254",
        "https://user@acme.my.salesforce.com",
        "file:///etc/passwd",
        "acme.my.salesforce.com",
    ],
)
def test_only_salesforce_and_this_machine_are_called(url):
    with pytest.raises(SetupError) as caught:
        a_side(an_org(), login_url=url)
    assert caught.value.code == "salesforce-address-not-allowed"


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379", "https://evil.example", "http://acme.my.salesforce.com"])
def test_a_sign_in_answer_cannot_send_us_elsewhere(url):
    org = an_org()
    org.on("POST", "/services/oauth2/token", Answer(TOKEN | {"instance_url": url}))
    with pytest.raises(SetupError) as caught:
        ask(a_side(org))
    assert caught.value.code == "salesforce-address-not-allowed"


# -- a session that ends ---------------------------------------------------------------------------------------------


def changes(side):
    window = Window(NOON.replace(hour=11), NOON)
    return list(side.read_changes(people_rules(), "Lead", window))


def test_a_session_that_ran_out_is_replaced_once_and_the_question_repeated():
    org = an_org()
    org.on("POST", "/services/oauth2/token", Answer(TOKEN), Answer(TOKEN | {"access_token": "second"}))
    org.on("GET", QUERY, Answer.of("invalid-session-401"), Answer(result(a_row())))
    [page] = changes(a_side(org))
    assert len(page.records) == 1
    assert len(org.sign_ins) == 2
    assert org.sent[-1].headers["Authorization"] == "Bearer second"
    assert org.sent[-1].headers["Sforce-Auto-Assign"] == "FALSE"


def test_a_new_session_on_another_host_is_used_there():
    org = an_org()
    moved = TOKEN | {"access_token": "second", "instance_url": "https://moved.my.salesforce.com"}
    org.on("POST", "/services/oauth2/token", Answer(TOKEN), Answer(moved))
    org.on("GET", QUERY, Answer.of("invalid-session-401"), Answer(result()))
    changes(a_side(org))
    assert org.sent[-1].url.startswith("https://moved.my.salesforce.com/")


@pytest.mark.parametrize("body", [None, "<html>no</html>", {"error": "nope"}])
def test_a_session_refused_for_ever_ends_after_one_new_sign_in(body):
    org = an_org()
    unauthorised = Answer(body, 401) if body else Answer.of("invalid-session-401")
    org.on("GET", QUERY, unauthorised)
    with pytest.raises(SetupError) as caught:
        changes(a_side(org))
    assert caught.value.code == "salesforce-session-refused"
    assert len(org.sign_ins) == 2


def test_a_token_another_worker_fetched_meanwhile_is_used_first():
    org, cache = an_org(), MemoryCache()
    one, two = a_side(org, cache=cache), a_side(org, cache=cache)
    ask(one)
    two.refresh_describe("Lead")
    org.on("POST", "/services/oauth2/token", Answer(TOKEN | {"access_token": "second"}))
    old = f"Bearer {TOKEN['access_token']}"
    org.on(
        "GET",
        QUERY,
        lambda sent: Answer.of("invalid-session-401") if sent.headers["Authorization"] == old else Answer(result()),
    )
    changes(one)
    changes(two)
    assert len(org.sign_ins) == 2


def test_the_stub_would_notice_an_unexpected_request():
    with pytest.raises(AssertionError):
        a_side(StubOrg()).describe("Lead")
