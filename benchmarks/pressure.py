"""Whether one process still answers while it is put under pressure: `python -m benchmarks.pressure [--seconds 5]`.

Of two processes of the site, each of which may open 1,024 files, one gets each load in turn. Both are asked for
`/healthz` again and again, so that whatever else the machine does slows both. Printed are the median and the worst
time under the load, how many times those of the other process they are, and the most files that were open. It ends
with status 1 when, twice, an answer did not come or took a tenth of a second longer than any of the other process.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.table import Benchmark, Row, main
from credits_site.descriptors import raise_limit
from sandbox.world import HOST, Part, World
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.worlds import UNLIMITED

WORST_MS = 100.0
DESCRIPTORS = 1024
# The machine may have stumbled.
TRIES = 2
ACCOUNTS = 40
STREAMS_OF_AN_ACCOUNT = 40
PAUSE_S = 0.02
TIMEOUT_S = 10.0
# What a page waits at first before it asks for a stream again: half of it at least, see `site.js`.
ASKED_AGAIN_S = 5.0
CHANCE = random.SystemRandom()
MEBIBYTE = bytes(1024 * 1024)

Client = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """Clients that do the same again and again, all at once."""

    name: str
    clients: list[Client]


def rows(*, seconds: float) -> Iterator[Row]:
    """Put a process under each load in turn, for so long."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), site_ports=(0, 0), env=UNLIMITED)
        try:
            world.start()
            for site in world.sites:
                site.stop()
                site.start()
                resource.prlimit(site.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
            for site in world.sites:
                site.await_answer("/readyz")
            for load, standin in _loads(world, _port_of(world.sites[0])):
                yield _measured(world, load, standin, seconds)
        finally:
            world.stop()


def _measured(world: World, load: Load, standin: str | None, seconds: float) -> Row:
    for _ in range(TRIES):
        row = _measured_once(world, load, standin, seconds)
        if row.holds:
            break
    return row


def _measured_once(world: World, load: Load, standin: str | None, seconds: float) -> Row:
    """Take the times of both processes while the first is under a load."""
    pressed, other = world.sites
    times_ms: list[float] = []
    others_ms: list[float] = []
    files = 0
    with _stalled(standin), _under(load):
        ends_s = time.perf_counter() + seconds
        while time.perf_counter() < ends_s:
            times_ms.append(_healthz_ms(_port_of(pressed)))
            others_ms.append(_healthz_ms(_port_of(other)))
            files = max(files, len(list(Path(f"/proc/{pressed.pid}/fd").iterdir())))
            time.sleep(PAUSE_S)
    median_ms, worst_ms = statistics.median(times_ms), max(times_ms)
    return Row(
        (
            load.name,
            f"{median_ms:.1f} ms",
            f"{median_ms / statistics.median(others_ms):.1f}",
            f"{worst_ms:.1f} ms",
            f"{worst_ms / max(others_ms):.1f}",
            f"{files}",
        ),
        holds=worst_ms - max(others_ms) <= WORST_MS,
    )


def _loads(world: World, port: int) -> Iterator[tuple[Load, str | None]]:
    """Each load, with the address of the service that stalls meanwhile."""
    yield Load("Nothing", []), None
    # Before anything else, while no price is known.
    yield Load("Stalled Stripe", [_page(port, "/")]), world.stripe.url
    cookies = [_cookie(world) for _ in range(ACCOUNTS)]
    paths = ["/", "/readyz", "/history/"]
    readers = [_page(port, path, cookie) for path in paths for cookie in cookies[:3]]
    yield Load("Stalled Instant", readers), world.instant.url
    sign_in = partial(_request, "POST", "/sign-in/")
    yield Load("120 kB header", [_sending(port, [sign_in('Content-Type: a/b;"' + ";" * 120_000)])]), None
    eight = [sign_in('Content-Type: a/b;"' + ";" * 8_000)]
    yield Load("8 kB header x 8", [_sending(port, eight)] * 8), None
    announced = [sign_in(f"Content-Length: {512 * len(MEBIBYTE)}"), *[MEBIBYTE] * 512]
    chunk = b"100000\r\n" + MEBIBYTE + b"\r\n"
    chunked = [sign_in("Transfer-Encoding: chunked"), *[chunk] * 512]
    yield Load("512 MB body", [_sending(port, announced), _sending(port, chunked)]), None
    yield Load("300 slow clients", [*_slow_clients(port, 100)]), None
    streams = [_page(port, "/api/credits/stream", cookie, ASKED_AGAIN_S) for cookie in cookies]
    yield Load("40 accounts x 40 streams", streams * STREAMS_OF_AN_ACCOUNT), None


def _slow_clients(port: int, each: int) -> Iterator[Client]:
    head = _request("POST", "/sign-in/", "Content-Length: 60000")
    drip = itertools.repeat(b"a")
    for _ in range(each):
        yield _sending(port, [b""])
        yield _sending(port, itertools.chain([head[:-2], b"X: "], drip), pause_s=1.0)
        yield _sending(port, itertools.chain([head], drip), pause_s=1.0)


def _cookie(world: World) -> str:
    member = MemberClient(world.site_url, world.mail_dir).sign_in()
    return "; ".join(f"{name}={value}" for name, value in member.http.cookies.items())


def _page(port: int, path: str, cookie: str = "", pause_s: float = 0.2) -> Client:
    return _sending(port, [_request("GET", path, f"Cookie: {cookie}", "Connection: close")], after_s=pause_s)


def _request(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]).encode()


def _sending(port: int, pieces: Iterable[bytes], *, pause_s: float = 0.0, after_s: float = 0.0) -> Client:
    """A client that sends pieces, listens until the site ends the connection, and pauses."""

    async def client() -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(after_s * CHANCE.uniform(0.5, 1))

    return client


@contextmanager
def _under(load: Load) -> Iterator[None]:
    """The load, in a process of its own so that it does not slow who measures."""
    process = multiprocessing.get_context("fork").Process(target=_press, args=(load,))
    process.start()
    try:
        time.sleep(1)
        yield
    finally:
        process.kill()
        process.join()


def _press(load: Load) -> None:
    raise_limit()

    async def again_and_again(client: Client) -> None:
        while True:
            await client()

    async def all_at_once() -> None:
        await asyncio.gather(*map(again_and_again, load.clients))

    asyncio.run(all_at_once())


@contextmanager
def _stalled(standin: str | None) -> Iterator[None]:
    """Have a service accept whatever it is asked and answer nothing."""
    if standin is None:
        yield
        return
    faults = Faults(standin)
    faults.add("hold_before", ".", method="*", times=None)
    try:
        yield
    finally:
        faults.clear()


def _healthz_ms(port: int) -> float:
    """How long the answer took, on a connection of its own; very long when there was none."""
    started_s = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        is_well = connection.getresponse().status == 200
    except OSError:
        is_well = False
    finally:
        connection.close()
    return (time.perf_counter() - started_s if is_well else TIMEOUT_S) * 1000


def _port_of(site: Part) -> int:
    return urlsplit(site.url).port or 0


BENCHMARK: Final = Benchmark(
    title="One process under pressure",
    columns=("", "Median", "Times", "Worst", "Times", "Open files"),
    rows=(
        "Nothing",
        "Stalled Stripe",
        "Stalled Instant",
        "120 kB header",
        "8 kB header x 8",
        "512 MB body",
        "300 slow clients",
        "40 accounts x 40 streams",
    ),
    measure=rows,
    meaning=(
        "How long `/healthz` takes while a process is under a load, and how many times as long as at another "
        f"process in the same moments. It may open {DESCRIPTORS:,} files. The limit: an answer may take "
        f"{WORST_MS:g} ms longer than any of the other process."
    ),
    full={"seconds": 5.0},
    quick={"seconds": 0.2},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
