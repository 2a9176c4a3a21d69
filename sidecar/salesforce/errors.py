"""What Salesforce's errors mean for us. Only codes are matched: messages are in the user's language and hold personal data.

Row errors become WriteError values, whole-call errors become SidecarErrors. Pure.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simple_salesforce.exceptions import SalesforceError

from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.records import Ref
from sidecar.salesforce.ids import is_record_id
from sidecar.sync.model import Reaction, WriteError

LIMIT_PAUSE_SECONDS: Final = 3600
QUERY_EXPIRED: Final = "salesforce-query-expired"
UNREACHABLE: Final = "salesforce-unreachable"
ANSWER_LOST: Final = "salesforce-answer-lost"
LIMIT_REACHED: Final = "salesforce-limit-reached"
AMBIGUOUS: Final = "ambiguous-match"
DUPLICATES: Final = "salesforce-duplicates-detected"

REACTION_BY_CODE: Final[Mapping[str, Reaction]] = {
    # Passes by itself.
    "UNABLE_TO_LOCK_ROW": Reaction.RETRY,
    "QUERY_TIMEOUT": Reaction.RETRY,
    "SERVER_UNAVAILABLE": Reaction.RETRY,
    "REQUEST_LIMIT_EXCEEDED": Reaction.RETRY,
    "REQUEST_RUNNING_TOO_LONG": Reaction.RETRY,
    "UNKNOWN_EXCEPTION": Reaction.RETRY,
    "TXN_SECURITY_METERING_ERROR": Reaction.RETRY,
    "API_CURRENTLY_DISABLED": Reaction.RETRY,
    "PROCESSING_HALTED": Reaction.RETRY,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Reaction.RETRY,
    # The record is not where we thought it was: look again.
    "CANNOT_UPDATE_CONVERTED_LEAD": Reaction.RETRY,
    "ENTITY_IS_DELETED": Reaction.RETRY,
    "NOT_FOUND": Reaction.RETRY,
    "INVALID_CROSS_REFERENCE_KEY": Reaction.RETRY,
    # The values are refused.
    "REQUIRED_FIELD_MISSING": Reaction.DATA,
    "STRING_TOO_LONG": Reaction.DATA,
    "NUMBER_OUTSIDE_VALID_RANGE": Reaction.DATA,
    "INVALID_EMAIL_ADDRESS": Reaction.DATA,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Reaction.DATA,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Reaction.DATA,
    "FIELD_INTEGRITY_EXCEPTION": Reaction.DATA,
    "FIELD_FILTER_VALIDATION_EXCEPTION": Reaction.DATA,
    "FILTER_VALIDATION_EXCEPTION": Reaction.DATA,
    "INVALID_TYPE_ON_FIELD_IN_RECORD": Reaction.DATA,
    "JSON_PARSER_ERROR": Reaction.DATA,
    "MALFORMED_ID": Reaction.DATA,
    "DUPLICATE_VALUE": Reaction.DATA,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Reaction.DATA,
    "CANNOT_EXECUTE_FLOW_TRIGGER": Reaction.DATA,
    # Somebody must change rights, fields or settings.
    "INVALID_FIELD": Reaction.SETUP,
    "INVALID_TYPE": Reaction.SETUP,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Reaction.SETUP,
    "INSUFFICIENT_ACCESS": Reaction.SETUP,
    "INSUFFICIENT_ACCESS_OR_READONLY": Reaction.SETUP,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Reaction.SETUP,
    "INACTIVE_OWNER_OR_USER": Reaction.SETUP,
    "STORAGE_LIMIT_EXCEEDED": Reaction.SETUP,
    "API_DISABLED_FOR_ORG": Reaction.SETUP,
    # Only a person can tell whether two records are one.
    "DUPLICATES_DETECTED": Reaction.PERSON,
    "DUPLICATE_EXTERNAL_ID": Reaction.PERSON,
}
_CODE_OF: Final = {
    "CANNOT_UPDATE_CONVERTED_LEAD": "salesforce-lead-converted",
    "ENTITY_IS_DELETED": "salesforce-record-gone",
    "NOT_FOUND": "salesforce-record-gone",
    "INVALID_CROSS_REFERENCE_KEY": "salesforce-record-gone",
    "DUPLICATE_EXTERNAL_ID": AMBIGUOUS,
    "REQUEST_LIMIT_EXCEEDED": LIMIT_REACHED,
    "SERVER_UNAVAILABLE": UNREACHABLE,
}
_GONE: Final = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})
_RANK: Final = (Reaction.RETRY, Reaction.DATA, Reaction.PERSON, Reaction.SETUP)
_EXPIRED_QUERIES: Final = frozenset(
    {"INVALID_QUERY_LOCATOR", "INVALID_QUERY_LOCATOR_FORMAT", "QUERY_LOCATOR_EXPIRED", "QUERY_LOCATOR_NOT_FOUND"}
)
_CODE_SHAPE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,80}")
_NAME_SHAPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def row_error(errors: Sequence[Mapping[str, Any]], *, has_id: bool = True) -> WriteError:
    """Return why one row failed, by its gravest error; all fields any error names are kept.

    A row that names no record itself (a create) can only be missing the records it refers to: that is its data.
    """
    found = [_one_error(error, has_id) for error in errors] or [WriteError("salesforce-refused", Reaction.DATA)]
    gravest = max(found, key=lambda error: _RANK.index(error.reaction))
    fields = dict.fromkeys(name for error in found for name in error.fields)
    twins = tuple(dict.fromkeys(twin for error in errors for twin in _twins(error)))
    return WriteError(gravest.code, gravest.reaction, tuple(fields), gravest.retry_after_seconds, twins)


def code_of(error: Mapping[str, Any]) -> str:
    """Return Salesforce's own code of an error object: `statusCode` in rows, `errorCode` elsewhere; "" if it has none."""
    code = error.get("statusCode") or error.get("errorCode")
    return code if isinstance(code, str) and _CODE_SHAPE.fullmatch(code) else ""


def codes_of(error: SalesforceError) -> list[str]:
    """Return the codes in a refused call's body, which may also be a page of HTML."""
    return codes_in(error.content)


def codes_in(body: object) -> list[str]:
    """Return Salesforce's own codes in an answer of any kind."""
    return [code for item in _error_objects(body) if (code := code_of(item))]


def call_error(error: SalesforceError) -> SidecarError:
    """Translate a call that Salesforce refused as a whole. The answer's text is not passed on."""
    return whole_error(error.status, _error_objects(error.content))


def whole_error(status: int, errors: Sequence[Mapping[str, Any]]) -> SidecarError:
    """Translate the answer to a call, or to one part of a composite call, that failed as a whole."""
    code = next((code for item in errors if (code := code_of(item))), "")
    if code == "API_CURRENTLY_DISABLED":
        return _api_disabled(errors)
    if code in _EXPIRED_QUERIES:
        return TransientError("Salesforce has dropped the rest of a query's result.", code=QUERY_EXPIRED)
    if code in _WHOLE:
        return _WHOLE[code]()
    if status >= 500 or status in {408, 420, 429}:
        return TransientError("Salesforce does not answer properly right now.", code=UNREACHABLE)
    make = _BY_STATUS.get(status)
    return make() if make else _refused(code or str(status))


def _one_error(error: Mapping[str, Any], has_id: bool) -> WriteError:
    code, fields = code_of(error), _field_names(error.get("fields"))
    if code in _GONE and (fields or not has_id):
        return WriteError("salesforce-reference-unknown", Reaction.DATA, fields)
    name = _CODE_OF.get(code) or f"salesforce-{(code or 'refused').lower().replace('_', '-')}"
    pause = LIMIT_PAUSE_SECONDS if code == "REQUEST_LIMIT_EXCEEDED" else None
    return WriteError(name, REACTION_BY_CODE.get(code, Reaction.DATA), fields, pause)


def _twins(error: Mapping[str, Any]) -> list[Ref]:
    """Return the records that a duplicate rule names. Single answers misspell the key, and some have no result at all."""
    result = error.get("duplicateResult") or error.get("duplicateResut")
    found = result.get("matchResults") if isinstance(result, Mapping) else None
    matches = [each.get("matchRecords") for each in _error_objects(found or [])]
    records = [each.get("record") for some in matches for each in _error_objects(some or [])]
    return [ref for record in _error_objects(records) if (ref := _ref_of(record))]


def _ref_of(record: Mapping[str, Any]) -> Ref | None:
    attributes, record_id = record.get("attributes"), record.get("Id")
    name = attributes.get("type") if isinstance(attributes, Mapping) else None
    if isinstance(name, str) and _NAME_SHAPE.fullmatch(name) and isinstance(record_id, str) and is_record_id(record_id):
        return Ref(name, record_id)
    return None


def _field_names(fields: object) -> tuple[str, ...]:
    if not isinstance(fields, list):
        return ()
    return tuple(name for name in fields if isinstance(name, str) and _NAME_SHAPE.fullmatch(name))


def _error_objects(content: object) -> list[Mapping[str, Any]]:
    items = content if isinstance(content, list) else [content]
    return [item for item in items if isinstance(item, Mapping)]


def _api_disabled(errors: Sequence[Mapping[str, Any]]) -> SidecarError:
    # One code for two causes: a user without "API Enabled", or a passing problem. Only the text tells, in English;
    # in any other language we wait, which is the harmless mistake.
    if any("user" in str(item.get("message", "")).lower() for item in errors):
        return SetupError(
            'The Salesforce user lacks the permission "API Enabled".',
            code="salesforce-api-disabled",
            fixed_by="salesforce_admin",
        )
    return TransientError("Salesforce's API is disabled for the moment.", code=UNREACHABLE)


def _refused(code: str) -> SetupError:
    return SetupError(f"Salesforce refused a request ({code}).", code="salesforce-request-refused")


def _no_such_field(code: str) -> SetupError:
    return SetupError(
        f"A mapped field or object does not exist for our Salesforce user ({code}).",
        code="salesforce-field-unknown",
        fixed_by="salesforce_admin",
    )


def _no_access(code: str) -> SetupError:
    return SetupError(
        f"Our Salesforce user may not do this ({code}).", code="salesforce-no-access", fixed_by="salesforce_admin"
    )


def _version_gone() -> SetupError:
    return SetupError("The org does not offer the API version we use.", code="salesforce-version-gone")


def _not_an_org() -> SetupError:
    return SetupError("There is no Salesforce API at that address.", code="salesforce-not-found")


def _too_long() -> SetupError:
    return SetupError("The mapping has too many fields for one query.", code="salesforce-request-too-long")


def _limit_reached() -> TransientError:
    return TransientError(
        "The org's API calls are used up for now.", code=LIMIT_REACHED, retry_after_seconds=LIMIT_PAUSE_SECONDS
    )


_WHOLE: Final[Mapping[str, Callable[[], SidecarError]]] = {
    "REQUEST_LIMIT_EXCEEDED": _limit_reached,
    "SERVER_UNAVAILABLE": lambda: TransientError("Salesforce is not available.", code=UNREACHABLE),
    "QUERY_TIMEOUT": lambda: TransientError("A query took Salesforce too long.", code="salesforce-query-timeout"),
    "REQUEST_RUNNING_TOO_LONG": lambda: TransientError("A call took Salesforce too long.", code=UNREACHABLE),
    "API_DISABLED_FOR_ORG": lambda: SetupError(
        "The REST API is off for this org, or our app is too new: that can take two hours.",
        code="salesforce-api-disabled",
        fixed_by="salesforce_admin",
    ),
    "UNSUPPORTED_API_VERSION": _version_gone,
    "INVALID_FIELD": lambda: _no_such_field("INVALID_FIELD"),
    "INVALID_TYPE": lambda: _no_such_field("INVALID_TYPE"),
    "INSUFFICIENT_ACCESS": lambda: _no_access("INSUFFICIENT_ACCESS"),
    "INSUFFICIENT_ACCESS_OR_READONLY": lambda: _no_access("INSUFFICIENT_ACCESS_OR_READONLY"),
}
_BY_STATUS: Final[Mapping[int, Callable[[], SidecarError]]] = {
    401: lambda: SetupError(
        "Salesforce refuses our session even after a new sign-in.",
        code="salesforce-session-refused",
        fixed_by="salesforce_admin",
    ),
    404: _not_an_org,
    410: _version_gone,
    414: _too_long,
    431: _too_long,
}
