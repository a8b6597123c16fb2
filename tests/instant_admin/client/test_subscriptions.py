"""Live queries: what comes off the wire, what ends them, and how they come back."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import ReadTimeoutError

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import (
    InstantBroken,
    InstantError,
    InstantRejected,
    InstantUnreachable,
    MemberTokenRefused,
    SubscriptionLost,
)
from instant_admin.client.protocol import read_event
from instant_admin.client.sse import EventStream, event_texts
from instant_admin.client.subscriptions import LiveQuery, Subscription, newest_of
from instant_admin.client.types import Tree
from tests.instant_admin.client.wires import REFRESH, TOKEN, URI

QUERY: dict[str, Any] = {"haikus": {}}
WAIT_S = 10.0


def event(message: Any) -> bytes:
    return b"data:" + json.dumps(message).encode() + b"\n\n"


def first(tree: Any) -> dict[str, Any]:
    return {"op": "add-query-ok", "q": QUERY, "result": tree}


def refreshed(*trees: Any) -> dict[str, Any]:
    return {"op": "refresh-ok", "computations": [{"instaql-result": tree} for tree in trees]}


def tree(*numbers: int) -> Tree:
    return {"haikus": [{"id": str(number)} for number in numbers]}


# --- the format ---------------------------------------------------------------------------------------------

WRITTEN = b"retry:500\n\n:\n" + b'data:{"a":1}\n\n' + b"data: [\ndata:2]\n\n:\n\n\nevent: x\n\n"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_are_read_however_they_are_cut(size: int, end: bytes) -> None:
    written = WRITTEN.replace(b"\n", end)
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    assert list(event_texts(pieces)) == [b'{"a":1}', b"[\n2]"]


def test_half_an_event_is_none() -> None:
    assert list(event_texts([b'data:{"a":1}\n'])) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (first(tree(1)), tree(1)),
        (refreshed(tree(1), tree(2)), tree(2)),
        ([first(tree(1)), refreshed(tree(3))], tree(3)),
        ({"op": "refresh-ok", "computations": [], "attrs": []}, None),
        ({"op": "sse-init", "sse-token": TOKEN}, None),
        ({"op": "app-status-changed", "status": "read-only"}, None),
        ("something new", None),
    ],
)
def test_only_answers_bring_a_tree(message: Any, expected: Tree | None) -> None:
    assert read_event(QUERY, json.dumps(message).encode()) == expected


@pytest.mark.parametrize("message", [first(None), first({"others": []}), refreshed({})])
def test_an_answer_without_what_was_asked_for_is_nonsense(message: Any) -> None:
    with pytest.raises(InstantBroken):
        read_event(QUERY, json.dumps(message).encode())


def test_an_error_ends_it_and_tells_no_secret() -> None:
    message = {"op": "error", "status": 500, "type": "timeout", "hint": {"input": REFRESH}}
    with pytest.raises(SubscriptionLost) as raised:
        read_event(QUERY, json.dumps(message).encode())
    refusal = raised.value.refusal
    assert refusal is not None
    assert (refusal.type, refusal.status) == ("timeout", 500)
    assert not raised.value.may_have_been_written
    assert REFRESH not in str(raised.value)


def test_an_event_that_is_no_json_ends_it() -> None:
    with pytest.raises(SubscriptionLost, match="no JSON"):
        read_event(QUERY, b"{")


# --- one connection -----------------------------------------------------------------------------------------


def test_a_subscription_asks_as_the_member_and_waits_for_three_signs_of_life(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    body = (
        b"retry:500\n\n"
        + event({"op": "sse-init"})
        + event(first(tree()))
        + b":\n\n"
        + event(refreshed(tree(1)))
    )
    wire.post(
        f"{URI}/admin/subscribe-query",
        body=body,
        match=[
            responses.matchers.header_matcher({"As-Token": REFRESH, "Accept-Encoding": "identity"}),
            responses.matchers.json_params_matcher({"query": {"haikus": {}, "$$ruleParams": {"p": 1}}}),
            responses.matchers.request_kwargs_matcher({"timeout": (3.05, 45.0), "stream": True}),
        ],
    )
    trees = instant.as_member(REFRESH).subscribe_query(QUERY, rule_params={"p": 1})
    assert [next(trees), next(trees)] == [tree(), tree(1)]
    with pytest.raises(SubscriptionLost, match="the server ended it"):
        next(trees)
    assert "Authorization" not in wire.calls[0].request.headers


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"type": "record-not-found", "hint": {"record-type": "app-user"}}, MemberTokenRefused),
        (400, {"type": "validation-failed"}, InstantRejected),
        (503, {"message": "away"}, InstantBroken),
    ],
)
def test_a_refusal_comes_before_the_stream(
    wire: responses.RequestsMock, instant: InstantAdmin, status: int, body: Any, error: type[InstantError]
) -> None:
    wire.post(f"{URI}/admin/subscribe-query", status=status, json=body)
    with pytest.raises(error):
        instant.as_member(REFRESH).subscribe_query(QUERY)


def test_nobody_there_is_unreachable(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/subscribe-query", body=requests.ConnectionError("refused"))
    with pytest.raises(InstantUnreachable):
        instant.subscribe_query(QUERY)


class BrokenAnswer:
    """An answer that gives its pieces and then fails, or waits until it is shut down."""

    def __init__(self, *pieces: bytes, failure: Exception | None = None) -> None:
        self.pieces = list(pieces)
        self.failure = failure
        self.closed = False
        self._shut = threading.Event()

    def read1(self, size: int) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if self.failure is not None:
            raise self.failure
        assert self._shut.wait(WAIT_S)
        return b""

    def shutdown(self) -> None:
        self._shut.set()

    def close(self) -> None:
        self.closed = True


def subscription(answer: BrokenAnswer) -> Subscription:
    return Subscription(QUERY, EventStream(answer))  # type: ignore[arg-type]  # has all that is used of it


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ReadTimeoutError(None, "/", "Read timed out"), "silent"),  # type: ignore[arg-type]
        (ConnectionResetError("reset"), "ConnectionResetError"),
    ],
)
def test_silence_and_a_broken_connection_end_it_and_let_go_of_the_connection(
    failure: Exception, reason: str
) -> None:
    answer = BrokenAnswer(event(first(tree(1))), failure=failure)
    trees = subscription(answer)
    assert next(trees) == tree(1)
    with pytest.raises(SubscriptionLost, match=reason):
        next(trees)
    assert answer.closed


def test_closing_wakes_the_thread_that_waits() -> None:
    answer = BrokenAnswer(event(first(tree(1))))
    trees = subscription(answer)
    seen: list[Tree] = []
    arrived = threading.Event()

    def read() -> None:
        for each in trees:
            seen.append(each)
            arrived.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert arrived.wait(WAIT_S)
    trees.close()
    reader.join(WAIT_S)
    assert not reader.is_alive()
    assert seen == [tree(1)]
    assert answer.closed


def test_leaving_the_context_closes_the_connection() -> None:
    answer = BrokenAnswer(event(first(tree(1))))
    with subscription(answer) as trees:
        assert next(trees) == tree(1)
    assert answer.closed


# --- connecting again ---------------------------------------------------------------------------------------


class Server:
    """Subscribing to it does one thing after the other; its clock stands still unless it is told."""

    def __init__(self, *turns: BrokenAnswer | InstantError) -> None:
        self.turns: Iterator[BrokenAnswer | InstantError] = iter(turns)
        self.pauses: list[float] = []
        self.now_s = 0.0

    def subscribe(self) -> Subscription:
        turn = next(self.turns)
        if isinstance(turn, InstantError):
            raise turn
        return subscription(turn)

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return False

    def live(self) -> LiveQuery:
        return LiveQuery(self.subscribe, jitter=lambda: 1.0, now=lambda: self.now_s, wait=self.wait)


def lost(*trees: Tree) -> BrokenAnswer:
    return BrokenAnswer(*(event(first(each)) for each in trees), failure=ConnectionResetError())


UNREACHABLE = InstantUnreachable("nobody", may_have_been_written=False)


def test_a_lost_subscription_is_opened_again_with_growing_pauses_and_a_limit() -> None:
    server = Server(lost(tree(1)), *[UNREACHABLE] * 7, lost(tree(2)))
    live = server.live()
    assert [next(live), next(live)] == [tree(1), tree(2)]
    assert server.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


def test_pauses_start_over_after_a_subscription_that_lived() -> None:
    server = Server(UNREACHABLE, UNREACHABLE, lost(tree(1)), lost(tree(2)))
    live = server.live()
    next(live)
    server.now_s += 60
    next(live)
    assert server.pauses == [0.5, 1.0, 0.5]


def test_chance_shortens_a_pause_by_up_to_half() -> None:
    server = Server(UNREACHABLE, lost(tree(1)))
    live = LiveQuery(server.subscribe, jitter=lambda: 0.0, now=lambda: 0.0, wait=server.wait)
    next(live)
    assert server.pauses == [0.25]


def test_what_was_said_before_is_not_said_again() -> None:
    live = Server(lost(tree(1)), lost(tree(1), tree(2))).live()
    assert [next(live), next(live)] == [tree(1), tree(2)]


def test_a_refusal_ends_it_for_good(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    refusal = {"type": "record-not-found", "hint": {"record-type": "app-user"}}
    wire.post(f"{URI}/admin/subscribe-query", status=400, json=refusal)
    live = instant.as_member(REFRESH).live_query(QUERY)
    with pytest.raises(MemberTokenRefused):
        next(live)


def test_closing_ends_a_pause_too() -> None:
    waiting = threading.Event()

    def subscribe() -> Subscription:
        waiting.set()
        raise UNREACHABLE

    live = LiveQuery(subscribe, jitter=lambda: 1.0)
    reader = threading.Thread(target=lambda: list(live))
    reader.start()
    assert waiting.wait(WAIT_S)
    live.close()
    reader.join(WAIT_S)
    assert not reader.is_alive()


def test_closing_while_it_connects_closes_what_it_gets() -> None:
    answer = BrokenAnswer(event(first(tree(1))))

    def subscribe() -> Subscription:
        live.close()
        return subscription(answer)

    live = LiveQuery(subscribe)
    assert list(live) == []
    assert answer.closed


def test_closing_ends_a_live_query_that_waits_for_news() -> None:
    answer = BrokenAnswer(event(first(tree(1))))
    with Server(answer).live() as live:
        assert next(live) == tree(1)
    assert list(live) == []
    assert answer.closed


# --- for coroutines -----------------------------------------------------------------------------------------


class Feed:
    """A source that has some trees, once it may begin, and then fails or waits to be closed."""

    def __init__(self, *trees: Tree, failure: InstantError | None = None) -> None:
        self.trees = trees
        self.failure = failure
        self.begin = threading.Event()
        self.spent = threading.Event()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Tree]:
        assert self.begin.wait(WAIT_S)
        yield from self.trees
        self.spent.set()
        if self.failure is not None:
            raise self.failure
        assert self.closed.wait(WAIT_S)

    def close(self) -> None:
        self.closed.set()


def taken_after(feed: Feed, story: Callable[[AsyncGenerator[Tree]], Any]) -> Any:
    async def run() -> Any:
        return await asyncio.wait_for(story(newest_of(lambda: feed)), WAIT_S)

    return asyncio.run(run())


def test_only_the_newest_tree_waits_for_a_slow_coroutine() -> None:
    feed = Feed(tree(1), tree(2), tree(3), failure=SubscriptionLost("over"))

    async def story(trees: AsyncGenerator[Tree]) -> Tree:
        waiting = asyncio.ensure_future(anext(trees))
        await asyncio.sleep(0)  # now it waits; and takes nothing while this loop is kept busy
        feed.begin.set()
        assert feed.spent.wait(WAIT_S)
        newest = await waiting
        with pytest.raises(SubscriptionLost):
            await anext(trees)
        return newest

    assert taken_after(feed, story) == tree(3)


def test_cancelling_closes_the_source_at_once() -> None:
    feed = Feed(tree(1))
    feed.begin.set()

    async def story(trees: AsyncGenerator[Tree]) -> None:
        assert await anext(trees) == tree(1)
        waiting = asyncio.ensure_future(anext(trees))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    taken_after(feed, story)
    assert feed.closed.wait(WAIT_S)


def test_a_source_that_opens_after_the_cancelling_is_closed_then() -> None:
    feed, let_open = Feed(), threading.Event()
    feed.begin.set()

    def open_late() -> Feed:
        assert let_open.wait(WAIT_S)
        return feed

    async def story() -> None:
        waiting = asyncio.ensure_future(anext(newest_of(open_late)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    let_open.set()
    assert feed.closed.wait(WAIT_S)


def test_what_is_refused_is_raised_where_it_is_awaited(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/subscribe-query", status=400, json={"type": "validation-failed"})

    async def story() -> None:
        with pytest.raises(InstantRejected):
            await asyncio.wait_for(anext(instant.asubscribe_query(QUERY)), WAIT_S)

    asyncio.run(story())
