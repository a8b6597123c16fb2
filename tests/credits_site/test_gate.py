"""The gate before Django: what it lets through, and with which status it refuses the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from credits_site.gate import BODY_LIMIT_BYTES, HEAD_LIMIT_BYTES, HEADER_LIMIT_BYTES, Gate

BIG_PATH, STREAM_PATH, HEALTH_PATH = "/big", "/stream", "/health"
BIG_BYTES = 1024 * 1024
Headers = list[tuple[bytes, bytes]]


class Site:
    """What stands behind the gate: answers 200, and remembers the bodies it was given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.gate = Gate(
            self._answer,
            body_limits_bytes={BIG_PATH: BIG_BYTES},
            streams={STREAM_PATH},
            uncounted={HEALTH_PATH},
        )

    async def _answer(self, scope: Any, receive: Callable[[], Awaitable[dict[str, Any]]], send: Any) -> None:
        message = await receive()
        assert message["more_body"] is False
        self.bodies.append(message["body"])
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def ask(
        self,
        headers: Headers | None = None,
        *,
        pieces: tuple[bytes, ...] = (b"",),
        path: str = "/",
        query: bytes = b"",
        ends: bool = True,
        client: tuple[str, int] | None = ("192.0.2.1", 1234),
    ) -> dict[str, Any] | None:
        """The start of the answer to one request, whose body arrives in pieces; None when there is none.

        After a body that does not end, nothing more comes.
        """
        sent: list[dict[str, Any]] = []
        waiting = [
            {"type": "http.request", "body": piece, "more_body": not ends or number < len(pieces)}
            for number, piece in enumerate(pieces, start=1)
        ]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else await asyncio.Future()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "path": path, "raw_path": path.encode(), "query_string": query}
        await self.gate(scope | {"headers": headers or [], "client": client}, receive, send)
        return sent[0] if sent else None


def ask(*arguments: Any, **options: Any) -> tuple[int, list[bytes]]:
    """The status of one request, and the bodies that got through."""

    async def run() -> tuple[int, list[bytes]]:
        site = Site()
        start = await site.ask(*arguments, **options)
        assert start is not None
        if start["status"] != 200:
            assert {(b"connection", b"close"), (b"x-content-type-options", b"nosniff")} <= {*start["headers"]}
        return start["status"], site.bodies

    return asyncio.run(run())


def header(name: bytes, length: int) -> Headers:
    return [(name, b";" * length)]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (header(b"content-type", 257), b""),
        (header(b"accept", 1025), b""),
        (header(b"stripe-signature", 1025), b""),
        (header(b"cookie", HEADER_LIMIT_BYTES + 1), b""),
        (header(b"x-anything", HEADER_LIMIT_BYTES + 1), b""),
        (header(b"content-type", 129) * 2, b""),
        (header(b"cookie", 120_000), b""),
        ([(b"x-%d" % number, b"") for number in range(101)], b""),
        ([(b"x-%d" % number, b"a" * 4000) for number in range(5)], b""),
        ([], b"a" * HEAD_LIMIT_BYTES),
        ([(b"x" * HEAD_LIMIT_BYTES, b"")], b""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_headers_that_are_too_long_are_431(headers: Headers, query: bytes) -> None:
    assert ask(headers, query=query) == (431, [])


def test_the_longest_honest_headers_pass() -> None:
    headers = [
        *header(b"content-type", 256),
        *header(b"accept", 1024),
        *header(b"stripe-signature", 1024),
        *header(b"cookie", HEADER_LIMIT_BYTES),
        *header(b"referer", HEADER_LIMIT_BYTES),
    ]
    assert ask(headers, query=b"a" * 4096) == (200, [b""])


@pytest.mark.parametrize("announced", [b"65537", b"536870912", b"9" * 5000])
def test_a_body_that_says_it_is_too_long_is_413_before_it_is_read(announced: bytes) -> None:
    # Reading would wait for ever.
    assert ask([(b"content-length", announced[:300])], pieces=()) == (413, [])


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"10")]])
def test_a_body_that_turns_out_too_long_is_413(headers: Headers) -> None:
    pieces = (b"a" * 40_000, b"b" * 40_000)
    assert ask(headers, pieces=pieces, ends=False) == (413, [])


def test_a_body_comes_through_whole() -> None:
    pieces = (b"a" * 40_000, b"b" * (BODY_LIMIT_BYTES - 40_000))
    assert ask(pieces=pieces) == (200, [b"".join(pieces)])


@pytest.mark.parametrize(("length", "status"), [(BIG_BYTES, 200), (BIG_BYTES + 1, 413)])
def test_a_path_may_take_more(length: int, status: int) -> None:
    assert ask([(b"content-length", b"%d" % length)], pieces=(b"a" * length,), path=BIG_PATH)[0] == status


def test_a_body_that_stays_away_is_408(settings: Any) -> None:
    settings.CLIENT_TIMEOUT_S = 0.01
    assert ask(pieces=(b"topic=ra",), ends=False) == (408, [])


def test_nobody_answers_a_client_that_has_gone() -> None:
    async def run() -> None:
        site = Site()

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            raise AssertionError(message)

        scope = {"type": "http", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        await site.gate(scope | {"client": None}, receive, send)
        assert site.bodies == []

    asyncio.run(run())


def statuses_while(under_way: list[dict[str, Any]], *then: dict[str, Any]) -> list[int]:
    """The statuses of requests while others are under way, which are all let in and end afterwards."""

    async def run() -> list[int]:
        site = Site()
        site.go_on.clear()
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(site.ask(**options)) for options in under_way]
            await asyncio.sleep(0)
            while len(site.bodies) < len(under_way):
                await asyncio.sleep(0)
            later = [group.create_task(site.ask(**options)) for options in then]
            while len(site.bodies) + sum(task.done() for task in later) < len(under_way) + len(then):
                await asyncio.sleep(0)
            site.go_on.set()
        # Afterwards there is room again.
        again = [await site.ask(**options) for options in under_way[:1]]
        assert [start and start["status"] for start in [*(task.result() for task in first), *again]] == [
            200
        ] * (len(under_way) + 1)
        return [status_of(task.result()) for task in later]

    return asyncio.run(run())


def status_of(start: dict[str, Any] | None) -> int:
    assert start is not None
    if start["status"] == 503:
        assert int(dict(start["headers"])[b"retry-after"]) > 0
    return int(start["status"])


def test_only_so_many_requests_are_under_way_and_health_and_streams_are_not_among_them(settings: Any) -> None:
    settings.REQUESTS_PER_PROCESS = 2
    others = [{}, {"path": HEALTH_PATH}, {"path": STREAM_PATH}]
    assert statuses_while([{}, {}], *others) == [503, 200, 200]


def test_only_so_many_streams_are_open(settings: Any) -> None:
    settings.STREAMS_PER_PROCESS = 2
    streams = [{"path": STREAM_PATH, "client": (address, 1)} for address in ("192.0.2.1", "192.0.2.2")]
    assert statuses_while(streams, {"path": STREAM_PATH, "client": ("192.0.2.3", 1)}, {}) == [503, 200]


def test_only_so_many_streams_are_open_of_one_network(settings: Any) -> None:
    settings.STREAMS_PER_ADDRESS = 1
    ada, her_phone, ben = (
        {"path": STREAM_PATH, "client": (address, 1)}
        for address in ("2001:db8:1:2::1", "2001:db8:1:2::ffff", "2001:db8:1:3::1")
    )
    assert statuses_while([ada], her_phone, ben) == [503, 200]


def test_programs_are_refused_in_json() -> None:
    async def run() -> None:
        for who in ((b"accept", b"application/json"), (b"authorization", b"Bearer ic_x")):
            start = await Site().ask([who, *header(b"content-type", 257)])
            assert start is not None
            kind = dict(start["headers"])[b"content-type"]
            assert (start["status"], kind) == (431, b"application/problem+json")

    asyncio.run(run())
