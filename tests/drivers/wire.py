"""One raw HTTP request to the site's ASGI application in this process, as uvicorn would hand it on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from asgiref.sync import async_to_sync, sync_to_async

from credits_site.asgi import site
from credits_site.plain_text import Application

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class TestThread(Executor):
    """Runs what is submitted in the thread of the test, which has its transaction."""

    def submit(self, work: Any, /, *args: Any, **options: Any) -> Future[Any]:
        """Called on the loop that `async_to_sync` has started."""
        working = sync_to_async(work)(*args, **options)
        return asyncio.run_coroutine_threadsafe(working, asyncio.get_running_loop())


def made_anew() -> Application:
    """The application once more: some of Django's middleware reads its settings only when it is made."""
    return site(TestThread())


application = made_anew()


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

    def __getitem__(self, name: str) -> str:
        """A header, as Django's responses have them."""
        return next(value.decode() for found, value in self.headers if found.decode().lower() == name.lower())


def get(path: str, *, host: str = "localhost", method: str = "GET", **headers: str) -> RawAnswer:
    """Ask as somebody's browser or a load balancer does."""
    sent = [("host", host), *headers.items()]
    return ask(RawRequest(method, path, [(name.encode(), value.encode()) for name, value in sent]))


def ask(request: RawRequest, *, of: Application = application, parts: int = 1) -> RawAnswer:
    """Send one request, and leave when so many parts of its answer have come: streams have no end."""
    answer: RawAnswer = async_to_sync(_exchange)(request, of, parts)
    return answer


async def _exchange(request: RawRequest, application: Application, parts: int) -> RawAnswer:
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
        if len(sent) > parts:  # the first is the head
            begun.set()

    await application(scope, receive, send)
    start, *bodies = sent
    return RawAnswer(start["status"], start["headers"], b"".join(each.get("body", b"") for each in bodies))
