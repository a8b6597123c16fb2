"""Server-sent events as they come off a connection: bytes in, the text of one event out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from instant_admin.client.errors import SubscriptionLost

_READ_BYTES: Final = 65_536


class EventStream:
    """The events of one open answer. Iterated by one thread; any other may close it."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response
        self._reading = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        """The text of each event, until `close()`.

        Raises `SubscriptionLost` when the server goes away or falls silent.
        """
        try:
            yield from event_texts(self._pieces())
        finally:
            self.close()

    def close(self) -> None:
        """End the iteration at once, wherever it waits, and let go of the connection."""
        self._closed = True
        # Closing a socket does not wake the thread that reads from it; shutting it down does. Without a
        # connection, or without a socket, there is nobody to wake.
        with suppress(ValueError, RuntimeError, OSError):
            self._response.shutdown()
        # A thread that reads is awake now and comes here itself, after what it holds.
        if self._reading.acquire(blocking=False):
            try:
                self._response.close()
            finally:
                self._reading.release()

    def _pieces(self) -> Iterator[bytes]:
        while True:
            piece = self._next_piece()
            if self._closed:
                return
            if not piece:
                raise SubscriptionLost("the server ended it")
            yield piece

    def _next_piece(self) -> bytes:
        # Not `iter_lines(chunk_size=1)`: that looks at the whole line again for each of its bytes. `read1`
        # gives what has come, however little.
        try:
            with self._reading:
                return b"" if self._closed else self._response.read1(_READ_BYTES)
        except (HTTPError, OSError, ValueError) as exc:
            if self._closed:
                return b""
            silent = isinstance(exc, (ReadTimeoutError, TimeoutError))
            reason = "it fell silent" if silent else f"the connection broke ({type(exc).__name__})"
            raise SubscriptionLost(reason) from None


def event_texts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What stands after `data:` in each event. Comments, which keep a connection alive, and other fields fall out.

    Source: the event stream format of the HTML standard, with line feeds as Instant sends them.
    """
    waiting: list[bytes] = []
    text: list[bytes] = []
    for piece in pieces:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            whole = b"".join((*waiting, line)).removesuffix(b"\r")
            waiting.clear()
            if whole.startswith(b"data:"):
                text.append(whole[5:].removeprefix(b" "))
            elif not whole and text:
                yield b"\n".join(text)
                text.clear()
        waiting.append(rest)
