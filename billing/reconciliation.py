"""Holding the ledger against Stripe: what no webhook delivered is made good, through the same `settle`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings

from billing.checkout import is_ours
from billing.errors import UnknownCheckout
from billing.fulfilment import NEEDS_REVIEW, NotAsMade, Outcome, plan_of, settle
from billing.stripe_api import checkouts, payments, webhooks
from billing.stripe_api.checkouts import Checkout
from billing.webhook import PAYING_EVENTS, PAYMENT_EVENTS, checkout_of_event
from credits_site.logs import knowing
from credits_site.metrics import FULFILMENTS
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import NoSuchAccount, read_matching
from instant_admin.ledger.rules import Kind, Movement

# Of one member, beside those of their Stripe customer.
PURCHASES_LOOKED_AT: Final = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """A checkout whose credits were not what Stripe says they should be. `text` says what, for a person."""

    checkout_id: str
    member_id: UUID | None
    text: str
    needs_review: bool = False


def reconcile(
    *, since: datetime | None, dry_run: bool, looked_at: Callable[[], object] = lambda: None
) -> Iterator[Finding]:
    """Settle every checkout that was made, paid, refunded or disputed since then; without `since`, all there are.

    Yields what was found and, unless `dry_run`, fixed; `looked_at` is called for each checkout. Safe beside
    a site in use and beside itself. Raises `StripeError`, `InstantError` and `LedgerError` when Stripe or
    Instant is away; what was fixed before that stays.
    """
    for checkout in checkouts_touched(since):
        finding = finding_of(checkout, dry_run=dry_run)
        looked_at()
        if finding is not None:
            yield finding


def reconcile_member(member_id: UUID, *, customer_id: str | None) -> Iterator[Finding]:
    """The same for the checkouts of one member: of their Stripe customer, and of what was credited before it.

    What a customer that was replaced paid and was never credited is found by `reconcile` alone.
    """
    for checkout in _checkouts_of(member_id, customer_id):
        finding = finding_of(checkout, dry_run=False)
        if finding is not None:
            yield finding


def _checkouts_of(member_id: UUID, customer_id: str | None) -> Iterator[Checkout]:
    seen = set()
    for checkout in checkouts_of_buyer(customer_id):
        seen.add(checkout.id)
        yield checkout
    bought = read_matching(instant(), member_id, kinds=[Kind.PURCHASE], limit=PURCHASES_LOOKED_AT)
    for entry in bought.entries:
        if entry.ref in seen:
            continue
        try:
            found = checkouts.retrieve(entry.ref)
        except UnknownCheckout:
            continue  # bought in an account or a mode that was in use before
        yield found


def checkouts_of_buyer(customer_id: str | None) -> Iterator[Checkout]:
    """Every checkout of a buyer, of whom this is the first Stripe customer: there is one for each currency."""
    for each in () if customer_id is None else checkouts.customers_of_buyer(customer_id):
        yield from checkouts.list_all(customer_id=each)


def checkouts_touched(since: datetime | None) -> Iterator[Checkout]:
    """Every checkout that was made, paid, refunded or disputed since then, once each; without `since`, all.

    A checkout may be paid days after it was made, and a dispute decided months after it was opened, so what
    was made since then is not enough. Stripe's events tell of the rest, but only for 30 days; its lists of
    refunds and disputes go back further.
    """
    if since is None:
        yield from checkouts.list_all()
        return
    seen: set[str | None] = {None}
    for checkout in checkouts.list_all(since=since):
        seen |= {checkout.id, checkout.payment_intent_id}
        yield checkout
    for about, find in _happenings(since):
        if about in seen:
            continue
        seen.add(about)
        try:
            found = find()
        except UnknownCheckout:
            continue  # not made by a checkout, so not ours
        if found is not None and found.id not in seen:
            seen |= {found.id, found.payment_intent_id}
            yield found


def _happenings(since: datetime) -> Iterator[tuple[str, Callable[[], Checkout | None]]]:
    """What happened to money since then: the id of the payment (or checkout), and how to find its checkout."""
    for event in webhooks.events(PAYING_EVENTS | PAYMENT_EVENTS, since=since):
        yield event.payment_intent_id or event.object_id, partial(checkout_of_event, event)
    for payment_id in payments.refunded_or_disputed(since=since):
        yield payment_id, partial(checkouts.of_payment, payment_id)


def finding_of(checkout: Checkout, *, dry_run: bool) -> Finding | None:
    """What was found about a checkout and, unless `dry_run`, fixed; None for nothing. Raises as `reconcile` does."""
    if checkout.app != settings.SHOP_ID:
        return None
    try:
        text = _what_is_missing(checkout) if dry_run else _fix(checkout)
    except NEEDS_REVIEW as exc:
        if isinstance(exc, NoSuchAccount) and _was_credited(checkout):
            return None  # the member is deleted since, and there is no balance to bring in line
        if isinstance(exc, (NoSuchAccount, NotAsMade)) and checkout.is_refunded_whole:
            return None  # never credited, and no longer owed
        return Finding(checkout.id, checkout.member_id, str(exc), needs_review=True)
    except UnknownCheckout:
        text = "is paid, but does not say by whom"
        return Finding(checkout.id, checkout.member_id, text, needs_review=True)
    return Finding(checkout.id, checkout.member_id, text) if text else None


def _what_is_missing(checkout: Checkout) -> str:
    plan = plan_of(checkout, asks=False)
    movement = None if plan is None else balance_store().preview(plan.member_id, plan)
    return "" if movement is None or plan is None else _as_missing(movement, credits=plan.credits)


def _was_credited(checkout: Checkout) -> bool:
    plan = plan_of(checkout)
    return plan is not None and bool(balance_store().entries([plan.purchase.key]))


def _as_missing(movement: Movement, *, credits: int) -> str:
    match movement.kind:
        case Kind.PURCHASE:
            return f"is paid, and its {credits} credits are not there"
        case Kind.DISPUTE_WON:
            return "is no longer disputed, and its credits were not given back"
        case Kind.DISPUTE:
            return "is disputed, and its credits were not held back"
        case _:
            return "was refunded by another amount than the credits that were taken back are worth"


def _fix(checkout: Checkout) -> str:
    if plan_of(checkout) is None or not is_ours(checkout):
        return ""
    with knowing(checkout=checkout.id):
        settlement = settle(checkout)
    FULFILMENTS.labels("reconcile", settlement.outcome).inc()
    done = []
    if settlement.outcome is Outcome.CREDITED:
        done.append(f"credited {settlement.added}")
    if settlement.clawed_back > 0:
        done.append(f"took back {settlement.clawed_back}")
    if settlement.clawed_back < 0:
        done.append(f"gave back {-settlement.clawed_back}")
    return ", ".join(done)
