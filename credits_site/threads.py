"""Django in threads: what is not a stream is answered from its first middleware to its last in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from contextvars import copy_context
from io import BytesIO
from typing import Any, cast

from django.core.handlers.asgi import get_script_prefix
from django.core.signals import request_started
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from credits_site.headers import Handler
from credits_site.plain_text import Receive, Send


class ThreadedHandler(Handler):
    """Django for an ASGI server, on `threads` that outlive a request and keep their database connections.

    Django's own handler crosses between its loop and a thread wherever one middleware is of another kind than the
    next, and gives each request a thread and a connection of its own.
    """

    def __init__(self, threads: Executor) -> None:
        super().__init__()
        self._threads = threads

    def load_middleware(self, is_async: bool = False) -> None:
        """All of it is called, none awaited."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer in a thread as soon as one is free. When the client has gone by then, nothing is done."""
        body = BytesIO((await receive())["body"])  # whole, the gate sees to that
        job = self._threads.submit(copy_context().run, self._answer, scope, body)
        leaving = asyncio.ensure_future(receive())
        try:
            answering = asyncio.wrap_future(job)
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not (leaving.done() and job.cancel()):
                await self._send(await answering, send, leaving)
        finally:
            leaving.cancel()

    def _answer(self, scope: Any, body: BytesIO) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = self.get_response(request) if request else cast(HttpResponseBase, refusal)
        if not response.streaming:
            response.close()
        return response

    async def _send(self, response: HttpResponseBase, send: Send, leaving: asyncio.Future[Any]) -> None:
        cookies = (("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values())
        headers = [(name.encode(), value.encode("latin-1")) for name, value in (*response.items(), *cookies)]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if not response.streaming:
            await send({"type": "http.response.body", "body": b"".join(response)})
            return
        with closing(response):
            parts: Iterator[bytes] = iter(response)

            def following() -> bytes | None:
                return next(parts, None)

            # Each in a thread, as long as somebody takes them.
            while not leaving.done():
                part = await asyncio.wrap_future(self._threads.submit(copy_context().run, following))
                await send({"type": "http.response.body", "body": part or b"", "more_body": part is not None})
                if part is None:
                    return
