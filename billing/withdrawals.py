"""Taking a purchase back: the buyer gives back the credits that they have not spent, for their share of the money.

Staff do the same for a buyer, of a purchase of whatever age.

First the credits are taken, under a key of their own; then Stripe is asked for the refund, under the same key.
Whoever settles the checkout later finishes what was begun (`fulfilment.py`), and finds the refund in Stripe, so it
takes nothing twice. When Stripe refuses, the credits come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop

from billing.clawback import Withdrawal, left_of, withdrawal_of
from billing.errors import BillingError
from billing.fulfilment import (
    claw_back_keys,
    owed_to,
    purchase_key,
    settle,
    taken_back,
    undone_key,
    withdrawal_key,
)
from billing.stripe_api import payments
from billing.stripe_api.checkouts import Checkout
from instant_admin.configured import balance_store
from instant_admin.ledger.movements import ClawBack
from instant_admin.ledger.rules import Account, Entry, Kind, Movement


class NotWithdrawable(BillingError):
    """Nothing of it can be withdrawn: it is spent, refunded, disputed, too old, or was withdrawn from before."""


class WithdrawalChanged(BillingError):
    """What can be withdrawn is no longer what was shown. Nothing was written."""

    def __init__(self, now: Withdrawal) -> None:
        super().__init__(f"{now.credits} credits and {now.amount} can be withdrawn now")
        self.now = now


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """The plan of a withdrawal: that the credits of `wanted` are taken, or with None, only what it would be.

    With `staff_name` staff do it, for a `reason`, and no purchase is too old.
    """

    checkout: Checkout
    wanted: Withdrawal | None = None
    reason: str = gettext_noop("You took this purchase back")
    staff_name: str = ""

    @property
    def keys(self) -> Sequence[str]:
        return (purchase_key(self.checkout.id), *claw_back_keys(self.checkout.id))

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        key = withdrawal_key(self.checkout.id)
        if key in found and self.wanted is not None:
            return None
        offer = self.offer(account, found)
        if self.wanted not in (None, offer):
            raise WithdrawalChanged(offer)
        return ClawBack(
            key=key,
            kind=Kind.REFUND,
            amount=-offer.credits,
            ref=self.checkout.id,
            note=self.reason,
            actor=self.staff_name,
        )

    def offer(self, account: Account, found: Mapping[str, Entry]) -> Withdrawal:
        """What can be withdrawn now. Raises `NotWithdrawable` and `StripeError`."""
        if not left_to_withdraw(self.checkout.id, found, unspent=account.credits):
            raise NotWithdrawable("not credited, withdrawn before, or nothing is left of it")
        credited = found[purchase_key(self.checkout.id)]
        if not (self.staff_name or is_in_time(credited.created_at)):
            raise NotWithdrawable("too old")
        if self.checkout.payment_intent_id is None:
            raise NotWithdrawable("it cost nothing")
        so_far = taken_back(self.checkout.id, found)
        payment = payments.retrieve(self.checkout.payment_intent_id)
        offer = withdrawal_of(credited, so_far, payment, unspent=account.credits)
        if offer is None:
            raise NotWithdrawable("nothing of its money can go back")
        return offer


def left_to_withdraw(checkout_id: str, found: Mapping[str, Entry], *, unspent: int) -> int:
    """How many credits of a purchase can be given back, by its entries; none where some were before."""
    credited = found.get(purchase_key(checkout_id))
    if credited is None or withdrawal_key(checkout_id) in found:
        return 0
    return left_of(credited, taken_back(checkout_id, found), unspent=unspent)


def is_in_time(credited_at: datetime) -> bool:
    """Whether a purchase may still be taken back."""
    return timezone.now() - credited_at < timedelta(days=settings.WITHDRAWAL_DAYS)


def offer_of(checkout: Checkout, member_id: UUID, *, staff_name: str = "") -> Withdrawal:
    """What can be withdrawn of a member's checkout now. Raises `NotWithdrawable` and `StripeError`."""
    plan = Withdrawing(checkout, staff_name=staff_name)
    return plan.offer(*balance_store().look(member_id, plan.keys))


def withdraw(checkout: Checkout, member_id: UUID, wanted: Withdrawal, **by_staff: str) -> Entry | None:
    """Take `wanted` back; the entry, once its money is on its way. None: Stripe refused, and the credits are back.

    `by_staff` are `reason` and `staff_name` where staff do it. Safe to call twice. Raises `WithdrawalChanged`,
    `NotWithdrawable`, and what `settle` raises.
    """
    balance_store().apply(member_id, Withdrawing(checkout, wanted, **by_staff))
    settle(checkout)
    return withdrawn_by(checkout.id)


def withdrawn_by(checkout_id: str) -> Entry | None:
    """The entry by which a checkout was withdrawn from; None when it was not, or was undone."""
    found = balance_store().entries(claw_back_keys(checkout_id))
    return None if undone_key(checkout_id) in found else found.get(withdrawal_key(checkout_id))


def repay_who_left(checkout: Checkout) -> None:
    """Ask Stripe for the refund of a withdrawal whose account is deleted: its credits are given back already.

    Safe to call twice. Raises `StripeError`; when Stripe refuses, there is no account to give the credits to.
    """
    found = balance_store().entries([purchase_key(checkout.id), *claw_back_keys(checkout.id)])
    if checkout.payment_intent_id is None:
        return
    owed = owed_to(checkout, found, payments.retrieve(checkout.payment_intent_id))
    if owed is not None:
        key = withdrawal_key(checkout.id)
        payments.refund_withdrawal(checkout.payment_intent_id, amount=owed.amount, key=key)
