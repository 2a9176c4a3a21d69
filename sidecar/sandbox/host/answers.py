"""The answers of the REST API: JSON, errors in Mautic's three shapes, lists that may be objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from sidecar.sandbox.host.change import Errors
from sidecar.sandbox.host.uniques import NOT_UNIQUE

GENERIC = (
    "Looks like I encountered an error (error #{}). If I do it again, please report me to the system administrator!"
)
NOT_FOUND = "Item was not found."


class ApiError(Exception):
    """A call ends with this answer."""

    def __init__(self, status: int, errors: list[dict[str, Any]], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.errors, self.headers = status, errors, dict(headers or {})


def answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json")


def plain_error(status: int, message: str) -> ApiError:
    """Return an error of a call: code, message, details."""
    return ApiError(status, [{"code": status, "message": message, "details": []}])


def typed_error(status: int, message: str, kind: str | None = None) -> ApiError:
    """Return an error of the framework or of signing in: message, code, type."""
    return ApiError(status, [{"message": message, "code": status, "type": kind}])


def generic_error(status: int) -> ApiError:
    """Return what Mautic says when it fell over."""
    return typed_error(status, GENERIC.format(status))


def validation_error(errors: Errors) -> dict[str, Any]:
    """Return the error for fields that were refused: 422 when a unique value is taken, else 400."""
    taken = any(NOT_UNIQUE in messages for messages in errors.values())
    message = ", ".join(f"{alias}: {text}" for alias, messages in errors.items() for text in messages)
    return {"code": 422 if taken else 400, "message": message, "details": errors}


def list_or_object(values: Mapping[Any, Any]) -> Any:
    """Return what PHP makes of an array: a list when the keys are 0..n-1 in order, else an object."""
    if list(values) == list(range(len(values))):
        return list(values.values())
    return {str(key): value for key, value in values.items()}
