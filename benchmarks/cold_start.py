"""How long the site takes from nothing to an answer: `python -m benchmarks.cold_start [--rounds 5]`.

A process is killed and started again, and asked until it answers; the floor of `processor.py` in turn with it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.live_world import live_world
from benchmarks.processor import floor_of
from benchmarks.table import Benchmark, Row, main
from sandbox.world import Part
from tests.drivers.member import MemberClient

FLOOR: Final = "A bare Django view answers"
NAMES: Final = (FLOOR, "The site is alive", "The site is ready", "The first home page", "The second")


def rows(*, rounds: int) -> Iterator[Row]:
    """The medians of so many starts."""
    world = live_world()
    floor, site = floor_of(world), world.sites[0]
    ada = MemberClient.at(world).sign_in()

    def home() -> None:
        ada.get("/").raise_for_status()

    times_s: list[tuple[float, ...]] = []
    try:
        for _ in range(rounds):
            floor_s = _start_s(floor, "/floor")
            alive_s = _start_s(site, "/healthz")
            ready_s = alive_s + _took_s(lambda: site.await_answer("/readyz"))
            times_s.append((floor_s, alive_s, ready_s, _took_s(home), _took_s(home)))
    finally:
        floor.stop()
    medians_s = [statistics.median(column) for column in zip(*times_s, strict=True)]
    for name, median_s in zip(NAMES, medians_s, strict=True):
        yield Row((name, f"{median_s * 1000:.0f} ms", f"{median_s / medians_s[0]:.2f}"))


def _start_s(part: Part, path: str) -> float:
    part.kill()

    def start() -> None:
        part.start()
        part.await_answer(path)

    return _took_s(start)


def _took_s(work: Callable[[], object]) -> float:
    started_s = time.monotonic()
    work()
    return time.monotonic() - started_s


BENCHMARK: Final = Benchmark(
    title="Cold start",
    columns=("", "Median", "Times"),
    rows=NAMES,
    measure=rows,
    meaning=(
        "From the start of a process, and for the two pages from the request. Most of it is importing Django, the "
        "library of Stripe and the site; the first page opens connections. The limit is Python."
    ),
    full={"rounds": 5},
    quick={"rounds": 1},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
