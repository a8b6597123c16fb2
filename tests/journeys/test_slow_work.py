"""Haikus that take time, in processes that stop and die under them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import World
from tests.conftest import UNLIMITED, running_world
from tests.drivers.instant import admin_of
from tests.drivers.language_model import Answer, Model, serving
from tests.drivers.member import MemberClient

# Whatever is held is past its end.
AT_ONCE = {"HOLD_EXPIRES_AFTER_S": "-60"}


@pytest.fixture
def model() -> Iterator[Model]:
    """A language model that waits in the middle of its first poem."""
    with serving() as model:
        model.answers = [Answer(), Answer.at_once()]
        yield model


@pytest.fixture
def slow_world(tmp_path: Path, model: Model) -> Iterator[World]:
    """A world in which that model writes the haikus."""
    env = {
        "HAIKU_GENERATOR": "haikus.generators.language_model",
        "LANGUAGE_MODEL_BASE_URL": model.url,
        "LANGUAGE_MODEL_API_KEY": "a key",
        "LANGUAGE_MODEL": "a-model",
    }
    with running_world(tmp_path, env=UNLIMITED | env) as world:
        yield world


@pytest.fixture
def ada(slow_world: World) -> MemberClient:
    """A member with ten credits."""
    ada = MemberClient.at(slow_world).sign_in()
    ada.sync(ada.buy()).raise_for_status()
    return ada


def rows(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The only member and all haikus, as Instant has them."""
    tree = admin_of(world).query({"$users": {}, "haikus": {}})
    (member,) = tree["$users"]
    return member, tree["haikus"]


def test_a_site_that_stops_finishes_what_it_writes_and_gives_up_the_rest(
    slow_world: World, ada: MemberClient, model: Model
) -> None:
    waits = model.answers[0]
    for topic in ("rain", "snow"):
        assert ada.write(topic).status_code == 202
    stopping = threading.Thread(target=slow_world.sites[0].stop)
    stopping.start()
    # What waited is given up before what runs is waited for.
    while not any(haiku["state"] == "failed" for haiku in rows(slow_world)[1]):
        stopping.join(0.02)
        assert stopping.is_alive(), "it stopped, and gave up nothing"
    waits.rest.set()
    stopping.join()
    member, haikus = rows(slow_world)
    assert {haiku["topic"]: haiku["state"] for haiku in haikus} == {"rain": "done", "snow": "failed"}
    assert (member["credits"], member["creditsHeld"]) == (9, 0)


def test_what_a_process_leaves_that_dies_is_given_back(slow_world: World, ada: MemberClient) -> None:
    assert ada.write("rain").status_code == 202
    slow_world.sites[0].kill()
    member, (haiku,) = rows(slow_world)
    assert (haiku["state"], member["credits"], member["creditsHeld"]) == ("writing", 9, 1)
    slow_world.manage("reconcile_credits", env=AT_ONCE)
    member, (haiku,) = rows(slow_world)
    assert (haiku["state"], haiku["error"]) == ("failed", "expired")
    assert (member["credits"], member["creditsHeld"]) == (10, 0)
