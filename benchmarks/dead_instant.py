"""What a dead Instant costs a page: `python -m benchmarks.dead_instant [--looks 60]`.

A member looks at the home page while Instant is well, when it has just died, from then on, and when it is back.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

from benchmarks.table import Benchmark, Row, main
from instant_admin.client.breaker import FAILURES_LIMIT
from sandbox.world import World
from tests.drivers.member import MemberClient
from tests.drivers.worlds import UNLIMITED

DEAD_MS: Final = 50.0
BACK_S: Final = 5.0
PAUSE_S: Final = 0.05


def rows(*, looks: int) -> Iterator[Row]:
    """Kill Instant, and start it again."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), env=UNLIMITED)
        try:
            world.start()
            yield from _measured(world, looks)
        finally:
            world.stop()


def _measured(world: World, looks: int) -> Iterator[Row]:
    member = MemberClient.at(world).sign_in()
    yield _row("Home, Instant is well", _looks_ms(member, looks, HTTPStatus.OK))
    world.instant.kill()
    yield _row(
        "Home, Instant has just died", _looks_ms(member, FAILURES_LIMIT, HTTPStatus.SERVICE_UNAVAILABLE)
    )
    dead_ms = _looks_ms(member, looks, HTTPStatus.SERVICE_UNAVAILABLE)
    yield _row("Home, from then on", dead_ms, limit_ms=DEAD_MS)
    world.instant.start()
    world.instant.await_answer("/health/system")
    started_s = time.perf_counter()
    while member.get("/").status_code != HTTPStatus.OK:
        time.sleep(PAUSE_S)
    back_s = time.perf_counter() - started_s
    yield Row(("Home is well again after", "", f"{back_s:.1f} s", f"{BACK_S:g} s"), holds=back_s <= BACK_S)


def _row(name: str, times_ms: list[float], *, limit_ms: float = 0.0) -> Row:
    median_ms, worst_ms = statistics.median(times_ms), max(times_ms)
    cells = (name, f"{median_ms:.0f} ms", f"{worst_ms:.0f} ms", f"{limit_ms:g} ms" if limit_ms else "")
    return Row(cells, holds=not limit_ms or median_ms <= limit_ms)


def _looks_ms(member: MemberClient, looks: int, expected: HTTPStatus) -> list[float]:
    times_ms = []
    for _ in range(looks):
        started_s = time.perf_counter()
        answer = member.get("/")
        times_ms.append((time.perf_counter() - started_s) * 1000)
        if answer.status_code != expected:
            raise AssertionError(f"{answer.status_code} instead of {expected}")
    return times_ms


BENCHMARK: Final = Benchmark(
    title="A dead Instant",
    columns=("", "Median", "Worst", "At most"),
    rows=(
        "Home, Instant is well",
        "Home, Instant has just died",
        "Home, from then on",
        "Home is well again after",
    ),
    measure=rows,
    meaning=(
        f"The home page while nobody listens where Instant was. After {FAILURES_LIMIT} failures in a row it is not "
        "asked any more, but every two seconds. The limits are for the median, and for how long after Instant has "
        "answered its own health check the page is not there."
    ),
    full={"looks": 60},
    quick={"looks": 5},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
