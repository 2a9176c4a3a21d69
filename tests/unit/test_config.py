"""Settings come from the environment alone, and wrong ones are all named at once, without their values."""

import os
import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sidecar.config import PREFIX, Settings, load_settings
from sidecar.errors import SetupError

ROOT = Path(__file__).parents[2]
ELSEWHERE = "postgresql+psycopg://me:hunter2@db.example/sidecar"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def problems(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SetupError) as caught:
        load_settings()
    return caught.value.message


def test_nothing_must_be_set_to_try_it() -> None:
    settings = load_settings()
    home = Path.cwd() / "var"
    assert settings.database_url == f"sqlite:///{home}/sidecar.sqlite3"
    assert settings.redis_url == f"unix://{home}/valkey.sock"
    assert settings.uses_embedded_redis


def test_the_home_moves_everything_that_lies_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIDECAR_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.database_url == f"sqlite:///{tmp_path}/sidecar.sqlite3"
    assert settings.redis_url == f"unix://{tmp_path}/valkey.sock"


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = problems(
        monkeypatch, SIDECAR_LEASE_SECONDS="soon", SIDECAR_LOG_FORMAT="xml", SIDECAR_DATABSE_URL="sqlite://"
    )
    assert "SIDECAR_LEASE_SECONDS: " in text
    assert "SIDECAR_LOG_FORMAT: " in text
    assert "SIDECAR_DATABSE_URL: no such setting" in text


def test_an_unknown_setting_alone_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SIDECAR_LOGLEVEL: no such setting" in problems(monkeypatch, SIDECAR_LOGLEVEL="DEBUG")


def test_a_bad_value_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in problems(monkeypatch, SIDECAR_SECRET_KEY="hunter2", SIDECAR_DATABASE_URL="hunter2")


def test_a_secret_has_one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    text = problems(monkeypatch, SIDECAR_KEYS=Fernet.generate_key().decode(), SIDECAR_KEYS_FILE="/run/secrets/keys")
    assert "not both" in text


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    settings = Settings(home=tmp_path, database_url=ELSEWHERE, keys=key)
    assert "hunter2" not in repr(settings)
    assert key not in repr(settings)


def test_on_one_machine_keys_are_made_up_once_and_for_our_user_alone(tmp_path: Path) -> None:
    first, again = Settings(home=tmp_path).load_keys(), Settings(home=tmp_path).load_keys()
    assert first == again
    assert len(first) == 1
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_with_a_shared_database_keys_must_be_given(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=ELSEWHERE)
    with pytest.raises(SetupError, match="SIDECAR_KEYS"):
        settings.load_keys()
    with pytest.raises(SetupError, match="SIDECAR_SECRET_KEY"):
        settings.load_secret_key()
    assert not (tmp_path / "keys").exists()


def test_keys_come_newest_first_from_a_file_or_a_variable(tmp_path: Path) -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    file = tmp_path / "given"
    file.write_text(f"{new}\n{old}\n")
    assert Settings(home=tmp_path, keys_file=file).load_keys() == [new, old]
    assert Settings(home=tmp_path, keys=f"{new},{old}").load_keys() == [new, old]


def test_a_key_that_is_none_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Fernet"):
        Settings(home=tmp_path, keys="not-a-key").load_keys()
    with pytest.raises(SetupError, match="Cannot read"):
        Settings(home=tmp_path, keys_file=tmp_path / "nowhere").load_keys()


def test_an_empty_list_of_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("\n")
    with pytest.raises(SetupError, match="Fernet"):
        Settings(home=tmp_path, keys_file=tmp_path / "given").load_keys()


@pytest.mark.parametrize(
    ("bind", "is_secure"), [("127.0.0.1:8000", False), ("localhost:80", False), ("0.0.0.0:8000", True)]
)
def test_cookies_are_for_https_only_unless_nobody_else_can_connect(tmp_path: Path, bind: str, is_secure: bool) -> None:
    assert Settings(home=tmp_path, bind=bind).secure_cookies is is_secure


def test_the_documentation_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = dict(re.findall(r"^\| `(SIDECAR_\w+)` \| (.*) \|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    fields = Settings.model_fields
    assert rows == {f"{PREFIX}{name.upper()}": f"{default_of(name)} | {fields[name].description}" for name in fields}


def default_of(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return {"database_url": "SQLite in the home", "redis_url": "embedded Valkey in the home"}.get(
            name, "see meaning"
        )
    return "–" if field.default is None else f"`{field.default}`"
