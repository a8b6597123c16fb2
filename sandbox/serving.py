"""What both stand-ins share: a request and an answer as plain values, and a server that carries them.

A stand-in is one synchronous function from `Request` to `Response`. `serve()` puts it on a real port; the
simulator calls it directly, with no socket in between, and so sees the very same behaviour.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import uvicorn

# Enough threads that held requests (see `faults.py`) cannot starve the others.
WORKER_THREADS = 96


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is percent-decoded, `query` is raw, header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. With `stream`, `body` is ignored and the connection stays open while it yields."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None

    @classmethod
    def json(cls, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """An answer whose body is `value` as JSON."""
        return cls(
            status=status,
            body=json.dumps(value).encode(),
            headers={"content-type": "application/json"} | dict(headers or {}),
        )


class AnswerDropped(Exception):
    """Raised by a handler to close the connection without a byte of answer.

    With `after_bytes`, that much of the answer is sent first, so that the reader gets half a body.
    """

    def __init__(self, *, answer: Response | None = None, after_bytes: int = 0) -> None:
        super().__init__("the connection is closed without a whole answer")
        self.answer = answer
        self.after_bytes = after_bytes


Handler = Callable[[Request], Response]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class StandInApplication:
    """The ASGI face of one `Handler`: reads the request whole, answers from a thread."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._threads = ThreadPoolExecutor(max_workers=WORKER_THREADS, thread_name_prefix="stand-in")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=await _whole_body(receive),
        )
        loop = asyncio.get_running_loop()
        try:
            response = await loop.run_in_executor(self._threads, self._handler, request)
        except AnswerDropped as drop:
            await _drop(send, drop)
            return
        if response.stream is None:
            await _start(send, response, length=len(response.body))
            await send({"type": "http.response.body", "body": response.body})
        else:
            await _relay(send, receive, response)


def serve(handler: Handler, *, port: int, host: str = "127.0.0.1") -> None:
    """Answer on `host`:`port` until the process is told to stop (SIGINT or SIGTERM)."""
    uvicorn.run(
        StandInApplication(handler),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _start(send: Send, response: Response, *, length: int | None) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _relay(send: Send, receive: Receive, response: Response) -> None:
    """Pass a stream on until it ends or the reader goes away, and close it either way."""
    stream = response.stream
    if stream is None:
        raise TypeError("only an answer with a stream can be relayed")
    await _start(send, response, length=None)

    async def pump() -> None:
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(pump()), asyncio.ensure_future(hang_up())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        aclose = getattr(stream, "aclose", None)
        if aclose is not None:
            await aclose()


async def _drop(send: Send, drop: AnswerDropped) -> None:
    if drop.answer is not None and drop.after_bytes:
        await _start(send, drop.answer, length=len(drop.answer.body))
        part = drop.answer.body[: drop.after_bytes]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        # The bytes must leave before the reset, or the reader would see nothing at all.
        await asyncio.sleep(0.01)
    # ASGI has no word for hanging up. uvicorn's `send` is a method of the object that owns the connection.
    send.__self__.transport.abort()  # type: ignore[attr-defined]
