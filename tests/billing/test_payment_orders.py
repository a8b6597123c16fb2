"""What Stripe tells of one payment, in every order, late or as it happens, once or twice: the end is one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations

import pytest

from accounts.members import Member
from billing.fulfilment import CLAW_BACKS_LIMIT, Outcome, settle
from billing.reconciliation import reconcile_member
from billing.stripe_api import checkouts
from billing.webhook import EVENTS
from tests.drivers.site import LoopbackSite, opened
from tests.drivers.stripe_api import REFUND_PENDING

Deed = Callable[[LoopbackSite, str], object]
Row = tuple[str, int, int]


def pay(site: LoopbackSite, checkout_id: str) -> None:
    site.pay(checkout_id, REFUND_PENDING)


def refund_some(site: LoopbackSite, checkout_id: str) -> None:
    site.refund(checkout_id, 150)


def inquire(site: LoopbackSite, checkout_id: str) -> None:
    site.dispute(checkout_id, kind="inquiry")


def press(collection: str, button: str) -> Deed:
    """Press a button of the newest refund or dispute."""

    def pressed(site: LoopbackSite, checkout_id: str) -> None:
        newest = site.newest(collection, site.payment_of(checkout_id))
        site.post(f"/dashboard/{collection}/{newest}/{button}")

    return pressed


escalate = press("disputes", "escalate")


# What happens to a payment of $5.00 for ten credits; of its events, five; and what is left of the credits.
LIVES: dict[str, tuple[Sequence[Deed], Sequence[str], Counter[str]]] = {
    # Refunded by 30 %, which arrives later, and disputed for the rest.
    "disputed": (
        (pay, refund_some, press("refunds", "succeed"), inquire, escalate),
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
        (pay, refund_some, press("refunds", "fail"), inquire, escalate, press("disputes", "win")),
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
def busy_shop() -> Iterator[LoopbackSite]:
    """One site for all orders; each has a buyer of its own."""
    with opened() as site:
        yield site


def told(site: LoopbackSite) -> dict[str, bytes]:
    """What Stripe has to tell, by type."""
    return {json.loads(body)["type"]: body for body in site.events()}


def live(
    site: LoopbackSite, deeds: Sequence[Deed], order: Sequence[str], *, as_it_happens: bool, twice: bool
) -> Member:
    """Go through a payment's life while its events arrive in `order`, each as soon as it is true, or all late."""
    member = site.member()
    checkout_id = site.open_checkout(member)
    undone, waiting = iter(deeds), dict[str, bytes]()
    if not as_it_happens:
        for deed in undone:
            deed(site, checkout_id)
            waiting |= told(site)
    for kind in order:
        while kind not in waiting:
            next(undone)(site, checkout_id)
            waiting |= told(site)
        for _ in range(1 + twice):
            site.deliver(waiting[kind])
    if twice:
        site.deliver(waiting[order[0]])
    assert list(undone) == []
    return member


def sums(site: LoopbackSite, member: Member) -> Counter[str]:
    """The sum of a member's entries by kind, a dispute with what was given back of it."""
    found: Counter[str] = Counter()
    for entry in site.entries(member):
        found[str(entry.kind).removesuffix("_won")] += entry.amount
    return Counter({kind: amount for kind, amount in found.items() if amount})


@pytest.mark.deep
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
    busy_shop: LoopbackSite, life: str, every: int, as_it_happens: bool, twice: bool
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


def outcome(checkout_id: str) -> Outcome:
    return settle(checkouts.retrieve(checkout_id)).outcome


def test_refunds_take_in_proportion_and_below_zero_what_was_spent(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.spend(ada, 8)
    for cents, balance in ((150, -1), (49, -1), (1, -2), (300, -8)):
        site.refund(bought, cents)
        site.deliver_all()
        assert site.credits(ada) == balance


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_a_refund_that_came_to_nothing_gives_credits_back(site: LoopbackSite, ada: Member, end: str) -> None:
    checkout_id = site.buy(ada, card=REFUND_PENDING)
    site.refund(checkout_id, 100)
    refund_id = site.refund(checkout_id, 150)
    site.deliver_all()
    assert site.credits(ada) == 5
    if end == "fail":
        site.post(f"/dashboard/refunds/{refund_id}/fail")
    else:
        site.ask(f"/v1/refunds/{refund_id}/cancel", method="POST")
    site.deliver_all()
    assert site.ledger(ada)[-1] == ("refund", 3, 8)


@pytest.mark.parametrize(
    ("kind", "amount", "end", "held_back", "ledger"),
    [
        ("fraudulent", "", "win", 10, [("dispute", -10, 0), ("dispute_won", 10, 10)]),
        ("fraudulent", "250", "lose", 5, [("dispute", -5, 5)]),
        ("inquiry", "", "escalate", 0, [("dispute", -10, 0)]),
        ("inquiry", "", "lose", 0, []),
    ],
)
def test_a_dispute_holds_back_until_it_is_won_and_an_inquiry_does_not(
    site: LoopbackSite, ada: Member, kind: str, amount: str, end: str, held_back: int, ledger: list[Row]
) -> None:
    dispute_id = site.dispute(site.buy(ada), kind=kind, amount=amount)
    site.deliver_all()
    assert site.credits(ada) == 10 - held_back
    site.post(f"/dashboard/disputes/{dispute_id}/{end}")
    site.deliver_all()
    assert site.ledger(ada) == [("purchase", 10, 10), *ledger]


def test_a_free_order_is_credited_and_has_nothing_to_take_back(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada, promotion_code="TESTING100")
    site.deliver_all()
    assert site.credits(ada) == 10
    assert checkouts.retrieve(checkout_id).payment_intent_id is None


@pytest.mark.parametrize(
    ("end", "credits", "ended"),
    [("settle", 10, Outcome.ALREADY_CREDITED), ("fail", 0, Outcome.FAILED)],
)
def test_a_bank_debit_is_credited_when_it_arrives_and_not_before(
    site: LoopbackSite, ada: Member, end: str, credits: int, ended: Outcome
) -> None:
    checkout_id = site.buy(ada, card="", payment_method="bank_debit_ok")
    site.deliver_all()
    assert outcome(checkout_id) is Outcome.PENDING
    site.post(f"/dashboard/payments/{site.payment_of(checkout_id)}/{end}")
    site.deliver_all()
    assert (site.credits(ada), outcome(checkout_id)) == (credits, ended)


def test_the_purchase_of_one_pack_is_not_taken_back_for_another(site: LoopbackSite, ada: Member) -> None:
    kept, given_back = site.buy(ada), site.buy(ada)
    site.refund(given_back, 500)
    site.deliver_all()
    assert site.credits(ada) == 10
    assert [entry.ref for entry in site.entries(ada)] == [kept, given_back, given_back]


def test_money_that_went_back_and_forth_too_often_needs_review(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    for _ in range(CLAW_BACKS_LIMIT // 2):
        refund_id = site.refund(checkout_id, 500)
        site.deliver_all()
        site.post(f"/dashboard/refunds/{refund_id}/fail")
        site.deliver_all()
    checkout = checkouts.retrieve(checkout_id)
    assert settle(checkout).credits == 10  # exactly so often is fine
    site.refund(checkout_id, 500)
    site.deliver_all()  # Stripe need not send it again
    (finding,) = reconcile_member(ada.id, customer_id=checkout.customer_id)
    assert finding.needs_review
    assert site.credits(ada) == 10
