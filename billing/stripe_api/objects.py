"""What of Stripe's objects this site uses, as plain values, and how they are read. Asks Stripe nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Price:
    """What a pack costs, in the currency's smallest unit."""

    id: str
    unit_amount: int
    currency: str
    is_for_sale: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer as Stripe knows them."""

    id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """Whose the key is. `server_time` is Stripe's clock when it answered, in whole seconds."""

    id: str
    can_charge: bool
    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe sends events, and which; `*` stands for all."""

    id: str
    url: str
    is_enabled: bool
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class NewWebhookEndpoint:
    """An endpoint that was just made, with the secret that Stripe tells once."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to be made, in the currency's smallest unit; `lookup_key` is ours to find it again."""

    lookup_key: str
    unit_amount: int
    currency: str
    product_name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShelfPrice:
    """A price with its product, as the seller sees it: archived ones too."""

    id: str
    unit_amount: int | None
    currency: str
    is_active: bool
    product_id: str
    product_name: str
    product_is_active: bool


@dataclass(frozen=True, slots=True)
class Checkout:
    """A Checkout Session as Stripe has it now. `status` and `payment_status` are Stripe's words.

    `app`, `member_id` and `credits` are what this site wrote into its metadata when it made the session, and
    None where it did not: such a session is somebody else's. `invoice_id` is that of its receipt, once it is
    paid. `amount_total`, after any discount, is in the smallest unit of `currency`, and so is `refunded`, which
    with `is_refunded_whole` is what Stripe counts as gone back. `payment_failed` says that a bank debit came to
    nothing, `was_disputed` that there was ever a dispute or an inquiry, `is_noted` that the session carries the
    note of `note_fulfilled`.
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
    created: datetime
    payment_failed: bool
    refunded: int
    is_refunded_whole: bool
    was_disputed: bool
    is_noted: bool

    @property
    def money_went_back(self) -> bool:
        """Whether some of the payment may have to be clawed back: `payment` tells how much."""
        return self.refunded > 0 or self.was_disputed

    @property
    def is_paid(self) -> bool:
        """Whether it may be fulfilled.

        `no_payment_required`, how a 100 %-off order ends, is paid; `unpaid` is a bank debit that has yet to
        succeed. Source: Stripe's fulfilment guide.
        """
        return self.status == "complete" and self.payment_status != "unpaid"


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a new checkout is for; `credits` is for the whole quantity."""

    app: str
    member_id: UUID
    customer_id: str
    price_id: str
    quantity: int
    credits: int
    success_url: str
    cancel_url: str

    @property
    def metadata(self) -> dict[str, str]:
        """What the session, and its payment, carry of us."""
        return {"app": self.app, "member": str(self.member_id), "credits": str(self.credits)}


@dataclass(frozen=True, slots=True)
class Event:
    """A verified webhook event: a hint that something about `object_id` changed, never the facts of it.

    `payment_intent_id` is set where the object is about a payment: a refund, a charge, a dispute.
    """

    id: str
    type: str
    livemode: bool
    object_id: str
    payment_intent_id: str | None


def checkout_of(session: Any) -> Checkout:
    metadata: Mapping[str, str] = session.metadata.to_dict() if session.metadata else {}
    # An id, or with its charge when we asked for that.
    payment = session.payment_intent if hasattr(session.payment_intent, "latest_charge") else None
    charge = payment.latest_charge if payment and hasattr(payment.latest_charge, "amount_refunded") else None
    return Checkout(
        id=session.id,
        url=session.url,
        status=session.status,
        payment_status=session.payment_status,
        customer_id=id_of(session.customer),
        payment_intent_id=id_of(session.payment_intent),
        invoice_id=id_of(session.invoice),
        amount_total=session.amount_total or 0,
        currency=session.currency or "",
        app=metadata.get("app"),
        member_id=parsed(UUID, metadata.get("member")),
        credits=parsed(_credits, metadata.get("credits")),
        created=datetime.fromtimestamp(session.created, tz=UTC),
        payment_failed=(
            session.status == "complete"
            and payment is not None
            and payment.status in ("requires_payment_method", "canceled")
        ),
        refunded=0 if charge is None else charge.amount_refunded,
        is_refunded_whole=charge is not None and charge.refunded,
        was_disputed=charge is not None and charge.disputed,
        is_noted=metadata.get("creditsProcessed") == "true",
    )


def faults_of(price: Any) -> list[str]:
    faults = {
        "it is archived": not price.active,
        "it is recurring": price.type != "one_time",
        "it has no fixed amount": price.unit_amount is None,
    }
    return [fault for fault, is_so in faults.items() if is_so]


def shelf_price_of(price: Any) -> ShelfPrice:
    """A price that was read with its product."""
    return ShelfPrice(
        id=price.id,
        unit_amount=price.unit_amount,
        currency=price.currency,
        is_active=price.active,
        product_id=price.product.id,
        product_name=getattr(price.product, "name", ""),
        product_is_active=getattr(price.product, "active", False),
    )


def event_of(raw: Mapping[str, Any]) -> Event:
    return Event(
        id=str(raw["id"]),
        type=str(raw["type"]),
        livemode=bool(raw["livemode"]),
        object_id=str(raw["data"]["object"].get("id", "")),
        payment_intent_id=raw["data"]["object"].get("payment_intent"),
    )


def id_of(expandable: Any) -> str | None:
    """The id of what Stripe sends as an id or, expanded, as an object."""
    return None if expandable is None else str(getattr(expandable, "id", expandable))


def parsed(parse: Callable[[str], T], text: str | None) -> T | None:
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
