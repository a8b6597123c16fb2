"""What may be spent under one name in a day: what is left of it, when a day ends, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from instant_admin.client.steps import update
from instant_admin.ledger.allowances import Allowance, AllowanceSpent, AllowancesUnknown, account_after
from instant_admin.ledger.batches import Posted
from instant_admin.ledger.entries import LedgerCorrupt, read_page
from instant_admin.ledger.holds import Capture, Hold, end_key, release_of
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.rules import Account, Entry, KeyReused, Movement, OutOfCredits
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.turns import Files
from instant_admin.ledger.writing import Writer
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant, Work
from tests.instant_admin.ledger.test_batches import QUERY, TRANSACT, Bench
from tests.sandbox.instant.process import Process

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
FIVE = Allowance("key:1", 5)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NEXT_DAY = NOON + timedelta(days=1)
FIRST, SECOND = "key:1:2026-07-01", "key:1:2026-07-02"


def account(spent: Mapping[str, int] | None = None) -> Account:
    return Account(id=ADA, credits=20, seq=1, allowances={} if spent is None else spent)


def spent(credits: int, allowance: Allowance | None = FIVE) -> Spend:
    return Spend(key=f"spend:{ADA}:{uuid4()}", price=credits, allowance=allowance)


def made(movement: Movement, before: Account, now: datetime = NOON) -> tuple[Entry, Account]:
    """The entry of a movement, and the account as it leaves it."""
    entry = movement.entry_on(before, entry_id=uuid4(), now=now)
    return entry, account_after(entry, before)


# On plain values


def test_what_is_spent_counts_under_the_name_and_the_day() -> None:
    entry, after = made(spent(3), account({"key:2:2026-07-01": 1}))
    assert entry.allowance == FIRST
    assert after.allowances == {"key:2:2026-07-01": 1, FIRST: 3}
    assert (after.credits, after.seq) == (17, 2)


def test_no_more_than_the_most_is_spent_in_a_day() -> None:
    before = account({FIRST: 3})
    assert made(spent(2), before)[1].allowances == {FIRST: 5}
    with pytest.raises(AllowanceSpent) as refusal:
        made(spent(3), before)
    assert (refusal.value.needed, refusal.value.used, refusal.value.most) == (3, 3, 5)


def test_the_balance_is_a_limit_as_well() -> None:
    with pytest.raises(OutOfCredits):
        made(spent(21, Allowance("key:1", 100)), account())


def test_a_day_is_one_in_utc() -> None:
    evening = datetime(2026, 7, 1, 23, tzinfo=timezone(timedelta(hours=-4)))
    assert made(spent(1), account(), evening)[0].allowance == SECOND


def test_a_new_day_begins_with_nothing_and_lets_go_of_the_one_before() -> None:
    assert made(spent(5), account({FIRST: 5, "key:2:2026-07-01": 4}), NEXT_DAY)[1].allowances == {SECOND: 5}


def test_a_clock_that_is_late_counts_in_the_day_that_another_has_reached() -> None:
    before = account({"key:2:2026-07-02": 1, SECOND: 4})
    entry, after = made(spent(1), before, NOON)
    assert (entry.allowance, after.allowances) == (SECOND, {"key:2:2026-07-02": 1, SECOND: 5})
    with pytest.raises(AllowanceSpent):
        made(spent(1), after, NOON)


def test_a_hold_counts_in_full_until_it_ends_and_then_what_it_has_used() -> None:
    hold, held = made(Hold(key="hold:1", most=5, allowance=FIVE), account())
    assert held.allowances == {FIRST: 5}
    capture = Capture(key=end_key(hold.key), most=5, used=2, allowance=hold.allowance)
    assert made(capture, held)[1].allowances == {FIRST: 2}
    assert made(release_of(hold), held)[1].allowances == {FIRST: 0}


def test_the_end_of_a_hold_of_yesterday_gives_nothing_back_today() -> None:
    hold, held = made(Hold(key="hold:1", most=5, allowance=FIVE), account())
    assert made(release_of(hold), held, NEXT_DAY)[1].allowances == {FIRST: 0}
    today = made(spent(1), held, NEXT_DAY)[1]
    assert made(release_of(hold), today, NEXT_DAY)[1].allowances == {SECOND: 1}


def test_without_an_allowance_nothing_counts() -> None:
    entry, after = made(spent(20, None), account({FIRST: 5}))
    assert (entry.allowance, after.allowances) == ("", {FIRST: 5})


@pytest.mark.parametrize(
    "movement", [spent(1), release_of(made(Hold(key="h", most=1, allowance=FIVE), account())[0])]
)
def test_nothing_is_decided_on_what_is_not_known(movement: Movement) -> None:
    with pytest.raises(AllowancesUnknown):
        made(movement, replace(account(), allowances=None))


# In the store


@pytest.fixture
def bench(loopback: LoopbackInstant) -> Bench:
    bench = Bench(loopback)
    bench.spend(bench.ada, "warm")  # asks once for the schema
    bench.trips.clear()
    return bench


def by_key(bench: Bench, request: str = "", *, most: int = 5, store: BalanceStore | None = None) -> Posted:
    movement = Spend(
        key=f"spend:{bench.ada}:{request or uuid4()}", price=1, allowance=Allowance("key:1", most)
    )
    return (store or bench.store).post(bench.ada, movement)


def counted(bench: Bench) -> list[int]:
    """What is said to be spent on the latest day."""
    (row,) = bench.instant.admin.query({"$users": {"$": {"where": {"id": str(bench.ada)}}}})["$users"]
    return list(row["allowances"].values())


def test_a_limit_takes_no_trip_more_than_a_spend_without_one(bench: Bench) -> None:
    by_key(bench)
    assert bench.trips == [TRANSACT]
    bench.trips.clear()
    by_key(bench, store=bench.a_store())
    assert bench.trips == [QUERY, "/admin/schema", TRANSACT]
    assert counted(bench) == [2]


def test_the_word_that_another_process_left_says_nothing_of_limits_so_it_is_read(
    bench: Bench, tmp_path: Path
) -> None:
    ours, theirs = (BalanceStore(bench.instant.client(bench._carry), turns=Files(tmp_path)) for _ in range(2))
    by_key(bench, store=ours, most=2)
    by_key(bench, store=theirs, most=2)
    bench.trips.clear()
    with pytest.raises(AllowanceSpent):
        by_key(bench, store=ours, most=2)
    bench.trips.clear()
    by_key(bench, store=theirs, most=3)
    by_key(bench, store=theirs, most=4)
    assert bench.trips == [TRANSACT, TRANSACT]  # what it left itself, it knows
    assert counted(bench) == [4]


def test_a_spend_without_an_allowance_says_nothing_of_any(loopback: LoopbackInstant) -> None:
    bodies: list[bytes] = []

    def seeing(request: Request, work: Work) -> Response:
        if request.path == TRANSACT:
            bodies.append(request.body)
        return work()

    ada = loopback.member("ada@example.com")[0]
    store = BalanceStore(loopback.client(seeing))
    store.post(ada, Purchase(key="purchase:1", credits=10))
    store.post(ada, spent(1, None))
    assert not any(b"allowance" in body for body in bodies)
    store.post(ada, spent(1))
    assert b"allowance" in bodies[-1]


def test_those_who_wait_together_share_what_is_left(bench: Bench) -> None:
    with bench.while_one_is_written() as queue:
        waiting = [queue(by_key, bench, most=2) for _ in range(4)]
    ends = [type(each.exception()) for each in waiting]
    assert ends == [type(None), type(None), AllowanceSpent, AllowanceSpent]
    assert counted(bench) == [2]


def test_the_same_request_again_is_answered_also_when_nothing_is_left(bench: Bench) -> None:
    by_key(bench, "same", most=1)
    assert by_key(bench, "same", most=1).replayed
    with pytest.raises(AllowanceSpent):
        by_key(bench, "other", most=1)
    assert counted(bench) == [1]


def test_a_memory_that_is_wrong_lets_nobody_spend_more_and_refuses_nobody(bench: Bench) -> None:
    other = bench.a_store()
    by_key(bench, most=2)
    by_key(bench, most=2, store=other)
    with pytest.raises(AllowanceSpent) as refusal:
        by_key(bench, most=2)
    assert refusal.value.used == 2
    hold = other.post(
        bench.ada, Hold(key=f"hold:{bench.ada}:1:1", most=1, allowance=Allowance("key:1", 3))
    ).entry
    with pytest.raises(AllowanceSpent):
        by_key(bench, most=3)
    other.post(bench.ada, release_of(hold))
    assert by_key(bench, most=3).credits == 6
    assert counted(bench) == [3]


def test_of_two_ends_only_the_first_gives_allowance_back(bench: Bench) -> None:
    hold = bench.store.post(bench.ada, Hold(key=f"hold:{bench.ada}:1:1", most=5, allowance=FIVE)).entry
    used = Capture(key=end_key(hold.key), most=5, used=2, allowance=hold.allowance)
    bench.store.post(bench.ada, used)
    assert bench.store.post(bench.ada, used).replayed
    with pytest.raises(KeyReused):
        bench.store.post(bench.ada, release_of(hold))
    assert counted(bench) == [2]


@pytest.mark.parametrize("damage", [["key:1:2026-07-01"], {"key:1:2026-07-01": 1.5}, {"": 1}, 7])
def test_what_is_no_count_stops_the_account(bench: Bench, damage: Any) -> None:
    bench.instant.admin.transact([update("$users", bench.ada, {"allowances": damage})])
    with pytest.raises(LedgerCorrupt):
        by_key(bench, store=bench.a_store())


# Over sockets


@pytest.mark.slow
@pytest.mark.parametrize("stores", [1, 10], ids=["one process", "ten processes"])
def test_ten_at_once_spend_exactly_what_is_left(process: Process, stores: int) -> None:
    admin = process.admin()
    ada = UUID(admin.create_token(email=f"{uuid4().hex}@example.com")["user"]["id"])
    # Each of them has a memory and a clock of its own.
    several = [
        BalanceStore(admin, writer=Writer(admin, now=lambda off=off: NOON + timedelta(seconds=off)))  # type: ignore[misc]
        for off in range(stores)
    ]
    several[0].post(ada, Purchase(key=f"purchase:{ada}", credits=20))

    def spend(number: int) -> bool:
        movement = Spend(key=f"spend:{ada}:{number}", price=1, allowance=FIVE)
        try:
            several[number % stores].post(ada, movement)
        except AllowanceSpent:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(spend, range(10))) == 5
    page = read_page(admin, ada, before_seq=None, limit=100)
    assert [entry.allowance for entry in page.entries] == [FIRST] * 5 + [""]
    assert (page.account.credits, page.account.allowances) == (15, {FIRST: 5})
