"""Stripe's customers and Checkout Sessions: made, read and marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from billing.errors import NotInStripe, UnknownCheckout
from billing.seals import Seal, named_in, seal_of, sealed_reference
from billing.stripe_api.client import NETWORK_RETRIES, asking_stripe, page
from billing.stripe_api.fields import (
    address_or_none,
    expanded,
    moment,
    objects,
    objects_of_all_pages,
    read,
    read_or_none,
    reference,
    texts,
)

T = TypeVar("T")

# What of a Checkout Session we want whole: the charge says at a glance whether money went back.
_CHARGE: Final = "payment_intent.latest_charge"
_CHARGE_OF_EACH: Final = f"data.{_CHARGE}"
# What of a customer's metadata names the same buyer's customer for another currency.
_CURRENCY_PREFIX: Final = "customer_"
# An id goes into a URL: `..` or an empty one would ask for something else.
_CHECKOUT_ID: Final = re.compile(r"cs_(?:test|live)_[A-Za-z0-9]{1,200}")

# Stripe's words for what a person knows by another name.
_METHODS: Final = {
    "amex": "American Express",
    "bacs_debit": "Bacs Direct Debit",
    "jcb": "JCB",
    "sepa_debit": "SEPA Direct Debit",
    "unionpay": "UnionPay",
    "us_bank_account": "US bank account",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer as Stripe knows them. `others` are the ids of the same buyer's further customers, by currency."""

    id: str
    email: str | None
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    """What Stripe's page does besides taking a payment, in Stripe's own words; by default nothing.

    `billing_address` is `auto` or `required`, `locale` a language of Stripe's; empty is not sent. `terms_text` stands
    beside the box that buyers tick for the terms.
    """

    automatic_tax: bool = False
    tax_ids: bool = False
    billing_address: str = ""
    terms: bool = False
    terms_text: str = ""
    locale: str = ""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the call."""
        # Stripe writes what it needs for them to the customer, and must be allowed to.
        written = {"address": self.automatic_tax, "name": self.tax_ids}
        message = {"message": self.terms_text}
        wanted = {
            "customer_update": {name: "auto" for name, is_written in written.items() if is_written},
            "automatic_tax": self.automatic_tax and {"enabled": True},
            "tax_id_collection": self.tax_ids and {"enabled": True},
            "billing_address_collection": self.billing_address,
            "consent_collection": self.terms and {"terms_of_service": "required"},
            "custom_text": self.terms and self.terms_text and {"terms_of_service_acceptance": message},
            "locale": self.locale,
        }
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a new checkout is for; `pack_credits` is for one pack, `credits` for the whole quantity.

    `with_invoice` says whether the buyer gets an invoice, which is their receipt.
    """

    app: str
    member_id: UUID
    customer_id: str
    price_id: str
    quantity: int
    pack_credits: int
    success_url: str
    cancel_url: str
    with_invoice: bool = True
    options: CheckoutOptions = CheckoutOptions()

    @property
    def credits(self) -> int:
        return self.pack_credits * self.quantity

    @property
    def metadata(self) -> dict[str, str]:
        """What the session carries of us. Its payment and invoice carry a copy, for people."""
        return {
            "app": self.app,
            "member": str(self.member_id),
            "pack": str(self.pack_credits),
            "price": self.price_id,
            "quantity": str(self.quantity),
            "credits": str(self.credits),
        }

    @property
    def reference(self) -> str:
        """What the session carries of us for good."""
        return sealed_reference(self.metadata)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A Checkout Session as Stripe has it now. `status` and `payment_status` are Stripe's words.

    `app`, `member_id` and `credits` are what this site wrote when it made the session, and None where it did not:
    such a session is somebody else's. `credits` may have been edited since, as `seal` tells; whose it is may not.
    `invoice_id` is that of its receipt, once it is paid.
    `amount_total`, after any discount, is in the smallest unit of `currency`, and so is `refunded`, which with
    `is_refunded_whole` is what Stripe counts as gone back. `payment_failed` says that a bank debit came to nothing,
    `was_disputed` that there was ever a dispute or an inquiry, `is_marked` that `mark_fulfilled` was called for it.
    `paid_with` is the card or bank account in words, empty for none.
    """

    id: str
    url: str | None
    status: str
    payment_status: str
    customer_id: str | None
    payment_intent_id: str | None
    invoice_id: str | None
    amount_total: int
    currency: str
    app: str | None
    member_id: UUID | None
    credits: int | None
    seal: Seal
    created: datetime
    payment_failed: bool
    refunded: int
    is_refunded_whole: bool
    was_disputed: bool
    is_marked: bool
    paid_with: str

    @property
    def money_went_back(self) -> bool:
        """Whether some of the payment may have to be clawed back: `payments.retrieve` tells how much."""
        return self.refunded > 0 or self.was_disputed

    @property
    def is_paid(self) -> bool:
        """Whether it may be fulfilled.

        `no_payment_required`, how a 100 %-off order ends, is paid; `unpaid` is a bank debit that has yet to
        succeed. Source: Stripe's fulfilment guide.
        """
        return self.status == "complete" and self.payment_status != "unpaid"


def find_customer(customer_id: str) -> Customer | None:
    """A customer as it is now; None when it was deleted, or belongs to the other mode of the key."""
    try:
        with asking_stripe() as v1:
            found = v1.customers.retrieve(customer_id)
    except NotInStripe:
        return None
    # Of a deleted one Stripe answers with a stub that has no email at all.
    if read_or_none(found, "deleted", bool):
        return None
    others = {
        name.removeprefix(_CURRENCY_PREFIX): other_id
        for name, other_id in texts(found, "metadata").items()
        if name.startswith(_CURRENCY_PREFIX)
    }
    return Customer(id=read(found, "id", str), email=read_or_none(found, "email", str), others=others)


def customers_of_buyer(customer_id: str) -> tuple[str, ...]:
    """The ids of a buyer's customers, of whom this is the first: one for each currency that they paid in."""
    first = find_customer(customer_id)
    return (customer_id, *(first.others.values() if first else ()))


def create_customer(*, member_id: UUID, app: str, idempotency_key: str) -> str:
    """Make the Stripe customer of a member and return its id.

    Without the email: it may change, and the parameters under one idempotency key must not.
    """
    with asking_stripe() as v1:
        made = v1.customers.create(
            {"metadata": {"app": app, "member": str(member_id)}}, {"idempotency_key": idempotency_key}
        )
    return read(made, "id", str)


def note_other_customer(customer_id: str, currency: str, other_id: str) -> None:
    """Write on a customer which other one is the same buyer's for `currency`."""
    with asking_stripe() as v1:
        v1.customers.update(customer_id, {"metadata": {f"{_CURRENCY_PREFIX}{currency}": other_id}})


def set_customer_email(customer_id: str, email: str) -> None:
    """Have Stripe write to this address, and show it on its page."""
    with asking_stripe() as v1:
        v1.customers.update(customer_id, {"email": email})


def delete_customer(customer_id: str) -> None:
    """Delete a customer, for good; Stripe keeps their payments and receipts. One that is gone is no error."""
    with suppress(NotInStripe), asking_stripe() as v1:
        v1.customers.delete(customer_id)


def create(request: CheckoutRequest, *, idempotency_key: str | None) -> Checkout:
    """Make a Checkout Session. With a key that was used before, it is the session made then, as it is now."""
    wanted: Any = {
        "mode": "payment",
        "customer": request.customer_id,
        "client_reference_id": request.reference,
        "line_items": [{"price": request.price_id, "quantity": request.quantity}],
        "allow_promotion_codes": True,
        "metadata": request.metadata,
        "payment_intent_data": {"metadata": request.metadata},
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        **request.options.parameters,
    }
    if request.with_invoice:
        wanted["invoice_creation"] = {"enabled": True, "invoice_data": {"metadata": request.metadata}}
    with asking_stripe() as v1:
        session = v1.checkout.sessions.create(
            wanted, {"idempotency_key": idempotency_key} if idempotency_key else {}
        )
    made = _checkout(session)
    # Stripe repeats its first answer word for word, even when the session has been paid since.
    answer = session.last_response
    replayed = answer is not None and answer.headers.get("Idempotent-Replayed") == "true"
    return retrieve(made.id) if replayed else made


def retrieve(checkout_id: str, *, network_retries: int = NETWORK_RETRIES) -> Checkout:
    """A Checkout Session as it is now. Raises `UnknownCheckout`, also for what is no such id at all."""
    if not _CHECKOUT_ID.fullmatch(checkout_id):
        raise UnknownCheckout("not the id of a checkout")
    with _unknown_if_not_there(), asking_stripe() as v1:
        session = v1.checkout.sessions.retrieve(
            checkout_id, {"expand": [_CHARGE]}, {"max_network_retries": network_retries}
        )
    return _checkout(session)


@contextmanager
def _unknown_if_not_there() -> Iterator[None]:
    """Stripe's answer that it has no such thing is final; any other refusal says nothing of the checkout."""
    try:
        yield
    except NotInStripe as exc:
        raise UnknownCheckout("Stripe has no such checkout, or no such payment") from exc


def list_all(*, since: datetime | None = None, customer_id: str | None = None) -> Iterator[Checkout]:
    """Every Checkout Session made since then, or of one customer, newest first, page by page."""
    wanted: Any = page(since=since) | {"expand": [_CHARGE_OF_EACH]}
    if customer_id is not None:
        wanted["customer"] = customer_id
    with asking_stripe() as v1:
        for session in objects_of_all_pages(v1.checkout.sessions.list(wanted)):
            yield _checkout(session)


def newest(customer_id: str, *, limit: int) -> tuple[Checkout, ...]:
    """The newest Checkout Sessions of a customer, asked for once: a person waits for them."""
    with asking_stripe() as v1:
        listed = v1.checkout.sessions.list(
            {"customer": customer_id, "limit": limit, "expand": [_CHARGE_OF_EACH]}, {"max_network_retries": 0}
        )
    return tuple(_checkout(session) for session in objects(listed))


def of_payment(payment_intent_id: str) -> Checkout:
    """The Checkout Session that made a payment. Raises `UnknownCheckout` when none did."""
    with _unknown_if_not_there(), asking_stripe() as v1:
        listed = v1.checkout.sessions.list(
            {"payment_intent": payment_intent_id, "limit": 1, "expand": [_CHARGE_OF_EACH]}
        )
    found = objects(listed)
    if not found:
        raise UnknownCheckout("no checkout made this payment")
    return _checkout(found[0])


def mark_fulfilled(checkout_id: str) -> None:
    """Write `creditsProcessed: "true"` on the session, for people who look at it in Stripe."""
    with asking_stripe() as v1:
        v1.checkout.sessions.update(checkout_id, {"metadata": {"creditsProcessed": "true"}})


def _checkout(session: object) -> Checkout:
    metadata = texts(session, "metadata")
    payment = expanded(session, "payment_intent")
    charge = None if payment is None else expanded(payment, "latest_charge")
    status = read_or_none(session, "status", str) or ""
    named = read_or_none(session, "client_reference_id", str) or ""
    app, member = named_in(named, metadata)
    return Checkout(
        id=read(session, "id", str),
        url=address_or_none(session, "url"),
        status=status,
        payment_status=read(session, "payment_status", str),
        customer_id=reference(session, "customer"),
        payment_intent_id=reference(session, "payment_intent"),
        invoice_id=reference(session, "invoice"),
        amount_total=read_or_none(session, "amount_total", int) or 0,
        currency=read_or_none(session, "currency", str) or "",
        app=app,
        member_id=_parsed(UUID, member),
        credits=_parsed(_credits, metadata.get("credits")),
        seal=seal_of(named, metadata),
        created=moment(session, "created"),
        payment_failed=(
            status == "complete"
            and payment is not None
            and read(payment, "status", str) in ("requires_payment_method", "canceled")
        ),
        refunded=0 if charge is None else read(charge, "amount_refunded", int),
        is_refunded_whole=charge is not None and read(charge, "refunded", bool),
        was_disputed=charge is not None and read(charge, "disputed", bool),
        is_marked=metadata.get("creditsProcessed") == "true",
        paid_with="" if charge is None else _paid_with(charge),
    )


def _paid_with(charge: object) -> str:
    """The brand of a card, or the kind of an account, and its last four digits where there are some."""
    method = expanded(charge, "payment_method_details")
    kind = "" if method is None else read_or_none(method, "type", str) or ""
    details = expanded(method, kind) if kind else None
    if details is None:
        return ""
    name = read_or_none(details, "brand", str) or kind
    last_four = read_or_none(details, "last4", str)
    shown = _METHODS.get(name, name.replace("_", " ").capitalize())
    return f"{shown} …{last_four}" if last_four else shown


def _parsed(parse: Callable[[str], T], text: str | None) -> T | None:
    """Metadata that we wrote ourselves, unless somebody edited it in the dashboard."""
    try:
        return None if text is None else parse(text)
    except ValueError:
        return None


def _credits(text: str) -> int:
    credits = int(text)
    if credits < 1:
        raise ValueError("a checkout is worth at least one credit")
    return credits
