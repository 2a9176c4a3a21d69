"""A web application over a real database file, with people of each role and something to look at."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from sidecar.bootstrap import App, bootstrap
from sidecar.config import Settings
from sidecar.errors import SetupError
from sidecar.records import Record, Ref, Side
from sidecar.store.instances import Instance, InstanceState
from sidecar.store.lane import SqlLaneStore
from sidecar.store.session import Database
from sidecar.store.users import Role, User, Users
from sidecar.sync.model import Action, Decision, Outcome, Pair, Reaction, Status
from sidecar.web import create_app

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def make_app(home: Path, **settings: object) -> App:
    """An application whose tables are there and whose clock stands; its queue does not answer."""
    home.mkdir(exist_ok=True)
    shutil.copy(_upgraded_database(), home / "sidecar.sqlite3")
    app = bootstrap(Settings(home=home, **{"redis_url": "redis://127.0.0.1:1/0", **settings}))
    return App(app.settings, app.database, app.cipher, clock=lambda: NOW)


@cache
def _upgraded_database() -> Path:
    """An empty database with our tables, made once per process: migrations take longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="sidecar-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(f"sqlite:///{folder}/template.sqlite3")
    database.upgrade()
    database.close()
    return folder / "template.sqlite3"


def add_user(app: App, name: str, role: Role, *, instance_id: int | None = None, language: str = "en") -> User:
    return Users(app.database, QUICK).add(name, PASSWORD, role, NOW, language=language, instance_id=instance_id)


def log_in(client: FlaskClient, user: User) -> None:
    """Be that user from now on, without the form."""
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = str(user.id), True


def client_of(app: App, name: str) -> FlaskClient:
    """A browser in which the user of that name has logged in; forms need no token there."""
    flask = create_app(app)
    flask.config["WTF_CSRF_ENABLED"] = False
    client = flask.test_client()
    log_in(client, next(user for user in app.users.list() if user.name == name))
    return client


def add_instance(
    app: App, slug: str, state: InstanceState, *, lanes: Sequence[str] = ("people", "activities")
) -> Instance:
    """An instance whose lanes are on on both sides."""
    instance = app.instances.add(slug, f"{slug.title()} Inc.", NOW - timedelta(days=3))
    app.instances.set_state(instance.id, state)
    for lane in lanes:
        app.schedules.switch(instance.id, lane, by_customer=True, by_support=True)
        app.schedules.postpone(instance.id, lane, NOW + timedelta(minutes=40))
    return instance


def an_outcome(
    number: int, status: Status = Status.WRITTEN, reason: str = "changed-on-host", **more: object
) -> Outcome:
    """How the update of one person ended."""
    host, salesforce = Ref("contact", str(number)), Ref("Lead", f"00Q{number:015d}")
    pair = Pair(Side.HOST, host, host=Record(host), salesforce=Record(salesforce))
    return Outcome(Decision(pair, Action.UPDATE, reason), status, reason, **more)


def add_run(
    app: App,
    instance: Instance,
    outcomes: Sequence[Outcome] = (),
    *,
    lane: str = "people",
    at: datetime = NOW - timedelta(minutes=10),
    problem: SetupError | None = None,
) -> int:
    """A run as the engine leaves it behind. It saw everything up to when it began."""
    fence = app.schedules.claim_lease(instance.id, lane, "a worker", at, 60)
    assert fence is not None
    store = SqlLaneStore(app.database, app.cipher, instance.id, lane, fence=fence, owner="a worker", now=lambda: at)
    run = app.ledger.open_run(instance.id, lane, "schedule", lambda: at)
    try:
        with run:
            store.open_window(Side.HOST, "contact", at)
            run.note_calls(Side.SALESFORCE, 3)
            run.count(outcomes)
            store.settle(outcomes)
            if problem is not None:
                raise problem
            store.advance(Side.HOST, "contact")
    except SetupError:
        pass
    app.schedules.release_lease(instance.id, lane, fence)
    return run.id


def a_world(app: App) -> dict[str, Instance]:
    """One instance of each kind, by what the list of instances says of it."""
    healthy = add_instance(app, "acme", InstanceState.ENABLED)
    add_run(app, healthy, [an_outcome(n) for n in range(3)])
    add_run(app, healthy, lane="activities")
    attention = add_instance(app, "beta", InstanceState.ENABLED)
    held = {"waits_for": Reaction.DATA}
    add_run(
        app,
        attention,
        [an_outcome(1), *(an_outcome(n, Status.REJECTED, "not-in-picklist", **held) for n in (2, 3))],
    )
    add_run(
        app, attention, lane="activities", problem=SetupError("The object is missing", code="timeline-object-missing")
    )
    app.alerts.open(
        attention.id, "activities", "timeline-object-missing", "The object is missing", "salesforce_admin", NOW
    )
    blocked = add_instance(app, "gamma", InstanceState.BLOCKED)
    waiting = add_instance(app, "delta", InstanceState.READY, lanes=())
    app.schedules.switch(waiting.id, "people", by_customer=True)
    draft = app.instances.add("epsilon", "Epsilon Inc.", NOW)
    return {
        "Healthy": healthy,
        "Attention": attention,
        "Blocked": blocked,
        "Waiting for support": waiting,
        "Draft": draft,
    }


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """The statements sent to any database inside the block."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
