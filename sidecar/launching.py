"""The signed launch: a user of Mautic enters with a ticket that the bundle there signed, as plugin_manifest/PROTOCOL.md says.

A ticket is a JSON Web Token. It opens one session, of one instance, within the minute after it was signed.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt.types import Options

from sidecar.bootstrap import App
from sidecar.errors import UsageError
from sidecar.records import Side
from sidecar.store.instances import Instance
from sidecar.store.launches import Launches

LONGEST_LIFE: Final = timedelta(seconds=60)
CLOCK_AHEAD: Final = timedelta(seconds=5)
"""How far Mautic's clock may be ahead of ours. One that is behind only shortens the minute: no ticket lives longer for it."""
LONGEST_TOKEN: Final = 4096
LONGEST_NAME: Final = 120

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "mautic"
_NEEDED: Final = ["iss", "aud", "iat", "exp", "jti", "sub", "admin"]
_SHARED_KEYS: Final = ("shared_key", "previous_shared_key")
_NOBODYS: Final = "the work of checking is done for instances that do not exist, too"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who came in: their number and name in Mautic, what they may do, and where they want to go."""

    instance: Instance
    host_user: str
    name: str
    is_administrator: bool
    language: str
    contact_id: str | None
    key_mark: str


def enter(app: App, token: str) -> Visit:
    """Return who shows this ticket, and use it up.

    Errors: UsageError for one that is not genuine, has run out, or was used; why it is not genuine is not told.
    """
    instance, keys = _believed(app, token)
    claims, key = _verify(token, instance.slug if instance else "", keys or (_NOBODYS,))
    if instance is None or not keys:
        raise _refused()
    issued_at, expires_at = _require_whole(claims)
    now = app.clock()
    if expires_at - issued_at > LONGEST_LIFE or expires_at <= issued_at:
        raise _refused()
    if not issued_at - CLOCK_AHEAD <= now < expires_at:
        raise UsageError("The ticket from Mautic has run out", code="launch-expired")
    if not Launches(app.database).use(instance.id, claims["jti"], expires_at):
        raise UsageError("The ticket from Mautic was used already", code="launch-used")
    return _visit(instance, claims, key)


def is_key_in_use(app: App, instance_id: int, key_mark: str) -> bool:
    """Tell whether the key that signed somebody in is still one of the instance's: with the key, its sessions end."""
    return any(hmac.compare_digest(_mark(key), key_mark) for key in _keys(app, instance_id))


def _believed(app: App, token: str) -> tuple[Instance | None, tuple[str, ...]]:
    """Return the instance that a ticket says it is for, and its keys. Nothing of it has been checked yet."""
    if len(token) > LONGEST_TOKEN:
        raise _refused()
    try:
        slug = jwt.decode(token, options={"verify_signature": False}).get("aud")
        instance = app.instances.get(slug) if isinstance(slug, str) else None
    except (jwt.PyJWTError, UsageError, ValueError, RecursionError):
        return None, ()
    return instance, _keys(app, instance.id) if instance else ()


def _keys(app: App, instance_id: int) -> tuple[str, ...]:
    """Return the shared key, and the one before it while both are in use."""
    secrets = app.connections.load_secrets(instance_id, Side.HOST)
    return tuple(secrets[name] for name in _SHARED_KEYS if secrets.get(name))


def _verify(token: str, slug: str, keys: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Return what a ticket says, and the key that signed it; times are looked at later, by our own clock."""
    options: Options = {
        "require": _NEEDED, "strict_aud": True, "verify_exp": False, "verify_iat": False, "verify_nbf": False,
    }  # fmt: skip
    for key in keys:
        try:
            return jwt.decode(
                token, key, algorithms=[_ALGORITHM], audience=slug, issuer=_ISSUER, options=options
            ), key  # fmt: skip
        except (jwt.PyJWTError, ValueError, RecursionError):
            continue
    raise _refused()


def _require_whole(claims: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return when a ticket was signed and when it runs out; refuse one whose parts are not what the protocol says."""
    times = [claims["iat"], claims["exp"]]
    is_whole = (
        all(type(each) is int and 0 < each < 2**33 for each in times)
        and isinstance(claims["jti"], str)
        and re.fullmatch(r"[0-9a-f]{32}", claims["jti"]) is not None
        and isinstance(claims["sub"], str)
        and re.fullmatch(r"[0-9]{1,18}", claims["sub"]) is not None
        and isinstance(claims["admin"], bool)
    )
    if not is_whole:
        raise _refused()
    issued_at, expires_at = (datetime.fromtimestamp(each, UTC) for each in times)
    return issued_at, expires_at


def _visit(instance: Instance, claims: Mapping[str, Any], key: str) -> Visit:
    path = re.fullmatch(r"contact/([1-9][0-9]{0,17})", _text(claims, "path"))
    name = " ".join(_text(claims, "name").split())[:LONGEST_NAME]
    return Visit(
        instance=instance,
        host_user=claims["sub"],
        name=name or f"Mautic {claims['sub']}",
        is_administrator=claims["admin"],
        language=_text(claims, "locale")[:2].lower(),
        contact_id=path[1] if path else None,
        key_mark=_mark(key),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _mark(key: str) -> str:
    """Return what a session remembers of the key: enough to know it again, not enough to sign with."""
    return hmac.new(key.encode(), b"session", hashlib.sha256).hexdigest()[:32]


def _refused() -> UsageError:
    return UsageError("The ticket from Mautic is not genuine", code="launch-refused")
