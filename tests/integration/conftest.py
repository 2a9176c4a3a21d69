"""The world for scenario tests: both sandboxes and one sidecar in this process."""

import os
import zlib
from collections.abc import Iterator

import pytest

from tests.world import VERSIONS, World, make_world, mautic


@pytest.fixture(autouse=True)
def version_of_mautic(request: pytest.FixtureRequest) -> Iterator[None]:
    """Deal the scenarios out to the versions of Mautic, always the same way; TEST_MAUTIC=6.0 gives them all to one."""
    if not request.path.name.startswith("test_scenarios_"):
        yield
        return
    dealt = VERSIONS[zlib.crc32(request.node.nodeid.encode()) % len(VERSIONS)]
    version = os.environ.get("TEST_MAUTIC", dealt)
    request.node.add_report_section(
        "setup", "Mautic", f"This ran against Mautic {version}: TEST_MAUTIC={version} does so again."
    )
    with mautic(version):
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
