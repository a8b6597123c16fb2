"""A member's checkouts: starting one, and whose one is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from accounts.members import Member
from billing.errors import PackNotForSale, StripeRefused, StripeUnavailable, UnknownCheckout
from billing.packs import Pack, is_for_sale
from billing.stripe_api import checkouts
from billing.stripe_api.checkouts import Checkout, CheckoutRequest, Customer
from instant_admin.client.admin import Connection
from instant_admin.client.protocol import text_of
from instant_admin.client.steps import update
from instant_admin.configured import instant
from instant_admin.ledger.entries import account_query

# One that is saved, one that a lost checkout made, and one for each that somebody deletes meanwhile.
CUSTOMERS_LIMIT: Final = 5


@dataclass(frozen=True, slots=True)
class Buyer:
    """A member as a buyer: the id of their Stripe customer, None before they buy, and their email of today."""

    customer_id: str | None
    email: str | None


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

    `success_url` holds Stripe's placeholder `{CHECKOUT_SESSION_ID}`. Raises `PackNotForSale` and `StripeError`.
    """
    wanted = CheckoutRequest(
        app=settings.INSTANT_APP_ID,
        member_id=member.id,
        customer_id=_customer_of(member),
        price_id=pack.price_id,
        quantity=quantity,
        pack_credits=pack.credits,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    try:
        return _open_checkout(wanted, request_id)
    except StripeRefused as exc:
        if is_for_sale(pack):
            raise
        raise PackNotForSale("its price or its product is archived") from exc


def buyer_of(connection: Connection, member_id: UUID) -> Buyer:
    """The member as a buyer, read with the rights of `connection`."""
    tree = connection.query(account_query(member_id))
    row: dict[str, Any] = next(iter(tree["$users"]), {})
    return Buyer(customer_id=text_of(row, "stripeCustomerId"), email=text_of(row, "email"))


def checkout_of(member: Member, checkout_id: str) -> Checkout:
    """A checkout of this member as Stripe has it now. Raises `UnknownCheckout` when it is not theirs."""
    checkout = checkouts.retrieve(checkout_id)
    if not is_theirs(checkout, member):
        raise UnknownCheckout("not a checkout of this member")
    return checkout


def is_theirs(checkout: Checkout, member: Member) -> bool:
    """Whether this site made the checkout for this member."""
    return is_ours(checkout) and checkout.member_id == member.id


def is_ours(checkout: Checkout) -> bool:
    """Whether this site made the checkout: one Stripe account can serve several."""
    return checkout.app == settings.INSTANT_APP_ID and checkout.member_id is not None


def _open_checkout(wanted: CheckoutRequest, request_id: UUID | None) -> StartedCheckout:
    # Of all that Stripe is told: the same form with another choice, price, address or seal is another checkout,
    # where under the same key Stripe would refuse it.
    told = hashlib.sha256(repr((wanted, wanted.reference)).encode()).hexdigest()[:32]
    key = f"checkout:{wanted.member_id}:{request_id}:{told}"
    checkout = checkouts.create(wanted, idempotency_key=key if request_id else None)
    if checkout.url is None:
        # The form was sent before, and what came of it is paid or expired: this is a new purchase.
        checkout = checkouts.create(wanted, idempotency_key=f"{key}:after:{checkout.id}")
    if checkout.url is None:
        raise StripeUnavailable("Stripe made a checkout without an address")
    return StartedCheckout(id=checkout.id, url=checkout.url)


def _customer_of(member: Member) -> str:
    """The member's Stripe customer, with the email of today: Stripe shows its own copy, and sends receipts there."""
    buyer = buyer_of(instant().as_member(member.refresh_token), member.id)
    customer = _living_customer(member, buyer.customer_id)
    if customer.id != buyer.customer_id:
        step = update("$users", member.id, {"stripeCustomerId": customer.id}, upsert=False)
        instant().transact([step])
    email = buyer.email or member.email
    if customer.email != email:
        checkouts.set_customer_email(customer.id, email)
    return customer.id


def _living_customer(member: Member, saved_id: str | None) -> Customer:
    """The customer that was saved, or one made in its place, as Stripe has it now.

    One that was deleted in Stripe's dashboard, or saved under keys of the other mode, leads to the next: its id is
    in the idempotency key. So two first checkouts at once get the same customer, and a key that was used for a
    customer who is deleted since does not bring them back. Raises `StripeUnavailable` after a few of those.
    """
    app, customer_id = settings.INSTANT_APP_ID, saved_id
    for _ in range(CUSTOMERS_LIMIT):
        found = None if customer_id is None else checkouts.find_customer(customer_id)
        if found is not None:
            return found
        key = f"customer:{app}:{member.id}" + (f":after:{customer_id}" if customer_id else "")
        customer_id = checkouts.create_customer(member_id=member.id, app=app, idempotency_key=key)
    raise StripeUnavailable("Stripe has deleted every customer of this member")
