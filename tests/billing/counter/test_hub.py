"""The hub of live balances, with upstreams that say what a test wants."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from accounts.members import Member
from billing.counter.hub import RENEW_AFTER_S, Hub, HubFull, Tab
from instant_admin.client.errors import InstantError, MemberTokenRefused, Refusal, SubscriptionLost
from instant_admin.ledger.entries import LedgerCorrupt
from tests.drivers.signed_in import ADA

LIMIT_S = 10.0
BEN = Member(
    id=UUID("bbbbbbbb-1111-4111-8111-111111111111"), email="ben@example.com", refresh_token="token-of-ben"
)
ADAS_PHONE = replace(ADA, refresh_token="token-of-adas-phone")
REFUSED = MemberTokenRefused(Refusal(status=400, record_type="app-user"))


class FakeUpstream:
    """Says what is put into it, until it is closed."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self._closed = False
        self._said: queue.SimpleQueue[int | Exception | None] = queue.SimpleQueue()

    def is_closed(self) -> bool:
        return self._closed

    def says(self, what: int | Exception) -> None:
        self._said.put(what)

    def __iter__(self) -> Iterator[int]:
        while not self._closed:
            said = self._said.get(timeout=LIMIT_S)
            if isinstance(said, Exception):
                raise said
            if said is not None:
                yield said

    def close(self) -> None:
        self._closed = True
        self._said.put(None)


class FakeInstant:
    """Opens upstreams; `refusals` are raised first, one for each that is asked for."""

    def __init__(self, *refusals: InstantError) -> None:
        self.opened: queue.SimpleQueue[FakeUpstream] = queue.SimpleQueue()
        self.asked: list[Member] = []
        self.refusals = list(refusals)
        self.revoked: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def subscribe(self, member: Member) -> FakeUpstream:
        self.asked.append(member)
        assert self.gate.wait(LIMIT_S)
        if member.refresh_token in self.revoked:
            raise REFUSED
        if self.refusals:
            raise self.refusals.pop(0)
        upstream = FakeUpstream(member)
        self.opened.put(upstream)
        return upstream

    async def next_upstream(self) -> FakeUpstream:
        return await asyncio.to_thread(self.opened.get, timeout=LIMIT_S)


class Story:
    """A hub in a loop, with the tabs that a test opens."""

    def __init__(
        self, instant: FakeInstant, stack: ExitStack, *, tabs_limit: int = 16, **options: Any
    ) -> None:
        self.now_s = 0.0
        self.instant = instant
        self.hub = Hub(
            instant.subscribe,
            tabs_limit=tabs_limit,
            clock=lambda: self.now_s,
            jitter=lambda: 0.0,
            first_pause_s=0.001,
            **options,
        )
        self._stack = stack

    def tab(self, member: Member = ADA) -> Tab:
        return self._stack.enter_context(self.hub.join(member))

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline, "it never became so"
            await asyncio.sleep(0.001)


def play(
    scene: Callable[[Story], Awaitable[None]], instant: FakeInstant | None = None, **options: Any
) -> None:
    """Run a scene; afterwards no thread of its hub may be left."""

    async def run() -> None:
        with ExitStack() as stack:
            story = Story(instant or FakeInstant(), stack, **options)
            await scene(story)
        await story.until(lambda: story.hub.members == 0)

    asyncio.run(run())


async def shown(tab: Tab) -> int:
    """The next balance that the tab is told."""
    credits = await tab.next(timeout_s=LIMIT_S)
    while credits is None and not tab.over:
        credits = await tab.next(timeout_s=LIMIT_S)
    assert credits is not None
    return credits


async def ended(tab: Tab) -> bool:
    """Wait for the tab's end; whether it was a sign-out."""
    while not tab.over:
        await tab.next(timeout_s=LIMIT_S)
    return tab.signed_out


def test_every_tab_is_told_and_one_upstream_tells_them_all() -> None:
    async def scene(story: Story) -> None:
        tabs = [story.tab() for _ in range(10)]
        upstream = await story.instant.next_upstream()
        for credits in (10, 9):
            upstream.says(credits)
            assert [await shown(tab) for tab in tabs] == [credits] * 10
        late = story.tab()
        assert await shown(late) == 9
        assert story.instant.asked == [ADA]
        assert story.hub.members == 1

    play(scene)


def test_a_slow_reader_is_told_only_the_newest() -> None:
    async def scene(story: Story) -> None:
        slow, quick = story.tab(), story.tab()
        upstream = await story.instant.next_upstream()
        for credits in range(100, 0, -1):
            upstream.says(credits)
        while await shown(quick) != 1:
            pass
        assert await shown(slow) == 1

    play(scene)


def test_what_is_shown_already_is_not_told_again() -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        upstream = await story.instant.next_upstream()
        upstream.says(7)
        assert await shown(tab) == 7
        upstream.says(7)
        assert await tab.next(timeout_s=LIMIT_S) is None

    play(scene)


def test_a_silent_upstream_leaves_time_for_a_sign_of_life() -> None:
    async def scene(story: Story) -> None:
        assert await story.tab().next(timeout_s=0.001) is None

    play(scene)


def test_the_upstream_ends_with_the_last_tab_and_not_before() -> None:
    async def scene(story: Story) -> None:
        first, last = story.hub.join(ADA), story.hub.join(ADA)
        upstream = await story.instant.next_upstream()
        upstream.says(1)
        assert await shown(last) == 1
        story.hub.leave(first)
        assert not upstream.is_closed()
        story.hub.leave(last)
        assert upstream.is_closed()
        await story.until(lambda: story.hub.members == 0)

    play(scene)


def test_a_tab_that_leaves_while_the_upstream_opens_leaves_nothing_open() -> None:
    async def scene(story: Story) -> None:
        story.instant.gate.clear()
        tab = story.hub.join(ADA)
        await story.until(lambda: bool(story.instant.asked))
        story.hub.leave(tab)
        assert story.hub.members == 1  # its thread is still there, and counts
        story.instant.gate.set()
        upstream = await story.instant.next_upstream()
        await story.until(lambda: upstream.is_closed() and story.hub.members == 0)

    play(scene)


def test_a_tab_that_comes_as_the_last_one_leaves_is_served_by_the_same_thread() -> None:
    async def scene(story: Story) -> None:
        story.instant.gate.clear()
        tab = story.hub.join(ADA)
        await story.until(lambda: bool(story.instant.asked))
        story.hub.leave(tab)
        again = story.tab()
        story.instant.gate.set()
        stale = await story.instant.next_upstream()
        fresh = await story.instant.next_upstream()
        fresh.says(3)
        assert await shown(again) == 3
        assert stale.is_closed()
        assert not fresh.is_closed()

    play(scene)


@pytest.mark.parametrize("trouble", [SubscriptionLost("it fell silent"), LedgerCorrupt("no number")])
def test_a_lost_upstream_is_opened_again(trouble: Exception) -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        upstream = await story.instant.next_upstream()
        upstream.says(5)
        assert await shown(tab) == 5
        upstream.says(trouble)
        again = await story.instant.next_upstream()
        assert upstream.is_closed()
        again.says(4)
        assert await shown(tab) == 4
        assert not tab.over

    play(scene)


def test_an_upstream_that_cannot_be_opened_is_asked_for_until_it_can() -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        (await story.instant.next_upstream()).says(2)
        assert await shown(tab) == 2
        assert len(story.instant.asked) == 6

    play(scene, FakeInstant(*[SubscriptionLost("not there")] * 5))


def test_a_tab_that_opens_during_trouble_is_told_nothing_old() -> None:
    async def scene(story: Story) -> None:
        first = story.tab()
        upstream = await story.instant.next_upstream()
        upstream.says(5)
        assert await shown(first) == 5
        story.instant.gate.clear()
        upstream.says(SubscriptionLost("it fell silent"))
        await story.until(lambda: len(story.instant.asked) == 2)
        late = story.tab()
        assert await late.next(timeout_s=0.001) is None
        story.instant.gate.set()
        (await story.instant.next_upstream()).says(6)
        assert [await shown(first), await shown(late)] == [6, 6]

    play(scene)


def test_a_refused_token_ends_its_tabs_and_the_members_other_sign_in_goes_on() -> None:
    async def scene(story: Story) -> None:
        story.instant.gate.clear()
        at_desk, on_phone = story.tab(ADA), story.tab(ADAS_PHONE)
        story.instant.revoked.add(ADA.refresh_token)
        story.instant.gate.set()
        (await story.instant.next_upstream()).says(8)
        assert await shown(on_phone) == 8
        # Whose turn came first is not the point: at the latest a renewal finds it out.
        story.now_s += RENEW_AFTER_S
        await on_phone.next(timeout_s=0.001)
        assert await ended(at_desk) is True
        assert not on_phone.over

    play(scene)


def test_a_token_that_is_refused_on_the_way_ends_its_tabs() -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        (await story.instant.next_upstream()).says(REFUSED)
        assert await ended(tab) is True

    play(scene)


def test_signing_out_ends_the_tabs_of_that_sign_in_only() -> None:
    async def scene(story: Story) -> None:
        at_desk, on_phone, bens = story.tab(ADA), story.tab(ADAS_PHONE), story.tab(BEN)
        upstreams = [await story.instant.next_upstream() for _ in range(2)]
        story.hub.sign_out(ADA)
        assert await ended(at_desk) is True
        assert not on_phone.over
        assert not bens.over
        # What was opened as the sign-in that ended is not used any more.
        adas = next(upstream for upstream in upstreams if upstream.member.id == ADA.id)
        if adas.member == ADA:
            assert adas.is_closed()
            adas = await story.instant.next_upstream()
        assert adas.member == ADAS_PHONE
        adas.says(4)
        assert await shown(on_phone) == 4

    play(scene)


def test_an_old_upstream_is_opened_anew_as_each_sign_in_in_turn() -> None:
    async def scene(story: Story) -> None:
        tabs = [story.tab(ADA), story.tab(ADA), story.tab(ADAS_PHONE)]
        for credits in range(1, 5):
            upstream = await story.instant.next_upstream()
            upstream.says(credits)
            assert [await shown(tab) for tab in tabs] == [credits] * 3
            story.now_s += RENEW_AFTER_S - 1
            await tabs[0].next(timeout_s=0.001)
            assert not upstream.is_closed()
            story.now_s += 1
            await tabs[0].next(timeout_s=0.001)
            assert upstream.is_closed()
        asked = story.instant.asked[-3:]
        assert asked[0] != asked[1]
        assert set(asked) == {ADA, ADAS_PHONE}
        assert not any(tab.over for tab in tabs)

    play(scene)


def test_the_members_and_the_tabs_of_each_are_limited() -> None:
    async def scene(story: Story) -> None:
        story.tab(ADA)
        assert story.hub.has_room_for(ADA)
        assert not story.hub.has_room_for(BEN)
        with pytest.raises(HubFull):
            story.hub.join(BEN)
        story.tab(ADA)
        assert not story.hub.has_room_for(ADA)
        with pytest.raises(HubFull):
            story.hub.join(ADA)

    play(scene, members_limit=1, tabs_limit=2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_mistake_of_ours_the_tabs_end_and_may_ask_again() -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        (await story.instant.next_upstream()).says(ZeroDivisionError())
        assert await ended(tab) is False
        await story.until(lambda: story.hub.members == 0)
        again = story.tab()
        (await story.instant.next_upstream()).says(1)
        assert await shown(again) == 1

    play(scene)


def test_nobody_keeps_a_token_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(story: Story) -> None:
        tab = story.tab()
        (await story.instant.next_upstream()).says(1)
        assert await shown(tab) == 1

    play(scene, FakeInstant(SubscriptionLost("not there"), SubscriptionLost("not there")))
    assert caplog.text.count("trying again") == 1
    assert ADA.refresh_token not in caplog.text
