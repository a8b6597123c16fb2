"""How fast live counters move, and what many of them cost: `python -m benchmarks.live_latency [--rounds 20]`.

First, one tab. Stripe's webhook is delivered to one process of the site; the tab listens to the other. Measured is
the time from when the webhook is sent to when the counter's new number has arrived in the tab, and how much of that
is after the webhook was answered, which is when the credits are certainly there (less than nothing: before).

Then many tabs of one member at one process: its memory, its threads, and the time from when Instant has answered
that another process's entry is written to when the last tab has its number. The tabs are on the same machine.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from benchmarks.live_world import live_world
from benchmarks.table import Benchmark, Row, main
from instant_admin.ledger.movements import Purchase
from instant_admin.ledger.store import BalanceStore
from sandbox.world import Part, World
from tests.drivers.instant import admin_of
from tests.drivers.member import MemberClient
from tests.drivers.stream import StreamClient
from tests.journeys.test_buying import webhook

MANY_TABS: Final = 5000
AT_ONCE: Final = 50
LIMIT_S: Final = 60.0
WORST_MIB: Final = 300
WORST_S: Final = 1.0


def rows(*, rounds: int, tabs: int) -> Iterator[Row]:
    """One tab at another process, then more and more tabs at one."""
    world = live_world()
    times = _measure(world, rounds)
    yield _row("From sending a webhook", [whole for whole, _ in times])
    yield _row("From its answer", [rest for _, rest in times])
    yield from asyncio.run(_measure_tabs(world, rounds, tabs))


def _sizes(tabs: int) -> tuple[int, ...]:
    return 1, tabs // 5, tabs


def _name(tabs: int) -> str:
    return f"From an entry to the last tab, of {tabs:,}"


def _measure(world: World, rounds: int) -> list[tuple[float, float]]:
    ada = MemberClient(world.site_url, world.mail_dir).sign_in()
    other = MemberClient(world.site_urls[1], world.mail_dir)
    other.http.cookies.update(ada.http.cookies)
    times = []
    with StreamClient(other) as tab:
        tab.await_credits(0)
        for number in range(1, rounds + 1):
            checkout_id = ada.buy()
            sent_s = time.perf_counter()
            webhook(world, checkout_id).raise_for_status()
            answered_s = time.perf_counter()
            arrived_s = tab.await_credits(10 * number)
            times.append((arrived_s - sent_s, arrived_s - answered_s))
    return times


def _row(what: str, seconds: list[float], mib: float = 0.0, each_kib: float = 0.0, threads: int = 0) -> Row:
    median_ms, worst_ms = statistics.median(seconds) * 1000, max(seconds) * 1000
    cost = (f"{mib:.0f} MiB", f"{each_kib:.0f} KiB", f"{threads}") if threads else ("", "", "")
    holds = mib <= WORST_MIB and worst_ms <= WORST_S * 1000
    return Row((what, f"{median_ms:.0f} ms", f"{worst_ms:.0f} ms", *cost), holds)


class Tab(asyncio.Protocol):
    """One open stream; `told` is done when the number that it waits for has come."""

    def __init__(self, request: bytes, credits: int) -> None:
        self._request = request
        self._text = b""
        self.awaits(credits)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.close = transport.close
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Look for the number."""
        self._text += data
        if not self.told.done() and self._awaited in self._text:
            self._text = b""
            self.told.set_result(None)

    def awaits(self, credits: int) -> None:
        """From now on."""
        self._awaited = b'data-credits="%d"' % credits
        self.told: asyncio.Future[None] = asyncio.get_running_loop().create_future()


async def _measure_tabs(world: World, rounds: int, most: int) -> list[Row]:
    ada = MemberClient(world.site_urls[1], world.mail_dir).sign_in()
    admin = admin_of(world)
    (row,) = admin.query({"$users": {"$": {"where": {"email": ada.email}}}})["$users"]
    account_id, store, site = UUID(row["id"]), BalanceStore(admin), world.sites[1]
    tabs: list[Tab] = []
    found = []
    credits, idle_kib = 0, memory_kib(site)
    for wanted in _sizes(most):
        await _open(tabs, wanted, ada, credits)
        open_kib, threads = memory_kib(site), len(list(Path(f"/proc/{site.pid}/task").iterdir()))
        times = []
        for _ in range(rounds):
            credits += 10
            for tab in tabs:
                tab.awaits(credits)
            await asyncio.to_thread(store.post, account_id, Purchase(key=f"purchase:{uuid4()}", credits=10))
            written_s = time.perf_counter()
            await _told(tabs)
            times.append(time.perf_counter() - written_s)
        each_kib = (open_kib - idle_kib) / wanted
        found.append(_row(_name(wanted), times, open_kib / 1024, each_kib, threads))
    for tab in tabs:
        tab.close()
    return found


async def _open(tabs: list[Tab], wanted: int, ada: MemberClient, credits: int) -> None:
    url = urlsplit(ada.site)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.http.cookies)
    head = f"GET /api/credits/stream HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: {cookies}\r\n\r\n".encode()
    while len(tabs) < wanted:
        connect = partial(asyncio.get_running_loop().create_connection, lambda: Tab(head, credits))
        for _ in range(min(AT_ONCE, wanted - len(tabs))):
            tabs.append((await connect(url.hostname, url.port))[1])
        await _told(tabs)


async def _told(tabs: list[Tab]) -> None:
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(tab.told for tab in tabs))


def memory_kib(site: Part) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{site.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])


BENCHMARK: Final = Benchmark(
    title="Live counters",
    columns=("", "Median", "Worst", "Memory", "Each", "Threads"),
    rows=("From sending a webhook", "From its answer", *map(_name, _sizes(MANY_TABS))),
    measure=rows,
    meaning=(
        "The webhook goes to one process, and the tab listens to another. The tabs of a process share one "
        f"subscription, so a tab costs memory only. A process may use {WORST_MIB} MiB, and the last tab may wait "
        f"{WORST_S:g} s. The limit is the processor: a counter is rendered once, and sent to each tab."
    ),
    full={"rounds": 20, "tabs": MANY_TABS},
    quick={"rounds": 2, "tabs": 50},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
