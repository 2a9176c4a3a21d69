"""A person at a browser: opens the log-in page of a sandbox org, presses a button, and is sent back."""

import re
from html import unescape
from urllib.parse import urlsplit

import requests


def press(url: str, button: str = "allow") -> str:
    """Open the page, press a button of it, and return the address the browser is sent to."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(url, timeout=30)
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text))
        form = {unescape(name): unescape(text) for name, text in fields.items()} | {"decision": button}
        parts = urlsplit(url)
        answer = browser.post(
            f"{parts.scheme}://{parts.netloc}{parts.path}", data=form, allow_redirects=False, timeout=30
        )
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]
