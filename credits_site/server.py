"""The server: uvicorn, with time limits that it lacks and every guard switched on."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack
from http import HTTPStatus
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvicorn
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from credits_site import descriptors
from credits_site.gate import HEAD_LIMIT_BYTES, refuse
from credits_site.health import HEALTHZ
from credits_site.plain_text import Application, Receive, Send

SHUTDOWN_TIMEOUT_S: Final = 5
LAST_WORDS_S: Final = 0.5


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 in which a connection ends that says nothing, sends its headers drop by drop or without end, or does
    not listen.

    uvicorn itself only limits the pause between two requests.
    """

    _too_slow: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock. What is more than this process has descriptors for gets an answer to a probe only, and
        still more, nothing.
        """
        super().connection_made(transport)
        _end_when_nobody_listens(transport.get_extra_info("socket"))
        most, self.limit_concurrency = self.limit_concurrency, None  # uvicorn itself would refuse a probe
        too_many = 0 if most is None else len(self.connections) - most
        if too_many > descriptors.BACKLOG:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        if too_many > 0:
            self.app = _for_probes_only(self.app)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, never more at once than a head may have, so that a longer one is noticed before it is whole."""
        for start in range(0, len(data), HEAD_LIMIT_BYTES):
            if self.transport.is_closing():
                return
            piece = data[start : start + HEAD_LIMIT_BYTES]
            super().data_received(piece)
            if self._too_slow is not None:
                self._head_bytes += len(piece)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def shutdown(self) -> None:
        """Told to stop: who has just connected may have asked already, and is answered before the connection ends."""
        self.loop.call_later(LAST_WORDS_S, super().shutdown)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_watching()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the clock for a head."""
        super().on_message_begin()
        self._watch()

    def on_headers_complete(self) -> None:
        """Stop it: how long a body may take is the gate's to say."""
        self._stop_watching()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another request."""
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP: 501 where it is, in a transfer coding that nobody speaks."""
        coding = dict(self.headers or ()).get(b"transfer-encoding", b"chunked").lower()
        is_unknown = self._in_body and coding != b"chunked"
        self._refuse(HTTPStatus.NOT_IMPLEMENTED if is_unknown else HTTPStatus.BAD_REQUEST)

    def _watch(self) -> None:
        if self._too_slow is None:
            self._too_slow = self.loop.call_later(
                settings.CLIENT_TIMEOUT_S, self._refuse, HTTPStatus.REQUEST_TIMEOUT
            )

    def _stop_watching(self) -> None:
        self._head_bytes = 0
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _refuse(self, status: HTTPStatus) -> None:
        """End the connection, with an answer if none has begun."""
        self._stop_watching()
        answer = self.cycle
        if answer is None or not answer.response_started or (answer.response_complete and not self._in_body):
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def _for_probes_only(application: Any) -> Application:
    async def busy(scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"] == HEALTHZ:
            await application(scope, receive, send)
        else:
            await refuse(scope, send, HTTPStatus.SERVICE_UNAVAILABLE)

    return busy


def _end_when_nobody_listens(connection: Any) -> None:
    """Have the system break the connection when what was sent is not taken in time, or its client has vanished."""
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        limit_ms = int(settings.CLIENT_TIMEOUT_S * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


def serve(*, host: str, port: int, workers: int) -> None:
    """Serve the site until the process is told to stop."""
    descriptors.raise_limit()
    with ExitStack() as stack:
        if workers > 1 and not settings.LEDGER_TURNS_FOLDER:
            # The workers read the settings anew, each in its own process.
            os.environ["LEDGER_TURNS_FOLDER"] = stack.enter_context(TemporaryDirectory(prefix="turns-"))
        if workers > 1 and not settings.METRICS_FOLDER:
            os.environ["METRICS_FOLDER"] = stack.enter_context(TemporaryDirectory(prefix="metrics-"))
        uvicorn.run(
            "credits_site.asgi:application",
            host=host,
            port=port,
            workers=workers,
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            backlog=descriptors.BACKLOG,
            limit_concurrency=descriptors.for_connections(),
            proxy_headers=False,  # `proxies.py` reads them, in every spelling
            server_header=False,
            # Django's settings say what is logged; the proxy keeps the log of requests.
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        )
