"""A mail server on this machine: it takes mails, refuses what it is told to, or never says a word."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """`refuses` has the answer to a command, such as RCPT, that it does not follow."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.taken: list[str] = []
        self.asked = Counter[str]()
        self.refuses: Mapping[str, str] = {}
        self.is_silent = False
        self.goes = threading.Event()

    @property
    def settings(self) -> dict[str, Any]:
        """Django's settings that lead here."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": self.server_address[0],
            "EMAIL_PORT": self.server_address[1],
            "EMAIL_TIMEOUT": 0.2,
        }


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        if self.server.is_silent:
            self.server.goes.wait()
            return
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            command = line.partition(" ")[0].upper()
            self.server.asked[command] += 1
            if command in self.server.refuses:
                self._say(self.server.refuses[command])
            elif command == "DATA":
                self._say("354 go on")
                self._take()
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        lines: list[bytes] = []
        for line in self.rfile:
            if line == b".\r\n":
                self.server.taken.append(b"".join(lines).decode())
                self._say("250 taken")
                return
            lines.append(line)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """One that runs until the block ends."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.goes.set()
            server.shutdown()
            thread.join()
