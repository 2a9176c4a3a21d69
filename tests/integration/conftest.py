"""The world for scenario tests: both sandboxes and one sidecar in this process."""

import os
import zlib
from collections.abc import Iterator

import pytest

from tests.world import GENERIC, VERSIONS, World, hosted_by, make_world

HOSTS = (*VERSIONS, GENERIC)


@pytest.fixture(autouse=True)
def host_of_the_scenario(request: pytest.FixtureRequest) -> Iterator[None]:
    """Deal the scenarios out to the hosts, always the same way; TEST_HOST=6.0 (or =generic) gives them all to one.

    A scenario that plays with what only Mautic has says what (`needs_mautic`), and is dealt to Mautics alone.
    """
    if not request.path.name.startswith("test_scenarios_"):
        yield
        return
    need = request.node.get_closest_marker("needs_mautic")
    hosts = VERSIONS if need else HOSTS
    dealt = hosts[zlib.crc32(request.node.nodeid.encode()) % len(hosts)]
    host = os.environ.get("TEST_HOST", dealt)
    if host == GENERIC and need:
        pytest.skip(f"needs Mautic: {need.args[0]}")
    request.node.add_report_section("setup", "host", f"This ran against host {host}: TEST_HOST={host} does so again.")
    with hosted_by(host):
        yield


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh world, already synced once, so that what happens next is news."""
    made = make_world()
    made.sync()
    yield made
    made.close()


@pytest.fixture
def new_world() -> Iterator[World]:
    """A world nobody synced yet: what is made before `activate()` was there before the sidecar came."""
    made = make_world()
    yield made
    made.close()
