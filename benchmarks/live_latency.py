"""How long after a purchase the counter of a tab moves: `python -m benchmarks.live_latency [--rounds 20]`.

Stripe's webhook is delivered to one process of the site; the tab listens to the other. Measured is the time
from when the webhook is sent to when the counter's new number has arrived in the tab, and how much of that is
after the webhook was answered, which is when the credits are certainly there (less than nothing: before).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sandbox.world import World
from tests.conftest import UNLIMITED
from tests.drivers.member import MemberClient
from tests.drivers.stream import StreamClient
from tests.journeys.test_buying import webhook


def main() -> None:
    """Measure, and print one line for each of the two times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        # With contention, so that a write takes as long as at PostgreSQL.
        world = World(
            Path(folder),
            site_ports=(0, 0),
            env=UNLIMITED,
            deliver_webhooks=False,
            contention=True,
        )
        world.start()
        try:
            times = _measure(world, rounds)
        finally:
            world.stop()
    _report("from sending the webhook", [whole for whole, _ in times])
    _report("from its answer", [rest for _, rest in times])


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


def _report(what: str, seconds: list[float]) -> None:
    median_ms, worst_ms = statistics.median(seconds) * 1000, max(seconds) * 1000
    sys.stdout.write(
        f"{what}: median {median_ms:.0f} ms, worst {worst_ms:.0f} ms, of {len(seconds)} purchases\n"
    )


if __name__ == "__main__":
    main()
