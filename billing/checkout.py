"""Starting a checkout: a Stripe customer for the member, and a session that says what it is worth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from accounts.members import Member
from billing.customers import buyer_of
from billing.packs import Pack
from billing.stripe_gateway import gateway
from billing.stripe_objects import CheckoutRequest
from instant_admin.configured import instant
from instant_admin.steps import update


@dataclass(frozen=True, slots=True)
class StartedCheckout:
    """Where to send the buyer."""

    id: str
    url: str


def start_checkout(
    *,
    member: Member,
    pack: Pack,
    quantity: int,
    request_id: UUID | None,
    success_url: str,
    cancel_url: str,
) -> StartedCheckout:
    """Make a checkout for `quantity` packs. The same `request_id` again, while it is open, is the same one.

    `success_url` holds Stripe's placeholder `{CHECKOUT_SESSION_ID}`. Raises `StripeError`.
    """
    wanted = CheckoutRequest(
        app=settings.INSTANT_APP_ID,
        member_id=member.id,
        customer_id=_customer_of(member),
        price_id=pack.price_id,
        quantity=quantity,
        credits=pack.credits * quantity,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    return _open_checkout(wanted, request_id)


def _open_checkout(wanted: CheckoutRequest, request_id: UUID | None) -> StartedCheckout:
    # Of all that Stripe is told: the same form with another choice, price or address is another checkout, where
    # under the same key Stripe would refuse it.
    told = hashlib.sha256(repr(wanted).encode()).hexdigest()[:32]
    key = f"checkout:{wanted.member_id}:{request_id}:{told}"
    checkout = gateway().create_checkout(wanted, idempotency_key=key if request_id else None)
    if checkout.url is None:
        # The form was sent before, and what came of it is paid or expired: this is a new purchase.
        checkout = gateway().create_checkout(wanted, idempotency_key=f"{key}:after:{checkout.id}")
    return StartedCheckout(id=checkout.id, url=checkout.url or "")


def _customer_of(member: Member) -> str:
    """The member's Stripe customer, made at their first checkout and made anew when it is gone."""
    buyer = buyer_of(instant().as_member(member.refresh_token), member.id)
    # Deleted in Stripe's dashboard, or saved under keys of the other mode: then Stripe has none either.
    customer = None if buyer.customer_id is None else gateway().customer(buyer.customer_id)
    customer_id = _new_customer(member, instead_of=buyer.customer_id) if customer is None else customer.id
    # Stripe shows its own copy of the address on its page, and sends the receipt there.
    email = buyer.email or member.email
    if customer is None or customer.email != email:
        gateway().set_customer_email(customer_id, email)
    return customer_id


def _new_customer(member: Member, *, instead_of: str | None) -> str:
    """Make a customer and save it on the member.

    Two first checkouts at once use the same idempotency key, so Stripe gives both the same customer, and
    both save the same id.
    """
    app = settings.INSTANT_APP_ID
    key = f"customer:{app}:{member.id}" + (f":after:{instead_of}" if instead_of else "")
    customer_id = gateway().create_customer(member_id=member.id, app=app, idempotency_key=key)
    instant().transact([update("$users", member.id, {"stripeCustomerId": customer_id}, upsert=False)])
    return customer_id
