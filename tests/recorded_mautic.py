"""Recorded calls and databases of a real Mautic 5.1.1, and a stand-in for its REST API that plays answers back."""

import gzip
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import requests
import sqlalchemy
from pymysql.constants import CLIENT
from requests.adapters import HTTPAdapter

from sidecar.cache import MemoryCache
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.side import MauticSide, connect
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import ConsentRule, FieldPair, ObjectMapping
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import ObjectSchema

FOLDER = Path(__file__).parent / "recordings" / "mautic"
NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    """Return one recorded call: its request and its response."""
    call: dict[str, Any] = json.loads((FOLDER / "api" / f"{name}.json").read_text())
    return call


def experiments() -> list[dict[str, Any]]:
    """Return the recorded experiments: one change each, and what it left in the database."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "experiments.json").read_text())
    return found


@contextmanager
def loaded_dump(server_url: str, name: str) -> Iterator[str]:
    """Load a recorded database into one of its own; yield its URL."""
    url = sqlalchemy.make_url(server_url).set(database=f"mautic_{name}_{uuid.uuid4().hex[:12]}")
    statements = gzip.decompress((FOLDER / f"{name}.sql.gz").read_bytes()).decode()
    run_sql(url.set(database=""), f"CREATE DATABASE {url.database} CHARACTER SET utf8mb4")
    try:
        run_sql(url, statements)
        yield url.render_as_string(hide_password=False)
    finally:
        run_sql(url.set(database=""), f"DROP DATABASE {url.database}")


def run_sql(url: sqlalchemy.URL | str, statements: str) -> None:
    """Run any number of statements."""
    url = sqlalchemy.make_url(url)
    connection = pymysql.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username or "root",
        password=url.password or "",
        database=url.database or "",
        charset="utf8mb4",
        client_flag=CLIENT.MULTI_STATEMENTS,
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(statements)
            while cursor.nextset():
                pass
        connection.commit()
    finally:
        connection.close()


@contextmanager
def mautic_at(database_url: str, adapter: HTTPAdapter | None = None, **options: Any) -> Iterator[MauticSide]:
    """Connect to a Mautic whose REST API is the adapter."""
    prefix, parallel = options.pop("table_prefix", ""), options.pop("parallel", 2)
    connection = MauticConnection(
        "https://mautic.example",
        database_url,
        table_prefix=prefix,
        client_id="1_abc",
        client_secret="secret",
        parallel=parallel,
    )
    side = connect(connection, cache=options.pop("cache", MemoryCache()), adapter=adapter, **options)
    try:
        yield side
    finally:
        side.close()


def rules_for(schema: ObjectSchema, *host_fields: str, consent: bool = True) -> Rules:
    """Return rules that map these host fields, each to one of the same name and type."""
    pairs = tuple(FieldPair(name, name, {"Lead": name}) for name in host_fields)
    mapping = ObjectMapping(
        name="people",
        lane="people",
        host_object="contact",
        salesforce_objects=("Lead",),
        fields=pairs,
        match_on=("email",),
        create_in_salesforce="Lead",
        create_in_host=True,
        external_id="Mautic_Id__c",
        consent=ConsentRule("email", "HasOptedOutOfEmail") if consent else None,
    )
    fields = tuple(FieldRule(pair, schema.fields[pair.host], schema.fields[pair.host]) for pair in pairs)
    return Rules(mapping, {"Lead": fields}, Fingerprinter(b"salt"))


Reply = tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | Callable[[Any], tuple[int, Any]] | Exception


class ScriptedMautic(HTTPAdapter):
    """Plays answers back in order per path; remembers what was sent. Signs anybody in and says who he is."""

    def __init__(self, replies: Mapping[str, list[Reply]] | None = None) -> None:
        super().__init__()
        self.replies = {path: list(each) for path, each in (replies or {}).items()}
        self.sent: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self._lock = threading.Lock()
        self.version: str | None = "5.1.1"
        self.tokens = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer with the next reply for the path."""
        path = request.path_url
        with self._lock:
            status, body, *headers = self._answer(path, request)
        response = requests.Response()
        response.headers.update(headers[0] if headers else {})
        response.status_code, response.request, response.url = status, request, str(request.url)
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if self.version and path.startswith("/api"):
            response.headers["Mautic-Version"] = self.version
        return response

    def paths(self, start: str = "/api/contacts") -> list[str]:
        """Return the paths that were called, in order."""
        return [path for _, path, _ in self.sent if path.startswith(start)]

    def bodies(self, start: str) -> list[Any]:
        """Return the bodies sent to those paths."""
        return [body for _, path, body in self.sent if path.startswith(start)]

    def _answer(self, path: str, request: requests.PreparedRequest) -> tuple[Any, ...]:
        scripted = self.replies.get(path)
        if path == "/oauth/v2/token" and not scripted:
            self.tokens += 1
            return 200, {
                "access_token": f"token{self.tokens}",
                "expires_in": 3600,
                "token_type": "bearer",
                "scope": None,
            }
        body = json.loads(request.body) if request.body and path.startswith("/api") else request.body
        self.sent.append((str(request.method), path, body))
        self.headers.append(dict(request.headers))
        if path == "/api/users/self" and not scripted:
            recording = recorded("oauth_bearer_users_self")["response"]
            return recording["status"], recording["body"]
        if not scripted:
            return 404, {"errors": [{"code": 404, "message": "Item was not found.", "details": []}]}
        reply = scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(body) if callable(reply) else reply


def playback(name: str) -> tuple[int, Any]:
    """Return the reply of a recorded call."""
    response = recorded(name)["response"]
    return response["status"], response["body"]
