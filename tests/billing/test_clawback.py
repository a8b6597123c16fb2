"""What of a purchase is taken back: pro rata, cumulative, never more than it was, in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.clawback import Payment, claw_back, clawed_back
from instant_admin.ledger.movements import ClawBack
from instant_admin.ledger.rules import Account, Entry, Kind

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
PURCHASE = Entry(
    id=uuid4(),
    account_id=ADA,
    key="purchase:cs_test_1",
    seq=1,
    kind=Kind.PURCHASE,
    amount=10,
    balance=0,
    note="",
    actor="",
    ref="cs_test_1",
    product="",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def entry(kind: Kind, amount: int) -> Entry:
    """One of the same purchase."""
    return replace(PURCHASE, kind=kind, amount=amount)


@pytest.mark.parametrize(
    ("credits", "payment", "taken"),
    [
        (10, Payment(paid=500, refunded=0, disputed=0), (0, 0)),
        (10, Payment(paid=500, refunded=150, disputed=0), (3, 0)),
        (10, Payment(paid=500, refunded=500, disputed=0), (10, 0)),
        (10, Payment(paid=500, refunded=49, disputed=0), (0, 0)),  # not a credit's worth
        (10, Payment(paid=500, refunded=99, disputed=0), (1, 0)),
        (10, Payment(paid=500, refunded=0, disputed=500), (0, 10)),
        (10, Payment(paid=500, refunded=150, disputed=350), (3, 7)),
        (10, Payment(paid=500, refunded=500, disputed=500), (10, 0)),
        (10, Payment(paid=500, refunded=900, disputed=0), (10, 0)),  # never more than the purchase
        (10, Payment(paid=0, refunded=0, disputed=0), (0, 0)),  # a free order
        (7, Payment(paid=1000, refunded=500, disputed=0), (3, 0)),  # rounded down
    ],
)
def test_what_is_taken_back(credits: int, payment: Payment, taken: tuple[int, int]) -> None:
    assert clawed_back(credits, payment) == taken


payments = st.builds(
    Payment,
    paid=st.just(997),
    refunded=st.integers(0, 1200),
    disputed=st.sampled_from([0, 0, 100, 997]),
)


@pytest.mark.slow
@given(credits=st.integers(1, 60), seen=st.lists(payments, max_size=8))
def test_after_any_sequence_what_is_taken_is_what_the_last_state_says(
    credits: int, seen: list[Payment]
) -> None:
    purchase = entry(Kind.PURCHASE, credits)
    taken: list[Entry] = []
    account = Account(id=ADA, credits=0, seq=1)
    for payment in (*seen, *seen[-1:]):
        movements = 0
        while (movement := claw_back(purchase, taken, payment, key="k")) is not None:
            taken.append(entry(movement.kind, movement.amount_on(account)))
            assert 0 <= -sum(one.amount for one in taken) <= credits
            movements += 1
            assert movements <= 2
        refunded = -sum(one.amount for one in taken if one.kind is Kind.REFUND)
        disputed = -sum(one.amount for one in taken if one.kind is not Kind.REFUND)
        assert (refunded, disputed) == clawed_back(credits, payment)


def test_a_claw_back_takes_what_was_spent_already_and_says_what_for() -> None:
    movement = claw_back(PURCHASE, [], Payment(paid=500, refunded=500, disputed=0), key="k")
    assert movement == ClawBack(key="k", kind=Kind.REFUND, amount=-10, ref="cs_test_1")
    assert movement.balance_after(Account(id=ADA, credits=2, seq=9)) == -8


def test_a_refund_that_failed_and_a_dispute_that_was_won_give_back() -> None:
    back = Payment(paid=500, refunded=0, disputed=0)
    taken = [entry(Kind.REFUND, -3), entry(Kind.DISPUTE, -7)]
    won = ClawBack(key="k", kind=Kind.DISPUTE_WON, amount=7, ref="cs_test_1")
    assert claw_back(PURCHASE, taken, back, key="k") == won
    failed = ClawBack(key="k", kind=Kind.REFUND, amount=3, ref="cs_test_1")
    assert claw_back(PURCHASE, [*taken, entry(won.kind, won.amount)], back, key="k") == failed
