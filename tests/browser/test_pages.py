"""The pages in a real browser: accessible, usable by keyboard alone, without scripts, on a narrow screen."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from sidecar.bootstrap import App
from sidecar.field_mapping.fields import remember
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Side
from sidecar.store.instances import Instance
from sidecar.store.users import Role
from sidecar.web import create_app
from tests.web_app import PASSWORD, a_world, add_user, make_app

# Without these the browser looks for its maker's servers at every start.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = {
    "login": "/login",
    "instances": "/instances",
    "instance": "/instances/beta",
    "health": "/instances/beta/health",
    "run": "/instances/beta/runs/3",
    "connect": "/instances/beta/connect",
    "held-back": "/instances/beta/waiting/people?reason=not-in-picklist",
    "mapping": "/instances/beta/mapping",
    "mapping-scope": "/instances/beta/mapping/scope",
    "mapping-pair": "/instances/beta/mapping/pairs/title",
    "people": "/instances/beta/people",
    "person": "/instances/beta/people/2",
    "reason": "/reasons/not-in-picklist",
    "missing": "/nowhere",
}


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_path), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    app = make_app(tmp_path)
    a_world(app)
    add_user(app, "sup", Role.SUPPORT)
    settings = {"login_url": "https://acme.my.salesforce.com", "flow": "web_server", "client_id": "3MVG9"}
    beta = app.instances.get("beta")
    app.connections.save(beta.id, Side.SALESFORCE, settings, {"client_secret": "never shown", "refresh_token": "r-1"})
    problem = {"code": "salesforce-sign-in-expired", "message": "The sign-in to Salesforce was revoked or has run out."}
    app.connections.note_check(beta.id, Side.SALESFORCE, app.clock(), **problem)
    show_fields(app, beta)
    server = make_server("127.0.0.1", 0, create_app(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def show_fields(app: App, instance: Instance) -> None:
    """Let the mapping know some fields of both systems, as if somebody had read them."""
    texts = {"length": 80, "type": FieldType.TEXT}
    mautic = (FieldInfo("position", "Position", **texts), FieldInfo("email", "Email", FieldType.EMAIL),
              FieldInfo("fax", "Fax", FieldType.PHONE))  # fmt: skip
    org = (FieldInfo("Title", "Title", FieldType.TEXT, length=40), FieldInfo("Email", "Email", FieldType.EMAIL),
           FieldInfo("Fax", "Business Fax", FieldType.PHONE), FieldInfo("LastName", "Name", is_required=True, **texts))  # fmt: skip
    for side, fields, names in ((Side.HOST, mautic, ["contact"]), (Side.SALESFORCE, org, ["Contact", "Lead"])):
        known = {info.name: info for info in fields}
        remember(app, instance, side, {name: ObjectSchema(name, known) for name in names})


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A window of someone of support who has logged in, with scripts switched off."""
    context = browser.new_context(base_url=server, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    log_in(page)
    yield page
    context.close()


def log_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("sup")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def log_in_with_scripts(browser: Browser, server: str, width: int) -> Page:
    """The same, in a window in which the checker, which is a script, can run past our policy."""
    size = {"width": width, "height": 900}
    page = browser.new_context(base_url=server, bypass_csp=True, locale="en-GB", viewport=size).new_page()
    log_in(page)
    return page


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_has_an_accessibility_fault_and_none_is_wider_than_its_window(
    browser: Browser, server: str, width: int
) -> None:
    page = log_in_with_scripts(browser, server, width)
    faults = {}
    for name, path in PAGES.items():
        page.goto(path)
        found = Axe().run(page).response["violations"]
        if found:
            faults[name] = [(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.setdefault(name, []).append(("wider-than-window", []))
    page.context.close()
    assert faults == {}


def test_support_can_pause_an_instance_by_keyboard_alone(page: Page) -> None:
    page.goto("/instances/acme")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator("input#reason:focus").count():
            break
    page.keyboard.type("quarter end")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert page.get_by_role("status").inner_text() == "Paused."
    assert page.get_by_role("button", name="Resume").is_visible()


def test_an_org_is_connected_by_keyboard_alone(page: Page) -> None:
    """The button leads to a page that leads on to Salesforce, by itself or by its link."""
    page.route("https://login.salesforce.com/**", lambda route: route.fulfill(body="<h1>Log in to Salesforce</h1>"))
    page.goto("/instances/acme/connect")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator("input#client_id:focus").count():
            break
    page.keyboard.type("3MVG9")
    page.keyboard.press("Tab")
    page.keyboard.type("a secret")
    page.keyboard.press("Enter")
    page.wait_for_url("https://login.salesforce.com/services/oauth2/authorize?**")
    assert "code_challenge_method=S256" in page.url
    assert page.get_by_role("heading", name="Log in to Salesforce").is_visible()


def test_the_callback_url_can_be_copied_by_a_button_or_by_hand(browser: Browser, server: str, page: Page) -> None:
    page.goto("/instances/beta/connect")
    assert page.get_by_label("Callback URL").input_value() == f"{server}/oauth/salesforce/callback"
    assert not page.get_by_role("button", name="Copy").is_visible()  # it would do nothing without scripts
    context = browser.new_context(base_url=server, locale="en-GB", permissions=["clipboard-read", "clipboard-write"])
    scripted = context.new_page()
    log_in(scripted)
    scripted.goto("/instances/beta/connect")
    scripted.get_by_role("button", name="Copy").click()
    scripted.get_by_text("Copied.").wait_for()
    assert scripted.evaluate("navigator.clipboard.readText()") == f"{server}/oauth/salesforce/callback"
    context.close()


def test_a_field_is_mapped_by_keyboard_alone(page: Page) -> None:
    page.goto("/instances/beta/mapping/add")
    for label, typed in (("Mautic field", "Fax"), ("Salesforce field of a Lead", "Business")):
        page.get_by_label(label, exact=True).focus()
        page.keyboard.type(typed)
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    assert "fax: added" in page.get_by_role("status").first.inner_text()
    page.get_by_label("Search by label or name").focus()
    page.keyboard.type("business")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text="Business Fax")
    assert "Two-way" in row.inner_text()
    assert page.get_by_role("row").count() == 2


def test_support_can_set_a_budget_by_keyboard_alone_and_sees_the_calls_as_a_table(page: Page) -> None:
    page.goto("/instances/beta/health")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("table").first.get_by_role("row").count() == 25
    page.get_by_label("Calls in 24 hours").focus()
    page.keyboard.type("900")
    page.get_by_label("Reason, kept in the audit log").focus()
    page.keyboard.type("asked by phone")
    page.keyboard.press("Enter")
    assert page.get_by_role("status").inner_text() == "Saved. It holds from the next call on."
    assert page.locator("#calls").get_by_text("/ 900").is_visible()


def test_the_first_key_press_offers_to_skip_the_menu(page: Page) -> None:
    page.goto("/instances")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"


def test_a_number_leads_to_what_it_counts(page: Page) -> None:
    page.goto("/instances")
    row = page.get_by_role("row").filter(has_text="Beta Inc.")
    row.get_by_role("link", name="2").click()
    page.locator("#waiting").get_by_role("link", name="2").click()
    assert page.get_by_role("row").filter(has_text="contact").count() == 2


def test_the_language_is_chosen_by_a_button_and_kept(page: Page) -> None:
    page.goto("/instances/acme")
    page.get_by_role("button", name="Français").click()
    assert page.url.rstrip("?").endswith("/instances/acme")
    assert page.get_by_role("heading", name="Passages").is_visible()
    page.goto("/instances")
    assert re.search("En bonne santé", page.content())


def test_the_browser_obeys_our_policy_without_complaints(browser: Browser, server: str) -> None:
    page = browser.new_context(base_url=server, locale="en-GB").new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    log_in(page)
    for path in PAGES.values():
        if path != "/nowhere":
            page.goto(path)
    page.context.close()
    assert complaints == []
