"""The tabs that follow their member's balance. A tab is a coroutine that waits and keeps only the newest balance.

A slow reader piles up nothing, and neither a tab nor a member costs a thread or a connection to Instant.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final, TypeAlias
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.dispatch import receiver

from accounts.members import Member
from accounts.sessions import ended
from accounts.signals import member_signed_out
from credits_site.metrics import OPEN_STREAMS
from credits_site.signals import site_closes
from instant_admin.configured import ledger_feed
from instant_admin.ledger.feed import Tell
from instant_admin.ledger.rules import Account

logger = logging.getLogger(__name__)

# A sign-out in this process ends its tabs at once. One elsewhere is noticed when the sessions are looked at again.
LOOK_AGAIN_S: Final = 30.0

SignIn: TypeAlias = tuple[str, UUID]
Listen: TypeAlias = Callable[[UUID, Tell], AbstractContextManager[None]]


class TooManyTabs(Exception):
    """This member has as many tabs open as one may have."""


class Tab:
    """One reader of a member's balance, for the coroutine that made it."""

    def __init__(self, member: Member, session_key: str) -> None:
        self.member = member
        self.sign_in = (session_key, member.id)
        self.signed_out = False
        self.over = False
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._newest: Account | None = None

    async def next(self, *, timeout_s: float) -> Account | None:
        """The newest balance, once it is there; None when it is time for a sign of life, or the tab is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        self._news.clear()
        newest, self._newest = self._newest, None
        return None if self.over else newest

    def tell(self, account: Account | None) -> None:
        """Called from any thread: this is the balance now; None only wakes who waits."""
        # The loop may be gone with its coroutines before they could leave.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._hear, account)

    def end(self) -> None:
        """Called from any thread: the tab is over, and may come back."""
        self.over = True
        self.tell(None)

    def sign_out(self) -> None:
        """Called from any thread: the sign-in is over, and so is the tab."""
        self.signed_out = True
        self.end()

    def _hear(self, account: Account | None) -> None:
        self._newest = account
        self._news.set()


class Tabs:
    """The tabs of one process. The clock is an argument so that it can be simulated."""

    def __init__(
        self, listen: Listen, *, limit: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listen = listen
        self._limit = limit
        self._clock = clock
        self._look_again_s = clock() + LOOK_AGAIN_S
        self._lock = threading.Lock()
        self._open: dict[UUID, set[Tab]] = {}

    def have_room_for(self, member: Member) -> bool:
        """Whether this member may have another tab."""
        return len(self._open.get(member.id, ())) < self._limit()

    @contextmanager
    def opened(self, member: Member, session_key: str) -> Iterator[Tab]:
        """A new tab of this session, which was just read, for the coroutine that calls. Raises `TooManyTabs`."""
        tab = Tab(member, session_key)
        with self._lock:
            if not self.have_room_for(member):
                raise TooManyTabs
            self._open.setdefault(member.id, set()).add(tab)
        try:
            with OPEN_STREAMS.track_inprogress(), self._listen(member.id, tab.tell):
                yield tab
        finally:
            with self._lock:
                self._open[member.id].remove(tab)
                if not self._open[member.id]:
                    del self._open[member.id]

    def sign_out(self, member: Member) -> None:
        """End the tabs of this sign-in. Other sign-ins of the same member go on."""
        for tab in self._all():
            if tab.member == member:
                tab.sign_out()

    def end(self) -> None:
        """End them all: the process stops. Their pages come back by themselves, to another or to the next."""
        for tab in self._all():
            tab.end()

    async def look_again(self) -> None:
        """When it is time for that, end the tabs whose session is over: one query for all of them."""
        if self._clock() < self._look_again_s:
            return
        self._look_again_s = self._clock() + LOOK_AGAIN_S
        tabs = self._all()
        try:
            over = await sync_to_async(_ended)({tab.sign_in for tab in tabs})
        except DatabaseError as exc:
            logger.warning("Live balances: sessions cannot be looked at (%s)", type(exc).__name__)
            return
        for tab in tabs:
            if tab.sign_in in over:
                tab.sign_out()

    def _all(self) -> list[Tab]:
        with self._lock:
            return [tab for tabs in self._open.values() for tab in tabs]


def _ended(sign_ins: Collection[SignIn]) -> set[SignIn]:
    # Outside a request, so nobody else lets go of a connection that has gone bad.
    close_old_connections()
    return ended(sign_ins)


# The tabs of this process.
tabs: Final = Tabs(
    lambda account_id, tell: ledger_feed().listen(account_id, tell), limit=lambda: settings.STREAMS_PER_MEMBER
)


@receiver(member_signed_out)
def end_tabs(sender: object, member: Member, **kwargs: object) -> None:
    """Whoever signs out hears no more of their balance."""
    tabs.sign_out(member)


@receiver(site_closes)
def end_all_tabs(sender: object, **kwargs: object) -> None:
    """A process that stops keeps no page."""
    tabs.end()
