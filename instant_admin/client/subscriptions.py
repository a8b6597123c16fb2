"""Live queries: the answer of a query, and again, whole, each time that it has changed.

    with instant.as_member(refresh_token).subscribe_query({"notes": {}}) as trees:
        for tree in trees:                       # ends with `SubscriptionLost`
            print(len(tree["notes"]))

A subscription is a hint to look again and no record: changes that follow each other closely come as one, and
what changed while the connection was down is only seen in the next whole answer. Never move credits from one.
Source: `POST /admin/subscribe-query`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from instant_admin.client import protocol
from instant_admin.client.sse import EventStream
from instant_admin.client.types import Query, Tree

# A server that is well says so every 15 s; after three times nothing it is taken for gone.
SILENCE_LIMIT_S: Final = 45.0


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
