"""The newest entries of the ledger, heard once for a whole process, for whoever wants to know a balance as it moves.

    feed = Feed(instant)
    with feed.listen(account_id, tell):    # the balance now, and again whenever it has moved
        ...

One subscription brings the newest entries of all accounts, and an entry says which balance it left; so a movement
costs no query. Balances are read when somebody begins to listen, and again, of all who listen, when the subscription
may have missed an entry: each time it begins, and when a tree shares nothing with the one before or skips a number.

What is told is for showing. Several movements may be told as one; no credit is ever moved because of it.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from instant_admin.client.admin import Connection
from instant_admin.client.backoff import pause_s
from instant_admin.client.errors import InstantError
from instant_admin.client.subscriptions import Subscription
from instant_admin.client.types import Query
from instant_admin.ledger.entries import ENTRIES, LedgerCorrupt, account_after, account_of, accounts_query
from instant_admin.ledger.rules import Account, Entry

logger = logging.getLogger(__name__)

# What is written while Instant makes a tree comes with the next one. Measured at 150 entries a second in batches of
# forty: the newest 20 miss half of them, the newest 100 none.
NEWEST: Final[Query] = {
    ENTRIES: {
        "$": {"order": {"serverCreatedAt": "desc"}, "limit": 200, "fields": ["slot", "balance", "held"]},
    }
}
# The balances of so many accounts are read in one query.
SLICE: Final = 200
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
# When nobody has listened for so long, the subscription ends.
LINGER_S: Final = 60.0
# Of its own: in a thread, the common one would be drawn from in the middle of what somebody else draws.
_CHANCE: Final = random.SystemRandom()

# Called from any thread, which it must not hold up. Of one account it is called with ever higher numbers.
Tell: TypeAlias = Callable[[Account], None]


@dataclass(slots=True, eq=False)
class Listener:
    """Somebody who wants to know one account, and the number of the entry that they know it at."""

    account_id: UUID
    tell: Tell
    seq: int | None = None


class Listeners:
    """Who listens, and what of a tree is news to them. Without threads and locks; those are `Feed`'s.

    `unread` has the accounts whose balance has to be read.
    """

    def __init__(self) -> None:
        self.unread: set[UUID] = set()
        self._of: dict[UUID, set[Listener]] = {}
        self._shown: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._of)

    def add(self, account_id: UUID, tell: Tell) -> Listener:
        """Somebody begins to listen."""
        listener = Listener(account_id, tell)
        self._of.setdefault(account_id, set()).add(listener)
        self.unread.add(account_id)
        return listener

    def remove(self, listener: Listener) -> None:
        """They end, and are told no more."""
        others = self._of[listener.account_id]
        others.remove(listener)
        if not others:
            del self._of[listener.account_id]
            self.unread.discard(listener.account_id)

    def tell(self, account: Account) -> bool:
        """Tell who listens to this account and knows an older number; whether one was skipped."""
        skipped = False
        for listener in self._of.get(account.id, ()):
            if listener.seq is None or account.seq > listener.seq:
                skipped |= listener.seq is not None and account.seq > listener.seq + 1
                listener.seq = account.seq
                listener.tell(account)
        return skipped

    def hear(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Tell what is new in a tree, or have all balances read when it may not be all."""
        new = [row for row in rows if row["id"] not in self._shown]
        is_whole = len(new) < len(rows)
        self._shown = frozenset(row["id"] for row in rows)
        after = list(_readable(new, account_after)) if is_whole else []
        skipped = [self.tell(account) for account in sorted(after, key=lambda account: account.seq)]
        if len(after) < len(new) or any(skipped):
            self.unread.update(self._of)

    def forget(self) -> None:
        """The subscription has ended: whatever the next one shows first may not be all."""
        self._shown = frozenset()


@dataclass(slots=True, eq=False)
class _Run:
    """One life of the two threads."""

    over: threading.Event = field(default_factory=threading.Event)
    trees: Subscription | None = None


class Feed:
    """Tells balances as they move. Safe to share between threads.

    While anybody listens it has two threads, however many they are: one hears what is new, the other reads balances.
    Jitter, pauses and patience are arguments so that they can be simulated.
    """

    def __init__(
        self,
        instant: Connection,
        *,
        jitter: Callable[[], float] = _CHANCE.random,
        first_pause_s: float = FIRST_PAUSE_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self._instant = instant
        self._jitter = jitter
        self._first_pause_s = first_pause_s
        self._linger_s = linger_s
        self._changed = threading.Condition()
        self._listeners = Listeners()
        self._run: _Run | None = None

    @contextmanager
    def listen(self, account_id: UUID, tell: Tell) -> Iterator[None]:
        """Until the end, `tell` hears the account as it is now and as each movement leaves it."""
        with self._changed:
            listener = self._listeners.add(account_id, tell)
            self._changed.notify_all()
            if self._run is None:
                self._run = self._started()
        try:
            yield
        finally:
            with self._changed:
                self._listeners.remove(listener)

    def wrote(self, entry: Entry) -> None:
        """This process has written an entry itself: tell it at once, without the way round."""
        with self._changed:
            self._listeners.tell(entry.account_after)

    def _started(self) -> _Run:
        run = _Run()
        for work in (self._hear, self._read):
            threading.Thread(target=work, args=(run,), name="ledger-feed", daemon=True).start()
        return run

    def _end(self, run: _Run) -> None:
        with self._changed:
            run.over.set()
            if self._run is run:
                self._run = None
            self._changed.notify_all()
        if run.trees is not None:
            run.trees.close()

    # The thread that hears what is new

    def _hear(self, run: _Run) -> None:
        failures = 0
        try:
            while not run.over.is_set():
                try:
                    for rows in self._trees(run):
                        failures = 0
                        with self._changed:
                            self._listeners.hear(rows)
                            self._changed.notify_all()
                except InstantError as exc:
                    self._complain(exc, failures)
                failures += 1
                run.over.wait(self._pause_s(failures))
        finally:
            self._end(run)

    def _trees(self, run: _Run) -> Iterator[Sequence[Mapping[str, Any]]]:
        with self._changed:
            self._listeners.forget()
        with self._instant.subscribe_query(NEWEST) as trees:
            run.trees = trees
            if not run.over.is_set():  # else it ended while this was being opened, and nobody closes it
                yield from (tree[ENTRIES] for tree in trees)

    # The thread that reads balances

    def _read(self, run: _Run) -> None:
        failures = 0
        try:
            while account_ids := self._next_slice(run):
                try:
                    rows = self._instant.query(accounts_query(account_ids))["$users"]
                except InstantError as exc:
                    self._complain(exc, failures)
                    failures += 1
                    with self._changed:
                        self._listeners.unread.update(account_ids)
                    run.over.wait(self._pause_s(failures))
                else:
                    failures = 0
                    with self._changed:
                        for account in _readable(rows, account_of):
                            self._listeners.tell(account)
        finally:
            self._end(run)

    def _next_slice(self, run: _Run) -> list[UUID]:
        """Accounts to read, as soon as there are some; none when this run is over."""
        unread = self._listeners.unread
        with self._changed:
            while not self._changed.wait_for(lambda: unread or run.over.is_set(), self._linger_s):
                if not self._listeners:
                    self._run = None  # whoever comes from now on starts another
                    return []
            if run.over.is_set():
                return []
            return [unread.pop() for _ in range(min(SLICE, len(unread)))]

    def _pause_s(self, failures: int) -> float:
        return pause_s(
            failures, first_s=self._first_pause_s, longest_s=LONGEST_PAUSE_S, jitter=self._jitter()
        )

    @staticmethod
    def _complain(exc: InstantError, failures: int) -> None:
        if failures == 0:
            logger.warning("Live balances: %s; trying again until it works", exc)


def _readable(
    rows: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Account]
) -> Iterator[Account]:
    """What can be read. One damaged row is one account's trouble, and no reason to tell nobody anything."""
    for row in rows:
        try:
            yield read(row)
        except LedgerCorrupt as exc:
            logger.error("Live balances: %s", exc)
