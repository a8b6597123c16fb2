"""What became of a member's purchases, as Stripe has them now. Nothing of it is kept here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from accounts.members import Member
from billing.checkout import checkout_of, is_theirs
from billing.money import money_text
from billing.seals import Seal
from billing.stripe_api import checkouts, payments
from billing.stripe_api.checkouts import Checkout

SHOWN: Final = 10
# A buyer leaves some checkouts unfinished; so many are asked for to find those that came to something.
_ASKED_FOR: Final = 30


class State(StrEnum):
    """How a purchase stands, as a person would say it."""

    PAID = "Paid"
    ON_ITS_WAY = "Payment on its way"
    FAILED = "Payment failed"
    EXPIRED = "Expired"
    REFUNDED = "Refunded"
    REFUNDED_IN_PART = "Refunded in part"
    DISPUTED = "Disputed"


_EXPLAINED: Final = {
    State.ON_ITS_WAY: "The credits arrive by themselves as soon as the payment does.",
    State.FAILED: "Nothing was charged, and no credits were added.",
    State.EXPIRED: "It was not finished in time. Nothing was charged.",
    State.REFUNDED: "Its credits were taken back.",
    State.REFUNDED_IN_PART: "Credits were taken back in proportion.",
    State.DISPUTED: "Its credits are held back unless the dispute ends in our favour.",
}


@dataclass(frozen=True, slots=True)
class PurchaseRecord:
    """One checkout: when it was started, what it is worth in credits, what it cost, and what became of it.

    `credits` is None where Stripe's word for it cannot be believed. `price_text` is empty where
    nothing was charged because nothing came of it.
    """

    checkout_id: str
    created_at: datetime
    credits: int | None
    price_text: str
    state: State
    has_receipt: bool

    @property
    def explained(self) -> str:
        """What the state means for the credits, where that is not plain."""
        return _EXPLAINED.get(self.state, "")


def purchases_of(member: Member, *, customer_id: str | None) -> tuple[PurchaseRecord, ...]:
    """The member's newest purchases, at most `SHOWN`; those still open in Stripe are none yet.

    `customer_id` is their Stripe customer. Raises `StripeError`.
    """
    if customer_id is None:
        return ()
    found = [
        checkout
        for checkout in checkouts.newest(customer_id, limit=_ASKED_FOR)
        if is_theirs(checkout, member) and checkout.status != "open"
    ]
    return tuple(_record(checkout) for checkout in found[:SHOWN])


def receipt_of(member: Member, checkout_id: str) -> str | None:
    """Where Stripe shows the receipt of a purchase; None while there is none.

    Asked for at each visit, because Stripe lets such addresses expire. Raises `UnknownCheckout` and `StripeError`.
    """
    checkout = checkout_of(member, checkout_id)
    return None if checkout.invoice_id is None else payments.invoice_page(checkout.invoice_id)


def _record(checkout: Checkout) -> PurchaseRecord:
    state = _state(checkout)
    came_to_nothing = state in (State.EXPIRED, State.FAILED)
    return PurchaseRecord(
        checkout_id=checkout.id,
        created_at=checkout.created,
        credits=None if checkout.seal is Seal.BROKEN else checkout.credits,
        price_text="" if came_to_nothing else money_text(checkout.amount_total, checkout.currency),
        state=state,
        has_receipt=checkout.invoice_id is not None,
    )


def _state(checkout: Checkout) -> State:
    if checkout.status == "expired":
        return State.EXPIRED
    if checkout.payment_failed:
        return State.FAILED
    if not checkout.is_paid:
        return State.ON_ITS_WAY
    if checkout.was_disputed and _is_disputed(checkout):
        return State.DISPUTED
    if checkout.is_refunded_whole:
        return State.REFUNDED
    return State.REFUNDED_IN_PART if checkout.refunded else State.PAID


def _is_disputed(checkout: Checkout) -> bool:
    """Whether a dispute is open or lost: Stripe marks the charge for good, also when it is won."""
    payment_id = checkout.payment_intent_id
    return payment_id is not None and payments.retrieve(payment_id).disputed > 0
