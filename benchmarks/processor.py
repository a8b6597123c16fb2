"""How much of the processor a request takes: `python -m benchmarks.processor [--rounds 7]`.

The site runs as it does live (`manage.py serve`), before the stand-ins, and beside it the floor (`floor.py`): a bare
view with one call of Instant, as a new Django project would be served. In each round every page has its turn, so that
whatever else the machine does slows all of them. Printed are the median of the rounds in milliseconds of the
process's time, user and system, and how many floors that is. It ends with status 1 when a page is over its limit.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import requests

from benchmarks.table import Benchmark, Row, main
from instant_admin.ledger.movements import Reset
from instant_admin.ledger.store import BalanceStore
from sandbox.world import HOST, Part, World
from tests.drivers.instant import admin_of
from tests.drivers.member import HTMX, JSON, MemberClient
from tests.drivers.worlds import UNLIMITED

FLOOR_PORT: Final = 9119
CREDITS: Final = 100_000
WARM_UP: Final = 20


@dataclass
class Page:
    """One kind of request, and how many floors it may take."""

    name: str
    ask: Callable[[], requests.Response]
    part: Part
    each_round: int
    most_floors: float
    times_ms: list[float] = field(default_factory=list)

    def run(self, times: int) -> None:
        """Ask so many times, and note what one of them took."""
        started_s = processor_s(self.part.pid)
        for _ in range(times):
            answer = self.ask()
            assert answer.ok, answer.text  # noqa: S101
        self.times_ms.append((processor_s(self.part.pid) - started_s) * 1000 / times)


def rows(*, rounds: int) -> Iterator[Row]:
    """Every page, after so many rounds of all of them."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), env=UNLIMITED)
        floor = floor_of(world)
        try:
            world.start()
            floor.start()
            floor.await_answer("/floor")
            pages = _pages(world, floor)
            for page in pages:
                page.run(WARM_UP)
                page.times_ms.clear()
            for _ in range(rounds):
                for page in pages:
                    page.run(page.each_round)
        finally:
            floor.stop()
            world.stop()
    floor_ms = statistics.median(pages[0].times_ms)
    for page in pages:
        median_ms = statistics.median(page.times_ms)
        floors = median_ms / floor_ms
        cells = (page.name, f"{median_ms:.2f} ms", f"{floors:.2f}", f"{page.most_floors:g}")
        yield Row(cells, holds=floors <= page.most_floors)


def _pages(world: World, floor: Part) -> list[Page]:
    ada = rich_member(world)
    site = world.sites[0]
    other = requests.Session()
    return [
        Page("Floor", lambda: other.get(f"{floor.url}/floor", timeout=10), floor, 50, 1),
        Page("Health", lambda: ada.get("/healthz"), site, 200, 0.5),
        Page("Counter", lambda: ada.get("/api/credits", **JSON), site, 50, 1.75),
        Page("Home", lambda: ada.get("/"), site, 25, 4),
        Page("Generate", lambda: ada.write("rain", None, **HTMX), site, 25, 3),
    ]


def rich_member(world: World) -> MemberClient:
    """Somebody who is signed in, with many credits."""
    ada = MemberClient.at(world).sign_in()
    instant = admin_of(world)
    (user,) = instant.query({"$users": {"$": {"where": {"email": ada.email}}}})["$users"]
    BalanceStore(instant).post(UUID(user["id"]), Reset(key=f"reset:{uuid4()}", credits=CREDITS))
    return ada


def floor_of(world: World) -> Part:
    """The floor, before the stand-ins of a world."""
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.floor:application", "--no-access-log"),
        *("--host", HOST, "--port", str(FLOOR_PORT)),
    ]
    log = world.data_dir / "floor.log"
    return Part("The floor", command, env=world.site_env, url=f"http://{HOST}:{FLOOR_PORT}", log=log)


def processor_s(pid: int) -> float:
    """What all threads of a process have used. Source: `clock_getcpuclockid(3)` as Linux has it."""
    return time.clock_gettime((~pid << 3) | 2)


BENCHMARK: Final = Benchmark(
    title="Processor time of a request",
    columns=("", "Median", "Floors", "At most"),
    rows=("Floor", "Health", "Counter", "Home", "Generate"),
    measure=rows,
    meaning=(
        "What the threads of the site's process use for one request, one after another. The floor is a bare Django "
        "view with one call of Instant. The limit is what Django, its middleware and its templates take."
    ),
    full={"rounds": 7},
    quick={"rounds": 1},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
