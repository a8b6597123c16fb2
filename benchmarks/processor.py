"""How much of the processor a request takes: `python -m benchmarks.processor [--rounds 7] [--only home]`.

The site runs as it does live (`manage.py serve`), before the stand-ins, and beside it the floor (`floor.py`): a bare
view with one call of Instant, as a new Django project would be served. In each round every page has its turn, so that
whatever else the machine does slows all of them. Printed are the median of the rounds in milliseconds of the
process's time, user and system, and how many floors that is. It ends with status 1 when a page is over its limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import requests

from instant_admin.ledger.rules import Reset
from instant_admin.ledger.store import BalanceStore
from sandbox.world import HOST, Part, World
from tests.conftest import UNLIMITED
from tests.drivers.instant import admin_of
from tests.drivers.member import HTMX, JSON, MemberClient

FLOOR_PORT = 9119
CREDITS = 100_000
WARM_UP = 20


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
        started_s = _processor_s(self.part.pid)
        for _ in range(times):
            answer = self.ask()
            assert answer.ok, answer.text  # noqa: S101
        self.times_ms.append((_processor_s(self.part.pid) - started_s) * 1000 / times)


def main() -> int:
    """Measure, and print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="only one page: health, counter, home or generate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), env=UNLIMITED)
        floor = _floor(world)
        try:
            world.start()
            floor.start()
            floor.await_answer("/floor")
            pages = [
                page
                for page in _pages(world, floor)
                if options.only is None or page.name in ("floor", options.only)
            ]
            for page in pages:
                page.run(WARM_UP)
                page.times_ms.clear()
            for _ in range(options.rounds):
                for page in pages:
                    page.run(page.each_round)
        finally:
            floor.stop()
            world.stop()
    return 1 if _slow(pages) else 0


def _pages(world: World, floor: Part) -> list[Page]:
    ada = MemberClient(world.site_url, world.mail_dir).sign_in()
    instant = admin_of(world)
    (user,) = instant.query({"$users": {"$": {"where": {"email": ada.email}}}})["$users"]
    BalanceStore(instant).post(UUID(user["id"]), Reset(key=f"reset:{uuid4()}", credits=CREDITS))
    site = world.sites[0]
    other = requests.Session()
    return [
        Page("floor", lambda: other.get(f"{floor.url}/floor", timeout=10), floor, 50, 1),
        Page("health", lambda: ada.get("/healthz"), site, 200, 0.5),
        Page("counter", lambda: ada.get("/api/credits", **JSON), site, 50, 1.75),
        Page("home", lambda: ada.get("/"), site, 25, 4),
        Page("generate", lambda: ada.write("rain", None, **HTMX), site, 25, 3),
    ]


def _floor(world: World) -> Part:
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.floor:application", "--no-access-log"),
        *("--host", HOST, "--port", str(FLOOR_PORT)),
    ]
    log = world.data_dir / "floor.log"
    return Part("The floor", command, env=world.site_env, url=f"http://{HOST}:{FLOOR_PORT}", log=log)


def _slow(pages: list[Page]) -> list[str]:
    """Say what was measured; the names of the pages that took too many floors."""
    medians_ms = {page.name: statistics.median(page.times_ms) for page in pages}
    floors = {name: median_ms / medians_ms.get("floor", 1) for name, median_ms in medians_ms.items()}
    for page in pages:
        took = f"{medians_ms[page.name]:6.2f} ms   x{floors[page.name]:.2f}"
        sys.stdout.write(f"{page.name:10} {took}   at most x{page.most_floors}\n")
    return [page.name for page in pages if floors[page.name] > page.most_floors]


def _processor_s(pid: int) -> float:
    """What all threads of a process have used. Source: `clock_getcpuclockid(3)` as Linux has it."""
    return time.clock_gettime((~pid << 3) | 2)


if __name__ == "__main__":
    sys.exit(main())
