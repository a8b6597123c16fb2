"""Tabs: who is told what, which of them end, and that nobody is told of somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.members import Member
from accounts.models import Session
from accounts.sessions import end_sessions_of
from billing.counter.tabs import LOOK_AGAIN_S, Tab, Tabs, TooManyTabs
from instant_admin.ledger.feed import Listeners, Tell
from instant_admin.ledger.rules import Account
from tests.drivers.signed_in import ADA, browser_of

BEN = Member(
    id=UUID("bbbbbbbb-1111-4111-8111-111111111111"), email="ben@example.com", refresh_token="token-of-ben"
)
ADAS_PHONE = replace(ADA, refresh_token="token-of-adas-phone")


class Story:
    """Tabs in a loop, and listeners that a test has told."""

    def __init__(self, *, limit: int = 100) -> None:
        self.now_s = 0.0
        self.listeners = Listeners()
        self.tabs = Tabs(self._listen, limit=lambda: limit, clock=lambda: self.now_s)
        self.stack = ExitStack()

    @contextmanager
    def _listen(self, account_id: UUID, tell: Tell) -> Iterator[None]:
        listener = self.listeners.add(account_id, tell)
        yield
        self.listeners.remove(listener)

    def tab(self, member: Member = ADA, session_key: str = "") -> Tab:
        return self.stack.enter_context(self.tabs.opened(member, session_key))

    def says(self, credits: int, *, seq: int, member: Member = ADA) -> None:
        self.listeners.tell(Account(member.id, credits=credits, seq=seq))


async def news(tab: Tab) -> int | None:
    """What the tab was told since it was last asked, if anything."""
    await asyncio.sleep(0)
    account = await tab.next(timeout_s=0)
    return None if account is None else account.credits


def run(story: Coroutine[Any, Any, None]) -> None:
    """In a loop whose threads are this one, which has the test's database."""

    async def told() -> None:
        await story

    async_to_sync(told)()


def test_every_tab_is_told_the_newest_and_once() -> None:
    async def told() -> None:
        story = Story()
        tabs = [story.tab() for _ in range(3)]
        for seq in range(1, 10):
            story.says(10 * seq, seq=seq)
        assert [await news(tab) for tab in tabs] == [90] * 3
        assert [await news(tab) for tab in tabs] == [None] * 3

    run(told())


def test_the_tabs_of_each_member_are_limited_and_a_closed_one_is_forgotten() -> None:
    async def told() -> None:
        story = Story(limit=1)
        with story.stack:
            story.tab(ADA)
            assert (story.tabs.have_room_for(ADA), story.tabs.have_room_for(BEN)) == (False, True)
            with pytest.raises(TooManyTabs):
                story.tab(ADAS_PHONE)
            story.tab(BEN)
            assert len(story.listeners) == 2
        assert len(story.listeners) == 0
        story.tab(ADAS_PHONE)

    run(told())


def test_signing_out_ends_the_tabs_of_that_sign_in_only() -> None:
    async def told() -> None:
        story = Story()
        at_desk, on_phone, bens = story.tab(ADA), story.tab(ADAS_PHONE), story.tab(BEN)
        story.says(3, seq=1)
        story.tabs.sign_out(ADA)
        story.says(4, seq=2)
        assert await news(at_desk) is None
        assert [tab.signed_out for tab in (at_desk, on_phone, bens)] == [True, False, False]
        assert await news(on_phone) == 4

    run(told())


# Sessions


def key_of(browser: Client) -> str:
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.mark.django_db
def test_tabs_whose_session_is_over_end_at_the_next_look(django_assert_num_queries: Any) -> None:
    members = [ADA, ADAS_PHONE, BEN, BEN]
    keys = [key_of(browser_of(member)) for member in members]

    async def told() -> None:
        story = Story()
        tabs = [story.tab(member, key) for member, key in zip(members, keys, strict=True)]
        # A session that somebody else signed in to since.
        tabs.append(story.tab(ADA, keys[2]))
        story.now_s = LOOK_AGAIN_S - 1
        await story.tabs.look_again()
        assert not any(tab.signed_out for tab in tabs)
        story.now_s = LOOK_AGAIN_S
        for _ in range(2):
            await story.tabs.look_again()
        assert [tab.signed_out for tab in tabs] == [True, True, False, True, True]

    end_sessions_of(ADA.id)
    Session.objects.filter(session_key=keys[3]).update(expire_date=timezone.now())
    with django_assert_num_queries(1):
        run(told())


@pytest.mark.django_db
def test_tabs_go_on_while_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    async def told() -> None:
        story = Story()
        tab = story.tab(ADA, key_of_ada)
        story.now_s += LOOK_AGAIN_S
        await story.tabs.look_again()
        assert not tab.signed_out

    key_of_ada = key_of(browser_of(ADA))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_session RENAME TO away")
    run(told())
    assert key_of_ada not in caplog.text


# Nobody is told of somebody else

MEMBERS = 12


class Site:
    """A ledger with many accounts, and tabs of all of them.

    The balances of account number n are those that leave n when they are divided by how many accounts there are.
    """

    def __init__(self) -> None:
        self.story = Story()
        self.members = [Member(UUID(int=n), f"{n}@example.com", f"token {n}") for n in range(MEMBERS)]
        self.seqs = [0] * MEMBERS
        self.rows: list[dict[str, Any]] = []
        self.tabs: list[tuple[int, Tab, ExitStack]] = []
        self.shown: dict[Tab, int] = {}

    def account(self, n: int) -> Account:
        return Account(self.members[n].id, credits=MEMBERS * self.seqs[n] + n, seq=self.seqs[n])

    def opens(self, n: int) -> None:
        stack = ExitStack()
        tab = stack.enter_context(self.story.tabs.opened(self.members[n], str(n)))
        self.tabs.append((n, tab, stack))

    def closes(self, n: int) -> None:
        if n < len(self.tabs):
            self.tabs.pop(n)[2].close()

    def signs_out(self, n: int) -> None:
        self.story.tabs.sign_out(self.members[n])

    def writes_elsewhere(self, n: int) -> None:
        self.seqs[n] += 1
        slot = f"{self.members[n].id}:{self.seqs[n]}"
        self.rows.append({"id": slot, "slot": slot, "balance": self.account(n).credits})

    def writes_here(self, n: int) -> None:
        self.writes_elsewhere(n)
        self.story.listeners.tell(self.account(n))

    def sends_a_tree(self, n: int) -> None:
        self.story.listeners.hear(self.rows[: -MEMBERS - 1 : -1])

    def reconnects(self, n: int) -> None:
        self.story.listeners.forget()

    def reads(self, n: int) -> None:
        unread = self.story.listeners.unread
        for member, account in ((self.members[n], self.account(n)) for n in range(MEMBERS)):
            if member.id in unread:
                self.story.listeners.tell(account)
        unread.clear()

    async def look(self) -> None:
        for n, tab, _ in self.tabs:
            credits = await news(tab)
            if credits is not None:
                assert credits % MEMBERS == n, "a balance of somebody else"
                self.shown[tab] = credits


STEPS = [
    *(Site.opens, Site.closes, Site.signs_out),
    *(Site.writes_elsewhere, Site.writes_here, Site.sends_a_tree, Site.reconnects, Site.reads),
]


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, MEMBERS - 1), st.booleans()), max_size=120))
def test_no_tab_is_told_a_balance_of_somebody_else_and_in_the_end_all_know_their_own(
    steps: list[tuple[Callable[[Site, int], None], int, bool]],
) -> None:
    async def lived() -> None:
        site = Site()
        for step, n, somebody_looks in steps:
            step(site, n)
            if somebody_looks:
                await site.look()
        site.sends_a_tree(0)
        site.reads(0)
        await site.look()
        for n, tab, _ in site.tabs:
            assert tab.signed_out or site.shown[tab] == site.account(n).credits

    asyncio.run(lived())
