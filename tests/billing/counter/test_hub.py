"""The hub of live balances, with upstreams that say what a test wants."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

import pytest

from accounts.members import Member
from billing.counter.hub import RENEW_AFTER_S, Hub, HubFull, Tab
from instant_admin.client.errors import InstantError, MemberTokenRefused, Refusal, SubscriptionLost
from instant_admin.ledger.entries import LedgerCorrupt
from tests.drivers.signed_in import ADA

pytestmark = pytest.mark.anyio
LIMIT_S = 10.0
BEN = Member(
    id=UUID("bbbbbbbb-1111-4111-8111-111111111111"), email="ben@example.com", refresh_token="token-of-ben"
)
ADAS_PHONE = replace(ADA, refresh_token="token-of-adas-phone")
REFUSED = MemberTokenRefused(Refusal(status=400, record_type="app-user"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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


class Story:
    """A hub in a loop, the tabs that a test opens, and an Instant that opens upstreams.

    `refusals` are raised first, one for each that is asked for; nothing is opened while the gate is shut.
    """

    def __init__(self, stack: ExitStack, *, tabs_limit: int = 16, **limits: int) -> None:
        self.now_s = 0.0
        self.opened: queue.SimpleQueue[FakeUpstream] = queue.SimpleQueue()
        self.asked: list[Member] = []
        self.refusals: list[InstantError] = []
        self.revoked: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.hub = Hub(
            self._subscribe,
            tabs_limit=tabs_limit,
            clock=lambda: self.now_s,
            jitter=lambda: 0.0,
            first_pause_s=0.001,
            **limits,
        )
        self._stack = stack

    def _subscribe(self, member: Member) -> FakeUpstream:
        self.asked.append(member)
        assert self.gate.wait(LIMIT_S)
        if member.refresh_token in self.revoked:
            raise REFUSED
        if self.refusals:
            raise self.refusals.pop(0)
        upstream = FakeUpstream(member)
        self.opened.put(upstream)
        return upstream

    def tab(self, member: Member = ADA) -> Tab:
        return self._stack.enter_context(self.hub.join(member))

    async def next_upstream(self) -> FakeUpstream:
        return await asyncio.to_thread(self.opened.get, timeout=LIMIT_S)

    async def next_upstream_says(self, credits: int, *tabs: Tab) -> FakeUpstream:
        """A balance, which each of the tabs is told."""
        upstream = await self.next_upstream()
        upstream.says(credits)
        assert [await shown(tab) for tab in tabs] == [credits] * len(tabs)
        return upstream

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline, "it never became so"
            await asyncio.sleep(0.001)


@pytest.fixture
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """With limits of the hub, where a test sets them; after a test, no thread of its hub may be left."""
    with ExitStack() as stack:
        story = Story(stack, **getattr(request, "param", {}))
        yield story
    await story.until(lambda: story.hub.members == 0)


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


async def test_every_tab_is_told_and_one_upstream_tells_them_all(story: Story) -> None:
    tabs = [story.tab() for _ in range(10)]
    upstream = await story.next_upstream()
    for credits in (10, 9):
        upstream.says(credits)
        assert [await shown(tab) for tab in tabs] == [credits] * 10
    late = story.tab()
    assert await shown(late) == 9
    assert story.asked == [ADA]
    assert story.hub.members == 1


async def test_a_slow_reader_is_told_only_the_newest(story: Story) -> None:
    slow, quick = story.tab(), story.tab()
    upstream = await story.next_upstream()
    for credits in range(100, 0, -1):
        upstream.says(credits)
    while await shown(quick) != 1:
        pass
    assert await shown(slow) == 1


async def test_what_is_shown_already_is_not_told_again(story: Story) -> None:
    tab = story.tab()
    upstream = await story.next_upstream_says(7, tab)
    upstream.says(7)
    assert await tab.next(timeout_s=LIMIT_S) is None


async def test_a_silent_upstream_leaves_time_for_a_sign_of_life(story: Story) -> None:
    assert await story.tab().next(timeout_s=0.001) is None


async def test_the_upstream_ends_with_the_last_tab_and_not_before(story: Story) -> None:
    first, last = story.hub.join(ADA), story.hub.join(ADA)
    upstream = await story.next_upstream_says(1, last)
    story.hub.leave(first)
    assert not upstream.is_closed()
    story.hub.leave(last)
    assert upstream.is_closed()
    await story.until(lambda: story.hub.members == 0)


async def test_a_tab_that_leaves_while_the_upstream_opens_leaves_nothing_open(story: Story) -> None:
    story.gate.clear()
    tab = story.hub.join(ADA)
    await story.until(lambda: bool(story.asked))
    story.hub.leave(tab)
    assert story.hub.members == 1  # its thread is still there, and counts
    story.gate.set()
    upstream = await story.next_upstream()
    await story.until(lambda: upstream.is_closed() and story.hub.members == 0)


async def test_a_tab_that_comes_as_the_last_one_leaves_is_served_by_the_same_thread(story: Story) -> None:
    story.gate.clear()
    tab = story.hub.join(ADA)
    await story.until(lambda: bool(story.asked))
    story.hub.leave(tab)
    again = story.tab()
    story.gate.set()
    stale = await story.next_upstream()
    fresh = await story.next_upstream_says(3, again)
    assert stale.is_closed()
    assert not fresh.is_closed()


@pytest.mark.parametrize("trouble", [SubscriptionLost("it fell silent"), LedgerCorrupt("no number")])
async def test_a_lost_upstream_is_opened_again(story: Story, trouble: Exception) -> None:
    tab = story.tab()
    upstream = await story.next_upstream_says(5, tab)
    upstream.says(trouble)
    again = await story.next_upstream()
    assert upstream.is_closed()
    again.says(4)
    assert await shown(tab) == 4
    assert not tab.over


async def test_an_upstream_is_asked_for_until_it_opens_and_the_log_says_so_once_without_the_token(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.refusals = [SubscriptionLost("not there")] * 5
    tab = story.tab()
    await story.next_upstream_says(2, tab)
    assert len(story.asked) == 6
    assert caplog.text.count("trying again") == 1
    assert ADA.refresh_token not in caplog.text


async def test_a_tab_that_opens_during_trouble_is_told_nothing_old(story: Story) -> None:
    first = story.tab()
    upstream = await story.next_upstream_says(5, first)
    story.gate.clear()
    upstream.says(SubscriptionLost("it fell silent"))
    await story.until(lambda: len(story.asked) == 2)
    late = story.tab()
    assert await late.next(timeout_s=0.001) is None
    story.gate.set()
    await story.next_upstream_says(6, first, late)


async def test_a_refused_token_ends_its_tabs_and_the_members_other_sign_in_goes_on(story: Story) -> None:
    story.gate.clear()
    at_desk, on_phone = story.tab(ADA), story.tab(ADAS_PHONE)
    story.revoked.add(ADA.refresh_token)
    story.gate.set()
    await story.next_upstream_says(8, on_phone)
    # Whose turn came first is not the point: at the latest a renewal finds it out.
    story.now_s += RENEW_AFTER_S
    await on_phone.next(timeout_s=0.001)
    assert await ended(at_desk) is True
    assert not on_phone.over


async def test_a_token_that_is_refused_on_the_way_ends_its_tabs(story: Story) -> None:
    tab = story.tab()
    (await story.next_upstream()).says(REFUSED)
    assert await ended(tab) is True


async def test_signing_out_ends_the_tabs_of_that_sign_in_only(story: Story) -> None:
    at_desk, on_phone, bens = story.tab(ADA), story.tab(ADAS_PHONE), story.tab(BEN)
    upstreams = [await story.next_upstream() for _ in range(2)]
    story.hub.sign_out(ADA)
    assert await ended(at_desk) is True
    assert not on_phone.over
    assert not bens.over
    # What was opened as the sign-in that ended is not used any more.
    adas = next(upstream for upstream in upstreams if upstream.member.id == ADA.id)
    if adas.member == ADA:
        assert adas.is_closed()
        adas = await story.next_upstream()
    assert adas.member == ADAS_PHONE
    adas.says(4)
    assert await shown(on_phone) == 4


async def test_an_old_upstream_is_opened_anew_as_each_sign_in_in_turn(story: Story) -> None:
    tabs = [story.tab(ADA), story.tab(ADA), story.tab(ADAS_PHONE)]
    for credits in range(1, 5):
        upstream = await story.next_upstream_says(credits, *tabs)
        story.now_s += RENEW_AFTER_S - 1
        await tabs[0].next(timeout_s=0.001)
        assert not upstream.is_closed()
        story.now_s += 1
        await tabs[0].next(timeout_s=0.001)
        assert upstream.is_closed()
    asked = story.asked[-3:]
    assert asked[0] != asked[1]
    assert set(asked) == {ADA, ADAS_PHONE}
    assert not any(tab.over for tab in tabs)


@pytest.mark.parametrize("story", [{"members_limit": 1, "tabs_limit": 2}], indirect=True)
async def test_the_members_and_the_tabs_of_each_are_limited(story: Story) -> None:
    story.tab(ADA)
    assert story.hub.has_room_for(ADA)
    assert not story.hub.has_room_for(BEN)
    with pytest.raises(HubFull):
        story.hub.join(BEN)
    story.tab(ADA)
    assert not story.hub.has_room_for(ADA)
    with pytest.raises(HubFull):
        story.hub.join(ADA)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_after_a_mistake_of_ours_the_tabs_end_and_may_ask_again(story: Story) -> None:
    tab = story.tab()
    (await story.next_upstream()).says(ZeroDivisionError())
    assert await ended(tab) is False
    # Until the thread is gone, and what it raised has been told within this test.
    await story.until(lambda: all(thread.name != "live-credits" for thread in threading.enumerate()))
    again = story.tab()
    await story.next_upstream_says(1, again)
