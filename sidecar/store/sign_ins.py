"""Sign-ins at Salesforce that were begun and not finished yet: what the callback needs, for ten minutes and one use."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from sidecar.errors import UsageError
from sidecar.store.crypto import Cipher
from sidecar.store.session import Database
from sidecar.store.tables import sign_ins

LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in under way. `bound_to` is who began it: nobody else can finish it. `settings` are those to be saved."""

    instance_id: int
    bound_to: str
    redirect_uri: str
    settings: Mapping[str, Any]
    verifier: str = field(repr=False)
    client_secret: str = field(default="", repr=False)


class SignIns:
    """Keeps them by a hash of their `state`; the secrets of each are encrypted."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def begin(self, state: str, sign_in: SignIn, now: datetime) -> None:
        """Remember a sign-in, and forget those that ran out."""
        secrets = {"verifier": sign_in.verifier, "client_secret": sign_in.client_secret}
        row = {
            "instance_id": sign_in.instance_id,
            "state_hash": _hash(state),
            "verifier": self._cipher.encrypt(json.dumps(secrets)),
            "key_id": self._cipher.key_id,
            "bound_to": _hash(sign_in.bound_to),
            "redirect_uri": sign_in.redirect_uri,
            "settings": dict(sign_in.settings),
            "expires_at": now + LIFE,
        }
        with self._database.write() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= now))
            connection.execute(insert(sign_ins), row)

    def finish(self, state: str, bound_to: str, now: datetime) -> SignIn:
        """Return the sign-in of a callback and forget it; UsageError if there is none for this state and this person."""
        mine = (sign_ins.c.state_hash == _hash(state)) & (sign_ins.c.bound_to == _hash(bound_to))
        with self._database.write() as connection:
            row = connection.execute(select(sign_ins).where(mine, sign_ins.c.expires_at > now)).one_or_none()
            if row is None or connection.execute(delete(sign_ins).where(sign_ins.c.id == row.id)).rowcount != 1:
                raise UsageError(
                    "This sign-in was not begun here, took longer than ten minutes, or is done already: begin again.",
                    code="sign-in-unknown",
                )
        secrets = json.loads(self._cipher.decrypt(row.verifier))
        return SignIn(row.instance_id, bound_to, row.redirect_uri, row.settings, **secrets)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
