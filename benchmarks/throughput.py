"""How many requests a second the site answers: `python -m benchmarks.throughput [--seconds 3]`.

Each client keeps a connection, and asks again as soon as it has an answer; all of them are one member. With more
processes, each has its share of the clients. The floor is that of `processor.py`.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from benchmarks.live_world import live_world
from benchmarks.processor import floor_of, processor_s, rich_member
from benchmarks.table import Benchmark, Row, main
from sandbox.world import HOST, Part
from tests.drivers.member import MemberClient

CLIENTS: Final = (1, 8, 32)
HAIKUS: Final = 10
LIMIT_S: Final = 30.0


@dataclass(frozen=True)
class Case:
    """One kind of request, at so many processes."""

    name: str
    method: str
    path: str
    processes: int = 1

    def __str__(self) -> str:
        return self.name + (f", {self.processes} processes" if self.processes > 1 else "")


FLOOR: Final = Case("Floor", "GET", "/floor")
HOME: Final = Case("Home", "GET", "/")
CASES: Final = (
    FLOOR,
    Case("Health", "GET", "/healthz"),
    Case("Counter", "GET", "/api/credits"),
    HOME,
    Case("Home", "GET", "/", processes=2),
    *(Case("Generate", "POST", "/api/generate", processes) for processes in (1, 2, 4)),
)


def rows(*, seconds: float) -> Iterator[Row]:
    """Every case with every number of clients, for so long each."""
    world = live_world()
    floor = floor_of(world)
    try:
        floor.start()
        floor.await_answer(FLOOR.path)
        ada = rich_member(world)
        for _ in range(HAIKUS):
            ada.write()
        floor_rate = 0.0
        for case in CASES:
            parts = [floor] if case is FLOOR else world.sites[: case.processes]
            measured = [_measure(case, parts, ada, clients, seconds) for clients in CLIENTS]
            rates = [rate for rate, _ in measured]
            floor_rate = floor_rate or rates[-1]
            cells = (*(f"{rate:.0f}" for rate in rates), f"{rates[-1] / floor_rate:.2f}")
            yield Row((str(case), *cells, f"{measured[-1][1]:.1f} ms"))
    finally:
        floor.stop()


def _measure(
    case: Case, parts: Sequence[Part], ada: MemberClient, clients: int, seconds: float
) -> tuple[float, float]:
    """Requests a second, and the processor time of one in milliseconds."""

    async def all_at_once() -> int:
        request = _request(case, ada)
        until_s = time.monotonic() + seconds
        every = (_ask(parts[number % len(parts)], request, until_s) for number in range(clients))
        async with asyncio.timeout(seconds + LIMIT_S):
            return sum(await asyncio.gather(*every))

    used_s, started_s = _used_s(parts), time.monotonic()
    answers = asyncio.run(all_at_once())
    took_s = time.monotonic() - started_s
    return answers / took_s, (_used_s(parts) - used_s) * 1000 / answers


def _used_s(parts: Sequence[Part]) -> float:
    return sum(processor_s(part.pid) for part in parts)


def _request(case: Case, ada: MemberClient) -> Callable[[], bytes]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.http.cookies)
    token = ada.http.cookies["csrftoken"]
    accept = "text/html" if case.path == HOME.path else "application/json"
    head = (
        f"{case.method} {case.path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: {accept}\r\nCookie: {cookies}\r\n"
        f"X-CSRFToken: {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    )

    def request() -> bytes:
        body = urlencode({"topic": "rain", "request_id": uuid4()}) if case.method == "POST" else ""
        return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    return request


async def _ask(part: Part, request: Callable[[], bytes], until_s: float) -> int:
    """Ask again and again; how many answers there were. Raises `AssertionError` for one that is no success."""
    reader, writer = await asyncio.open_connection(HOST, urlsplit(part.url).port)
    answers = 0
    while time.monotonic() < until_s:
        writer.write(request())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = (await reader.readexactly(int(length[1]))) if length else await reader.readuntil(b"0\r\n\r\n")
        if not re.match(r"HTTP/1.1 20[01] ", head):
            raise AssertionError(f"{head}{body.decode()}")
        answers += 1
    writer.close()
    return answers


BENCHMARK: Final = Benchmark(
    title="Requests a second",
    columns=("", *(f"{n} client{'s' if n > 1 else ''}" for n in CLIENTS), "Floors", "Processor of a request"),
    rows=tuple(map(str, CASES)),
    measure=rows,
    meaning=(
        'The floor is a bare Django view with one call of Instant. "Floors" and the processor time are those of '
        "the most clients, which all write at one balance. The limit is the processors of the machine, which "
        "clients and stand-ins share here; until they are taken, another process of the site helps."
    ),
    full={"seconds": 3.0},
    quick={"seconds": 0.2},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
