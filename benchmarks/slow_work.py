"""Many haikus that take two seconds each, at once, in one process: `python -m benchmarks.slow_work [--members 50]`.

Every member asks for four, one member after the other. Meanwhile somebody else looks at the home page. Measured are
that page before and during the work, when each member's first haiku was there, when all were, and the memory.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from benchmarks.live_latency import memory_kib
from benchmarks.table import Benchmark, Row, main
from instant_admin.client.admin import InstantAdmin
from instant_admin.ledger.movements import Grant
from instant_admin.ledger.store import BalanceStore
from sandbox.world import World
from tests.drivers.instant import admin_of
from tests.drivers.member import MemberClient
from tests.drivers.worlds import UNLIMITED

SECONDS: Final = 2.0
WORKERS: Final = 8
EACH: Final = 4
LOOKS: Final = 60
# How many times as long a page may take, and the work, as if the workers did nothing else.
SLOWER: Final = 2.0
LATER: Final = 1.5
MORE_MIB: Final = 30
LIMIT_S: Final = 300.0


def rows(*, members: int) -> Iterator[Row]:
    """The home page alone, then beside the work."""
    env = {
        "HAIKU_GENERATOR": "benchmarks.slow_generator",
        "SECONDS_OF_A_HAIKU": f"{SECONDS}",
        "GENERATOR_WORKERS": f"{WORKERS}",
    }
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), site_ports=(0,), env=UNLIMITED | env)
        try:
            world.start()
            yield from _measured(world, members)
        finally:
            world.stop()


def _measured(world: World, members: int) -> Iterator[Row]:
    onlooker, admin = MemberClient.at(world).sign_in(), admin_of(world)
    writers = [MemberClient.at(world).sign_in() for _ in range(members)]
    store = BalanceStore(admin)
    for account_id in _accounts(admin, [writer.email for writer in writers]):
        store.post(account_id, Grant(key=f"grant:{uuid4()}", credits=EACH))
    alone_ms = _home_ms(onlooker)
    yield _row("Home, nothing being written", f"{alone_ms:.1f} ms", 1.0)
    before_kib, started_s = memory_kib(world.sites[0]), time.perf_counter()
    for writer in writers:
        for _ in range(EACH):
            writer.write().raise_for_status()
    beside_ms = _home_ms(onlooker)
    yield _row("Home, meanwhile", f"{beside_ms:.1f} ms", beside_ms / alone_ms, at_most=SLOWER)
    first_s, all_s = _awaited(admin, members, started_s)
    turn_s = members * SECONDS / WORKERS
    yield _row("The first haiku of each member", f"{first_s:.1f} s", first_s / turn_s, at_most=LATER)
    yield _row("All haikus", f"{all_s:.1f} s", all_s / turn_s / EACH, at_most=LATER)
    more_mib = (memory_kib(world.sites[0]) - before_kib) / 1024
    yield Row(("More memory", f"{more_mib:.0f} MiB", "", ""), more_mib <= MORE_MIB)


def _row(name: str, took: str, times: float, *, at_most: float = 1.0) -> Row:
    return Row((name, took, f"{times:.2f}", f"{at_most:g}"), times <= at_most)


def _home_ms(client: MemberClient) -> float:
    times_ms = []
    for _ in range(LOOKS):
        started_s = time.perf_counter()
        client.get("/").raise_for_status()
        times_ms.append((time.perf_counter() - started_s) * 1000)
    return statistics.median(times_ms)


def _accounts(admin: InstantAdmin, emails: list[str]) -> list[UUID]:
    found = admin.query({"$users": {"$": {"where": {"email": {"$in": emails}}}}})["$users"]
    return [UUID(row["id"]) for row in found]


def _awaited(admin: InstantAdmin, members: int, started_s: float) -> tuple[float, float]:
    """When every member had their first haiku, and when all had all of them."""
    first_s = 0.0
    while time.perf_counter() - started_s < LIMIT_S:
        done = admin.query({"haikus": {"author": {}, "$": {"where": {"state": "done"}}}})["haikus"]
        if not first_s and len({str(haiku["author"]) for haiku in done}) == members:
            first_s = time.perf_counter() - started_s
        if len(done) == members * EACH:
            return first_s, time.perf_counter() - started_s
        time.sleep(0.1)
    raise AssertionError("not everything was written")


BENCHMARK: Final = Benchmark(
    title="Work that takes time",
    columns=("", "Took", "Times", "At most"),
    rows=(
        "Home, nothing being written",
        "Home, meanwhile",
        "The first haiku of each member",
        "All haikus",
        "More memory",
    ),
    measure=rows,
    meaning=(
        f"Members ask for {EACH} haikus of {SECONDS:g} s each, all at once, of one process with {WORKERS} workers. "
        "The haikus are held against the time that the workers need who do nothing else, the page against itself. "
        "The limit is the number of workers."
    ),
    full={"members": 50},
    quick={"members": 2},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
