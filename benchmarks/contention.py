"""How many movements a second many writers make, and how long the slowest wait: `python -m benchmarks.contention`.

The Instant stand-in has its contention switched on: a transaction takes 12 ms, longer the more rows it writes, locks
them, and waits for the others of the app. Each call takes 8 ms more, as on a network. A balance store stands for a
process of the site.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID, uuid4

from benchmarks.table import Benchmark, Row, main
from instant_admin.client.admin import InstantAdmin
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.rules import Account, Entry, Movement
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
    """So many writers, in so many processes, at so many accounts; how many times its base it should make."""

    writers: int
    processes: int = 1
    accounts: int = 1
    alone: bool = False
    should: float = 0.0

    def __str__(self) -> str:
        counted = (
            _counted(self.writers, "writer", "writers"),
            _counted(self.processes, "process", "processes"),
            _counted(self.accounts, "account", "accounts"),
        )
        return ", ".join(counted) + (", each by itself" if self.alone else "")


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


# Each base with those that are compared with it.
CASES: Final = {
    Case(1, alone=True): (
        Case(1, should=1.3),
        Case(8, should=3),
        Case(32, should=6),
        Case(64),
        Case(32, processes=2, should=5),
        Case(32, processes=4, should=4),
        Case(32, alone=True),
    ),
    Case(64, accounts=64, alone=True): (Case(64, accounts=64, should=3),),
}


@dataclass(frozen=True)
class Measured:
    """Movements a second, how long each took, and how many the idlest and the busiest process made."""

    rate: float
    waits_s: list[float]
    fewest: int
    most: int


def rows(*, seconds: float) -> Iterator[Row]:
    """Each base, and what else is compared with it."""
    for base, others in CASES.items():
        by_itself = measure(base, seconds)
        yield _row(base, by_itself, by_itself)
        for case in others:
            yield _row(case, measure(case, seconds), by_itself)


def _row(case: Case, measured: Measured, base: Measured) -> Row:
    times = measured.rate / base.rate
    p95_s = quantiles(measured.waits_s, n=20)[-1]
    return Row(
        (
            str(case),
            f"{measured.rate:.0f}",
            f"{times:.1f}",
            f"{case.should:g}" if case.should else "",
            f"{p95_s * 1000:.0f} ms",
            f"{p95_s / median(base.waits_s):.1f}",
            f"{measured.fewest} to {measured.most}",
        ),
        holds=times >= case.should,
    )


def measure(case: Case, seconds: float) -> Measured:
    """Have all writers spend for so long."""
    loopback, accounts = contended(case.accounts)
    with tempfile.TemporaryDirectory() as folder:
        posts = [_post(loopback.client(far), Path(folder), alone=case.alone) for _ in range(case.processes)]
        started = time.monotonic()

        def write(number: int) -> list[float]:
            waits_s = []
            while (began := time.monotonic()) < started + seconds:
                posts[number % case.processes](accounts[number % case.accounts])
                waits_s.append(time.monotonic() - began)
            return waits_s

        with ThreadPoolExecutor(case.writers) as threads:
            waits = list(threads.map(write, range(case.writers)))
        took_s = time.monotonic() - started
    made = [sum(map(len, waits[number :: case.processes])) for number in range(case.processes)]
    all_waits = [wait_s for each in waits for wait_s in each]
    return Measured(sum(made) / took_s, all_waits, min(made), max(made))


def contended(accounts: int) -> tuple[LoopbackInstant, list[UUID]]:
    """A stand-in where writers meet as they do in PostgreSQL, and accounts with many credits."""
    logging.getLogger("instant_admin").setLevel(logging.CRITICAL)
    loopback = LoopbackInstant()
    account_ids = [loopback.member(f"member{number}@example.com")[0] for number in range(accounts)]
    for account_id in account_ids:
        BalanceStore(loopback.admin).post(account_id, Purchase(key=f"purchase:{account_id}", credits=CREDITS))
    loopback.standin = loopback.standin.copy(
        clock=time.time, rng=random.SystemRandom(), contention=Contention(in_a_row=True)
    )
    return loopback, account_ids


def far(request: Request, work: Work) -> Response:
    """A network of some length."""
    time.sleep(NETWORK_S)
    return work()


def _post(client: InstantAdmin, folder: Path, *, alone: bool) -> Post:
    store = BalanceStore(client, turns=Files(folder))

    def post(account: UUID) -> object:
        spend = Spend(key=f"spend:{account}:{uuid4()}", price=1, note="rain")
        return store.apply(account, Alone(spend)) if alone else store.post(account, spend)

    return post


BENCHMARK: Final = Benchmark(
    title="Many writers at one balance",
    columns=("", "Movements a second", "Times", "Should be", "95 % within", "That in writes", "By process"),
    rows=tuple(str(case) for base, others in CASES.items() for case in (base, *others)),
    measure=rows,
    meaning=(
        "Movements that wait at the same time are written together, so more writers make more movements. "
        '"Times" counts from the last line above with 1.0, and "in writes" from what one write of that line takes. '
        "The limit is one trip to Instant for each batch of at most 64, and that it writes one after another."
    ),
    full={"seconds": 5.0},
    quick={"seconds": 0.3},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
