"""Taking a purchase back: the buyer gives back the credits that they have not spent, for their share of the money.

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

from billing.clawback import Payment, Withdrawal, withdrawal_of
from billing.errors import BillingError
from billing.fulfilment import claw_back_keys, purchase_key, settle, withdrawal_key
from billing.stripe_api import payments
from billing.stripe_api.checkouts import Checkout
from instant_admin.configured import balance_store
from instant_admin.ledger.rules import Account, ClawBack, Entry, Kind, Movement


class NotWithdrawable(BillingError):
    """Nothing of it can be withdrawn: it is spent, refunded, disputed, too old, or was withdrawn from before."""


class WithdrawalChanged(BillingError):
    """What can be withdrawn is no longer what was shown. Nothing was written."""

    def __init__(self, now: Withdrawal) -> None:
        super().__init__(f"{now.credits} credits and {now.amount} can be withdrawn now")
        self.now = now


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """The plan of a withdrawal: that the credits of `wanted` are taken, or with None, only what it would be."""

    checkout: Checkout
    wanted: Withdrawal | None = None

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
        note = gettext_noop("You took this purchase back")
        return ClawBack(key=key, back=Kind.REFUND, amount=-offer.credits, ref=self.checkout.id, note=note)

    def offer(self, account: Account, found: Mapping[str, Entry]) -> Withdrawal:
        """What can be withdrawn now. Raises `NotWithdrawable` and `StripeError`."""
        credited = found.get(purchase_key(self.checkout.id))
        if (
            credited is None
            or withdrawal_key(self.checkout.id) in found
            or not is_in_time(credited.created_at)
        ):
            raise NotWithdrawable("not credited, withdrawn before, or too old")
        so_far = [found[key] for key in claw_back_keys(self.checkout.id) if key in found]
        offer = withdrawal_of(credited, so_far, self._payment(), unspent=account.credits)
        if offer is None:
            raise NotWithdrawable("nothing is left of it")
        return offer

    def _payment(self) -> Payment:
        payment_id = self.checkout.payment_intent_id
        if payment_id is None:
            raise NotWithdrawable("it cost nothing")
        return payments.retrieve(payment_id)


def is_in_time(credited_at: datetime) -> bool:
    """Whether a purchase may still be taken back."""
    return timezone.now() - credited_at < timedelta(days=settings.WITHDRAWAL_DAYS)


def offer_of(checkout: Checkout, member_id: UUID) -> Withdrawal:
    """What the member can withdraw of their checkout now. Raises `NotWithdrawable` and `StripeError`."""
    plan = Withdrawing(checkout)
    return plan.offer(*balance_store().look(member_id, plan.keys))


def withdraw(checkout: Checkout, member_id: UUID, wanted: Withdrawal) -> Entry | None:
    """Take `wanted` back; the entry, once its money is on its way. None: Stripe refused, and the credits are back.

    Safe to call twice. Raises `WithdrawalChanged`, `NotWithdrawable`, and what `settle` raises.
    """
    balance_store().apply(member_id, Withdrawing(checkout, wanted))
    settle(checkout)
    return withdrawn_by(checkout.id)


def withdrawn_by(checkout_id: str) -> Entry | None:
    """The entry by which a checkout was withdrawn from; None when it was not, or was undone."""
    found = balance_store().entries(claw_back_keys(checkout_id))
    withdrawn = withdrawal_key(checkout_id)
    return None if f"{withdrawn}:undone" in found else found.get(withdrawn)
