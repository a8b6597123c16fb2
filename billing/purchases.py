"""A member's purchases: those that the ledger knows, and what Stripe adds to them. Nothing of that is kept here."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.members import Member
from billing.checkout import checkout_of, is_theirs
from billing.clawback import CLAW_BACKS
from billing.errors import NotInStripe, StripeError, UnknownCheckout
from billing.money import money_text
from billing.seals import Seal
from billing.stripe_api import checkouts, payments
from billing.stripe_api.checkouts import Checkout
from billing.withdrawals import is_in_time, left_to_withdraw
from instant_admin.client.admin import Connection
from instant_admin.ledger.entries import read_matching
from instant_admin.ledger.rules import Kind

logger = logging.getLogger(__name__)

SHOWN: Final = 10
# So many entries hold them and what was taken back of them, unless money went back and forth.
_READ: Final = 3 * SHOWN
# How many checkouts of a customer one call asks for: a buyer leaves some unfinished.
_ASKED_FOR: Final = 30


class State(StrEnum):
    """How a purchase stands, as a person would say it."""

    CREDITED = gettext_noop("Credits added")
    PAID = gettext_noop("Paid")
    NOT_YET_ADDED = gettext_noop("Paid, credits not added yet")
    ON_ITS_WAY = gettext_noop("Payment on its way")
    FAILED = gettext_noop("Payment failed")
    EXPIRED = gettext_noop("Expired")
    REFUNDED = gettext_noop("Refunded")
    REFUNDED_IN_PART = gettext_noop("Refunded in part")
    DISPUTED = gettext_noop("Disputed")


_EXPLAINED: Final = {
    State.NOT_YET_ADDED: gettext_noop("You need not pay again."),
    State.ON_ITS_WAY: gettext_noop("The credits arrive by themselves as soon as the payment does."),
    State.FAILED: gettext_noop("Nothing was charged, and no credits were added."),
    State.EXPIRED: gettext_noop("It was not finished in time. Nothing was charged."),
    State.REFUNDED: gettext_noop("Its credits were taken back."),
    State.REFUNDED_IN_PART: gettext_noop("Credits were taken back in proportion."),
    State.DISPUTED: gettext_noop("Its credits are held back unless the dispute ends in our favour."),
}


@dataclass(frozen=True, slots=True)
class PurchaseRecord:
    """One checkout: when it was credited or else started, its credits, what it cost, and what became of it.

    `credits` is None where Stripe's word for it cannot be believed. `amount`, in the smallest unit of `currency`, is
    None where nothing was charged because nothing came of it, and where Stripe did not say. `refunded` of it went
    back; `paid_with` is the card, empty where Stripe did not say.
    """

    checkout_id: str
    at: datetime
    credits: int | None
    amount: int | None = None
    currency: str = ""
    state: State = State.CREDITED
    has_receipt: bool = False
    paid_with: str = ""
    refunded: int = 0
    left: int = 0

    @property
    def may_withdraw(self) -> bool:
        """Whether the buyer may take it back."""
        return self.may_refund and is_in_time(self.at)

    @property
    def may_refund(self) -> bool:
        """Whether staff may refund what is left of it."""
        is_in_order = self.state in (State.CREDITED, State.PAID, State.REFUNDED_IN_PART)
        return is_in_order and self.left > 0 and self.amount != 0

    @property
    def price_text(self) -> str:
        """The amount as a person reads it; made on the page, for a thread of its own knows no language."""
        return "" if self.amount is None else money_text(self.amount, self.currency)

    @property
    def refunded_text(self) -> str:
        """The same of what went back; empty for nothing."""
        return money_text(self.refunded, self.currency) if self.refunded else ""

    @property
    def explained(self) -> str:
        """What the state means for the credits, where that is not plain."""
        return _(_EXPLAINED[self.state]) if self.state in _EXPLAINED else ""

    @property
    def state_text(self) -> str:
        """The state in words."""
        return _(self.state)


@dataclass(frozen=True, slots=True)
class Purchases:
    """A member's newest purchases, newest first. `is_complete` says that Stripe added what it has of each.

    Older ones than `since` may be in the ledger, which was not read so far; None: there are none.
    """

    records: tuple[PurchaseRecord, ...]
    is_complete: bool
    since: datetime | None = None

    @property
    def not_yet_added(self) -> str | None:
        """The newest checkout that is paid and not credited."""
        waiting = (each.checkout_id for each in self.records if each.state is State.NOT_YET_ADDED)
        return next(waiting, None)


def credited_purchases(connection: Connection, member_id: UUID) -> Purchases:
    """A member's newest purchases that were credited, at most `SHOWN`, as far as the ledger knows them.

    Read with the rights of `connection`.
    """
    page = read_matching(connection, member_id, kinds=[Kind.PURCHASE, *CLAW_BACKS], limit=_READ)
    # Whatever took something back of a purchase is newer than the purchase, so it was read too.
    found = {entry.key: entry for entry in page.entries}
    records = [
        PurchaseRecord(
            checkout_id=entry.ref,
            at=entry.created_at,
            credits=entry.amount,
            left=left_to_withdraw(entry.ref, found, unspent=page.account.credits),
        )
        for entry in page.entries
        if entry.kind == Kind.PURCHASE
    ][:SHOWN]
    if len(records) == SHOWN:
        return Purchases(tuple(records), is_complete=False, since=records[-1].at)
    since = page.entries[-1].created_at if len(page.entries) == _READ else None
    return Purchases(tuple(records), is_complete=False, since=since)


def with_what_stripe_has(bought: Purchases, *, member_id: UUID, customer_id: str | None) -> Purchases:
    """The same purchases with price, receipt and refunds, and newer ones that are not credited.

    One call lists the newest checkouts of the member's Stripe customer. What it does not hold, such as those of a
    customer that was replaced, is asked for one by one, all at the same time. A person waits, so no such call is
    tried again. Raises `StripeError` when the list does not come.
    """
    listed = {checkout.id: checkout for checkout in _listed(member_id, customer_id)}
    told = _told_at_once([(record, listed.get(record.checkout_id)) for record in bought.records])
    seen = {record.checkout_id for record in bought.records}
    others = [
        _of_checkout(checkout)
        for checkout in listed.values()
        if checkout.id not in seen and (bought.since is None or checkout.created > bought.since)
    ]
    records = [new or old for new, old in zip(told, bought.records, strict=True)] + others[:SHOWN]
    records.sort(key=lambda record: record.at, reverse=True)
    return Purchases(tuple(records), is_complete=None not in told)


def receipt_of(member: Member, checkout_id: str) -> str | None:
    """Where Stripe shows the receipt of a purchase; None while there is none.

    Asked for at each visit, because Stripe lets such addresses expire. Raises `UnknownCheckout` and `StripeError`.
    """
    checkout = checkout_of(member.id, checkout_id)
    return None if checkout.invoice_id is None else payments.invoice_page(checkout.invoice_id)


def _of_checkout(checkout: Checkout) -> PurchaseRecord:
    """One that is not credited."""
    state = _state(checkout)
    came_to_nothing = state in (State.EXPIRED, State.FAILED)
    return PurchaseRecord(
        checkout_id=checkout.id,
        at=checkout.created,
        credits=None if checkout.seal is Seal.BROKEN else checkout.credits,
        amount=None if came_to_nothing else checkout.amount_total,
        currency=checkout.currency,
        state=State.NOT_YET_ADDED if state is State.PAID else state,
        has_receipt=checkout.invoice_id is not None,
        paid_with="" if came_to_nothing else checkout.paid_with,
    )


def _listed(member_id: UUID, customer_id: str | None) -> list[Checkout]:
    if customer_id is None:
        return []
    try:
        found = checkouts.newest(customer_id, limit=_ASKED_FOR)
    except NotInStripe:  # the customer is of an account or a mode that was in use before
        return []
    return [checkout for checkout in found if is_theirs(checkout, member_id) and checkout.status != "open"]


def _told_at_once(asked: list[tuple[PurchaseRecord, Checkout | None]]) -> list[PurchaseRecord | None]:
    # A context of its own for each: the Stripe account in use stands there.
    contexts = [copy_context() for _ in asked]
    with ThreadPoolExecutor(max_workers=SHOWN) as pool:
        return list(pool.map(lambda context, each: context.run(_told, *each), contexts, asked))


def _told(record: PurchaseRecord, checkout: Checkout | None) -> PurchaseRecord | None:
    """What Stripe says of a purchase that is credited; None while it does not answer."""
    try:
        checkout = checkout or checkouts.retrieve(record.checkout_id, network_retries=0)
        return replace(
            record,
            amount=checkout.amount_total,
            currency=checkout.currency,
            state=_state(checkout),
            has_receipt=checkout.invoice_id is not None,
            paid_with=checkout.paid_with,
            refunded=checkout.refunded,
        )
    except UnknownCheckout:  # bought in an account or a mode that was in use before
        return record
    except StripeError as exc:
        logger.warning("Checkout %s cannot be read: %s", record.checkout_id, type(exc).__name__)
        return None


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
