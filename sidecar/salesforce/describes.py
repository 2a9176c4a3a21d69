"""Descriptions of objects, remembered for a day and then only asked for if they changed, so that idle runs cost nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sidecar.cache import Cache
from sidecar.records import ObjectSchema
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.schema import parse_schema, trimmed

_FRESH: Final = timedelta(hours=24)
_FRESH_IF_MISSING: Final = timedelta(hours=1)  # somebody is probably about to create it
_KEPT: Final = timedelta(days=14)


@dataclass(slots=True)
class _Known:
    """What was last seen of one object."""

    asked_at: datetime
    validators: dict[str, str]
    body: dict[str, Any] | None

    @property
    def fresh_until(self) -> datetime:
        return self.asked_at + (_FRESH_IF_MISSING if self.body is None else _FRESH)


class Describes:
    """Answers what our user may see of each object, with as few calls as can be."""

    def __init__(
        self, client: SalesforceClient, cache: Cache, clock: Callable[[], datetime], *, key_prefix: str = ""
    ) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._key_prefix = f"salesforce-describe-{key_prefix}"
        self._schemas: dict[str, tuple[datetime, ObjectSchema | None]] = {}

    def schema(self, object_name: str) -> ObjectSchema | None:
        """Return the object's schema, at most a day old, or None if there is no such object."""
        until, schema = self._schemas.get(object_name, (None, None))
        if until is not None and self._clock() < until:
            return schema
        known = self._load(object_name)
        if known is None or self._clock() >= known.fresh_until:
            known = self._ask(object_name, known)
        schema = parse_schema(known.body) if known.body is not None else None
        self._schemas[object_name] = (known.fresh_until, schema)
        return schema

    def distrust(self, object_name: str) -> None:
        """Ask Salesforce again at the next need, whatever is remembered; an unchanged object costs a short answer."""
        self._schemas.pop(object_name, None)
        known = self._load(object_name)
        if known is not None:
            known.asked_at -= _FRESH
            self._save(object_name, known)

    def _ask(self, object_name: str, known: _Known | None) -> _Known:
        # Validators of a missing object would be empty anyway.
        answer = self._client.describe(object_name, known.validators if known and known.body else {})
        if answer is None:
            assert known is not None
            found = _Known(self._clock(), known.validators, known.body)
        else:
            body, validators = answer
            found = _Known(self._clock(), validators, trimmed(body) if body is not None else None)
        self._save(object_name, found)
        return found

    def _load(self, object_name: str) -> _Known | None:
        text = self._cache.get(self._key_prefix + object_name)
        if text is None:
            return None
        kept = json.loads(text)
        return _Known(datetime.fromisoformat(kept["asked_at"]), kept["validators"], kept["body"])

    def _save(self, object_name: str, known: _Known) -> None:
        kept = {"asked_at": known.asked_at.isoformat(), "validators": known.validators, "body": known.body}
        text = json.dumps(kept, separators=(",", ":"))
        self._cache.put(self._key_prefix + object_name, text, expires_at=self._clock() + _KEPT)
