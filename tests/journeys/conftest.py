"""What only the journeys need; the world and the people in it are in `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from instant_admin.client.admin import InstantAdmin
from sandbox.world import World
from tests.drivers.instant import admin_of
from tests.drivers.worlds import running_world


@pytest.fixture
def instant(world: World) -> InstantAdmin:
    """Instant as the app's admin."""
    return admin_of(world)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is entered here is left at the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A world of the test's own, with one process of the site."""
    with running_world(tmp_path) as world:
        yield world
