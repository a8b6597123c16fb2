"""Threads for work that takes time: so many at once, members in turns, and an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from uuid import UUID, uuid4

import pytest

from billing.workers import Job, TooMuchWork, Workers

ADA, GRACE = uuid4(), uuid4()
LIMIT_S = 20.0


class Story:
    """Some work, of which each piece waits until it may end."""

    def __init__(self, *, threads: int = 1, most_waiting: int = 10) -> None:
        self.workers = Workers(threads, most_waiting=most_waiting)
        self.begun: list[str] = []
        self.given_up: list[str] = []
        self.ended: list[str] = []
        self._changed = threading.Condition()
        self._may_end: set[str] = set()

    def ask(self, name: str, member_id: UUID = ADA) -> None:
        self.workers.submit(Job(member_id, partial(self._do, name), partial(self.given_up.append, name)))

    def _do(self, name: str) -> None:
        with self._changed:
            self.begun.append(name)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: name in self._may_end or "*" in self._may_end, LIMIT_S)
            self.ended.append(name)
            self._changed.notify_all()
        raise RuntimeError("what fails keeps no thread from its next piece")

    def end(self, name: str) -> None:
        with self._changed:
            self._may_end.add(name)
            self._changed.notify_all()

    def await_begun(self, *names: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun == list(names), LIMIT_S), self.begun


@pytest.fixture
def story() -> Iterator[Story]:
    told = Story()
    yield told
    told.end("*")
    told.workers.stop(grace_s=LIMIT_S)


def test_whoever_came_with_one_piece_does_not_wait_for_all_of_anothers(story: Story) -> None:
    for name in ("ada 1", "ada 2", "ada 3"):
        story.ask(name)
    story.ask("grace 1", GRACE)
    for done, begun in (("ada 1", ["ada 1", "grace 1"]), ("grace 1", ["ada 1", "grace 1", "ada 2"])):
        story.end(done)
        story.await_begun(*begun)


def test_a_member_has_one_piece_done_at_a_time() -> None:
    story = Story(threads=3)
    for name, member in (("ada 1", ADA), ("ada 2", ADA), ("grace 1", GRACE)):
        story.ask(name, member)
    with story._changed:
        assert story._changed.wait_for(lambda: len(story.begun) == 2, LIMIT_S)
    assert set(story.begun) == {"ada 1", "grace 1"}
    story.end("ada 1")
    with story._changed:
        assert story._changed.wait_for(lambda: "ada 2" in story.begun, LIMIT_S)
    story.end("*")
    story.workers.stop(grace_s=LIMIT_S)


def test_only_so_much_may_wait() -> None:
    story = Story(most_waiting=1)
    story.ask("ada 1")
    story.await_begun("ada 1")
    story.ask("ada 2")
    with pytest.raises(TooMuchWork):
        story.ask("ada 3")
    story.end("*")
    story.workers.stop(grace_s=LIMIT_S)


def test_at_the_end_what_runs_is_finished_and_what_waits_is_given_up(story: Story) -> None:
    story.ask("ada 1")
    story.ask("ada 2")
    story.await_begun("ada 1")
    stopping = threading.Thread(target=partial(story.workers.stop, grace_s=LIMIT_S))
    stopping.start()
    while story.given_up != ["ada 2"]:
        stopping.join(0.005)
    story.end("ada 1")
    stopping.join(LIMIT_S)
    assert (story.ended, story.given_up, stopping.is_alive()) == (["ada 1"], ["ada 2"], False)
    with pytest.raises(TooMuchWork):
        story.ask("ada 3")


def test_what_does_not_finish_in_time_is_given_up(story: Story) -> None:
    story.ask("ada 1")
    story.await_begun("ada 1")
    with suppress(RuntimeError):
        story.workers.stop(grace_s=0.01)
    assert story.given_up == ["ada 1"]
