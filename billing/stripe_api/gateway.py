"""What buying asks of Stripe: customers, checkouts, payments and events. Plain values leave it.

Every method raises `StripeUnavailable` when no usable answer came and `StripeRefused` when Stripe said no.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from billing.clawback import Payment
from billing.errors import BadWebhook, StripeRefused, UnknownCheckout
from billing.stripe_api.client import PAGE_SIZE, StripeConnection
from billing.stripe_api.objects import (
    Checkout,
    CheckoutRequest,
    Customer,
    Event,
    Price,
    checkout_of,
    event_of,
    faults_of,
    id_of,
)

# What of a Checkout Session we want whole: the charge says at a glance whether money went back.
_CHARGE: Final = "payment_intent.latest_charge"
_UNDONE_REFUND: Final = frozenset({"failed", "canceled"})
# Open or lost. Not `won`, and not the `warning_…` inquiries and prevented ones, where no money moves.
_HELD_DISPUTE: Final = frozenset(
    {"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"}
)
# An id goes into a URL: `..` or an empty one would ask for something else.
_CHECKOUT_ID: Final = re.compile(r"cs_(?:test|live)_[A-Za-z0-9]{1,200}")


class StripeGateway:
    """One Stripe account. Safe to share between threads, not to carry over a fork."""

    def __init__(self, connection: StripeConnection, *, webhook_secrets: Sequence[str]) -> None:
        self.connection = connection
        self._v1, self._errors = connection.v1, connection.errors
        self._webhook_secrets = [secret for secret in webhook_secrets if secret]

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money."""
        return self.connection.livemode

    def price(self, price_id: str) -> Price:
        """A price as it is now."""
        with self._errors():
            price = self._v1.prices.retrieve(price_id)
        return Price(
            id=price.id,
            unit_amount=price.unit_amount or 0,
            currency=price.currency,
            is_for_sale=not faults_of(price),
        )

    def customer(self, customer_id: str) -> Customer | None:
        """A customer as it is now; None when it was deleted, or belongs to the other mode of the key."""
        try:
            with self._errors():
                found = self._v1.customers.retrieve(customer_id)
        except StripeRefused as exc:
            if exc.code == "resource_missing":
                return None
            raise
        # Of a deleted one Stripe answers with a stub that has no email at all.
        return None if getattr(found, "deleted", False) else Customer(id=found.id, email=found.email)

    def create_customer(self, *, member_id: UUID, app: str, idempotency_key: str) -> str:
        """Make the Stripe customer of a member and return its id.

        Without the email: it may change, and the parameters under one idempotency key must not.
        """
        with self._errors():
            return self._v1.customers.create(
                {"metadata": {"app": app, "member": str(member_id)}}, {"idempotency_key": idempotency_key}
            ).id

    def set_customer_email(self, customer_id: str, email: str) -> None:
        """Have Stripe write to this address, and show it on its page."""
        with self._errors():
            self._v1.customers.update(customer_id, {"email": email})

    def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str | None) -> Checkout:
        """Make a Checkout Session. With a key that was used before, it is the session made then, as it is now."""
        with self._errors():
            session = self._v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "customer": request.customer_id,
                    "client_reference_id": str(request.member_id),
                    "line_items": [{"price": request.price_id, "quantity": request.quantity}],
                    "allow_promotion_codes": True,
                    "metadata": request.metadata,
                    "payment_intent_data": {"metadata": request.metadata},
                    "invoice_creation": {"enabled": True, "invoice_data": {"metadata": request.metadata}},
                    "success_url": request.success_url,
                    "cancel_url": request.cancel_url,
                },
                {"idempotency_key": idempotency_key} if idempotency_key else {},
            )
        # Stripe repeats its first answer word for word, even when the session has been paid since.
        answer = session.last_response
        replayed = answer is not None and answer.headers.get("Idempotent-Replayed") == "true"
        return self.checkout(session.id) if replayed else checkout_of(session)

    def checkout(self, checkout_id: str) -> Checkout:
        """A Checkout Session as it is now. Raises `UnknownCheckout`, also for what is no such id at all."""
        if not _CHECKOUT_ID.fullmatch(checkout_id):
            raise UnknownCheckout("not the id of a checkout")
        try:
            with self._errors():
                return checkout_of(self._v1.checkout.sessions.retrieve(checkout_id, {"expand": [_CHARGE]}))
        except StripeRefused as exc:
            if exc.code == "resource_missing":
                raise UnknownCheckout("Stripe has no such checkout") from exc
            raise

    def checkouts(
        self, *, since: datetime | None = None, customer_id: str | None = None
    ) -> Iterator[Checkout]:
        """Every Checkout Session made since then, or of one customer, newest first, page by page."""
        wanted: Any = {"limit": PAGE_SIZE, "expand": [f"data.{_CHARGE}"]}
        if since is not None:
            wanted["created"] = {"gte": int(since.timestamp())}
        if customer_id is not None:
            wanted["customer"] = customer_id
        with self._errors():
            for session in self._v1.checkout.sessions.list(wanted).auto_paging_iter():
                yield checkout_of(session)

    def latest_checkouts(self, customer_id: str, *, limit: int) -> tuple[Checkout, ...]:
        """The newest Checkout Sessions of a customer, asked for once: a person waits for them."""
        wanted: Any = {"customer": customer_id, "limit": limit, "expand": [f"data.{_CHARGE}"]}
        with self._errors():
            found = self._v1.checkout.sessions.list(wanted, {"max_network_retries": 0}).data
        return tuple(checkout_of(session) for session in found)

    def checkout_of_payment(self, payment_intent_id: str) -> Checkout:
        """The Checkout Session that made a payment. Raises `UnknownCheckout` when none did."""
        with self._errors():
            wanted: Any = {"payment_intent": payment_intent_id, "limit": 1, "expand": [f"data.{_CHARGE}"]}
            found = self._v1.checkout.sessions.list(wanted).data
        if not found:
            raise UnknownCheckout("no checkout made this payment")
        return checkout_of(found[0])

    def invoice_page(self, invoice_id: str) -> str | None:
        """Where the buyer sees and prints an invoice; None until it is final. The address expires: do not keep it."""
        with self._errors():
            return self._v1.invoices.retrieve(invoice_id).hosted_invoice_url

    def payments_that_went_back(self, *, since: datetime) -> Iterator[str]:
        """The ids of payments with a refund or a dispute made since then; one may come more than once."""
        wanted: Any = {"limit": PAGE_SIZE, "created": {"gte": int(since.timestamp())}}
        with self._errors():
            for refund in self._v1.refunds.list(wanted).auto_paging_iter():
                if refund.payment_intent is not None:
                    yield str(id_of(refund.payment_intent))
            for dispute in self._v1.disputes.list(wanted).auto_paging_iter():
                if dispute.payment_intent is not None:
                    yield str(id_of(dispute.payment_intent))

    def events(self, types: Collection[str], *, since: datetime) -> Iterator[Event]:
        """The events of these types since then, newest first. Stripe keeps them for 30 days."""
        wanted: Any = {
            "types": sorted(types),
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE_SIZE,
        }
        with self._errors():
            for event in self._v1.events.list(wanted).auto_paging_iter():
                yield event_of(event.to_dict())

    def payment(self, payment_intent_id: str) -> Payment:
        """What became of a payment's money: what was paid, and what of it is refunded or disputed now.

        Sums the refunds that stand rather than follow their events, so neither order nor repetition matters.
        """
        of_it: Any = {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}
        with self._errors():
            paid = self._v1.payment_intents.retrieve(payment_intent_id).amount_received
            refunds = list(self._v1.refunds.list(of_it).auto_paging_iter())
            disputes = list(self._v1.disputes.list(of_it).auto_paging_iter())
        return Payment(
            paid=paid,
            refunded=sum(refund.amount for refund in refunds if refund.status not in _UNDONE_REFUND),
            disputed=sum(dispute.amount for dispute in disputes if dispute.status in _HELD_DISPUTE),
        )

    def note_fulfilled(self, checkout_id: str) -> None:
        """Write `creditsProcessed: "true"` on the session, for people who look at it in Stripe."""
        with self._errors():
            self._v1.checkout.sessions.update(checkout_id, {"metadata": {"creditsProcessed": "true"}})

    def verified_event(self, body: bytes, signature: str | None) -> Event:
        """The event in a webhook request. Raises `BadWebhook` unless Stripe signed it in the last minutes.

        Any of the secrets will do: while one is rolled, Stripe signs with the old and the new, and not
        every process of ours has the new one yet.
        """
        if not self._webhook_secrets:
            # Anybody can sign with an empty key.
            raise BadWebhook("This endpoint has no signing secret")
        if not signature:
            raise BadWebhook("No signature")
        try:
            text = body.decode()
            if not any(self.connection.is_signed(text, signature, each) for each in self._webhook_secrets):
                raise BadWebhook("Bad signature, or too old")
            raw = json.loads(text)
        except ValueError as exc:
            raise BadWebhook("Not JSON") from exc
        try:
            return event_of(raw)
        except (KeyError, TypeError, AttributeError) as exc:
            raise BadWebhook("Not an event") from exc


_in_use: ContextVar[StripeGateway | None] = ContextVar("stripe_in_use", default=None)


def gateway() -> StripeGateway:
    """The gateway of the site's Stripe account, one for each process."""
    return _in_use.get() or _gateway(
        settings.STRIPE_SECRET_KEY, tuple(settings.STRIPE_WEBHOOK_SECRETS), settings.STRIPE_API_BASE
    )


@contextmanager
def using(other: StripeGateway) -> Iterator[None]:
    """Have this context talk to another Stripe account than that of the settings."""
    token = _in_use.set(other)
    try:
        yield
    finally:
        _in_use.reset(token)


@functools.cache
def _gateway(secret_key: str, webhook_secrets: tuple[str, ...], api_base: str) -> StripeGateway:
    connection = StripeConnection(secret_key=secret_key, api_base=api_base)
    return StripeGateway(connection, webhook_secrets=webhook_secrets)
