"""The site as containers have it, on PostgreSQL and Redis: three processes share one world, and some of them die."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from sandbox.world import Part, World
from tests.deploy.files import DEPLOY
from tests.drivers import servers
from tests.drivers.member import MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world

PLENTY = 5_000
WRITERS = 4
# What a proxy says for a process that died, and a process that has too much to do.
AWAY = (502, 503, 504)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    """Three processes with nothing in common but what `.ci/run` starts; each answers on before it stops."""
    if not servers.DATABASE:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    with running_world(tmp_path, env=UNLIMITED | {"DRAIN_S": "2"}, site_ports=(0, 0, 0)) as world:
        yield world


class Writer:
    """A member who writes all the time, and presses again when no answer comes."""

    def __init__(self, world: World, number: int) -> None:
        self.at_home = MemberClient(world.site_urls[number % 3], world.mail_dir).sign_in()
        who, why = ("--to", self.at_home.email), ("--reason", "to write with", "--actor", "grace")
        world.manage("credits", "give", *who, "--credits", str(PLENTY), *why)
        self.written = 0
        self.refused: list[int] = []
        self.unanswered = 0

    def write(self) -> None:
        """One haiku, however often that takes."""
        request_id = str(uuid4())
        while not self.refused:
            with suppress(requests.ConnectionError):
                status = self.at_home.write("rain", request_id).status_code
                if status in (200, 201):
                    self.written += 1
                    return
                if status not in AWAY:
                    self.refused.append(status)
            self.unanswered += 1


@contextmanager
def all_writing(writers: list[Writer]) -> Iterator[None]:
    """All of them, until the block ends."""
    over = threading.Event()

    def write(writer: Writer) -> None:
        while not over.is_set() and not writer.refused:
            writer.write()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def await_more(writers: list[Writer]) -> None:
    """Wait until each has gone on writing."""
    goals = [writer.written + 3 for writer in writers]
    await_that(lambda: all(w.written >= goal or w.refused for w, goal in zip(writers, goals, strict=True)))


def start_again(site: Part) -> None:
    site.start()
    site.await_answer("/readyz")


def test_who_writes_while_processes_die_pays_once_stays_signed_in_and_hears_on(
    shared: World,
) -> None:
    writers = [Writer(shared, number) for number in range(WRITERS)]
    with ExitStack() as stack:
        tabs = [stack.enter_context(StreamClient(writer.at_home)) for writer in writers * 2]
        with all_writing(writers):
            await_more(writers)
            shared.sites[1].kill()
            await_more([writer for writer in writers if writer.at_home.site != shared.sites[1].url])
            start_again(shared.sites[1])
            await_more(writers)
            unanswered = sum(writer.unanswered for writer in writers)
            shared.sites[2].stop()
            # Who stops in order has answered everybody; and nginx asks the others.
            if servers.PROXY:
                assert sum(writer.unanswered for writer in writers) == unanswered
            start_again(shared.sites[2])
            await_more(writers)
        assert [writer.refused for writer in writers] == [[]] * WRITERS
        for writer, tab in zip(writers * 2, tabs, strict=True):
            left = PLENTY - writer.written
            assert (writer.at_home.credits(), len(writer.at_home.haikus())) == (left, writer.written)
            # A page whose stream broke opens another by itself.
            again = stack.enter_context(StreamClient(writer.at_home)) if tab.over else tab
            again.await_credits(left)


def test_the_jobs_and_the_checks_work_there(shared: World) -> None:
    for path in sorted((DEPLOY / "systemd").glob("*.timer")):
        shared.manage(path.stem.partition("@")[2])
    found = json.loads(shared.manage("doctor", "--json").stdout)["messages"]
    assert {each["level"] for each in found if each["name"] in ("Database", "Migrations", "Cache")} == {"ok"}
