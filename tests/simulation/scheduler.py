"""Many actors, one at a time: who goes on next, and when, is decided by a seeded random source.

An actor is ordinary synchronous code in a greenlet. It gives way at each outside call, and only there, so
between two calls it runs undisturbed, as a thread of a server does that nobody happens to interrupt.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import greenlet

# An actor that is still not done after so many turns of all of them will never be.
TURNS_LIMIT: Final = 200_000


class Crash(BaseException):
    """The process an actor was running in is gone. Nothing in the product catches it."""


class NeverEnded(AssertionError):
    """An actor did not come to an end."""


@dataclass(eq=False, slots=True)
class Actor:
    """One thread of control: in which server process it is, None outside of one, and doing what there."""

    name: str
    run: greenlet.greenlet
    wakes_at: float
    process: int | None = None
    verb: str = ""
    doomed: bool = False


class Signal:
    """What one actor waits for and another gives; in the product, a `threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._given = False
        self._waits: Actor | None = None

    def set(self) -> None:
        """Give it."""
        self._given = True
        if self._waits is not None:
            self._waits.wakes_at = self._scheduler.now

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was given in time."""
        if not self._given:
            self._waits = self._scheduler.current
            self._scheduler.sleep(math.inf if timeout is None else timeout)
            self._waits = None
        return self._given


@dataclass(order=True, slots=True)
class _Later:
    at: float
    number: int
    act: Callable[[], object] = field(compare=False)


class Scheduler:
    """The clock of a history, in seconds, and whose turn it is."""

    def __init__(self, rng: random.Random, *, start: float) -> None:
        self.now = start
        self._rng = rng
        self._actors: list[Actor] = []
        self._later: list[_Later] = []
        self._count = 0
        self._current: Actor | None = None
        self._hub = greenlet.getcurrent()

    @property
    def current(self) -> Actor | None:
        """Whose turn it is; None between turns."""
        return self._current

    def spawn(self, name: str, act: Callable[[], object], *, delay: float = 0.0) -> None:
        """Add an actor that begins after `delay` seconds."""
        self._actors.append(Actor(name, greenlet.greenlet(act, self._hub), self.now + delay))

    def later(self, delay: float, act: Callable[[], object]) -> None:
        """Have `act` done at once and whole after `delay` seconds, whoever is there by then."""
        self._count += 1
        self._later.append(_Later(self.now + delay, self._count, act))

    def pause(self) -> None:
        """Give way. Without effect outside of an actor."""
        self.sleep(0.0)

    def sleep(self, seconds: float) -> None:
        """Give way for some time; raises `Crash` when the actor's process died meanwhile."""
        actor = self._current
        if actor is None:
            return
        actor.wakes_at = self.now + seconds
        self._hub.switch()
        self._current = actor
        if actor.doomed:
            actor.doomed = False
            raise Crash

    def crash(self, process: int) -> None:
        """Kill a server process: every actor that is in it dies there, also the one whose turn it is."""
        for actor in self._actors:
            if actor.process == process and actor is not self._current:
                actor.doomed = True
                actor.wakes_at = self.now
        if self._current is not None and self._current.process == process:
            raise Crash

    def run(self) -> None:
        """Go on until every actor has ended and nothing is left for later. Raises `NeverEnded`."""
        turns = 0
        while self._actors or self._later:
            turns += 1
            if turns > TURNS_LIMIT:
                raise NeverEnded(f"still running: {', '.join(actor.name for actor in self._actors)}")
            self._turn()

    def _turn(self) -> None:
        ready = [actor for actor in self._actors if actor.wakes_at <= self.now]
        due = [later for later in self._later if later.at <= self.now]
        if not ready and not due:
            self.now = min([actor.wakes_at for actor in self._actors] + [later.at for later in self._later])
            if self.now == math.inf:
                raise NeverEnded(f"waiting for nothing: {', '.join(actor.name for actor in self._actors)}")
            return
        if due and (not ready or self._rng.random() < 0.5):
            later = min(due)
            self._later.remove(later)
            later.act()
            return
        actor = self._rng.choice(ready)
        self._current = actor
        try:
            actor.run.switch()
        finally:
            self._current = None
        if actor.run.dead:
            self._actors.remove(actor)
