"""Whether a long ledger is slower than a short one: `python -m benchmarks.ledger_size [--entries 1000000]`.

Fills Instant stand-ins, each on a file, with the ledgers of ten members. Then it takes the time of what somebody
waits for: a member's balance and the first page of their history (both as the member, so that the rules are asked
too), one spend, and the tree that live counters come from. There is no socket in between. All take turns, so that
whatever else the machine does slows all. The time is what the fastest quarter took at most: on a busy machine, a
median of so few milliseconds says whether the processor was taken away meanwhile.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

from benchmarks.table import Benchmark, Row, main
from instant_admin.client.steps import create, update
from instant_admin.client.types import Step
from instant_admin.ledger.entries import ENTRIES, account_query, read_page, slot_of
from instant_admin.ledger.feed import NEWEST
from instant_admin.ledger.movements import Spend
from instant_admin.ledger.rules import Account, Kind
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import row_id
from tests.drivers.instant import LoopbackInstant

MEMBERS: Final = 10
# Of a page of the history.
PAGE_SIZE: Final = 20
FEW_ENTRIES: Final = 1_000
ENTRIES_OF_ALL: Final = 1_000_000
PACK: Final = 10
BATCH: Final = 1_000
WORST_RATIO: Final = 1.2


class Bench:
    """A stand-in with ten members, and one of them who looks at their credits and spends them."""

    def __init__(self, database: Path, entries: int) -> None:
        self.entries = entries
        self._loopback = LoopbackInstant(database=database, clock=time.time)
        self._instant = self._loopback.admin
        signed_in = [self._loopback.member(f"m{number}@example.com") for number in range(MEMBERS)]
        self._ada, token = signed_in[0]
        self._as_ada = self._instant.as_member(token)
        self._store = BalanceStore(self._instant)
        self._requests = count()
        self._fill(Account(id=member_id, credits=0, seq=0) for member_id, _ in signed_in)

    def close(self) -> None:
        """Let go of the file."""
        self._loopback.standin.close()

    def _fill(self, accounts: Iterator[Account]) -> None:
        """Give the ledgers so many entries in all, as if they had been written one by one."""
        steps: list[Step] = []
        for account in accounts:
            left = account
            while left.seq < self.entries // MEMBERS:
                left = replace(left, credits=left.credits + PACK, seq=left.seq + 1)
                steps.append(_purchase(left))
                if len(steps) >= BATCH:
                    self._instant.transact(steps)
                    steps = []
            steps.append(update("$users", left.id, {"credits": left.credits, "creditSeq": left.seq}))
        self._instant.transact(steps)

    def balance(self) -> None:
        """What the counter asks."""
        self._as_ada.query(account_query(self._ada))

    def first_page(self) -> None:
        """What the page of the history asks."""
        read_page(self._as_ada, self._ada, before_seq=None, limit=PAGE_SIZE)

    def spend(self) -> None:
        """One credit less."""
        key = f"spend:{self._ada}:{next(self._requests)}"
        self._store.post(self._ada, Spend(key=key, price=1, note="bench"))

    def tree(self) -> None:
        """What the feed subscribes to."""
        self._instant.query(NEWEST)


WORKS: Final[dict[str, Callable[[Bench], None]]] = {
    "Balance": Bench.balance,
    "First page of the history": Bench.first_page,
    "Spend": Bench.spend,
    "Tree of the live counters": Bench.tree,
}


def _purchase(account: Account) -> Step:
    """The entry that led to this account as it is."""
    return create(
        ENTRIES,
        row_id(),
        {
            "key": f"purchase:{uuid4()}",
            "slot": slot_of(account.id, account.seq),
            "kind": str(Kind.PURCHASE),
            "amount": PACK,
            "balance": account.credits,
            "createdAt": account.seq,
            "account": str(account.id),
        },
    )


def _sizes(entries: int) -> tuple[int, ...]:
    return FEW_ENTRIES, entries // 10, entries


def rows(*, entries: int, tries: int) -> Iterator[Row]:
    """Fill all, and measure each thing in all."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_files:
        benches = [Bench(Path(folder) / f"{size}.sqlite3", size) for size in _sizes(entries)]
        for bench in benches:
            open_files.callback(bench.close)
        for name, work in WORKS.items():
            times_ms: dict[Bench, list[float]] = {bench: [] for bench in benches}
            for _ in range(tries):
                # In a fixed order one and the same would meet the end of each time slice of the processor.
                for bench in random.sample(benches, len(benches)):
                    times_ms[bench].append(_time_ms(work, bench))
            quarter_ms = {bench: statistics.quantiles(times, n=4)[0] for bench, times in times_ms.items()}
            for bench, within_ms in quarter_ms.items():
                times = within_ms / quarter_ms[benches[0]]
                cells = (_name(name, bench.entries), f"{within_ms:.2f} ms", f"{times:.2f}")
                yield Row(cells, holds=times <= WORST_RATIO)


def _name(work: str, entries: int) -> str:
    return f"{work}, {entries:,} entries"


def _time_ms(work: Callable[[Bench], None], bench: Bench) -> float:
    started_s = time.perf_counter()
    work(bench)
    return (time.perf_counter() - started_s) * 1000


BENCHMARK: Final = Benchmark(
    title="A long ledger",
    columns=("", "Time", "Times"),
    rows=tuple(_name(work, size) for work in WORKS for size in _sizes(ENTRIES_OF_ALL)),
    measure=rows,
    meaning=(
        "A ledger of ten members, in a stand-in on SQLite. What somebody waits for is found by an index, so it may "
        f"take {WORST_RATIO} times as long as with a thousand entries at most. The limit is the disk."
    ),
    full={"entries": ENTRIES_OF_ALL, "tries": 200},
    quick={"entries": 11 * FEW_ENTRIES, "tries": 10},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
