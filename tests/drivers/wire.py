"""One raw HTTP request to the site's ASGI application in this process, as uvicorn would hand it on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from asgiref.sync import async_to_sync

from credits_site.asgi import application

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it comes off a socket: nothing in it need make sense. `target` is ASCII, percent-encoded."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back; of a stream only the beginning."""

    status: int
    headers: Headers
    body: bytes


def ask(request: RawRequest) -> RawAnswer:
    """Send one request; a stream is left as soon as it has begun."""
    answer: RawAnswer = async_to_sync(_exchange)(request)
    return answer


async def _exchange(request: RawRequest) -> RawAnswer:
    path, _, query = request.target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    waiting = [{"type": "http.request", "body": request.body, "more_body": False}]
    begun = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            begun.set()

    await application(scope, receive, send)
    start, *bodies = sent
    return RawAnswer(start["status"], start["headers"], b"".join(each.get("body", b"") for each in bodies))
