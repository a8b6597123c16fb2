"""A relay before a server, such as a database: calls come through, or fare as somebody says."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

# What somebody says who has never heard of the protocol.
GARBAGE: Final = b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"


class Relay(socketserver.ThreadingTCPServer):
    """`fate` is asked what becomes of each call: a call is to connect, and whatever the site then sends at once.

    None passes. "down" ends the connection, "half open" loses the call, "slow" the answer alone; with "garbage" the
    work is done, and the answer is none; whatever else `answers` has is answered so, and nothing is done.
    """

    daemon_threads = True

    def __init__(self, server: tuple[str, int], answers: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.server = server
        self.answers = answers
        self.fate: Callable[[], str | None] = lambda: None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: Relay
    request: socket.socket

    def handle(self) -> None:
        self._fate = self.server.fate()
        if self._fate == "down":
            return
        with socket.create_connection(self.server.server) as beyond, suppress(OSError):
            threading.Thread(target=self._bring_back, args=[beyond], daemon=True).start()
            self._refuse()
            self._bring(beyond)
            # The other thread waits for it, so that to close it does not end it.
            beyond.shutdown(socket.SHUT_RDWR)

    def _bring(self, beyond: socket.socket) -> None:
        with suppress(OSError):
            while call := self.request.recv(1 << 16):
                self._fate = self.server.fate()
                if self._fate == "down":
                    return
                if self._fate in (None, "slow", "garbage"):
                    beyond.sendall(call)
                self._refuse()

    def _refuse(self) -> None:
        if self._fate in self.server.answers:
            self.request.sendall(self.server.answers[self._fate])

    def _bring_back(self, beyond: socket.socket) -> None:
        with suppress(OSError):
            while answer := beyond.recv(1 << 16):
                if self._fate is None:
                    self.request.sendall(answer)
                elif self._fate == "garbage":
                    self.request.sendall(GARBAGE)
            self.request.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay_to(host: str, port: int, answers: dict[str, bytes]) -> Iterator[Relay]:
    """One that runs until the block ends."""
    with Relay((host, port), answers) as relay:
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
