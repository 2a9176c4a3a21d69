"""Whether a text is an e-mail address or a web address, by form alone: nothing is looked up. Pure."""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB_SCHEMES = ("http://", "https://", "ftp://")
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")
_HOST = re.compile(r"[^\s/?#@:\[\]]+\.[^\s/?#@:\[\].]{2,}|localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}")


@lru_cache(maxsize=4096)  # asked several times for each person of a page, and costly
def is_email(text: str) -> bool:
    """Tell whether it has the form of an address both sides take: one local part, a domain with a dot.

    Reserved endings count: Salesforce appends `.invalid` to every address when a sandbox is made.
    """
    local, at, domain = text.rpartition("@")
    if not at or "." not in domain:
        return False
    ending = domain.lower().rpartition(".")[2]
    probe = f"{local}@{domain}.com" if ending in SPECIAL_USE_DOMAIN_NAMES else text
    try:
        validate_email(probe, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def is_url(text: str) -> bool:
    """Tell whether it has the form of a web address, with or without its scheme."""
    if _BLANK_OR_CONTROL.search(text):
        return False
    scheme = _SCHEME.match(text)
    if scheme and scheme.group().lower() not in _WEB_SCHEMES:
        return False
    authority = re.split(r"[/?#]", text[scheme.end() :] if scheme else text, maxsplit=1)[0]
    host = re.sub(r":[0-9]{1,5}$", "", authority.rpartition("@")[2])
    return _HOST.fullmatch(host) is not None


def with_scheme(text: str) -> str:
    """Return the address with http:// in front if it has no scheme."""
    return text if _SCHEME.match(text.strip()) else f"http://{text.strip()}"
