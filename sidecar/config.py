"""The settings of a deployment. The only place that reads the environment.

What belongs to one instance (connections, mappings, schedules) is not here: it lives in the database.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sidecar.errors import SetupError

PREFIX = "SIDECAR_"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
UNREACHED = "default_factory_not_called"  # pydantic: a field before this one is wrong already


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class Settings(BaseSettings):
    """What an operator may set, as `SIDECAR_<NAME>`. Nothing must be set to try the sidecar on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path("var"), validate_default=True, description="Directory for everything kept on this machine"
    )
    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data['home']}/sidecar.sqlite3",
        repr=False,
        description="SQLAlchemy URL of the state database: SQLite, MariaDB (mysql+pymysql) or PostgreSQL (postgresql+psycopg)",
    )
    redis_url: str = Field(
        default_factory=lambda data: f"unix://{data['home']}/valkey.sock",
        repr=False,
        description="URL of Redis or Valkey (redis://, rediss://, unix://); when unset, an embedded Valkey is started",
    )
    keys: SecretStr | None = Field(
        default=None, description="Fernet keys that encrypt stored secrets, newest first, separated by commas"
    )
    keys_file: Path | None = Field(default=None, description="File with the same keys, one a line")
    secret_key: SecretStr | None = Field(default=None, min_length=32, description="Signs the web sessions")
    secret_key_file: Path | None = Field(default=None, description="File with the same secret")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe entry that is logged"
    )
    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for people")
    lease_seconds: int = Field(
        default=300,
        ge=10,
        le=3600,
        description="How long a lane stays reserved after its worker last gave a sign of life",
    )
    job_timeout_seconds: int = Field(default=14400, ge=60, description="Longest time one job may run")
    grace_minutes: int = Field(
        default=15,
        ge=1,
        description="Minutes beyond its interval that a lane's age may reach before it counts as stale",
    )
    keep_days: int = Field(default=30, ge=1, description="Days for which before and after values of fields are kept")
    bulk_threshold: int = Field(
        default=2000,
        ge=200,
        description="Records of one kind in one write from which on Salesforce takes them as a bulk job",
    )
    early_run_records: int = Field(
        default=100,
        ge=1,
        description="Changed records that wait, from which on their lane runs at once instead of some seconds later",
    )
    bind: str = Field(
        default="127.0.0.1:8000", pattern=r"^\S+:\d{1,5}$", description="Address and port of the web server"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Address under which a Mautic and people's browsers reach the web server, such as https://sidecar.example.com",
    )
    secure_cookies: bool = Field(
        default_factory=lambda data: not str(data["bind"]).startswith(LOOPBACK_HOSTS),
        description="Send cookies over https only; off by default on a loopback address, on everywhere else",
    )
    trusted_proxies: int = Field(
        default=0, ge=0, le=5, description="Number of reverse proxies whose X-Forwarded headers are believed"
    )

    @field_validator("database_url", "redis_url")
    @classmethod
    def _has_scheme(cls, url: str) -> str:
        if "://" not in url:
            raise ValueError("must be a URL with a scheme")
        return url

    @model_validator(mode="after")
    def _one_source_per_secret(self) -> Self:
        for name in ("keys", "secret_key"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"set either {PREFIX}{name.upper()} or {PREFIX}{name.upper()}_FILE, not both")
        return self

    @property
    def uses_embedded_redis(self) -> bool:
        """Whether the queue lives in a server that this machine starts by itself."""
        return "redis_url" not in self.model_fields_set

    @property
    def is_one_machine(self) -> bool:
        """Whether the state database is a file here, so that secrets made up here are known everywhere."""
        return self.database_url.startswith("sqlite:")

    def load_keys(self) -> list[str]:
        """Return the Fernet keys, newest first; on a one-machine installation the first call makes one up."""
        keys = self._load_secret("keys", lambda: Fernet.generate_key().decode()).replace(",", "\n").split()
        if not keys or not all(_is_fernet_key(key) for key in keys):
            raise SetupError("SIDECAR_KEYS must hold Fernet keys (32 bytes, URL-safe base64)", code="settings-invalid")
        return keys

    def load_secret_key(self) -> str:
        """Return what signs web sessions; on a one-machine installation the first call makes it up."""
        return self._load_secret("secret_key", lambda: secrets.token_urlsafe(48)).strip()

    def _load_secret(self, name: str, make: Callable[[], str]) -> str:
        given: SecretStr | None = getattr(self, name)
        path: Path | None = getattr(self, f"{name}_file")
        if given is not None:
            return given.get_secret_value()
        if path is None and not self.is_one_machine:
            raise SetupError(f"Set {PREFIX}{name.upper()} or {PREFIX}{name.upper()}_FILE", code="settings-missing")
        return _read_or_make(path or self.home / name, make if path is None else None)


def load_settings() -> Settings:
    """Read the environment; raise one SetupError that lists everything wrong with it, without any value."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    problems = [
        f"{name}: no such setting" for name in sorted(os.environ) if name.startswith(PREFIX) and name not in known
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [
            _describe(detail["loc"], detail["msg"]) for detail in error.errors() if detail["type"] != UNREACHED
        ]
        settings = None
    if settings is None or problems:
        raise SetupError(
            "The settings cannot be used:\n" + "\n".join(f"  {line}" for line in problems), code="settings-invalid"
        )
    return settings


def isolated_settings(**values: Any) -> Settings:
    """Return settings that take nothing from this process's environment, whatever the operator set there."""
    return Settings(_env_prefix=f"NO_{PREFIX}", **values)  # type: ignore[call-arg]  # an argument of the base class


def environment_with(**values: object) -> dict[str, str]:
    """Return the environment of a child process that shall have these settings and none of ours."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return others | {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}


def _describe(location: tuple[int | str, ...], message: str) -> str:
    name = "".join(f"{PREFIX}{str(part).upper()}: " for part in location[:1])
    return f"{name}{message.removeprefix('Value error, ')}"


def _read_or_make(path: Path, make: Callable[[], str] | None) -> str:
    """Return a file's text; if there is none and it may be made up, write it for our user alone, once."""
    if make is not None and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make() + "\n")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was quicker: its secret is the one
        finally:
            draft.unlink()
    try:
        return path.read_text()
    except OSError as error:
        raise SetupError(f"Cannot read {path}: {error.strerror}", code="settings-invalid") from error


def _is_fernet_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True
