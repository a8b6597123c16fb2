"""Live queries: the wire format, and when something is sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Harness, Refused, new_id

WAIT_S = 5.0
Story = Callable[[AsyncIterator[bytes]], Awaitable[Any]]


def listen(
    instant: Harness, story: Story, query: Any, headers: dict[str, str] | None = None
) -> tuple[dict[str, str], Any]:
    """Open a stream and tell a story with it; the answer's headers and what the story returns."""
    response = instant.send("POST", "/admin/subscribe-query", {"query": query}, headers)
    if response.stream is None:
        raise Refused(response.status, json.loads(response.body))
    stream = response.stream

    async def run() -> Any:
        try:
            return await story(stream)
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator, which has it

    return dict(response.headers), asyncio.run(run())


async def message(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    line = await asyncio.wait_for(anext(stream), WAIT_S)
    assert line.startswith(b"data:{")
    assert line.endswith(b"}\n\n")
    parsed: dict[str, Any] = json.loads(line.removeprefix(b"data:"))
    return parsed


async def opened(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    """Past the greeting: the first answer."""
    assert await anext(stream) == b"retry:500\n\n"
    init = await message(stream)
    assert {"op", "machine-id", "session-id", "sse-token", "trace-id"} == set(init)
    return await message(stream)


def test_the_stream_begins_with_its_greeting_and_the_whole_answer(instant: Harness) -> None:
    post = new_id()
    tx_id = instant.transact(["create", "posts", post, {"n": 1}])
    query = {"posts": {"$": {"limit": 1}}}
    headers, first = listen(instant, opened, query)
    assert headers["content-type"] == "text/event-stream; charset=UTF-8"
    assert headers["cache-control"] == "nocache"
    assert (first["op"], first["q"], first["processed-tx-id"]) == ("add-query-ok", query, tx_id)
    assert first["result"] == {"posts": [{"id": post, "n": 1}]}
    page = first["result-meta"]["page-info"]["posts"]
    assert page["start-cursor"][0] == page["end-cursor"][0] == post
    assert (page["has-next-page?"], page["has-previous-page?"]) == (False, False)


def test_the_same_tree_is_sent_once_more_after_a_write_elsewhere(instant: Harness) -> None:
    async def story(stream: AsyncIterator[bytes]) -> list[Any]:
        first = await opened(stream)
        instant.transact(["create", "others", new_id(), {"n": 1}])
        refresh = await message(stream)
        return [first["result"], refresh["computations"][0]["instaql-result"]]

    instant.transact(["create", "posts", new_id(), {"n": 7}])
    _, (first, again) = listen(instant, story, {"posts": {}})
    assert [post["n"] for post in first["posts"]] == [7]
    assert again == first


def test_then_a_change_of_the_answer_is_sent_whole_and_nothing_else_is(instant: Harness) -> None:
    async def story(stream: AsyncIterator[bytes]) -> dict[str, Any]:
        await opened(stream)
        instant.transact(["create", "others", new_id(), {"n": 1}])
        await message(stream)
        instant.transact(["create", "others", new_id(), {"n": 2}])
        waiting = asyncio.ensure_future(message(stream))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        instant.transact(["create", "posts", new_id(), {"n": 7}])
        return await waiting

    _, refresh = listen(instant, story, {"posts": {}})
    assert refresh["op"] == "refresh-ok"
    (computation,) = refresh["computations"]
    assert [post["n"] for post in computation["instaql-result"]["posts"]] == [7]
    assert computation["instaql-query"] == {"posts": {}}
    assert computation["result-changed?"] is True


def test_a_change_before_the_stream_is_read_is_not_missed(instant: Harness) -> None:
    response = instant.send("POST", "/admin/subscribe-query", {"query": {"posts": {}}})
    assert response.stream is not None
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    stream = response.stream

    async def story() -> str:
        await opened(stream)
        refresh = await message(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator, which has it
        return str(refresh["op"])

    assert asyncio.run(story()) == "refresh-ok"


def test_a_subscription_sees_what_its_caller_may_see_and_outlives_sign_out(instant: Harness) -> None:
    ada, as_ada = instant.sign_in("ada@example.com")

    async def story(stream: AsyncIterator[bytes]) -> list[Any]:
        first = await opened(stream)
        instant.call("POST", "/admin/sign_out", {"id": ada})
        instant.sign_in("ben@example.com")
        instant.transact(["update", "$users", ada, {"nick": "A"}])
        refresh = await message(stream)
        return [first["result"]["$users"], refresh["computations"][0]["instaql-result"]["$users"]]

    _, (before, after) = listen(instant, story, {"$users": {}}, as_ada)
    assert [user["id"] for user in before] == [user["id"] for user in after] == [ada]
    assert after[0]["nick"] == "A"


def test_counts_and_pages_travel_beside_the_answer(instant: Harness) -> None:
    instant.transact(*(["create", "posts", new_id(), {"n": n}] for n in range(3)))
    _, first = listen(instant, opened, {"posts": {"$": {"aggregate": "count"}}})
    assert first["result"] == {"posts": []}
    assert first["result-meta"]["aggregate"] == {"posts": {"count": 3}}
    _, first = listen(instant, opened, {"posts": {"$": {"limit": 2}}})
    assert first["result-meta"]["page-info"]["posts"]["has-next-page?"] is True


def test_a_caller_who_is_nobody_is_refused_before_the_stream_opens(instant: Harness) -> None:
    with pytest.raises(Refused, match="record-not-found"):
        listen(instant, opened, {}, {"as-token": new_id()})


def test_an_invalid_query_is_an_error_on_the_open_stream_and_the_last_word(instant: Harness) -> None:
    query = {"posts": {"$": {"limit": 0}}}

    async def story(stream: AsyncIterator[bytes]) -> dict[str, Any]:
        error = await opened(stream)
        instant.transact(["create", "posts", new_id(), {"n": 3}])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        return error

    instant.transact(["create", "posts", new_id(), {"n": 1}])
    _, error = listen(instant, story, query)
    assert (error["op"], error["status"], error["type"]) == ("error", 400, "validation-failed")
    assert error["hint"]["data-type"] == "query"
    assert (error["original-event"]["op"], error["original-event"]["q"]) == ("add-query", query)


def test_after_an_error_the_stream_stays_open_and_says_nothing_more(instant: Harness) -> None:
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    instant.push_rules({"posts": {"allow": {"view": "data.n > 0"}}})

    async def story(stream: AsyncIterator[bytes]) -> dict[str, Any]:
        await opened(stream)
        instant.transact(["create", "posts", new_id(), {"n": "a text"}])
        error = await message(stream)
        instant.transact(["create", "posts", new_id(), {"n": 3}])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        return error

    _, error = listen(instant, story, {"posts": {}}, GUEST)
    assert (error["op"], error["status"], error["type"]) == ("error", 400, "permission-evaluation-failed")


def test_a_lone_colon_keeps_an_idle_stream_alive() -> None:
    instant = Harness(keep_alive_s=0.02)

    async def story(stream: AsyncIterator[bytes]) -> bytes:
        await opened(stream)
        return await asyncio.wait_for(anext(stream), WAIT_S)

    assert listen(instant, story, {"posts": {}})[1] == b":\n\n"


def test_writes_go_on_when_a_stream_has_ended(instant: Harness) -> None:
    listen(instant, opened, {"posts": {}})
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    assert len(instant.find("posts")) == 1
