"""The server: uvicorn, with time limits that it lacks and every guard switched on."""

from __future__ import annotations

import asyncio
import socket
import sys
from http import HTTPStatus
from typing import Any, Final

import h11
import uvicorn
from django.conf import settings
from uvicorn.protocols.http.h11_impl import H11Protocol

from credits_site import descriptors
from credits_site.gate import HEAD_LIMIT_BYTES

# What one connection may have parsed before the others get their turn: five milliseconds of the smallest chunks.
READ_BYTES: Final = 8192
SHUTDOWN_TIMEOUT_S: Final = 5


class GuardedProtocol(H11Protocol):
    """HTTP/1.1 in which a connection ends that says nothing, sends its headers drop by drop, or does not listen.

    uvicorn itself only limits the pause between two requests.
    """

    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock; refuse what is more than this process has descriptors for."""
        super().connection_made(transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        _end_when_nobody_listens(transport.get_extra_info("socket"))
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, and keep the clock running until the headers are whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_watching()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the status that h11 gives it: headers that are too long are 431."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(HTTPStatus(hint))

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._too_slow is None:
            self._too_slow = self.loop.call_later(
                settings.CLIENT_TIMEOUT_S, self._refuse, HTTPStatus.REQUEST_TIMEOUT
            )

    def _stop_watching(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _refuse(self, status: HTTPStatus) -> None:
        """End the connection, with an answer if none has begun."""
        self._stop_watching()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("content-length", "0"), ("connection", "close")]
            start = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
            for event in (start, h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _end_when_nobody_listens(connection: Any) -> None:
    """Have the system break the connection when what was sent is not taken in time, or its client has vanished."""
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        limit_ms = int(settings.CLIENT_TIMEOUT_S * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


def serve(*, host: str, port: int, workers: int) -> None:
    """Serve the site until the process is told to stop."""
    descriptors.raise_limit()
    uvicorn.run(
        "credits_site.asgi:application",
        host=host,
        port=port,
        workers=workers,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        backlog=descriptors.BACKLOG,
        limit_concurrency=descriptors.for_connections(),
        h11_max_incomplete_event_size=HEAD_LIMIT_BYTES,
        proxy_headers=False,  # `proxies.py` reads them, in every spelling
        server_header=False,
        # Django's settings say what is logged; the proxy keeps the log of requests.
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
