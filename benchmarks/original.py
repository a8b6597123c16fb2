"""Credits that the well-known sample loses and invents, beside the ledger: `python -m benchmarks.original`.

The sample's way, as `docs/correctness.md` describes it: the metadata of a checkout says whether it was credited, and
a balance is read, changed and written back. Both ways meet the stand-in of `contention.py`. Stripe's metadata is a
set here, and a call of Stripe a pause of 50 to 300 ms.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID, uuid4

from benchmarks.contention import CREDITS, contended, far
from benchmarks.table import Benchmark, Row, main
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import update
from instant_admin.ledger.entries import account_in, account_query
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.store import BalanceStore

PACK: Final = 10
STRIPE_S: Final = (0.05, 0.3)
WRITERS: Final = (8, 32)


class Way(Protocol):
    """How a balance is moved."""

    def spend(self) -> None: ...

    def settle(self, checkout: str) -> None: ...


class Original:
    """Flag, then credit; read, add, write back."""

    def __init__(self, instant: InstantAdmin, account: UUID) -> None:
        self._instant = instant
        self._account = account
        self._flagged: set[str] = set()

    def spend(self) -> None:
        """Take one credit, if there is one."""
        self._add(-1)

    def settle(self, checkout: str) -> None:
        """Credit a checkout whose metadata does not say that it was."""
        _ask_stripe()
        if checkout in self._flagged:
            return
        _ask_stripe()
        self._flagged.add(checkout)
        self._add(PACK)

    def _add(self, amount: int) -> None:
        credits = account_in(self._instant.query(account_query(self._account)), self._account).credits
        if credits + amount >= 0:
            self._instant.transact([update("$users", self._account, {"credits": credits + amount})])


class Ledger:
    """What the site does."""

    def __init__(self, instant: InstantAdmin, account: UUID) -> None:
        self._store = BalanceStore(instant)
        self._account = account

    def spend(self) -> None:
        """Spend one credit."""
        self._store.post(self._account, Spend(key=f"spend:{self._account}:{uuid4()}", price=1, note="rain"))

    def settle(self, checkout: str) -> None:
        """Credit a checkout, and note that at Stripe."""
        _ask_stripe()
        self._store.post(self._account, Purchase(key=f"purchase:{checkout}", credits=PACK))
        _ask_stripe()


def _ask_stripe() -> None:
    time.sleep(random.uniform(*STRIPE_S))  # noqa: S311


def _spend(way: Way, other_door: ThreadPoolExecutor) -> int:
    way.spend()
    return -1


def _settle(way: Way, other_door: ThreadPoolExecutor) -> int:
    way.settle(str(uuid4()))
    return PACK


def _settle_twice(way: Way, other_door: ThreadPoolExecutor) -> int:
    checkout = str(uuid4())
    webhook = other_door.submit(way.settle, checkout)
    way.settle(checkout)
    webhook.result()
    return PACK


@dataclass(frozen=True)
class Case:
    """What all writers do again and again, and whether each has an account of its own."""

    name: str
    act: Callable[[Way, ThreadPoolExecutor], int]
    writers: int
    apart: bool = False

    def __str__(self) -> str:
        where = f"{self.writers} accounts" if self.apart else "one account"
        return f"{self.name}, {self.writers} writers at {where}"


CASES: Final = (
    *(Case("Spending", _spend, writers) for writers in WRITERS),
    *(Case("Buying", _settle, writers) for writers in WRITERS),
    *(Case("Webhook and sync at once", _settle_twice, writers, apart=True) for writers in WRITERS),
)


def rows(*, seconds: float) -> Iterator[Row]:
    """Both ways under each case, for so long each."""
    for case in CASES:
        original, _ = _measured(Original, case, seconds)
        ledger, is_right = _measured(Ledger, case, seconds)
        yield Row((str(case), *original, *ledger), holds=is_right)


def _measured(
    way_of: Callable[[InstantAdmin, UUID], Way], case: Case, seconds: float
) -> tuple[tuple[str, str], bool]:
    """Acts a second, and by how much the balance is wrong of all that was to be moved; whether it is right."""
    loopback, accounts = contended(case.writers if case.apart else 1)
    instant = loopback.client(far)
    ways = [way_of(instant, account) for account in accounts]
    started = time.monotonic()

    def again_and_again(number: int) -> list[int]:
        moved = []
        while time.monotonic() < started + seconds:
            moved.append(case.act(ways[number % len(ways)], other_door))
        return moved

    with ThreadPoolExecutor(case.writers) as other_door, ThreadPoolExecutor(case.writers) as threads:
        moved = [amount for each in threads.map(again_and_again, range(case.writers)) for amount in each]
    rate = len(moved) / (time.monotonic() - started)
    store = BalanceStore(loopback.client())
    wrong = sum(store.account(account).credits - CREDITS for account in accounts) - sum(moved)
    return (f"{rate:.0f}", f"{wrong:+} of {abs(sum(moved))}" if wrong else "0"), not wrong


BENCHMARK: Final = Benchmark(
    title="The well-known sample beside the ledger",
    columns=(
        "",
        "Sample: a second",
        "Wrong by",
        "Ledger: a second",
        "Wrong by",
    ),
    rows=tuple(map(str, CASES)),
    measure=rows,
    meaning=(
        "A minus is what buyers have paid for and do not have. A plus is what was given away: haikus for nothing, "
        "and checkouts that were credited twice. The ledger may be wrong by nothing."
    ),
    full={"seconds": 3.0},
    quick={"seconds": 0.3},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
