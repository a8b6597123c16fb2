"""Movements that wait together: how many trips they take, and that what befalls one befalls nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
import requests

from instant_admin.client.errors import InstantRejected
from instant_admin.client.steps import create, update
from instant_admin.client.types import Step
from instant_admin.ledger.batches import UNSEEN_LIMIT, Posted
from instant_admin.ledger.entries import ENTRIES, LedgerCorrupt, NoSuchAccount, read_page
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.retries import OutcomeUnknown
from instant_admin.ledger.rules import KeyReused, OutOfCredits
from instant_admin.ledger.store import BalanceStore
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant, Work
from tests.drivers.site import haiku

QUERY, TRANSACT = "/admin/query", "/admin/transact"


class Queued(threading.Event):
    """A signal that counts who waits for one."""

    waits = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, and say so first."""
        self.waits.release()
        return super().wait(timeout)


class Impatient(threading.Event):
    """A signal for which nobody waits long."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait no longer than that it is given, if it is."""
        return self.is_set() or (timeout is None and super().wait())


@dataclass
class Bench:
    """A store behind a network that counts trips and can hold a transaction back."""

    instant: LoopbackInstant
    trips: list[str] = field(default_factory=list)
    holds: threading.Event | None = None
    after_the_hold: list[Callable[[Work], Response]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.store = self.a_store()
        self.ada = self.account("ada", 10)

    def a_store(self, new_signal: Callable[[], threading.Event] = Queued) -> BalanceStore:
        """Another process."""
        return BalanceStore(
            self.instant.client(self._carry), sleep=lambda seconds: None, new_signal=new_signal
        )

    def _carry(self, request: Request, work: Work) -> Response:
        self.trips.append(request.path)
        if request.path == TRANSACT and self.holds is not None:
            holds, self.holds = self.holds, None
            self.held.set()
            holds.wait()
        if request.path == TRANSACT and self.held.is_set() and self.after_the_hold:
            return self.after_the_hold.pop(0)(work)
        return work()

    def account(self, name: str, credits: int) -> UUID:
        """A member with credits."""
        account = self.instant.member(f"{name}@example.com")[0]
        BalanceStore(self.instant.admin).post(account, Purchase(key=f"purchase:{name}", credits=credits))
        return account

    def spend(self, account: UUID, request: str, *, price: int = 1) -> Posted:
        """Buy a haiku."""
        movement = Spend(key=f"spend:{account}:{request}", price=price, note="rain")
        return self.store.post(account, movement, steps=lambda row: haiku(row, account))

    @contextmanager
    def while_one_is_written(self) -> Iterator[Callable[..., Future[Posted]]]:
        """Have what is called meanwhile wait together; then let all go on."""
        self.holds = holds = threading.Event()
        self.held.clear()
        with ThreadPoolExecutor(100) as threads:
            self.first = threads.submit(self.spend, self.ada, "first")
            self.held.wait()

            def queue(act: Callable[..., Posted], *args: object, **options: object) -> Future[Posted]:
                future = threads.submit(act, *args, **options)
                # Whoever is answered at once does not wait.
                while not (future.done() or Queued.waits.acquire(timeout=0.01)):
                    pass
                return future

            yield queue
            self.trips.clear()
            holds.set()

    def ledger(self, account: UUID) -> list[tuple[str, int]]:
        """The keys and balances of an account, oldest first."""
        entries = read_page(self.instant.admin, account, before_seq=None, limit=100).entries
        return [(entry.key.rpartition(":")[2], entry.balance) for entry in reversed(entries)]


@pytest.fixture
def bench(loopback: LoopbackInstant) -> Bench:
    return Bench(loopback)


def test_a_spend_takes_two_trips_one_where_the_account_is_remembered_and_a_repetition_one(
    bench: Bench,
) -> None:
    bench.spend(bench.ada, "warm")  # asks once for the schema
    bench.store = bench.a_store()
    bench.store._batches._writer._guards_seen = True
    bench.trips.clear()
    bench.spend(bench.ada, "cold")
    assert bench.trips == [QUERY, TRANSACT]
    bench.trips.clear()
    bench.spend(bench.ada, "hot")
    assert bench.trips == [TRANSACT]
    bench.trips.clear()
    assert bench.spend(bench.ada, "hot").replayed
    assert bench.trips == [QUERY]


def test_those_who_wait_are_written_in_one_transaction_in_their_order(bench: Bench) -> None:
    grace = bench.account("grace", 3)
    with bench.while_one_is_written() as queue:
        for number in range(2):
            for account in (bench.ada, grace):
                queue(bench.spend, account, str(number))
    assert bench.trips == [TRANSACT]
    assert bench.ledger(bench.ada) == [("ada", 10), ("first", 9), ("0", 8), ("1", 7)]
    assert bench.ledger(grace) == [("grace", 3), ("0", 2), ("1", 1)]
    rows = bench.instant.admin.query({ENTRIES: {"$": {"order": {"serverCreatedAt": "asc"}}}})[ENTRIES]
    numbers = [int(row["slot"].rpartition(":")[2]) for row in rows if row["slot"].startswith(str(bench.ada))]
    assert [number for number in numbers if number > 2] == [3, 4]  # as old as each other


def test_where_many_were_not_looked_for_all_are_looked_for_at_once(bench: Bench) -> None:
    bench.spend(bench.ada, "warm")
    with bench.while_one_is_written() as queue:
        many = [queue(bench.spend, bench.ada, str(number), price=0) for number in range(UNSEEN_LIMIT + 1)]
    assert [future.result().replayed for future in many] == [False] * (UNSEEN_LIMIT + 1)
    assert bench.trips == [QUERY, TRANSACT]


def test_two_clicks_that_wait_together_are_one_spend(bench: Bench) -> None:
    bench.spend(bench.ada, "warm")
    with bench.while_one_is_written() as queue:
        one, other = queue(bench.spend, bench.ada, "same"), queue(bench.spend, bench.ada, "same")
    assert one.result().entry == other.result().entry
    assert [one.result().replayed, other.result().replayed] == [False, True]


def test_what_is_wrong_with_one_is_the_answer_to_one(bench: Bench) -> None:
    poor, damaged, deleted = (bench.account(name, 1) for name in ("poor", "damaged", "deleted"))
    bench.instant.admin.transact([update("$users", damaged, {"credits": 1.5})])

    def refused() -> Posted:
        movement = Spend(key="spend:refused", price=1)
        steps: list[Step] = [create("haikus", uuid4(), {"topic": "\0"})]
        return bench.store.post(bench.ada, movement, steps=lambda row: steps)

    def taken() -> Posted:
        steps = [update("$users", poor, {"email": "ada@example.com"})]
        return bench.store.post(bench.ada, Spend(key="spend:taken", price=1), steps=lambda row: steps)

    def unmakeable() -> Posted:
        return bench.store.post(bench.ada, Spend(key="spend:unmade", price=1), steps=lambda row: [row[0]])  # type: ignore[index]

    with bench.while_one_is_written() as queue:
        wrong = {
            queue(bench.spend, poor, "two", price=2): OutOfCredits,
            queue(bench.spend, damaged, "one"): LedgerCorrupt,
            queue(bench.spend, uuid4(), "one"): NoSuchAccount,
            queue(bench.spend, bench.ada, "first", price=3): KeyReused,
            queue(bench.spend, deleted, "one"): NoSuchAccount,
            queue(refused): InstantRejected,
            queue(taken): InstantRejected,
            queue(unmakeable): TypeError,
        }
        right = [queue(bench.spend, bench.ada, "before"), queue(bench.spend, poor, "one")]
        bench.instant.admin.delete_user(user_id=deleted)
    for future, error in wrong.items():
        with pytest.raises(error):
            future.result()
    assert [future.result().credits for future in right] == [8, 0]
    assert bench.ledger(bench.ada) == [("ada", 10), ("first", 9), ("before", 8)]


def test_who_waits_too_long_is_told_that_nothing_was_written(bench: Bench) -> None:
    bench.store = bench.a_store(Impatient)
    bench.spend(bench.ada, "warm")
    with bench.while_one_is_written() as queue:
        late = queue(bench.spend, bench.ada, "late")
    with pytest.raises(OutcomeUnknown) as raised:
        late.result()
    assert not raised.value.may_have_been_written
    assert bench.spend(bench.ada, "next").credits == 7


def test_a_memory_that_is_wrong_costs_a_trip_and_no_credit(bench: Bench) -> None:
    bench.spend(bench.ada, "ours")
    other = bench.a_store()
    other.post(bench.ada, Spend(key="spend:theirs", price=8))
    bench.trips.clear()
    assert bench.spend(bench.ada, "last").credits == 0
    assert bench.trips == [TRANSACT, QUERY, TRANSACT]
    other.post(bench.ada, Purchase(key="purchase:theirs", credits=1))
    assert bench.spend(bench.ada, "bought").credits == 0


def test_what_was_found_to_be_written_stays_so_while_the_others_are_not(bench: Bench) -> None:
    """One answer is lost with the write. Looked up, it is there, but whom it waits with now cannot be written."""

    def lost(work: Work) -> Response:
        work()
        raise requests.ConnectionError("aborted")

    def busy(work: Work) -> Response:
        return Response.json({"type": "rate-limited"}, status=429)

    bench.after_the_hold = [lost, *[busy] * 5]
    with bench.while_one_is_written() as queue:
        second = queue(bench.spend, bench.ada, "second")
    answers = [bench.first.exception(), second.exception()]
    assert [isinstance(each, OutcomeUnknown) and each.may_have_been_written for each in answers] == [
        True,
        False,
    ]
