"""The client against recorded answers: how requests look, what is counted, what is repeated, what each failure becomes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, TransientError
from sidecar.records import Ref
from sidecar.salesforce.parts import Part
from sidecar.sync.model import Window
from tests.salesforce_builders import NOON, Pauses, a_row, a_side, an_org, people_rules, salesforce_id
from tests.salesforce_stub import Answer, composite, recorded, result
from tests.wsgi import serve

QUERY = ".*/queryAll/"
WINDOW = Window(NOON.replace(hour=11), NOON)


def changes(side):
    return [record for page in side.read_changes(people_rules(), "Lead", WINDOW) for record in page.records]


# -- how requests look -----------------------------------------------------------------------------------------------


def test_every_call_says_who_we_are_and_starts_no_assignment_rules():
    org = an_org()
    org.on("GET", QUERY, Answer(result()))
    changes(a_side(org))
    for sent in org.metered:
        assert sent.headers["Sforce-Auto-Assign"] == "FALSE"
        assert sent.headers["Sforce-Call-Options"] == "client=mautic-sidecar"
        assert "X-PrettyPrint" not in sent.headers
        assert "gzip" in sent.headers["Accept-Encoding"]


def test_no_call_can_wait_for_ever(monkeypatch):
    waits = []
    org = an_org()
    send = org.send

    def watched(request, *args, **kwargs):
        waits.append(kwargs["timeout"])
        return send(request, *args, **kwargs)

    monkeypatch.setattr(org, "send", watched)
    org.on("GET", QUERY, Answer(result()))
    side = a_side(org)
    side.describe("Contact")
    changes(side)
    assert set(waits) == {(5, 60)}
    assert len(waits) == 4


def test_the_pinned_version_is_asked_for():
    org = an_org()
    a_side(org, api_version="64.0").describe("Lead")
    assert org.metered[0].path == "/services/data/v64.0/sobjects/Lead/describe"


def test_a_netrc_file_does_not_replace_the_token(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine example.my.salesforce.com login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    org = an_org()
    a_side(org).describe("Lead")
    assert org.metered[0].headers["Authorization"].startswith("Bearer ")


def test_a_redirect_is_not_followed():
    org = an_org()
    org.on("GET", QUERY, Answer(status=302, headers={"Location": "https://evil.example/"}))
    with pytest.raises(SetupError):
        changes(a_side(org))
    assert all("evil" not in sent.url for sent in org.sent)


# -- what is counted -------------------------------------------------------------------------------------------------


def test_the_clock_is_free_and_read_from_the_answer():
    org = an_org()
    versions = recorded("versions-services-data-2026-05")["body"]
    org.on("GET", "/services/data", Answer(versions, headers={"Date": "Fri, 01 May 2026 07:25:37 GMT"}))
    side = a_side(org)
    assert side.now() == datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)
    assert side.calls == 0
    assert not org.metered


def test_of_two_dates_the_earlier_is_believed():
    org = an_org()
    versions = recorded("versions-services-data-2026-05")["body"]
    dates = "Sun, 22 Nov 2026 00:06:07 GMT, Fri, 01 May 2026 07:25:37 GMT"
    org.on("GET", "/services/data", Answer(versions, headers={"Date": dates}))
    assert a_side(org).now() == datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)


def test_a_version_that_is_gone_is_a_setup_problem():
    org = an_org()
    versions = recorded("versions-services-data-2026-05")["body"]
    org.on("GET", "/services/data", Answer(versions, headers={"Date": "Fri, 01 May 2026 07:25:37 GMT"}))
    with pytest.raises(SetupError) as caught:
        a_side(org, api_version="30.0").now()
    assert caught.value.code == "salesforce-version-gone"


def test_an_answer_without_a_date_is_no_clock():
    org = an_org()
    org.on("GET", "/services/data", Answer(recorded("versions-services-data-2026-05")["body"]))
    with pytest.raises(TransientError):
        a_side(org).now()


@pytest.mark.parametrize("body", ["<html>Down for maintenance</html>", {"no": "list"}, [{"no": "version"}]])
def test_something_else_at_that_address_is_not_taken_for_an_org(body):
    org = an_org()
    org.on("GET", "/services/data", Answer(body))
    with pytest.raises(TransientError) as caught:
        a_side(org).now()
    assert caught.value.code == "salesforce-unexpected-answer"


def test_calls_and_the_orgs_own_count_are_known():
    org = an_org()
    org.on("GET", QUERY, Answer(result(), headers={"Sforce-Limit-Info": "api-usage=118/15000"}))
    side = a_side(org)
    assert side.usage is None
    changes(side)
    assert (side.calls, side.usage) == (2, (118, 15000))


def test_an_entry_per_app_beside_the_orgs_count_is_no_trouble():
    org = an_org()
    info = "api-usage=25/5000; per-app-api-usage=17/250(appName=sample)"
    org.on("GET", QUERY, Answer(result(), headers={"Sforce-Limit-Info": info}), Answer(result()))
    side = a_side(org)
    changes(side)
    changes(side)
    assert side.usage == (25, 5000)


# -- what is repeated ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_question_is_asked_again_when_salesforce_is_briefly_away(status):
    org, pauses = an_org(), Pauses()
    org.on("GET", QUERY, Answer("<html>later</html>", status), Answer(result(a_row())))
    assert len(changes(a_side(org, sleep=pauses))) == 1
    assert len(pauses) == 1
    assert 0 < pauses[0] <= 3


def test_a_dropped_connection_is_opened_again():
    org = an_org()
    org.on("GET", QUERY, requests.exceptions.ConnectionError("reset"), Answer(result(a_row())))
    assert len(changes(a_side(org))) == 1


def test_asking_again_ends():
    org, pauses = an_org(), Pauses()
    org.on("GET", QUERY, Answer(recorded("error-500-network")["body"], 503))
    with pytest.raises(TransientError) as caught:
        changes(a_side(org, sleep=pauses))
    assert caught.value.code == "salesforce-unreachable"
    assert len(pauses) == 2


@pytest.mark.parametrize(
    "reply",
    [Answer.of("error-500-network"), requests.exceptions.ReadTimeout("slow"), Answer.of("request-limit-exceeded-403")],
)
def test_what_does_not_pass_at_once_is_not_asked_again_at_once(reply):
    org, pauses = an_org(), Pauses()
    org.on("GET", QUERY, reply)
    with pytest.raises(TransientError):
        changes(a_side(org, sleep=pauses))
    assert not pauses


def test_a_bad_certificate_is_a_setup_problem():
    org = an_org()
    org.on("GET", QUERY, requests.exceptions.SSLError("self-signed"))
    with pytest.raises(SetupError) as caught:
        changes(a_side(org))
    assert caught.value.code == "salesforce-certificate-refused"


# -- what failures become --------------------------------------------------------------------------------------------


def test_a_refused_query_tells_neither_its_text_nor_its_values():
    org = an_org()
    org.on("GET", QUERY, Answer.of("sdk-query-unknown-column"))
    with pytest.raises(SetupError) as caught:
        changes(a_side(org))
    assert caught.value.code == "salesforce-field-unknown"
    assert "Bacon" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_page_of_html_is_no_crash():
    org = an_org()
    org.on("GET", QUERY, Answer.of("sdk-query-unexpected-response"))
    with pytest.raises(SetupError) as caught:
        changes(a_side(org))
    assert caught.value.code == "salesforce-not-found"


def test_html_with_a_good_status_is_waited_out():
    org = an_org()
    org.on("GET", QUERY, Answer("<html>We are down for maintenance.</html>"))
    with pytest.raises(TransientError) as caught:
        changes(a_side(org))
    assert caught.value.code == "salesforce-unexpected-answer"


# -- results over several answers ------------------------------------------------------------------------------------


def test_a_result_is_followed_to_its_end():
    org = an_org()
    following = "/services/data/v66.0/query/01g-2000"
    org.on("GET", QUERY, Answer(result(a_row(1), following=following)))
    org.on("GET", following, Answer(result(a_row(2))))
    assert [record.ref.id for record in changes(a_side(org))] == [salesforce_id(1), salesforce_id(2)]


def test_a_recorded_last_page_ends_the_result():
    last = recorded("query-more-last-page")["body"]
    assert last["done"]
    assert "nextRecordsUrl" not in last
    org = an_org()
    following = "/services/data/v66.0/query/01g-2000"
    org.on("GET", QUERY, Answer(result(a_row(1), following=following)))
    rows = [a_row(number, at="2026-05-01T10:00:01.000+0000") for number, _ in enumerate(last["records"], start=2)]
    org.on("GET", following, Answer(last | {"records": rows}))
    assert len(changes(a_side(org))) == 1 + len(rows)


def test_a_result_that_goes_round_in_circles_is_left():
    org = an_org()
    following = "/services/data/v66.0/query/01g-2000"
    org.on("GET", QUERY, Answer(result(a_row(1), following=following)))
    org.on("GET", following, Answer(result(a_row(2), following=following)))
    with pytest.raises(TransientError):
        changes(a_side(org))


def test_a_result_dropped_half_way_is_asked_for_once_more():
    org = an_org()
    following = "/services/data/v66.0/query/01g-2000"
    expired = Answer([{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}], 400)
    org.on("GET", QUERY, Answer(result(a_row(1), following=following)), Answer(result(a_row(1), a_row(2))))
    org.on("GET", following, expired)
    assert len(changes(a_side(org))) == 2


def test_an_empty_list_is_not_lost():
    org = an_org()
    org.on("PATCH", ".*/composite/sobjects", Answer([]))
    part = Part("PATCH", "composite/sobjects", {"records": []})
    assert a_side(org).client.send(part, is_repeatable=True).body == []


def test_one_part_of_a_composite_that_fails_is_an_error_although_the_whole_is_fine():
    org = an_org()
    org.on("POST", ".*/composite", Answer.of("composite-count-and-invalid-type"))
    with pytest.raises(SetupError) as caught:
        a_side(org).client.query_each(["SELECT Id FROM Account", "SELECT Id FROM XYZZY"])
    assert caught.value.code == "salesforce-field-unknown"


def test_a_composite_that_answers_less_than_was_asked_is_not_trusted():
    org = an_org()
    org.on("POST", ".*/composite", composite(result()))
    with pytest.raises(TransientError) as caught:
        a_side(org).client.query_each(["SELECT Id FROM Account", "SELECT Id FROM Lead"])
    assert caught.value.code == "salesforce-answer-lost"


def test_a_query_too_long_for_an_address_with_headers_goes_inside_a_composite():
    org = an_org()
    org.on("POST", ".*/composite", lambda sent: composite(*[result() for _ in sent.parts]))
    refs = [Ref("Lead", salesforce_id(number)) for number in range(480)]
    a_side(org).read(people_rules(), refs)
    assert len(org.metered) == 2
    assert org.metered[-1].path.endswith("/composite")


# -- describing ------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


def test_a_description_is_asked_for_once_a_day_and_then_only_if_it_changed():
    org, clock = an_org(), Clock()
    described = Answer.of("describe-contact-v42-custom-fields")
    org.on("GET", ".*/sobjects/Contact/describe", described, Answer(status=304))
    side = a_side(org, clock=clock)
    first = side.describe("Contact")
    clock.now += timedelta(hours=23)
    assert side.describe("Contact") == first
    assert side.calls == 1
    clock.now += timedelta(hours=2)
    assert side.describe("Contact") == first
    assert org.metered[1].headers["If-None-Match"] == described.headers["ETag"]
    assert org.metered[1].headers["If-Modified-Since"] == described.headers["Last-Modified"]
    clock.now += timedelta(hours=23)
    side.describe("Contact")
    assert side.calls == 2


def test_a_description_is_remembered_between_runs():
    org, cache = an_org(), MemoryCache()
    a_side(org, cache=cache).describe("Lead")
    later = a_side(org, cache=cache)
    assert later.describe("Lead").fields
    assert later.calls == 0


def test_preflight_sees_what_was_created_a_moment_ago():
    org = an_org(Lead=None)
    side = a_side(org)
    assert side.describe("Lead") is None
    org.on("GET", ".*/sobjects/Lead/describe", Answer.of("describe-lead-cumulusci"))
    assert side.describe("Lead") is None
    assert side.refresh_describe("Lead").object == "Lead"


def test_an_object_that_does_not_exist_has_no_description():
    assert a_side(an_org(Lead=None)).describe("Lead") is None


def test_a_refused_query_makes_the_next_description_a_fresh_one():
    org = an_org()
    org.on("GET", QUERY, Answer.of("sdk-query-unknown-column"))
    side = a_side(org)
    with pytest.raises(SetupError):
        changes(side)
    side.describe("Lead")
    assert [sent.path.endswith("/describe") for sent in org.metered] == [True, False, True]


# -- over a real socket ----------------------------------------------------------------------------------------------


def test_an_org_on_this_machine_is_spoken_to_by_plain_http():
    asked = []

    def app(environ, start_response):
        asked.append((environ["wsgi.url_scheme"], environ["PATH_INFO"]))
        host = environ["HTTP_HOST"]
        body = {"access_token": "t", "instance_url": f"http://{host}"}
        if environ["PATH_INFO"].endswith("/queryAll/"):
            body = result()
        elif environ["PATH_INFO"].endswith("/describe"):
            body = recorded("describe-lead-cumulusci")["body"]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    with serve(app) as url:
        side = a_side(None, login_url=url)
        assert changes(side) == []
        side.close()
    assert asked[-1] == ("http", "/services/data/v66.0/queryAll/")
