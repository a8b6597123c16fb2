"""Settling a checkout: the one way in which a payment becomes credits, and in which it stops being credits.

Every door (the webhook, the sync when the buyer comes back, `reconcile_credits`, the button of the
staff) calls the same `settle`, at any time, in any order, any number of times at once. It believes only
what Stripe has now, and credits only what this site sealed (`seals.py`). What keeps a second settlement from
adding anything is the entry's unique key, `purchase:<checkout id>`, and that alone; the mark in the session's
metadata is for people.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.members import Member
from billing.checkout import checkout_of
from billing.clawback import Payment, UnknownKind, Withdrawal, claw_back, withdrawal_of
from billing.errors import PaymentUnconfirmed, StripeError, StripeRefused, UnknownCheckout
from billing.seals import Seal
from billing.stripe_api import checkouts, payments
from billing.stripe_api.checkouts import Checkout
from credits_site.logs import learn
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import LedgerCorrupt, NoSuchAccount, count_of
from instant_admin.ledger.movements import ClawBack, Purchase
from instant_admin.ledger.rules import Account, Entry, KeyReused, Kind, LedgerError, Movement

logger = logging.getLogger(__name__)

# A purchase that was refunded and un-refunded more often than this needs review.
CLAW_BACKS_LIMIT: Final = 24


class TooManyClawBacks(LedgerError):
    """The money of one purchase went back and forth too often to go on without review."""


class NotAsMade(LedgerError):
    """What a checkout is worth cannot be believed, because it may have been edited in Stripe. Nothing was written."""


# Trying again does not help: staff must look.
NEEDS_REVIEW: Final = (NotAsMade, NoSuchAccount, KeyReused, TooManyClawBacks, UnknownKind, LedgerCorrupt)


class Outcome(StrEnum):
    """How a checkout stands."""

    CREDITED = "credited"
    ALREADY_CREDITED = "already_credited"
    PENDING = "pending"
    EXPIRED = "expired"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled checkout: `added` is what it is worth in credits, `credits` the balance of its buyer now.

    `open` says that the buyer has not finished in Stripe; without it, pending means a payment under way.
    `clawed_back` are credits of it that were taken or, below zero, given back by this very settlement. `disputed` is
    the last entry that took credits for a dispute, while some of them are held back.
    """

    checkout_id: str
    outcome: Outcome
    added: int
    credits: int
    open: bool
    clawed_back: int = 0
    disputed: Entry | None = None


def purchase_key(checkout_id: str) -> str:
    """The key under which the credits of a checkout are added."""
    return f"purchase:{checkout_id}"


def withdrawal_key(checkout_id: str) -> str:
    """The key under which a buyer gives back what they have not spent, before the money is asked for."""
    return f"withdraw:{checkout_id}"


def undone_key(checkout_id: str) -> str:
    """The key under which those credits come back, when Stripe refuses the money."""
    return f"{withdrawal_key(checkout_id)}:undone"


def claw_back_keys(checkout_id: str) -> list[str]:
    """The keys under which credits of a checkout go back: those of a withdrawal, then the others in their order."""
    return [withdrawal_key(checkout_id), undone_key(checkout_id), *_numbered_keys(checkout_id)]


def taken_back(checkout_id: str, found: Mapping[str, Entry]) -> list[Entry]:
    """Of what was found, the entries by which credits of a checkout went back."""
    return [found[key] for key in claw_back_keys(checkout_id) if key in found]


def _numbered_keys(checkout_id: str) -> list[str]:
    return [f"clawback:{checkout_id}:{number}" for number in range(CLAW_BACKS_LIMIT)]


def owed_to(checkout: Checkout, found: Mapping[str, Entry], payment: Payment) -> Withdrawal | None:
    """The withdrawal whose credits are taken and whose money Stripe has not been asked for; None for none."""
    withdrawn = found.get(withdrawal_key(checkout.id))
    if withdrawn is None or undone_key(checkout.id) in found or payment.is_withdrawn:
        return None
    others = [entry for entry in taken_back(checkout.id, found) if entry.key != withdrawn.key]
    credited = found[purchase_key(checkout.id)]
    return withdrawal_of(credited, others, payment, unspent=-withdrawn.amount)


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """The plan of a paid checkout: that its credits are there, less what went back to the buyer since."""

    checkout: Checkout
    member_id: UUID
    credits: int
    # Whether to ask Stripe for what a withdrawal is still owed.
    asks: bool = True

    @property
    def purchase(self) -> Purchase:
        """The movement that credits the checkout."""
        return Purchase(key=purchase_key(self.checkout.id), credits=self.credits, ref=self.checkout.id)

    @property
    def keys(self) -> Sequence[str]:
        return (self.purchase.key, *claw_back_keys(self.checkout.id))

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        credited = found.get(self.purchase.key)
        if credited is None:
            # Only now: once it is credited, the ledger is the record of what it was worth.
            require_as_made(self.checkout)
            return replace(self.purchase, number=_number_of_next(account))
        if not self.purchase.is_recorded_by(credited, account_id=account.id):
            raise KeyReused(f"{self.purchase.key} is another movement's key")
        so_far = taken_back(self.checkout.id, found)
        payment_id = self.checkout.payment_intent_id
        if payment_id is None or not (so_far or self.checkout.money_went_back):
            return None
        # Asked after the ledger was read, never before: whoever wrote the last claw-back may have seen a
        # later refund than we did when we were called.
        payment = payments.retrieve(payment_id)
        owed = owed_to(self.checkout, found, payment)
        if owed is not None:
            if not self._is_repaid(payment_id, owed):
                return self.undoing(found[withdrawal_key(self.checkout.id)])
            payment = payments.retrieve(payment_id)
        free_key = next((key for key in _numbered_keys(self.checkout.id) if key not in found), None)
        movement = claw_back(credited, so_far, payment, key=free_key or "")
        if movement is not None and free_key is None:
            raise TooManyClawBacks(f"{self.checkout.id} was clawed back {CLAW_BACKS_LIMIT} times")
        return movement

    def undoing(self, withdrawn: Entry) -> ClawBack:
        """The movement that gives back the credits of a withdrawal whose money Stripe refuses to give back."""
        key = undone_key(self.checkout.id)
        return ClawBack(key=key, kind=Kind.REFUND, amount=-withdrawn.amount, ref=self.checkout.id)

    def _is_repaid(self, payment_id: str, owed: Withdrawal) -> bool:
        """Ask Stripe for the refund of a withdrawal; whether it gave it."""
        if not self.asks:
            return False
        try:
            payments.refund_withdrawal(payment_id, amount=owed.amount, key=withdrawal_key(self.checkout.id))
        except StripeRefused as exc:
            logger.error("Checkout %s: the refund of a withdrawal was refused: %s", self.checkout.id, exc)
            return False
        return True


def sync_checkout(checkout_id: str, *, member: Member) -> Settlement:
    """Settle a checkout that `member` came back from.

    Raises `UnknownCheckout` when it is not theirs, and `PaymentUnconfirmed` when Stripe refuses to say.
    """
    try:
        checkout = checkout_of(member.id, checkout_id)
    except StripeRefused as exc:
        raise PaymentUnconfirmed(f"A checkout cannot be read: {exc}") from exc
    try:
        return settle(checkout)
    except NotAsMade as exc:
        logger.error("Checkout %s needs review: %s", checkout.id, exc)
        balance = balance_store().account(member.id).credits
        return Settlement(checkout.id, Outcome.NEEDS_REVIEW, added=0, credits=balance, open=False)


def settle(checkout: Checkout) -> Settlement:
    """Bring the ledger in line with `checkout`, one of ours as Stripe has it now.

    Raises the errors of `NEEDS_REVIEW`, `GuardsMissing`, `OutcomeUnknown` and `StripeError`.
    """
    learn(checkout=checkout.id)
    plan = plan_of(checkout)
    if plan is None:
        if checkout.member_id is None:
            raise UnknownCheckout("this site did not make it")
        balance = balance_store().account(checkout.member_id).credits
        return Settlement(
            checkout.id, _unpaid_outcome(checkout), added=0, credits=balance, open=checkout.status == "open"
        )
    try:
        applied = balance_store().apply(plan.member_id, plan)
    except StripeRefused as exc:
        # The credits may be there already, so this must not pass for "nothing was written".
        raise PaymentUnconfirmed(f"What became of a payment is unknown: {exc}") from exc
    if not checkout.is_marked:
        _mark(checkout)
    credited = applied.found[plan.purchase.key]
    taken = taken_back(checkout.id, applied.found)
    return Settlement(
        checkout.id,
        Outcome.CREDITED if credited.id in applied.made else Outcome.ALREADY_CREDITED,
        added=credited.amount,
        credits=applied.account.credits,
        open=False,
        clawed_back=-sum(entry.amount for entry in taken if entry.id in applied.made),
        disputed=_disputed(taken),
    )


def _number_of_next(account: Account) -> int:
    """Which purchase of the account the next one is. Only who had a ledger before it is counted."""
    if account.purchases is not None:
        return account.purchases + 1
    return 1 + (count_of(instant(), account.id, Kind.PURCHASE) if account.seq else 0)


def _disputed(taken: Sequence[Entry]) -> Entry | None:
    about_disputes = [entry for entry in taken if entry.kind != Kind.REFUND]
    if sum(entry.amount for entry in about_disputes) >= 0:
        return None
    return max((entry for entry in about_disputes if entry.kind == Kind.DISPUTE), key=lambda entry: entry.seq)


def _unpaid_outcome(checkout: Checkout) -> Outcome:
    if checkout.payment_failed:
        return Outcome.FAILED
    return Outcome.EXPIRED if checkout.status == "expired" else Outcome.PENDING


def plan_of(checkout: Checkout, *, asks: bool = True) -> Fulfilment | None:
    """What a checkout of ours is owed; None while it is not paid. Raises `UnknownCheckout` when it is not ours.

    Unless it `asks`, it only looks.
    """
    if not checkout.is_paid:
        return None
    if checkout.member_id is None:
        raise UnknownCheckout("this site did not make it")
    return Fulfilment(
        checkout=checkout, member_id=checkout.member_id, credits=checkout.credits or 0, asks=asks
    )


def require_as_made(checkout: Checkout) -> None:
    """Refuse a checkout without an intact seal, unless it is from before there were seals. Raises `NotAsMade`."""
    if checkout.seal is Seal.BROKEN or checkout.credits is None:
        raise NotAsMade(
            "is paid, but its metadata is not what it was made with, so its credits are not added"
        )
    if checkout.seal is Seal.MISSING and checkout.created.date() >= settings.UNSEALED_CHECKOUTS_UNTIL:
        raise NotAsMade("is paid, but it has no seal, so its credits are not added")


def _mark(checkout: Checkout) -> None:
    try:
        checkouts.mark_fulfilled(checkout.id)
    except StripeError as exc:
        logger.warning("Checkout %s is credited but could not be marked so: %s", checkout.id, exc)
