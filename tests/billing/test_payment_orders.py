"""What Stripe tells of one payment, in every order, late or as it happens, once or twice: the end is one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations

import pytest

from accounts.members import Member
from billing.fulfilment import CLAW_BACKS_LIMIT, Outcome, settle
from billing.reconciliation import reconcile_customer
from billing.stripe_api import checkouts
from billing.webhook import EVENTS
from tests.billing.shop import REFUND_PENDING, Shop, opened

Deed = Callable[[Shop, str], object]


def pay(shop: Shop, checkout_id: str) -> None:
    shop.post(f"/c/pay/{checkout_id}", card_number=REFUND_PENDING)


def refund_some(shop: Shop, checkout_id: str) -> None:
    shop.refund(checkout_id, 150)


def refund_arrives(shop: Shop, checkout_id: str) -> None:
    refund_id = shop.newest("refunds", shop.payment_of(checkout_id))
    shop.post(f"/dashboard/refunds/{refund_id}/succeed")


def refund_fails(shop: Shop, checkout_id: str) -> None:
    refund_id = shop.newest("refunds", shop.payment_of(checkout_id))
    shop.post(f"/dashboard/refunds/{refund_id}/fail")


def inquire(shop: Shop, checkout_id: str) -> None:
    shop.dispute(checkout_id, kind="inquiry")


def escalate(shop: Shop, checkout_id: str) -> None:
    dispute_id = shop.newest("disputes", shop.payment_of(checkout_id))
    shop.post(f"/dashboard/disputes/{dispute_id}/escalate")


def win(shop: Shop, checkout_id: str) -> None:
    dispute_id = shop.newest("disputes", shop.payment_of(checkout_id))
    shop.post(f"/dashboard/disputes/{dispute_id}/win")


# What happens to a payment of $5.00 for ten credits; of its events, five; and what is left of the credits.
LIVES: dict[str, tuple[Sequence[Deed], Sequence[str], Counter[str]]] = {
    # Refunded by 30 %, which arrives later, and disputed for the rest.
    "disputed": (
        (pay, refund_some, refund_arrives, inquire, escalate),
        (
            "checkout.session.completed",
            "refund.created",
            "charge.refunded",
            "refund.updated",
            "charge.dispute.funds_withdrawn",
        ),
        Counter({"purchase": 10, "refund": -3, "dispute": -7}),
    ),
    # Refunded by 30 %, which fails, and a dispute for all of it that is won.
    "given back": (
        (pay, refund_some, refund_fails, inquire, escalate, win),
        (
            "checkout.session.completed",
            "charge.refunded",
            "refund.failed",
            "charge.dispute.created",
            "charge.dispute.closed",
        ),
        Counter({"purchase": 10}),
    ),
}


@pytest.fixture(scope="module")
def busy_shop() -> Iterator[Shop]:
    """One shop for all orders; each has a buyer of its own."""
    with opened() as shop:
        yield shop


def told(shop: Shop) -> dict[str, bytes]:
    """What Stripe has to tell, by type."""
    return {json.loads(body)["type"]: body for body in shop.events()}


def live(
    shop: Shop, deeds: Sequence[Deed], order: Sequence[str], *, as_it_happens: bool, twice: bool
) -> Member:
    """Go through a payment's life while its events arrive in `order`, each as soon as it is true, or all late."""
    member = shop.member()
    checkout_id = shop.open_checkout(member)
    undone, waiting = iter(deeds), dict[str, bytes]()
    if not as_it_happens:
        for deed in undone:
            deed(shop, checkout_id)
            waiting |= told(shop)
    for kind in order:
        while kind not in waiting:
            next(undone)(shop, checkout_id)
            waiting |= told(shop)
        for _ in range(1 + twice):
            shop.deliver(waiting[kind])
    if twice:
        shop.deliver(waiting[order[0]])
    assert list(undone) == []
    return member


def sums(shop: Shop, member: Member) -> Counter[str]:
    """The sum of a member's entries by kind, a dispute with what was given back of it."""
    found: Counter[str] = Counter()
    for entry in shop.entries(member):
        found[str(entry.kind).removesuffix("_won")] += entry.amount
    return Counter({kind: amount for kind, amount in found.items() if amount})


@pytest.mark.parametrize(
    ("life", "every", "as_it_happens", "twice"),
    [
        ("disputed", 1, True, False),
        ("disputed", 1, False, True),
        ("given back", 6, True, True),
        ("given back", 6, False, False),
    ],
)
def test_five_events_in_all_120_orders_end_in_the_same_credits(
    busy_shop: Shop, life: str, every: int, as_it_happens: bool, twice: bool
) -> None:
    deeds, events, expected = LIVES[life]
    assert EVENTS.issuperset(events)
    orders = list(permutations(events))
    assert len(orders) == 120
    for order in orders[::every]:
        member = live(busy_shop, deeds, order, as_it_happens=as_it_happens, twice=twice)
        assert sums(busy_shop, member) == expected, order
        assert busy_shop.credits(member) == expected.total(), order


# One payment, step by step


def test_a_refund_seen_before_its_purchase_was_credited_ends_in_the_same_balance(
    shop: Shop, ada: Member
) -> None:
    checkout_id = shop.buy(ada)
    completed = shop.events()
    shop.refund(checkout_id, 150)
    shop.deliver_all()
    assert shop.ledger(ada) == [("purchase", 10, 10), ("refund", -3, 7)]
    for body in completed:
        shop.deliver(body)
    assert shop.credits(ada) == 7


def test_refunds_take_in_proportion_and_below_zero_what_was_spent(shop: Shop, ada: Member) -> None:
    checkout_id = shop.buy(ada)
    shop.deliver_all()
    shop.spend(ada, 8)
    balances = []
    for cents in (150, 49, 1, 300):
        shop.refund(checkout_id, cents)
        shop.deliver_all()
        balances.append(shop.credits(ada))
    assert balances == [-1, -1, -2, -8]


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_a_refund_that_comes_to_nothing_gives_its_credits_back(shop: Shop, ada: Member, end: str) -> None:
    checkout_id = shop.buy(ada, card=REFUND_PENDING)
    shop.refund(checkout_id, 100)
    refund_id = shop.refund(checkout_id, 150)
    shop.deliver_all()
    assert shop.credits(ada) == 5
    if end == "fail":
        shop.post(f"/dashboard/refunds/{refund_id}/fail")
    else:
        shop.ask(f"/v1/refunds/{refund_id}/cancel", method="POST")
    shop.deliver_all()
    assert shop.ledger(ada)[-1] == ("refund", 3, 8)
    assert shop.credits(ada) == 8


def test_a_dispute_holds_credits_back_and_gives_them_back_when_it_is_won(shop: Shop, ada: Member) -> None:
    checkout_id = shop.buy(ada)
    dispute_id = shop.dispute(checkout_id)
    shop.deliver_all()
    assert shop.credits(ada) == 0
    shop.post(f"/dashboard/disputes/{dispute_id}/win")
    shop.deliver_all()
    assert shop.ledger(ada) == [("purchase", 10, 10), ("dispute", -10, 0), ("dispute_won", 10, 10)]


def test_a_dispute_that_is_lost_keeps_what_it_held_back(shop: Shop, ada: Member) -> None:
    dispute_id = shop.dispute(shop.buy(ada), amount="250")
    shop.deliver_all()
    shop.post(f"/dashboard/disputes/{dispute_id}/lose")
    shop.deliver_all()
    assert shop.ledger(ada) == [("purchase", 10, 10), ("dispute", -5, 5)]


def test_an_inquiry_moves_nothing_until_it_becomes_a_dispute(shop: Shop, ada: Member) -> None:
    checkout_id = shop.buy(ada)
    dispute_id = shop.dispute(checkout_id, kind="inquiry")
    shop.deliver_all()
    assert shop.ledger(ada) == [("purchase", 10, 10)]
    shop.post(f"/dashboard/disputes/{dispute_id}/escalate")
    shop.deliver_all()
    assert shop.credits(ada) == 0


def test_an_inquiry_that_is_closed_has_moved_nothing(shop: Shop, ada: Member) -> None:
    dispute_id = shop.dispute(shop.buy(ada), kind="inquiry")
    shop.post(f"/dashboard/disputes/{dispute_id}/lose")
    shop.deliver_all()
    assert shop.ledger(ada) == [("purchase", 10, 10)]


def test_a_free_order_is_credited_and_has_nothing_to_take_back(shop: Shop, ada: Member) -> None:
    checkout_id = shop.buy(ada, promotion_code="TESTING100")
    shop.deliver_all()
    assert shop.credits(ada) == 10
    assert checkouts.retrieve(checkout_id).payment_intent_id is None


@pytest.mark.parametrize(("end", "credits"), [("settle", 10), ("fail", 0)])
def test_a_bank_debit_is_credited_when_it_arrives_and_not_before(
    shop: Shop, ada: Member, end: str, credits: int
) -> None:
    checkout_id = shop.buy(ada, card="", payment_method="bank_debit_ok")
    shop.deliver_all()
    assert settle(checkouts.retrieve(checkout_id)).outcome is Outcome.PENDING
    shop.post(f"/dashboard/payments/{shop.payment_of(checkout_id)}/{end}")
    shop.deliver_all()
    assert shop.credits(ada) == credits
    outcome = settle(checkouts.retrieve(checkout_id)).outcome
    assert outcome is (Outcome.ALREADY_CREDITED if credits else Outcome.EXPIRED)


def test_the_purchase_of_one_pack_is_not_taken_back_for_another(shop: Shop, ada: Member) -> None:
    kept, given_back = shop.buy(ada), shop.buy(ada)
    shop.refund(given_back, 500)
    shop.deliver_all()
    assert shop.credits(ada) == 10
    assert [entry.ref for entry in shop.entries(ada) if entry.kind == "refund"] == [given_back]
    assert kept != given_back


def test_money_that_went_back_and_forth_too_often_needs_review(shop: Shop, ada: Member) -> None:
    checkout_id = shop.buy(ada)
    for _ in range(CLAW_BACKS_LIMIT // 2):
        refund_id = shop.refund(checkout_id, 500)
        shop.deliver_all()
        shop.post(f"/dashboard/refunds/{refund_id}/fail")
        shop.deliver_all()
    checkout = checkouts.retrieve(checkout_id)
    assert settle(checkout).credits == 10  # exactly so often is fine
    shop.refund(checkout_id, 500)
    shop.deliver_all()  # Stripe need not send it again
    customer_id = str(checkout.customer_id)
    (finding,) = reconcile_customer(customer_id, dry_run=False)
    assert finding.needs_review
    assert shop.credits(ada) == 10
