"""Live queries: the wire format, and when something is sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Harness, new_id, refused

WAIT_S = 5.0
QUIET_S = 0.05
POSTS: dict[str, Any] = {"posts": {}}
Stream = AsyncIterator[bytes]


def listen(
    instant: Harness,
    story: Callable[[Stream], Awaitable[Any]],
    query: Any = POSTS,
    headers: dict[str, str] | None = None,
    before: Callable[[], object] = lambda: None,
) -> Any:
    """Open a stream, do what comes `before` it is read, and tell a story with it: what the story returns."""
    response = instant.send("POST", "/admin/subscribe-query", {"query": query}, headers)
    assert response.headers["content-type"] == "text/event-stream; charset=UTF-8"
    assert response.headers["cache-control"] == "nocache"
    assert response.stream is not None
    stream = response.stream
    before()

    async def run() -> Any:
        try:
            return await story(stream)
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator, which has it

    return asyncio.run(run())


async def message(stream: Stream) -> dict[str, Any]:
    line = await asyncio.wait_for(anext(stream), WAIT_S)
    assert line.startswith(b"data:{")
    assert line.endswith(b"}\n\n")
    parsed: dict[str, Any] = json.loads(line.removeprefix(b"data:"))
    return parsed


async def opened(stream: Stream) -> dict[str, Any]:
    """Past the greeting: the first answer."""
    assert await anext(stream) == b"retry:500\n\n"
    init = await message(stream)
    assert {"op", "machine-id", "session-id", "sse-token", "trace-id"} == set(init)
    return await message(stream)


async def silent(stream: Stream) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), QUIET_S)


def test_the_stream_begins_with_its_greeting_and_the_whole_answer(instant: Harness) -> None:
    post = new_id()
    tx_id = instant.transact(["create", "posts", post, {"n": 1}])
    query = {"posts": {"$": {"limit": 1}}}
    first = listen(instant, opened, query)
    assert (first["op"], first["q"], first["processed-tx-id"]) == ("add-query-ok", query, tx_id)
    assert first["result"] == {"posts": [{"id": post, "n": 1}]}
    page = first["result-meta"]["page-info"]["posts"]
    assert page["start-cursor"][0] == page["end-cursor"][0] == post
    assert (page["has-next-page?"], page["has-previous-page?"]) == (False, False)


def test_a_tree_comes_once_more_after_a_write_elsewhere_then_only_when_changed(instant: Harness) -> None:
    async def story(stream: Stream) -> None:
        first = await opened(stream)
        assert [post["n"] for post in first["result"]["posts"]] == [7]
        instant.create("others", n=1)
        again = await message(stream)
        assert again["computations"][0]["instaql-result"] == first["result"]
        instant.create("others", n=2)
        waiting = asyncio.ensure_future(message(stream))
        done, _ = await asyncio.wait({waiting}, timeout=QUIET_S)
        assert not done
        instant.create("posts", n=8)
        refresh = await waiting
        assert refresh["op"] == "refresh-ok"
        (computation,) = refresh["computations"]
        assert [post["n"] for post in computation["instaql-result"]["posts"]] == [7, 8]
        assert (computation["instaql-query"], computation["result-changed?"]) == (POSTS, True)

    instant.create("posts", n=7)
    instant.now += 1
    listen(instant, story)


def test_a_change_before_the_stream_is_read_is_not_missed(instant: Harness) -> None:
    async def story(stream: Stream) -> Any:
        await opened(stream)
        return (await message(stream))["op"]

    assert listen(instant, story, before=lambda: instant.create("posts", n=1)) == "refresh-ok"


def test_a_subscription_sees_what_its_caller_may_see_and_outlives_sign_out(instant: Harness) -> None:
    ada, as_ada = instant.sign_in("ada@example.com")

    async def story(stream: Stream) -> list[Any]:
        first = await opened(stream)
        instant.call("POST", "/admin/sign_out", {"id": ada})
        instant.sign_in("ben@example.com")
        instant.transact(["update", "$users", ada, {"nick": "A"}])
        refresh = await message(stream)
        return [first["result"]["$users"], refresh["computations"][0]["instaql-result"]["$users"]]

    before, after = listen(instant, story, {"$users": {}}, as_ada)
    assert [user["id"] for user in before] == [user["id"] for user in after] == [ada]
    assert after[0]["nick"] == "A"


def test_counts_and_pages_travel_beside_the_answer(instant: Harness) -> None:
    for n in range(3):
        instant.create("posts", n=n)
    counted = listen(instant, opened, {"posts": {"$": {"aggregate": "count"}}})
    assert counted["result"] == {"posts": []}
    assert counted["result-meta"]["aggregate"] == {"posts": {"count": 3}}
    paged = listen(instant, opened, {"posts": {"$": {"limit": 2}}})
    assert paged["result-meta"]["page-info"]["posts"]["has-next-page?"] is True


def test_a_caller_who_is_nobody_is_refused_before_the_stream_opens(instant: Harness) -> None:
    with refused("record-not-found"):
        instant.call("POST", "/admin/subscribe-query", {"query": {}}, {"as-token": new_id()})


def test_an_invalid_query_is_an_error_on_the_open_stream_and_the_last_word(instant: Harness) -> None:
    query = {"posts": {"$": {"limit": 0}}}

    async def story(stream: Stream) -> dict[str, Any]:
        error = await opened(stream)
        instant.create("posts", n=3)
        await silent(stream)
        return error

    error = listen(instant, story, query)
    assert (error["op"], error["status"], error["type"]) == ("error", 400, "validation-failed")
    assert error["hint"]["data-type"] == "query"
    assert (error["original-event"]["op"], error["original-event"]["q"]) == ("add-query", query)


def test_after_an_error_the_stream_stays_open_and_says_nothing_more(instant: Harness) -> None:
    instant.create("posts", n=1)
    instant.push_rules({"posts": {"allow": {"view": "data.n > 0"}}})

    async def story(stream: Stream) -> dict[str, Any]:
        await opened(stream)
        instant.create("posts", n="a text")
        error = await message(stream)
        instant.create("posts", n=3)
        await silent(stream)
        return error

    error = listen(instant, story, headers=GUEST)
    assert (error["op"], error["status"], error["type"]) == ("error", 400, "permission-evaluation-failed")


def test_a_lone_colon_keeps_an_idle_stream_alive() -> None:
    async def story(stream: Stream) -> bytes:
        await opened(stream)
        return await asyncio.wait_for(anext(stream), WAIT_S)

    with closing(Harness(keep_alive_s=0.02)) as instant:
        assert listen(instant, story) == b":\n\n"


def test_writes_go_on_when_a_stream_has_ended(instant: Harness) -> None:
    listen(instant, opened)
    instant.create("posts", n=1)
    assert len(instant.find("posts")) == 1
