"""A tab that listens to its counter, without a browser round it."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import requests
from urllib3.exceptions import HTTPError

from tests.drivers.member import MemberClient

LIMIT_S = 30.0


class StreamClient:
    """One open stream of a client, read in the background."""

    def __init__(self, client: MemberClient, *, language: str = "en") -> None:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.http.cookies)
        self.response = requests.get(
            f"{client.site}/api/credits/stream",
            headers={"Accept": "text/event-stream", "Cookie": cookies, "Accept-Language": language},
            timeout=LIMIT_S,
            stream=True,
        )
        self.balances: list[int] = []
        self.arrived_s: list[float] = []
        self.text = ""
        self.over = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The tab is closed."""
        if not self.over:
            self.response.raw.shutdown()
        self._reader.join(LIMIT_S)
        self.response.close()

    def await_credits(self, credits: int) -> float:
        """Wait until the newest balance is this one; when it came, on the clock of `time.perf_counter`."""
        with self._news:
            came = self._news.wait_for(lambda: self.balances[-1:] == [credits], LIMIT_S)
            assert came, f"{credits} credits never came, but {self.balances}"
            return self.arrived_s[-1]

    def await_end(self, limit_s: float = LIMIT_S) -> str:
        """Wait until the site ends the stream; all that it said."""
        with self._news:
            assert self._news.wait_for(lambda: self.over, limit_s), "the stream goes on"
            return self.text

    def _read(self) -> None:
        # A tab that is closed, and a server that is killed, both break the connection.
        with suppress(HTTPError, OSError, ValueError):
            while piece := self.response.raw.read1(65_536):
                self._hear(piece.decode())
        with self._news:
            self.over = True
            self._news.notify_all()

    def _hear(self, piece: str) -> None:
        with self._news:
            self.text += piece
            shown = re.findall(r'^data: .*class="credits__number" data-credits="(-?\d+)"', self.text, re.M)
            arrived = [int(number) for number in shown[len(self.balances) :]]
            self.balances += arrived
            self.arrived_s += [time.perf_counter()] * len(arrived)
            self._news.notify_all()
