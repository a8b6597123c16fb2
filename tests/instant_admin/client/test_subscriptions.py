"""Live queries: what comes off the wire, and what ends them."""

import json
import threading
from typing import Any

import pytest
import requests
from responses import RequestsMock, matchers
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
from instant_admin.client.subscriptions import Subscription
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


# The format


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


@pytest.mark.parametrize(
    "message",
    [
        *(first(None), first({"others": []}), refreshed({})),
        *({"op": "refresh-ok", "computations": odd} for odd in (7, "text", [7], [None], {"x": 7})),
    ],
)
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


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000], ids=["half", "too deep"])
def test_an_event_that_is_no_json_ends_it(text: bytes) -> None:
    with pytest.raises(SubscriptionLost, match="no JSON"):
        read_event(QUERY, text)


# One connection


def test_a_subscription_asks_as_the_member_and_waits_for_three_signs_of_life(
    wire: RequestsMock, instant: InstantAdmin
) -> None:
    pieces = (b"retry:500\n\n", event({"op": "sse-init"}), event(first(tree())), b":\n\n")
    wire.post(
        f"{URI}/admin/subscribe-query",
        body=b"".join([*pieces, event(refreshed(tree(1)))]),
        match=[
            matchers.header_matcher({"As-Token": REFRESH, "Accept-Encoding": "identity"}),
            matchers.json_params_matcher({"query": {"haikus": {}}}),
            matchers.request_kwargs_matcher({"timeout": (3.05, 45.0), "stream": True}),
        ],
    )
    trees = instant.as_member(REFRESH).subscribe_query(QUERY)
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
    wire: RequestsMock, instant: InstantAdmin, status: int, body: Any, error: type[InstantError]
) -> None:
    wire.post(f"{URI}/admin/subscribe-query", status=status, json=body)
    with pytest.raises(error):
        instant.as_member(REFRESH).subscribe_query(QUERY)


def test_nobody_there_is_unreachable(wire: RequestsMock, instant: InstantAdmin) -> None:
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
