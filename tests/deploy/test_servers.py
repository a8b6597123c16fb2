"""The site as containers have it, on PostgreSQL and Redis: three processes share one world, and one of them dies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.world import HOST, Part, World, free_port
from tests.conftest import UNLIMITED, running_world
from tests.deploy.files import DEPLOY, tool
from tests.drivers.member import MemberClient


@pytest.fixture
def postgres() -> str:
    """The `DATABASE_URL` of a PostgreSQL that is there for this test alone; `.ci/run` makes one."""
    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    return url


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The `CACHE_URL` of a Redis."""
    port = free_port()
    command = [
        tool("redis-server"),
        "--bind",
        HOST,
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    part = Part("Redis", command, env=os.environ, url="", log=tmp_path / "redis.log")
    part.start()
    yield f"redis://{HOST}:{port}/0"
    part.stop()


@pytest.fixture
def shared(tmp_path: Path, postgres: str, redis: str) -> Iterator[World]:
    """Three processes of the site that share nothing but these."""
    env = UNLIMITED | {"DATABASE_URL": postgres, "CACHE_URL": redis}
    with running_world(tmp_path, env=env, site_ports=(0, 0, 0)) as world:
        yield world


def test_a_member_is_at_home_in_every_process_also_when_one_of_them_died_and_came_back(shared: World) -> None:
    ada = MemberClient.at(shared).sign_in()
    ada.sync(ada.buy())
    tabs = [ada.tab(url) for url in shared.site_urls]
    assert [tab.write().status_code for tab in tabs] == [201, 201, 201]
    shared.sites[1].kill()
    assert [tab.write().status_code for tab in (tabs[0], tabs[2])] == [201, 201]
    shared.sites[1].start()
    shared.sites[1].await_answer("/readyz")
    assert tabs[1].write().status_code == 201
    assert [tab.credits() for tab in tabs] == [4, 4, 4]


def test_the_jobs_and_the_checks_work_there(shared: World) -> None:
    for path in sorted((DEPLOY / "systemd").glob("*.timer")):
        shared.manage(path.stem.partition("@")[2])
    found = json.loads(shared.manage("doctor", "--json").stdout)["messages"]
    assert {each["level"] for each in found if each["name"] in ("Database", "Migrations", "Cache")} == {"ok"}
