"""What only the journeys need; the world and the people in it are in `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from instant_admin.client.admin import InstantAdmin
from sandbox.world import World
from tests.conftest import UNLIMITED


@pytest.fixture
def instant(world: World) -> InstantAdmin:
    """Instant as the app's admin."""
    return InstantAdmin(
        api_uri=world.instant.url,
        app_id=world.keys.instant_app_id,
        admin_token=world.keys.instant_admin_token,
    )


@pytest.fixture
def another_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A function that makes worlds of the test's own; they are stopped afterwards."""
    made: list[World] = []

    def make(**options: object) -> World:
        env = UNLIMITED | dict(options.pop("env", {}))  # type: ignore[call-overload]
        world = World(tmp_path / f"world{len(made)}", env=env, **options)  # type: ignore[arg-type]
        made.append(world)
        return world

    yield make
    for world in made:
        world.stop()
