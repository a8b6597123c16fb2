"""A member's checkouts: starting one, and whose one is."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from accounts.members import Member
from billing.errors import (
    CurrencyRefused,
    EmailRefused,
    InvoiceRefused,
    NotInStripe,
    OrderTooLarge,
    PackNotForSale,
    SellingPaused,
    StripeRefused,
    StripeUnavailable,
    UnknownCheckout,
)
from billing.packs import Pack, currency_of, forget_prices
from billing.stripe_api import checkouts
from billing.stripe_api.checkouts import Checkout, CheckoutOptions, CheckoutRequest, Customer
from credits_site import shared_cache
from instant_admin.client.admin import Connection
from instant_admin.client.protocol import text_of
from instant_admin.client.steps import update
from instant_admin.configured import instant
from instant_admin.ledger.entries import account_query

logger = logging.getLogger(__name__)

# One that is saved, one that a lost checkout made, and one for each that somebody deletes meanwhile.
CUSTOMERS_LIMIT: Final = 5
_DAY_S: Final = 24 * 60 * 60


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

    `success_url` holds Stripe's placeholder `{CHECKOUT_SESSION_ID}`. Raises `PackNotForSale`, `OrderTooLarge`,
    `SellingPaused` for every other refusal that is not made good, and `StripeUnavailable`.
    """
    try:
        wanted = CheckoutRequest(
            app=settings.SHOP_ID,
            member_id=member.id,
            customer_id=_customer_of(member),
            price_id=pack.price_id,
            quantity=quantity,
            pack_credits=pack.credits,
            success_url=success_url,
            cancel_url=cancel_url,
            options=_options(),
        )
        return _open_for_customer(wanted, request_id, member=member, pack=pack)
    except (PackNotForSale, OrderTooLarge) as exc:
        logger.error("%s (%s) cannot be sold: %s", pack.price_id, pack.name, exc)
        forget_prices()
        raise
    except StripeRefused as exc:
        raise SellingPaused(str(exc)) from exc


def _options() -> CheckoutOptions:
    return CheckoutOptions(
        automatic_tax=settings.CHECKOUT_AUTOMATIC_TAX,
        tax_ids=settings.CHECKOUT_TAX_IDS,
        billing_address=settings.CHECKOUT_BILLING_ADDRESS,
        terms=settings.CHECKOUT_TERMS,
        terms_text=settings.CHECKOUT_TERMS_TEXT,
        locale=settings.CHECKOUT_LOCALE,
    )


def buyer_of(connection: Connection, member_id: UUID) -> Buyer:
    """The member as a buyer, read with the rights of `connection`."""
    tree = connection.query(account_query(member_id))
    row: dict[str, Any] = next(iter(tree["$users"]), {})
    return Buyer(customer_id=text_of(row, "stripeCustomerId"), email=text_of(row, "email"))


def checkout_of(member_id: UUID, checkout_id: str) -> Checkout:
    """A checkout of this member as Stripe has it now. Raises `UnknownCheckout` when it is not theirs."""
    checkout = checkouts.retrieve(checkout_id)
    if not is_theirs(checkout, member_id):
        raise UnknownCheckout("not a checkout of this member")
    return checkout


def is_theirs(checkout: Checkout, member_id: UUID) -> bool:
    """Whether this site made the checkout for this member."""
    return is_ours(checkout) and checkout.member_id == member_id


def is_ours(checkout: Checkout) -> bool:
    """Whether this site made the checkout: one Stripe account can serve several."""
    return checkout.app == settings.SHOP_ID and checkout.member_id is not None


def _open_for_customer(
    wanted: CheckoutRequest, request_id: UUID | None, *, member: Member, pack: Pack
) -> StartedCheckout:
    """Open a checkout; where Stripe does not combine currencies, for another customer of the same member."""
    try:
        return _open_with_invoice(wanted, request_id)
    except CurrencyRefused:
        customer_id = _customer_in(currency_of(pack), member, first_id=wanted.customer_id)
        return _open_with_invoice(replace(wanted, customer_id=customer_id), request_id)
    except NotInStripe as exc:
        # Deleted since it was looked for. The next try finds that out, and makes another.
        raise StripeUnavailable("The customer was deleted just now") from exc


def _open_with_invoice(wanted: CheckoutRequest, request_id: UUID | None) -> StartedCheckout:
    """Open a checkout; where Stripe makes no invoice, without one."""
    try:
        return _open_checkout(wanted, request_id)
    except InvoiceRefused as exc:
        if _is_first_today("invoice"):
            logger.warning("Sold without an invoice: %s", exc)
        return _open_checkout(replace(wanted, with_invoice=False), request_id)


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
    buyer = buyer_of(member.at_instant, member.id)
    customer = _living_customer(member, buyer.customer_id)
    if customer.id != buyer.customer_id:
        step = update("$users", member.id, {"stripeCustomerId": customer.id}, upsert=False)
        instant().transact([step])
    _tell_email(customer, buyer.email or member.email)
    return customer.id


def _customer_in(currency: str, member: Member, *, first_id: str) -> str:
    """The member's customer for another currency than that of their first, whose metadata has its id."""
    first = checkouts.find_customer(first_id)
    saved_id = first.others.get(currency) if first else None
    customer = _living_customer(member, saved_id, currency=currency)
    if customer.id != saved_id:
        checkouts.note_other_customer(first_id, currency, customer.id)
    _tell_email(customer, first.email if first else None)
    return customer.id


def _tell_email(customer: Customer, email: str | None) -> None:
    """Have Stripe know the email; where it does not take it for one, the customer goes without."""
    if email is None or customer.email == email:
        return
    try:
        checkouts.set_customer_email(customer.id, email)
    except EmailRefused as exc:
        if _is_first_today(f"email:{customer.id}"):
            logger.warning("Customer %s has no email: %s", customer.id, exc)


def _is_first_today(about: str) -> bool:
    """Whether nobody has warned of it for a day."""
    return shared_cache.is_first(f"warned:{about}", seconds=_DAY_S)


def _living_customer(member: Member, saved_id: str | None, *, currency: str = "") -> Customer:
    """The customer that was saved, or one made in its place, as Stripe has it now.

    One that was deleted in Stripe's dashboard, or saved under keys of the other mode, leads to the next: its id is
    in the idempotency key. So two first checkouts at once get the same customer, and a key that was used for a
    customer who is deleted since does not bring them back. `currency` is that of a second customer. Raises
    `StripeUnavailable` after a few of those.
    """
    app, customer_id = settings.SHOP_ID, saved_id
    named = f"customer:{app}:{member.id}" + (f":{currency}" if currency else "")
    for _ in range(CUSTOMERS_LIMIT):
        found = None if customer_id is None else checkouts.find_customer(customer_id)
        if found is not None:
            return found
        key = named + (f":after:{customer_id}" if customer_id else "")
        customer_id = checkouts.create_customer(member_id=member.id, app=app, idempotency_key=key)
    raise StripeUnavailable("Stripe has deleted every customer of this member")
