"""The world for scenario tests: both sandboxes and one sidecar in this process."""

from collections.abc import Iterator

import pytest

from tests.world import World, make_world


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
