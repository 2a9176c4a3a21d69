"""Imports flow one way, and each outside library has one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Which files may import a library, as the beginning of their path. One that is not listed may be imported anywhere.
ONLY_IN = {
    "flask": ("sidecar/web/",),
    "flask_login": ("sidecar/web/",),
    "flask_babel": ("sidecar/web/",),
    "sqlalchemy": ("sidecar/store/", "sidecar/hosts/", "sidecar/sandbox/host/"),
    "alembic": ("sidecar/store/",),
    "pymysql": ("sidecar/store/", "sidecar/hosts/mautic/", "sidecar/sandbox/host/"),
    "simple_salesforce": ("sidecar/salesforce/",),
    "grpc": ("sidecar/salesforce/events/", "sidecar/sandbox/org/"),
    "google.protobuf": ("sidecar/salesforce/events/", "sidecar/sandbox/org/"),
    "fastavro": ("sidecar/salesforce/events/", "sidecar/sandbox/org/"),
    "rq": ("sidecar/queue.py", "jobs/"),
    "redis": ("sidecar/queue.py", "sidecar/valkey.py", "jobs/"),
    "requests": ("sidecar/salesforce/", "sidecar/hosts/", "sidecar/bootstrap.py"),
    "typer": ("sidecar/cli/", "sidecar/cli.py", "sidecar/__main__.py"),
    "werkzeug": ("sidecar/web/", "sidecar/sandbox/"),
}

# From the outside in: a file may import from its own layer where that says so, and from any later one, never from an earlier.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("tests",),
    ("sidecar.__main__",),
    ("sidecar.cli", "sidecar.demo"),
    ("sidecar.web", "jobs"),
    (
        "sidecar.lanes",
        "sidecar.checks",
        "sidecar.connecting",
        "sidecar.orgs",
        "sidecar.events",
        "sidecar.hooks",
        "sidecar.registering",
        "sidecar.takeover",
        "sidecar.bundling",
        "sidecar.launching",
        "sidecar.field_mapping",
    ),
    ("sidecar.limits", "sidecar.reconcile", "sidecar.slots", "sidecar.pushing", "sidecar.hook_watch", "sidecar.people"),
    ("sidecar.bootstrap",),
    ("sidecar.store", "sidecar.salesforce", "sidecar.hosts"),
    ("sidecar.activities",),
    ("sidecar.queue", "sidecar.valkey", "sidecar.logs", "sidecar.config"),
    ("sidecar.sync",),
    ("sidecar.mapping",),
    (
        "sidecar.records",
        "sidecar.errors",
        "sidecar.clock",
        "sidecar.cache",
        "sidecar.budget",
        "sidecar.bulk_log",
        "sidecar.lines",
    ),
)
NEIGHBOURS_MAY_MEET = (
    "sidecar.queue",
    "sidecar.valkey",
    "sidecar.logs",
    "sidecar.config",
    "sidecar.cli",
    "sidecar.demo",
)
SANDBOX = "sidecar.sandbox"
MAY_USE_SANDBOX = ("sidecar.sandbox", "sidecar.cli", "sidecar.demo", "tests")
TELLS_THE_TIME = ("sidecar/clock.py", "sidecar/sandbox/")
READS_THE_ENVIRONMENT = ("sidecar/config.py",)


def sources() -> list[Path]:
    return [path for folder in ("sidecar", "jobs") for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things live"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def layer_of(module: str) -> tuple[int, str] | None:
    for depth, layer in enumerate(LAYERS):
        for package in layer:
            if is_in(module, package):
                return depth, package
    return None


def breaks_the_flow(importer: str, imported: str) -> bool:
    """Tell whether an import goes against the flow."""
    mine, theirs = layer_of(importer), layer_of(imported)
    if mine is None or theirs is None or mine[1] == theirs[1]:
        return False
    neighbours = mine[1] in NEIGHBOURS_MAY_MEET and theirs[1] in NEIGHBOURS_MAY_MEET
    return theirs[0] < mine[0] or (theirs[0] == mine[0] and not neighbours)


def test_imports_flow_one_way() -> None:
    wrong = {
        f"{name_of(path)} imports {module}"
        for path in sources()
        for module in imports_of(path)
        if breaks_the_flow(name_of(path), module)
    }
    assert wrong == set()


def test_every_module_has_a_layer() -> None:
    names = {name_of(path) for path in sources()} - {"sidecar", "jobs"}
    assert {name for name in names if layer_of(name) is None and not is_in(name, SANDBOX)} == set()


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_each_library_has_one_home(library: str) -> None:
    wrong = {
        str(path.relative_to(ROOT))
        for path in sources()
        if any(is_in(module, library) for module in imports_of(path))
        and not str(path.relative_to(ROOT)).startswith(ONLY_IN[library])
    }
    assert wrong == set()


def test_the_sandboxes_share_nothing_with_what_they_test() -> None:
    of_sandboxes = [path for path in sources() if is_in(name_of(path), SANDBOX)]
    shared = {
        f"{name_of(path)} imports {module}"
        for path in of_sandboxes
        for module in imports_of(path)
        if is_in(module, "sidecar") and not is_in(module, SANDBOX)
    }
    used = {
        f"{name_of(path)} imports {module}"
        for path in sources()
        for module in imports_of(path)
        if is_in(module, SANDBOX) and not name_of(path).startswith(MAY_USE_SANDBOX)
    }
    assert shared | used == set()


def test_only_one_place_asks_the_time_and_one_reads_the_environment() -> None:
    for calls, homes in (
        ({"datetime.now", "datetime.utcnow", "date.today", "time.time"}, TELLS_THE_TIME),
        ({"os.environ", "os.getenv"}, READS_THE_ENVIRONMENT),
    ):
        wrong = {
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for path in sources()
            if not str(path.relative_to(ROOT)).startswith(homes)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in calls
        }
        assert wrong == set()


def test_no_file_outgrows_its_reader() -> None:
    assert {str(path) for path in sources() if len(path.read_text().splitlines()) > 400} == set()


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("sidecar.sync.run", "sidecar.store.links"),
        ("sidecar.mapping.parse", "sidecar.sync.model"),
        ("sidecar.store.links", "sidecar.salesforce.client"),
        ("sidecar.bootstrap", "jobs.sync"),
        ("sidecar.web.pages", "jobs.sync"),
        ("sidecar.records", "sidecar.mapping.model"),
    ],
)
def test_the_rule_itself_sees_imports_against_the_flow(importer: str, imported: str) -> None:
    assert breaks_the_flow(importer, imported)
    assert not breaks_the_flow("sidecar.bootstrap", "sidecar.store.links")
