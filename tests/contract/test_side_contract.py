"""Every host we know keeps the promises of a host side."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sidecar.lanes import prepare_rules
from tests.conftest import _MARIADB, _POSTGRES, _new_sql_database
from tests.contract.side_contract import CASES, PAGE, HostLab
from tests.world import GENERIC, VERSIONS, make_world

HOSTS = (VERSIONS[0], GENERIC, f"{GENERIC} on postgres", f"{GENERIC} on mariadb")
ENGINES = {"postgres": _POSTGRES, "mariadb": _MARIADB}


@pytest.fixture(scope="module", params=HOSTS)
def lab(request: pytest.FixtureRequest) -> Iterator[HostLab]:
    """One host for all cases: each makes its own people at its own time."""
    kind, _, engine = request.param.partition(" on ")
    with ExitStack() as held:
        url = None
        if engine:
            server = request.getfixturevalue(f"{engine}_url")
            url = held.enter_context(contextmanager(_new_sql_database)(server, *ENGINES[engine]))()
        world = make_world(profile=kind, host_url=url)
        held.callback(world.close)
        sides = held.enter_context(world.app.open_sides(world.instance))
        sides.host.reader.page_size = PAGE
        yield HostLab(world, sides.host, prepare_rules(world.app, world.instance, "people", sides))


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.__name__)
def test_a_host_side_keeps_its_promises(lab: HostLab, case: Callable[[HostLab], None]) -> None:
    case(lab)
