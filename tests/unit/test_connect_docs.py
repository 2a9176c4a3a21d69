"""The manual's way through Salesforce's menus names what the program itself needs there."""

from pathlib import Path

import pytest

from sidecar.cli.connect_salesforce import CALLBACK_PORT, Flow
from sidecar.connecting import CALLBACK_PATH
from sidecar.salesforce.web_server import SCOPES

PAGE = (Path(__file__).parents[2] / "docs" / "connect.md").read_text(encoding="utf-8")
SALESFORCE = PAGE.split("\n## Salesforce\n")[1].split("\n## A second instance")[0]


def section(heading: str) -> str:
    return SALESFORCE.split(f"\n### {heading}\n")[1].split("\n### ")[0]


def test_the_app_is_an_external_client_app_and_each_step_has_its_menu() -> None:
    text = section("The External Client App")
    menus = ("External Client App Manager", "API (Enable OAuth Settings)", "Flow Enablement", "Security", "Policies")
    positions = [text.index(f"*{menu}") for menu in menus]
    assert positions == sorted(positions)
    assert "new connected apps cannot be created" in SALESFORCE


def test_the_app_gets_the_scopes_that_are_asked_for() -> None:
    text = section("The External Client App")
    assert all(f"{scope}" in text.split("OAuth Scopes")[1].split("\n3.")[0] for scope in SCOPES.split())


def test_pkce_and_rotation_are_recommended() -> None:
    security = section("The External Client App").split("*Security*")[1].split("\n5.")[0]
    assert "Proof Key" in security
    assert "leave" in security
    assert "**Enable Refresh Token Rotation**" in security


def test_the_callback_urls_are_those_of_the_program() -> None:
    text = section("The External Client App")
    assert f"https://sidecar.example.com{CALLBACK_PATH}" in text
    assert f"http://localhost:{CALLBACK_PORT}{CALLBACK_PATH}" in text


@pytest.mark.parametrize(
    ("heading", "flow"),
    [("Signing in by browser", Flow.WEB), ("JWT bearer", Flow.JWT), ("Client credentials", Flow.CLIENT_CREDENTIALS)],
)
def test_each_way_to_sign_in_has_its_command(heading: str, flow: Flow) -> None:
    assert f"sidecar connect salesforce acme --flow {flow} " in section(heading)


def test_remote_sites_and_trusted_urls_are_optional_steps() -> None:
    text = section("Optional: pages of yours inside Salesforce")
    assert "needs no remote site" in text
    assert all(f"*Setup → {menu} → New" in text for menu in ("Remote Site Settings", "Trusted URLs"))
