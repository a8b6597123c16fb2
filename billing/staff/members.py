"""What staff see of one member: their ledger, what they bought, and their payments in Stripe."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from billing.checkout import checkout_of
from billing.errors import StripeError, UnknownMember
from billing.history import EVERYTHING, HistoryPage, Wanted, history_page
from billing.products import Product, products
from billing.purchases import Purchases, credited_purchases, with_what_stripe_has
from billing.stripe_api.client import dashboard
from instant_admin.configured import instant
from instant_admin.ledger.entries import NoSuchAccount

logger = logging.getLogger(__name__)


def member_page(member_id: UUID, *, before: str | None = None, wanted: Wanted = EVERYTHING) -> HistoryPage:
    """A member's balance and a page of what is wanted of their ledger. Raises `UnknownMember` and `BadCursor`."""
    try:
        return history_page(instant(), member_id, before=before, wanted=wanted)
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc


def purchases_of(member_id: UUID, *, customer_id: str | None) -> Purchases:
    """A member's newest purchases and what became of them; those of the ledger alone while Stripe is away."""
    bought = credited_purchases(instant(), member_id)
    try:
        return with_what_stripe_has(bought, member_id=member_id, customer_id=customer_id)
    except StripeError as exc:
        logger.warning("Purchases are shown without what Stripe has of them: %s", exc)
        return bought


def products_of(member_id: UUID) -> tuple[tuple[Product, int], ...]:
    """How many of each product a member has; what they deleted does not count."""
    return tuple((product, _count(product, member_id)) for product in products())


def _count(product: Product, member_id: UUID) -> int:
    options: dict[str, Any] = {"where": {f"{product.owner}.id": str(member_id)}, "fields": ["id"]}
    return len(instant().query({product.namespace: {"$": options}})[product.namespace])


def payment_in_stripe(member_id: UUID, checkout_id: str) -> str:
    """The address in Stripe's dashboard of a checkout's payment; without one, of its customer.

    Raises `UnknownCheckout` where it is not this member's, and `StripeError`.
    """
    checkout = checkout_of(member_id, checkout_id)
    if checkout.payment_intent_id is None:
        return dashboard(f"customers/{checkout.customer_id}")
    return dashboard(f"payments/{checkout.payment_intent_id}")
