"""What the demo does, from an empty directory to "both sides agree"."""

import fcntl
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from urllib.request import urlopen

from rich.console import Console

from sidecar.bootstrap import App, bootstrap
from sidecar.config import environment_with, isolated_settings
from sidecar.demo.life import live_an_hour
from sidecar.demo.picture import take_picture
from sidecar.demo.processes import Children
from sidecar.demo.referee import Referee
from sidecar.demo.report import find_faults, show_comparison, show_rounds, show_verdict
from sidecar.demo.rounds import Round, Timetable
from sidecar.demo.sandboxes import Sandboxes, open_sandboxes
from sidecar.demo.seconds import follow_in_seconds
from sidecar.demo.seed import Seed
from sidecar.errors import SetupError, SidecarError
from sidecar.queue import queue_server
from sidecar.store.instances import Instance

HOME = Path("var") / "demo"
SLUG = "acme"
ORG_CLIENT = "sidecar-demo"
WORKERS = 2
FAVOURITE_PORT = 8000
PATIENCE_SECONDS = 60

HOURS: Sequence[tuple[str, str, Callable[[Sandboxes], None] | None]] = (
    ("First run", "everything is new", None),
    ("After changes", "a busy hour on both sides, webhooks cut off", live_an_hour),
    ("Nothing new", "an hour in which nobody did anything", None),
)


def run_demo(*, once: bool) -> int:
    """Run the demo in var/demo; return 0 if both sides agreed, every run ended well and the idle one cost nothing."""
    console = Console(highlight=False)
    try:
        with _alone(HOME.absolute()) as home, _terminated_politely():
            return _Story(home, console).tell(once=once)
    except SidecarError as error:
        console.print(f"\n[bold red]The demo could not go on:[/] {error.message}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130


class _Story:
    """One telling of it."""

    def __init__(self, home: Path, console: Console) -> None:
        self.home, self.console = home, console
        self.bind = f"127.0.0.1:{_free_port()}"
        self.settings = isolated_settings(home=home, bind=self.bind)
        environment = environment_with(home=home, bind=self.bind, log_format="text", public_url=f"http://{self.bind}")
        self.children = Children(environment, home / "logs", console)

    def tell(self, *, once: bool) -> int:
        """Do everything in order; leave nothing running."""
        self.console.print(
            f"Everything runs on this machine and is kept in {_short(self.home)}: two sandbox systems over HTTP, SQLite, "
            f"an embedded Valkey, {WORKERS} RQ workers. Nothing leaves it."
        )
        with ExitStack() as stack:
            sandboxes = stack.enter_context(open_sandboxes(self.home))
            stack.enter_context(queue_server(self.settings))
            stack.enter_context(self.children)
            self._seed(sandboxes)
            self._set_up(sandboxes)
            is_kept = self._sync(sandboxes, bootstrap(self.settings))
            if not once:
                self._stay(sandboxes)
        return 0 if is_kept else 1

    def _seed(self, sandboxes: Sandboxes) -> None:
        self._head("A Mautic and a Salesforce org that do not know each other yet")
        with self.console.status("Inventing people and ten days of their lives…"):
            Seed(sandboxes).plant()
        picture = take_picture(sandboxes)
        self.console.print(
            f"Mautic      {sandboxes.host_url}  {len(picture.contacts):,} contacts\n"
            f"Salesforce  {sandboxes.org_url}  {sum(1 for _ in picture.living):,} Leads and Contacts\n"
            "Invented people with all that makes address books hard to keep in step: on both sides and known differently, "
            "opted out, merged, converted, deleted, doubled, without an address; 王, Đorđe and O'Neil 🚲 among them."
        )

    def _set_up(self, sandboxes: Sandboxes) -> None:
        self._head("Setting up, as you would")
        client_id, client_secret = sandboxes.host.add_oauth_client("Sidecar")
        sandboxes.org.add_client(ORG_CLIENT, org_secret := secrets.token_urlsafe(32))
        run = self.children.run
        run("upgrade-db")
        run("instance", "add", SLUG, "--label", "Acme", "--since", "beginning")
        run("connect", "mautic", SLUG, "--url", sandboxes.host_url, "--client-id", client_id,
            "--secret-file", self._write_secret("mautic-secret", client_secret),
            "--database-url-file", self._write_secret("mautic-database-url", sandboxes.host.database_url))  # fmt: skip
        run("connect", "salesforce", SLUG, "--url", sandboxes.org_url, "--client-id", ORG_CLIENT,
            "--secret-file", self._write_secret("salesforce-secret", org_secret))  # fmt: skip
        run("check", SLUG)
        self.children.start("web", "serve")
        self._wait_for_pages()
        told = self.children.ask("register", SLUG)
        made = ", ".join(f"{part['kind']} “{part['name']}”" for part in told["made"])
        well = sum(line["status"] == "ok" for line in told["lines"])
        self.console.print(f"{well} checks are well. Made in Mautic: {made}.")
        found = self.children.ask("preflight", SLUG)
        usable = ", ".join(f"{count} field pairs of {name}" for name, count in found["usable"].items())
        self.console.print(f"{usable} are usable; {len(found['problems'])} remarks, most on fields of unequal length.")
        run("cron", "enable", SLUG)

    def _sync(self, sandboxes: Sandboxes, app: App) -> bool:
        """Let three hours pass; tell whether every promise was kept."""
        instance = app.instances.get(SLUG)
        for number in range(1, WORKERS + 1):
            self.children.start(f"worker-{number}", "worker")
        referee = Referee(sandboxes, app, instance)
        tick = partial(self.children.run, "tick")
        timetable = Timetable(app, instance, self.console, tick, self.children.require_alive)
        rounds: list[Round] = []
        sandboxes.host.hooks_off()  # whatever happens is found by the hour's run, of which there is one, to be counted
        for title, story, live in HOURS:
            if live is None and rounds:
                self._follow_in_seconds(sandboxes, app, instance)
            self._head(f"{title}: {story}")
            if live:
                live(sandboxes)
            referee.before_round()
            rounds.append(timetable.pass_an_hour(title))
            referee.after_round()
        self._head("What happened")
        show_rounds(self.console, rounds)
        self._head("Do both sides agree? Asked of the two systems themselves, not of the sidecar")
        found = referee.judge(rounds)
        show_comparison(self.console, found)
        return show_verdict(self.console, find_faults(rounds, found))

    def _follow_in_seconds(self, sandboxes: Sandboxes, app: App, instance: Instance) -> None:
        self._head("In seconds: what Mautic's webhooks are for")
        follow_in_seconds(sandboxes, app, instance, self.console, self.children.require_alive)

    def _stay(self, sandboxes: Sandboxes) -> None:
        """Keep everything running, with the pages open, until Ctrl-C."""
        self._head("Look around")
        password = secrets.token_urlsafe(9)
        self.children.run("user", "add", "demo", "--role", "operator",
                          "--password-file", self._write_secret("demo-password", password))  # fmt: skip
        self.children.start("ticker", "tick", "--loop")
        sandboxes.host.hooks_on()
        contact_id = next(contact["id"] for contact, _ in take_picture(sandboxes).twins)
        sidecar = f"SIDECAR_HOME={_short(self.home)} {_short(Path(sys.executable))} -m sidecar"
        self.console.print(
            f"\nPages    [bold]http://{self.bind}[/]   log in as [bold]demo[/] with [bold]{password}[/]\n"
            f"\nIn another terminal, here:\n  {sidecar} explain {SLUG} {contact_id}\n  {sidecar} instance show {SLUG}\n"
            f"  {sidecar} --help\nLogs are in {_short(self.home / 'logs')}. "
            "Two workers and a ticker go on; Ctrl-C stops everything.",
            soft_wrap=True,
        )
        with suppress(KeyboardInterrupt):
            while True:
                self.children.require_alive()
                time.sleep(1)
        self.console.print("\nStopping…")

    def _wait_for_pages(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.children.require_alive()
            with suppress(OSError), urlopen(f"http://{self.bind}/live", timeout=2):
                return
            time.sleep(0.1)
        raise SetupError("the pages did not come up", code="demo-no-pages")

    def _write_secret(self, name: str, text: str) -> str:
        path = self.home / name
        path.touch(mode=0o600)
        path.write_text(f"{text}\n")
        return _short(path)

    def _head(self, text: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{text}", align="left")


def _short(path: Path) -> str:
    """Return a path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """Give a fresh, empty home, unless another demo is using it."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(f"another demo is running in {home}", code="demo-running") from None
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700)
        yield home


@contextmanager
def _terminated_politely() -> Iterator[None]:
    """Tidy up when we are asked to end or the terminal is closed, as at Ctrl-C."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _free_port() -> int:
    """Return the port people expect, or any other that is free."""
    for port in (FAVOURITE_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupError("no free port on 127.0.0.1", code="demo-no-port")
