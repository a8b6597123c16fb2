"""Live balances: every tab of a member follows one live query, which Instant answers with the member's rights.

What arrives is the balance to show and nothing more. Several changes may come as one and some may never come,
so no credit is ever moved because of it.

Each member with an open tab costs this process one thread and one connection to Instant, however many their
tabs are. A tab is a coroutine that waits, and keeps only the newest balance: slow readers pile up nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Final, Protocol, Self
from uuid import UUID

from django.conf import settings

from accounts.members import Member
from instant_admin.client.backoff import pause_s
from instant_admin.client.errors import InstantError, MemberTokenRefused
from instant_admin.client.subscriptions import Subscription
from instant_admin.configured import instant
from instant_admin.ledger.entries import account_in, account_query
from instant_admin.ledger.rules import LedgerError

logger = logging.getLogger(__name__)

MEMBERS_LIMIT: Final = 250
# Instant looks at a refresh token only when a subscription opens. It is opened anew this often, so that a
# token that was revoked anywhere is noticed. With several sign-ins of one member, theirs take turns.
RENEW_AFTER_S: Final = 30.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0


class HubFull(Exception):
    """This process follows as many members, or this member has as many tabs open, as it can bear."""


class Upstream(Protocol):
    """Balances as Instant tells them. `close` may come from any thread and ends the iteration at once."""

    def __iter__(self) -> Iterator[int]: ...

    def close(self) -> None:
        """End it."""


class Tab:
    """One reader of a member's balance: a context manager, used by one coroutine.

    `over` says that nothing more will come; `signed_out`, that this is because the sign-in has ended.
    """

    def __init__(self, hub: Hub, member: Member) -> None:
        self.member = member
        self.over = False
        self.signed_out = False
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._newest: int | None = None
        self._taken: int | None = None

    async def next(self, *, timeout_s: float) -> int | None:
        """The newest balance as soon as it is another than last time; None when it is time for a sign of life."""
        self._hub.renew_if_due(self.member)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        self._news.clear()
        newest = self._newest
        if newest == self._taken:
            return None
        self._taken = newest
        return newest

    def tell(self, credits: int) -> None:
        """Called from any thread: this is the balance now."""
        self._newest = credits
        self._wake()

    def end(self, *, signed_out: bool) -> None:
        """Called from any thread: nothing more will come."""
        self.over, self.signed_out = True, signed_out
        self._wake()

    def _wake(self) -> None:
        # The loop may be gone with its coroutines before they could leave.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hub.leave(self)


@dataclass(slots=True, eq=False)
class _Feed:
    """What one member's tabs share. Everything in it is guarded by the hub's lock."""

    tabs: list[Tab] = field(default_factory=list)
    newest: int | None = None
    upstream: Upstream | None = None
    member: Member | None = None  # as whom the upstream was opened
    opened_s: float = 0.0
    turn: int = 0
    interrupted: threading.Event = field(default_factory=threading.Event)

    def next_member(self) -> Member:
        """As whom to subscribe: each sign-in in its turn."""
        members = list(dict.fromkeys(tab.member for tab in self.tabs))
        self.turn += 1
        return members[self.turn % len(members)]

    def take_upstream(self) -> Upstream | None:
        """The upstream, to be closed outside the lock. The thread then sees who is there, without a pause."""
        upstream, self.upstream = self.upstream, None
        self.interrupted.set()
        return upstream


class Hub:
    """The live balances of one process.

    `subscribe` opens an upstream as a member, and raises `InstantError`, as the upstream does. `tabs_limit` is of
    one member; how many tabs all of them have is the gate's to limit. Clock and chance are arguments so that they
    can be simulated.
    """

    def __init__(
        self,
        subscribe: Callable[[Member], Upstream],
        *,
        tabs_limit: int,
        members_limit: int = MEMBERS_LIMIT,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._subscribe = subscribe
        self._members_limit = members_limit
        self._tabs_limit = tabs_limit
        self._clock = clock
        self._jitter = jitter
        self._first_pause_s = first_pause_s
        self._lock = threading.Lock()
        # A feed is here for as long as its thread lives, so that the limit is one on threads too.
        self._feeds: dict[UUID, _Feed] = {}

    @property
    def members(self) -> int:
        """How many members are followed, each in a thread."""
        return len(self._feeds)

    def has_room_for(self, member: Member) -> bool:
        """Whether `join` would let this member in."""
        with self._lock:
            return self._has_room_for(member)

    def join(self, member: Member) -> Tab:
        """A new tab of `member`, for the coroutine that calls. Raises `HubFull`."""
        tab = Tab(self, member)
        with self._lock:
            if not self._has_room_for(member):
                raise HubFull
            feed = self._feeds.get(member.id)
            is_new = feed is None
            if feed is None:
                feed = self._feeds[member.id] = _Feed()
            feed.tabs.append(tab)
            if feed.newest is not None:
                tab.tell(feed.newest)
        if is_new:
            threading.Thread(
                target=self._follow, args=(member.id, feed), name="live-credits", daemon=True
            ).start()
        return tab

    def leave(self, tab: Tab) -> None:
        """A tab was closed. With the last one of a member, their subscription ends."""
        self._remove(tab.member.id, lambda other: other is tab)

    def sign_out(self, member: Member) -> None:
        """End the tabs of this sign-in. Other sign-ins of the same member go on."""
        for tab in self._remove(member.id, lambda tab: tab.member.refresh_token == member.refresh_token):
            tab.end(signed_out=True)

    def renew_if_due(self, member: Member) -> None:
        """Open the member's subscription anew when it is old."""
        with self._lock:
            feed = self._feeds.get(member.id)
            if feed is None or feed.upstream is None or self._clock() - feed.opened_s < RENEW_AFTER_S:
                return
            upstream = feed.take_upstream()
        _close(upstream)

    def _has_room_for(self, member: Member) -> bool:
        feed = self._feeds.get(member.id)
        if feed is None:
            return len(self._feeds) < self._members_limit
        return len(feed.tabs) < self._tabs_limit

    def _remove(self, member_id: UUID, leaves: Callable[[Tab], bool]) -> list[Tab]:
        """Take tabs out of their feed, and close its upstream when none is left that may have it."""
        upstream: Upstream | None = None
        with self._lock:
            feed = self._feeds.get(member_id)
            if feed is None:
                return []
            gone = [tab for tab in feed.tabs if leaves(tab)]
            feed.tabs = [tab for tab in feed.tabs if tab not in gone]
            if gone and feed.member not in {tab.member for tab in feed.tabs}:
                upstream = feed.take_upstream()
        _close(upstream)
        return gone

    # The thread of one member

    def _follow(self, member_id: UUID, feed: _Feed) -> None:
        failures = 0
        try:
            while (member := self._next_turn(member_id, feed)) is not None:
                try:
                    for credits in self._listen(feed, member):
                        failures = 0
                        self._publish(feed, credits)
                except MemberTokenRefused:
                    self.sign_out(member)
                    continue
                except (InstantError, LedgerError) as exc:
                    if failures == 0:
                        logger.warning("Live credits: %s; trying again until it works", exc)
                failures = self._recover(feed, failures)
        finally:
            # Only a mistake of ours leaves tabs here. They end, and ask again.
            self._forget(member_id, feed)

    def _next_turn(self, member_id: UUID, feed: _Feed) -> Member | None:
        """As whom to listen now; None, and the feed is gone, when there is no tab any more."""
        with self._lock:
            if not feed.tabs:
                del self._feeds[member_id]
                return None
            feed.interrupted.clear()
            feed.member = feed.next_member()
            return feed.member

    def _listen(self, feed: _Feed, member: Member) -> Iterator[int]:
        upstream = self._subscribe(member)
        with self._lock:
            # Somebody may have left while it was being opened.
            wanted = not feed.interrupted.is_set()
            if wanted:
                feed.upstream, feed.opened_s = upstream, self._clock()
        try:
            if wanted:
                yield from upstream
        finally:
            upstream.close()

    def _publish(self, feed: _Feed, credits: int) -> None:
        with self._lock:
            feed.newest = credits
            for tab in feed.tabs:
                tab.tell(credits)

    def _recover(self, feed: _Feed, failures: int) -> int:
        """After the upstream has ended: go on at once when we ended it, else pause; how many failures now."""
        with self._lock:
            feed.upstream = None
            if feed.interrupted.is_set():
                return failures
            # Nobody knows whether it still is.
            feed.newest = None
        failures += 1
        feed.interrupted.wait(
            pause_s(failures, first_s=self._first_pause_s, longest_s=LONGEST_PAUSE_S, jitter=self._jitter())
        )
        return failures

    def _forget(self, member_id: UUID, feed: _Feed) -> None:
        with self._lock:
            if self._feeds.get(member_id) is feed:
                del self._feeds[member_id]
            tabs, feed.tabs = feed.tabs, []
        for tab in tabs:
            tab.end(signed_out=False)


def _close(upstream: Upstream | None) -> None:
    if upstream is not None:
        upstream.close()


class _Balances:
    """The live balance of a member, asked for as that member."""

    def __init__(self, member: Member) -> None:
        self._account_id = member.id
        self._trees: Subscription = (
            instant().as_member(member.refresh_token).subscribe_query(account_query(member.id))
        )

    def __iter__(self) -> Iterator[int]:
        return (account_in(tree, self._account_id).credits for tree in self._trees)

    def close(self) -> None:
        """End it."""
        self._trees.close()


@cache
def hub() -> Hub:
    """The hub of this process."""
    return Hub(_Balances, tabs_limit=settings.STREAMS_PER_MEMBER)
