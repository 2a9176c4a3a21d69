"""The page of an instance's Salesforce org: checked, set up and downloaded, by keyboard, without scripts, in two languages."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from sidecar.store.users import Role
from sidecar.web import create_app
from tests.browser.test_pages import FLAGS
from tests.web_app import PASSWORD, add_user
from tests.world import World, make_world

PAGE = "/instances/acme/org"


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_path), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def world() -> Iterator[World]:
    found = make_world(is_empty_org=True)
    found.org.make_admin("api")
    yield found
    found.close()


@pytest.fixture
def server(world: World) -> Iterator[str]:
    for name, role, language in (("sup", Role.SUPPORT, "en"), ("vue", Role.VIEWER, "fr")):
        add_user(world.app, name, role, language=language)
    server = make_server("127.0.0.1", 0, create_app(world.app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def open_page(browser: Browser, server: str, name: str = "sup", **options: object) -> Page:
    page = browser.new_context(base_url=server, locale="en-GB", **options).new_page()
    page.goto("/login")
    page.locator("input[name=name]").fill(name)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main button, form button").first.click()
    page.wait_for_url("**/")
    page.goto(PAGE)
    return page


def press(page: Page, name: str) -> None:
    """Reach a button by the keyboard alone, and press it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.get_by_role("button", name=name).and_(page.locator(":focus")).count():
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    pytest.fail(f"The keyboard does not reach {name}")


def check_now(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Check now").click()


def test_an_empty_org_is_checked_and_set_up_by_keyboard_without_scripts(browser: Browser, server: str) -> None:
    page = open_page(browser, server, java_script_enabled=False)
    assert page.get_by_text("Nobody has looked at the org yet.").is_visible()
    press(page, "Check now")
    assert page.get_by_text("The timeline object is missing, or hidden from our user.").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the package (zip)").click()
    assert Path(download.value.path()).read_bytes().startswith(b"PK")
    page.goto(PAGE)
    press(page, "Set up the org")
    assert "parts were made in Salesforce." in page.get_by_role("status").inner_text()
    assert page.get_by_text("To put right").count() == 0
    assert page.get_by_text("Nothing is missing that the set-up could make.").is_visible()
    page.context.close()


@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_has_no_accessibility_fault_before_and_after_a_check(
    browser: Browser, server: str, width: int
) -> None:
    page = open_page(browser, server, bypass_csp=True, viewport={"width": width, "height": 900})
    for _ in range(2):
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        check_now(page)
    page.context.close()


def test_without_rights_the_page_says_who_must_act_and_offers_the_package(
    browser: Browser, server: str, world: World
) -> None:
    world.org.make_admin("api", is_admin=False)
    page = open_page(browser, server)
    check_now(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Set up the org").click()
    told = " ".join(page.get_by_role("status").all_inner_texts())
    assert "Salesforce administrator" in told
    assert "Download the package below" in told
    page.context.close()


def test_a_viewer_reads_the_check_in_french_and_has_no_buttons(browser: Browser, server: str) -> None:
    support = open_page(browser, server)
    check_now(support)
    support.context.close()
    page = open_page(browser, server, "vue")
    assert page.get_by_text("L’objet de chronologie manque ou est caché à notre utilisateur.").is_visible()
    assert page.locator("main button").count() == 0
    page.context.close()
