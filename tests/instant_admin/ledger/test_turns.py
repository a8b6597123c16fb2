"""Turns of processes at an account. A file that is opened twice is as that of two processes, and so is a cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from instant_admin.ledger import memory
from instant_admin.ledger.memory import Memory
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.rules import Account
from instant_admin.ledger.turns import AWAY_S, LONGEST_WAIT_S, WORD_GOOD_FOR_S, Files, Shared, Turns

ADA, GRACE = uuid4(), uuid4()


@dataclass
class Clock:
    """A clock that only pauses move."""

    now: float = 1_800_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now

    def as_time(self) -> datetime:
        return datetime.fromtimestamp(self.now, tz=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[[], Turns]


@pytest.fixture(params=["files", "cache"])
def processes(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Make:
    """What makes the turns of one more process."""
    cache.clear()
    if request.param == "files":
        return lambda: Files(tmp_path, sleep=clock.sleep, clock=clock)
    return lambda: Shared(cache, sleep=clock.sleep, clock=clock)


def left(turns: Turns, account_id: UUID) -> list[Account]:
    with turns.taken([account_id]) as turn:
        return turn.found


def test_the_next_is_told_how_the_last_left_the_account(processes: Make, clock: Clock) -> None:
    account = Account(ADA, credits=-7, seq=3)
    with processes().taken([ADA, GRACE]) as turn:
        assert turn.found == []
        turn.left = [account]
    assert (left(processes(), ADA), left(processes(), GRACE)) == ([account], [])
    clock.sleep(WORD_GOOD_FOR_S + 1)
    assert left(processes(), ADA) == []


def test_nobody_waits_long_for_who_does_not_come_back(processes: Make, clock: Clock) -> None:
    began = clock.now
    with processes().taken([ADA]), processes().taken([ADA, GRACE]) as turn:
        assert LONGEST_WAIT_S <= clock.now - began < LONGEST_WAIT_S + 0.1
        turn.left = [Account(ADA, credits=1, seq=1)]
    assert left(processes(), ADA) == []  # not told by who had no turn


def test_turns_keep_processes_apart(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work(_: int) -> None:
        with Files(tmp_path).taken([ADA]):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))
    assert most == [1]


def test_without_the_folder_there_are_no_turns_and_no_harm(tmp_path: Path) -> None:
    with Files(tmp_path / "gone").taken([ADA]) as turn:
        assert turn.found == []


def test_a_cache_that_fails_is_left_alone_for_a_while(clock: Clock) -> None:
    asked = []

    class Broken(LocMemCache):
        def add(self, *args: object, **options: object) -> bool:
            asked.append(clock.now)
            raise OSError("away")

    turns = Shared(Broken("broken", {}), sleep=clock.sleep, clock=clock)
    for _ in range(3):
        with turns.taken([ADA]) as turn:
            assert turn.found == []
            clock.sleep(AWAY_S / 2)
    assert len(asked) == 2


# What a process remembers


def test_only_a_new_spend_that_is_covered_is_decided_from_memory(clock: Clock) -> None:
    known = Memory(clock.as_time)
    spend = Spend(key="spend:1", price=2)
    assert not known.covers(ADA, spend)
    known.learn([Account(ADA, credits=2, seq=5)])
    assert known.covers(ADA, spend)
    assert not known.covers(ADA, Spend(key="spend:2", price=3))
    assert not known.covers(ADA, Purchase(key="purchase:1", credits=1))
    known.note(["spend:1"])
    assert not known.covers(ADA, spend)


def test_a_memory_fades_and_never_goes_back(clock: Clock) -> None:
    known = Memory(clock.as_time)
    known.learn([Account(ADA, credits=2, seq=5)])
    known.learn([Account(ADA, credits=9, seq=4)])
    assert known.recall([ADA]) == {ADA: Account(ADA, credits=2, seq=5)}
    assert known.recall([ADA, GRACE]) is None
    clock.sleep((memory.LONGEST + timedelta(seconds=1)).total_seconds())
    assert known.recall([ADA]) is None


def test_a_memory_does_not_grow_without_end(clock: Clock) -> None:
    known = Memory(clock.as_time)
    known.learn([Account(ADA, credits=1, seq=1)])
    known.learn(Account(uuid4(), credits=1, seq=1) for _ in range(memory.REMEMBERED))
    assert known.recall([ADA]) is None
