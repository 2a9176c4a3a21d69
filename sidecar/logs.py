"""How we log: structured, with the instance, lane and run at hand, and without secrets or personal data."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

import structlog

from sidecar.config import Settings

REDACTED = "[redacted]"
SECRET_WORDS = (
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "cookie",
    "private_key",
    "api_key",
    "assertion",
    "email",
)
EMAIL = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=!-]{8,}")


def configure_logs(settings: Settings) -> None:
    """Send every log entry, ours and the libraries', to standard error in one shape. May be called again."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
    )
    handler = _ToStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it speaks each time it looks


class _ToStandardError(logging.Handler):
    """Write to what is standard error at that moment: servers and tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201  (this is the log)


def log_context(**names: str | int) -> AbstractContextManager[object]:
    """Add instance=, lane=, run= to every entry logged inside the block."""
    return structlog.contextvars.bound_contextvars(**names)


def redact(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Hide values of secret-sounding keys, and anything that looks like an e-mail address, password or token."""
    return {key: REDACTED if _is_secret(key) and value else _clean(value) for key, value in entry.items()}


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and any(word in key.lower() for word in SECRET_WORDS)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return BEARER.sub(rf"\1 {REDACTED}", EMAIL.sub(REDACTED, URL_PASSWORD.sub(REDACTED, value)))
    if isinstance(value, Mapping):
        return {key: REDACTED if _is_secret(key) and inner else _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return value


def _renderer(settings: Settings) -> structlog.typing.Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
