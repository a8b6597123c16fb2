"""Live queries: the answer of a query, and again, whole, each time that it has changed.

    with instant.as_member(refresh_token).subscribe_query({"haikus": {}}) as trees:
        for tree in trees:                       # ends with `SubscriptionLost`
            print(len(tree["haikus"]))

    for tree in instant.live_query({"haikus": {}}):    # the same, and connects again until it is closed
        ...

A subscription is a hint to look again and no record: changes that follow each other closely come as one, and
what changed while the connection was down is only seen in the next whole answer. Never move credits from one.
Source: `POST /admin/subscribe-query`.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self

from instant_admin.client import protocol
from instant_admin.client.errors import (
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantUnreachable,
    SubscriptionLost,
)
from instant_admin.client.sse import EventStream
from instant_admin.client.types import Query, Tree

# A server that is well says so every 15 s; after three times nothing it is taken for gone.
SILENCE_LIMIT_S: Final = 45.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0

# What passes by itself. Anything else that Instant says no to, it will say no to again.
_PASSING = (SubscriptionLost, InstantUnreachable, InstantBroken, InstantBusy)


class Subscription(Iterator[Tree]):
    """The trees of one connection. Raises `SubscriptionLost` at its end, unless that came from `close()`.

    One thread iterates; `close()` may come from any other and ends the iteration at once.
    """

    def __init__(self, query: Query, events: EventStream) -> None:
        self._query = query
        self._events = events
        self._texts = iter(events)

    def __next__(self) -> Tree:
        for text in self._texts:
            tree = protocol.read_event(self._query, text)
            if tree is not None:
                return tree
        raise StopIteration

    def close(self) -> None:
        """End it."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class LiveQuery(Iterator[Tree]):
    """The trees of a query for as long as they are wanted: a lost subscription is opened again.

    Pauses grow from half a second to 15 s, each shortened by chance so that clients of a restarted server do
    not come back all at once. A tree that says what the last one said is left out. Ends with `close()`, or with
    an `InstantRejected` that asking again would not change, such as `MemberTokenRefused`.

    One thread iterates; `close()` may come from any other. Clock and chance are arguments so that they can be
    simulated; `wait` pauses for seconds and says whether it was cut short by `close()`.
    """

    def __init__(
        self,
        subscribe: Callable[[], Subscription],
        *,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._subscribe = subscribe
        self._jitter = jitter
        self._now = now
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._lock = threading.Lock()
        self._current: Subscription | None = None
        self._trees = self._run()

    def __next__(self) -> Tree:
        return next(self._trees)

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._closed.set()
            current = self._current
        if current is not None:
            current.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> Iterator[Tree]:
        shown: Tree | None = None
        failures = 0
        while not self._closed.is_set():
            opened_s = self._now()
            try:
                for tree in self._opened():
                    if tree != shown:
                        shown = tree
                        yield tree
            except _PASSING:
                lived_s = self._now() - opened_s
                # A server that takes the query and then loses it each time is not to be hurried.
                failures = 1 if lived_s > LONGEST_PAUSE_S else failures + 1
                if self._wait(self._pause_s(failures)):
                    return

    def _opened(self) -> Subscription:
        subscription = self._subscribe()
        with self._lock:
            self._current = subscription
            closed = self._closed.is_set()
        if closed:
            subscription.close()
        return subscription

    def _pause_s(self, failures: int) -> float:
        longest_s: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 10))
        return longest_s * (0.5 + self._jitter() / 2)


class Closable(Protocol):
    """What `newest_of` needs of a subscription."""

    def __iter__(self) -> Iterator[Tree]: ...

    def close(self) -> None:
        """End the iteration from another thread."""


async def newest_of(open_source: Callable[[], Closable]) -> AsyncGenerator[Tree]:
    """The trees of a subscription, for a coroutine: read in a thread, of which only the newest is kept.

    Ends and cancels at once, wherever the thread is; a thread that is still connecting notices when it has.
    """
    mailbox = _Mailbox(asyncio.get_running_loop())
    threading.Thread(target=mailbox.fill, args=(open_source,), name="instant-live", daemon=True).start()
    try:
        while True:
            tree = await mailbox.take()
            if tree is None:
                return
            yield tree
    finally:
        mailbox.close()


class _Mailbox:
    """Room for one tree between the thread that reads and the coroutine that is told."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._arrived = asyncio.Event()
        self._tree: Tree | None = None
        self._failure: InstantError | None = None
        self._ended = False
        self._source: Closable | None = None
        self._closed = False

    def fill(self, open_source: Callable[[], Closable]) -> None:
        """The thread: read until the source ends."""
        try:
            source = open_source()
            with self._lock:
                self._source = source
                closed = self._closed
            if closed:
                source.close()
            for tree in source:
                with self._lock:
                    self._tree = tree
                self._announce()
        except InstantError as exc:
            self._failure = exc
        finally:
            self._ended = True
            self._announce()

    async def take(self) -> Tree | None:
        """The newest tree, as soon as there is one; None at the end. Raises what ended it."""
        while True:
            ended = self._ended  # looked at first: what came before the end is still to be taken
            with self._lock:
                tree, self._tree = self._tree, None
            if tree is not None:
                return tree
            if ended and self._failure is not None:
                raise self._failure
            if ended:
                return None
            await self._arrived.wait()
            self._arrived.clear()

    def close(self) -> None:
        """The coroutine wants no more."""
        with self._lock:
            self._closed = True
            source = self._source
        if source is not None:
            source.close()

    def _announce(self) -> None:
        # The loop may be gone with the coroutine, before it could say so.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)
