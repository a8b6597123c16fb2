"""Whether a long ledger is slower than a short one: `python -m benchmarks.ledger_size [--entries 1000000]`.

Fills two Instant stand-ins, each on a file, with the ledgers of ten members: a thousand entries, and a million.
Then it takes the time of what a member waits for: their balance, the first page of their history (both as the
member, so that the rules are asked too) and one spend, through the client and the balance store with no socket
in between. The two take turns, so that whatever else the machine does slows both. It ends with status 1 when
one of the three takes more than twice as long with the million.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from billing.history import PAGE_SIZE
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.schema import push
from instant_admin.client.steps import create, update
from instant_admin.client.types import Step
from instant_admin.ledger.entries import ENTRIES, account_query, read_page, slot_of
from instant_admin.ledger.rules import Account, Kind, Spend
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import row_id
from sandbox.instant.standin import InstantStandIn
from tests.drivers.instant import DOCUMENTS, HandlerAdapter

MEMBERS = 10
FEW_ENTRIES = 1_000
PACK = 10
BATCH = 1_000
RUNS = 200
WORST_RATIO = 2.0


def main() -> int:
    """Fill both, measure, and print a line for each thing that was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries: int = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        few, many = Bench(Path(folder) / "few.sqlite3"), Bench(Path(folder) / "many.sqlite3")
        try:
            few.fill(FEW_ENTRIES)
            many.fill(entries)
            slow = [name for name in few.works if _is_slow(name, few, many, entries)]
        finally:
            few.close()
            many.close()
    return 1 if slow else 0


class Bench:
    """A stand-in with ten members, and one of them who looks at their credits and spends them."""

    def __init__(self, database: Path) -> None:
        self._standin = InstantStandIn(database=database, clock=time.time, rng=random.Random(1))  # noqa: S311
        app = self._standin.ensure_app("bench")

        self._instant = InstantAdmin(
            api_uri="http://instant.test",
            app_id=app.id,
            admin_token=app.admin_token,
            adapter=HandlerAdapter(self._standin.handle),
        )
        list(push(self._instant, DOCUMENTS, dry_run=False))
        signed_in = [self._instant.create_token(email=f"m{n}@example.com")["user"] for n in range(MEMBERS)]
        self._ada = UUID(signed_in[0]["id"])
        self._as_ada = self._instant.as_member(signed_in[0]["refresh_token"])
        self._store = BalanceStore(self._instant)
        self._requests = count()
        self.works: dict[str, Callable[[], object]] = {
            "balance": lambda: self._as_ada.query(account_query(self._ada)),
            "first history page": lambda: read_page(
                self._as_ada, self._ada, before_seq=None, limit=PAGE_SIZE
            ),
            "spend": self._spend,
        }
        ids = (UUID(user["id"]) for user in signed_in)
        self._accounts = {member: Account(id=member, credits=0, seq=0) for member in ids}

    def close(self) -> None:
        """Let go of the file."""
        self._standin.close()

    def fill(self, entries: int) -> None:
        """Give the ledgers so many entries in all, as if they had been written one by one."""
        started_s = time.perf_counter()
        steps: list[Step] = []
        for member, account in self._accounts.items():
            while account.seq < entries // MEMBERS:
                account = replace(account, credits=account.credits + PACK, seq=account.seq + 1)
                steps.append(_purchase(account))
                if len(steps) >= BATCH:
                    self._instant.transact(steps)
                    steps = []
            steps.append(update("$users", member, {"credits": account.credits, "creditSeq": account.seq}))
            self._accounts[member] = account
        self._instant.transact(steps)
        sys.stdout.write(f"{entries:,} entries after {time.perf_counter() - started_s:.0f} s\n")
        sys.stdout.flush()

    def _spend(self) -> None:
        key = f"spend:{self._ada}:{next(self._requests)}"
        self._store.post(self._ada, Spend(key=key, price=1, note="bench"))


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


def _is_slow(name: str, few: Bench, many: Bench, entries: int) -> bool:
    """Take the time of one thing in both, and say so."""
    pairs = [(_time_ms(few.works[name]), _time_ms(many.works[name])) for _ in range(RUNS)]
    few_ms, many_ms = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio: float = many_ms / few_ms
    at_few, at_many = f"{few_ms:7.2f} ms at {FEW_ENTRIES:,}", f"{many_ms:7.2f} ms at {entries:,}"
    sys.stdout.write(f"{name:20} {at_few} {at_many}   x{ratio:.2f}\n")
    return ratio > WORST_RATIO


def _time_ms(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return (time.perf_counter() - started_s) * 1000


if __name__ == "__main__":
    sys.exit(main())
