"""Turns between the processes of a history, which cannot be relied on: they vanish, and what was left is old."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from instant_admin.ledger.rules import Account
from instant_admin.ledger.turns import LONGEST_WAIT_S, Turn, Turns
from tests.simulation.scheduler import Scheduler

VANISHES: Final = 0.1
LOOK_AGAIN_S: Final = 0.05


class UnsureTurns(Turns):
    """Turns that are mostly as the product's."""

    def __init__(self, scheduler: Scheduler, rng: random.Random) -> None:
        self._scheduler = scheduler
        self._rng = rng
        self._taken: set[UUID] = set()
        self._left: dict[UUID, list[Account]] = {}

    @contextmanager
    def taken(self, account_ids: Collection[UUID]) -> Iterator[Turn]:
        """The turn, unless it takes too long or vanishes; with it, whatever was left there at any time."""
        wanted = set() if self._rng.random() < VANISHES else set(account_ids)
        until = self._scheduler.now + LONGEST_WAIT_S
        while wanted & self._taken and self._scheduler.now < until:
            self._scheduler.sleep(LOOK_AGAIN_S)
        wanted -= self._taken
        self._taken |= wanted
        turn = Turn([self._rng.choice(self._left[each]) for each in sorted(wanted) if each in self._left])
        try:
            yield turn
            for account in turn.left:
                self._left.setdefault(account.id, []).append(account)
        finally:
            self._taken -= wanted
