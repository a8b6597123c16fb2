"""How many movements a second many writers make, and how long the slowest wait: `python -m benchmarks.contention`.

The Instant stand-in has its contention switched on: a transaction takes 12 ms, longer the more rows it writes, locks
them, and waits for the others of the app. Each call takes 8 ms more, as on a network. A balance store stands for a
process of the site. Each line says how many times as many movements were made as by one writer who reads and writes
each by itself, in the same run.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final
from uuid import UUID, uuid4

from instant_admin.client.admin import InstantAdmin
from instant_admin.ledger.rules import Account, Entry, Movement, Purchase, Spend
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.turns import Files
from sandbox.instant.contention import Contention
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant, Work

CREDITS: Final = 1_000_000
NETWORK_S: Final = 0.008
Post = Callable[[UUID], object]


@dataclass(frozen=True)
class Alone:
    """A plan of one spend, which `apply` reads, decides and writes by itself: the way without batches."""

    spend: Spend

    @property
    def keys(self) -> Sequence[str]:
        return (self.spend.key,)

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        """The spend, while it is not there."""
        return None if self.spend.key in found else self.spend


@dataclass(frozen=True)
class Case:
    """So many writers, in so many processes, at so many accounts."""

    writers: int
    processes: int = 1
    accounts: int = 1
    alone: bool = False

    def __str__(self) -> str:
        how = "each by itself" if self.alone else "together"
        return f"{self.writers:3} writers, {self.processes} processes, {self.accounts:2} accounts, {how}"


CASES: Final = (
    Case(1, alone=True),
    Case(1),
    Case(8),
    Case(32),
    Case(64),
    Case(32, alone=True),
    Case(32, processes=2),
    Case(32, processes=4),
    Case(64, accounts=64),
    Case(64, accounts=64, alone=True),
)


def main() -> int:
    """Measure every case and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each case (5)")
    seconds: float = parser.parse_args().seconds
    logging.disable(logging.CRITICAL)
    one_writer = 0.0
    for case in CASES:
        rate, p95_s, fewest, most = measure(case, seconds)
        one_writer = one_writer or rate
        sys.stdout.write(
            f"{case!s:54} {rate:6.0f}/s {rate / one_writer:5.1f} times, p95 {p95_s * 1000:6.0f} ms,"
            f" by process {fewest} to {most}\n"
        )
        sys.stdout.flush()
    return 0


def measure(case: Case, seconds: float) -> tuple[float, float, int, int]:
    """Movements a second, the wait that one in twenty exceeds, and what the idlest and the busiest process made."""
    loopback = LoopbackInstant()
    accounts = [loopback.member(f"member{number}@example.com")[0] for number in range(case.accounts)]
    for account in accounts:
        BalanceStore(loopback.admin).post(account, Purchase(key=f"purchase:{account}", credits=CREDITS))
    loopback.standin = loopback.standin.copy(
        clock=time.time, rng=random.SystemRandom(), contention=Contention(in_a_row=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        posts = [_post(loopback.client(_slow), Path(folder), alone=case.alone) for _ in range(case.processes)]
        until = time.monotonic() + seconds

        def write(number: int) -> list[float]:
            waits_s = []
            while (began := time.monotonic()) < until:
                posts[number % case.processes](accounts[number % case.accounts])
                waits_s.append(time.monotonic() - began)
            return waits_s

        with ThreadPoolExecutor(case.writers) as threads:
            waits = list(threads.map(write, range(case.writers)))
    made = [sum(map(len, waits[number :: case.processes])) for number in range(case.processes)]
    all_waits = [wait_s for each in waits for wait_s in each]
    return sum(made) / seconds, quantiles(all_waits, n=20)[-1], min(made), max(made)


def _slow(request: Request, work: Work) -> Response:
    time.sleep(NETWORK_S)
    return work()


def _post(client: InstantAdmin, folder: Path, *, alone: bool) -> Post:
    store = BalanceStore(client, turns=Files(folder))

    def post(account: UUID) -> object:
        spend = Spend(key=f"spend:{account}:{uuid4()}", price=1, note="rain")
        return store.apply(account, Alone(spend)) if alone else store.post(account, spend)

    return post


if __name__ == "__main__":
    sys.exit(main())
