"""Threads for work that takes time, so that it blocks no page: so many at once, and members take turns.

A member has one piece of work done at a time; the others wait, and whoever came with one does not wait for all of
somebody's twenty. What waits or runs when the process stops is given up, after those that run had a moment to finish.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.dispatch import receiver

from credits_site.outages import ServiceOutage
from credits_site.signals import site_stops

logger = logging.getLogger(__name__)

Act: TypeAlias = Callable[[], object]

# What runs when the process stops may take so long to finish.
GRACE_S: Final = 10.0


class TooMuchWork(ServiceOutage):
    """So much work waits that no more is taken. Nothing was begun."""

    may_have_been_written = False
    retry_after_s = 60


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A member's piece of work, done in the context in which this was made.

    `give_up` says that nobody does it any more: it must not wait for `do`.
    """

    member_id: UUID
    do: Act
    give_up: Act
    context: Context = field(default_factory=copy_context)


class Workers:
    """A pool of at most so many threads, each made when it is first needed."""

    def __init__(self, threads: int, *, most_waiting: int) -> None:
        self._threads = threads
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        # Guarded by it. Those who wait are in the order of their turns.
        self._waiting: deque[Job] = deque()
        self._running: dict[UUID, Job] = {}
        self._started = 0
        self._stops = False

    def submit(self, job: Job) -> None:
        """Have it done, when its turn comes. Raises `TooMuchWork`."""
        with self._changed:
            if self._stops or len(self._waiting) >= self._most_waiting:
                raise TooMuchWork("no more work is taken now")
            self._waiting.append(job)
            if self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, name="work", daemon=True).start()
            self._changed.notify_all()

    def stop(self, *, grace_s: float) -> None:
        """Begin nothing more, let what runs finish for so long, and give up the rest."""
        ends_s = time.monotonic() + grace_s
        with self._changed:
            self._stops = True
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for job in left:
            job.context.copy().run(_quietly, job.give_up)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, max(0.0, ends_s - time.monotonic()))
            late = list(self._running.values())
        for job in late:
            job.context.copy().run(_quietly, job.give_up)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            close_old_connections()
            try:
                job.context.run(_quietly, job.do)
            finally:
                close_old_connections()
                with self._changed:
                    del self._running[job.member_id]
                    # Whoever has just been served goes behind the others who wait.
                    mine = [each for each in self._waiting if each.member_id == job.member_id]
                    others = [each for each in self._waiting if each.member_id != job.member_id]
                    self._waiting = deque([*others, *mine])
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stops or self._ready() is not None)
            job = self._ready()
            if self._stops or job is None:
                return None
            self._waiting.remove(job)
            self._running[job.member_id] = job
            return job

    def _ready(self) -> Job | None:
        return next((job for job in self._waiting if job.member_id not in self._running), None)


def _quietly(act: Act) -> None:
    try:
        act()
    except Exception:
        logger.exception("A piece of work has failed")


@cache
def workers() -> Workers:
    """Those of this process."""
    return Workers(settings.GENERATOR_WORKERS, most_waiting=settings.GENERATOR_WAITING_LIMIT)


@receiver(site_stops)
def stop(sender: object, **kwargs: object) -> None:
    """Finish, or give up, before the process ends."""
    workers().stop(grace_s=GRACE_S)
