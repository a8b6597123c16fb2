"""Every call to Stripe, and the only module that imports `stripe`. Plain values leave it.

Every method raises `StripeUnavailable` when no usable answer came and `StripeRefused` when Stripe said no.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings

from billing.errors import BadWebhook, StripeRefused, StripeUnavailable, UnknownCheckout
from billing.stripe_objects import (
    Checkout,
    CheckoutRequest,
    Event,
    Price,
    StripeAccount,
    WebhookEndpoint,
    checkout_of,
    event_of,
    faults_of,
    id_of,
    parsed,
)
from instant_admin.ledger import Payment

TIMEOUT_S: Final = 10
NETWORK_RETRIES: Final = 2
SIGNATURE_TOLERANCE_S: Final = 300
STRIPE_API_BASE: Final = "https://api.stripe.com"
PAGE_SIZE: Final = 100
# What of a Checkout Session we want whole: the charge says at a glance whether money went back.
_CHARGE: Final = "payment_intent.latest_charge"
_UNDONE_REFUND: Final = frozenset({"failed", "canceled"})
# Open or lost. Not `won`, and not the `warning_…` inquiries and prevented ones, where no money moves.
_HELD_DISPUTE: Final = frozenset(
    {"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"}
)
# An id goes into a URL: `..` or an empty one would ask for something else.
_CHECKOUT_ID: Final = re.compile(r"cs_(?:test|live)_[A-Za-z0-9]{1,200}")

if TYPE_CHECKING:
    import stripe


class StripeGateway:
    """One Stripe account. Safe to share between threads, not to carry over a fork.

    `http_client` is how Stripe's library sends what it has to say, by default with `requests`.
    """

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str,
        api_base: str,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        import stripe  # a tenth of a second, so only in a process that talks to Stripe

        # Telemetry would write a file into the home directory.
        stripe.enable_telemetry = False
        self._stripe = stripe
        self._webhook_secret = webhook_secret
        self.livemode = secret_key.startswith(("sk_live_", "rk_live_"))
        self._v1 = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=http_client or stripe.RequestsClient(timeout=TIMEOUT_S),
            max_network_retries=NETWORK_RETRIES,
        ).v1

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

    def price_faults(self, price_id: str) -> list[str]:
        """Why a price cannot be sold by Checkout, a clause each; empty when it can."""
        with self._errors():
            price = self._v1.prices.retrieve(price_id, {"expand": ["product"]})
        is_archived = not getattr(price.product, "active", True)
        return faults_of(price) + (["its product is archived"] if is_archived else [])

    def account(self) -> StripeAccount:
        """The account that the key belongs to."""
        with self._errors():
            account = self._v1.accounts.retrieve_current()
        answer = account.last_response
        date = None if answer is None else answer.headers.get("Date")
        return StripeAccount(
            id=account.id,
            can_charge=account.charges_enabled is True,
            server_time=parsed(parsedate_to_datetime, date),
        )

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """Where Stripe sends this account's events; it allows no more than 16 such places."""
        with self._errors():
            found = self._v1.webhook_endpoints.list({"limit": PAGE_SIZE}).data
        return tuple(
            WebhookEndpoint(
                url=endpoint.url,
                is_enabled=endpoint.status == "enabled",
                events=frozenset(endpoint.enabled_events),
            )
            for endpoint in found
        )

    def create_customer(self, *, member_id: UUID, email: str, app: str, idempotency_key: str) -> str:
        """Make the Stripe customer of a member and return its id.

        The email is set by a second call: it may change, and the parameters under one idempotency key must not.
        """
        with self._errors():
            customer = self._v1.customers.create(
                {"metadata": {"app": app, "member": str(member_id)}}, {"idempotency_key": idempotency_key}
            )
            self._v1.customers.update(customer.id, {"email": email})
        return customer.id

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
        """The event in a webhook request. Raises `BadWebhook` unless Stripe signed it in the last minutes."""
        if not self._webhook_secret:
            # Anybody can sign with an empty key.
            raise BadWebhook("This endpoint has no signing secret")
        if not signature:
            raise BadWebhook("No signature")
        try:
            self._stripe.WebhookSignature.verify_header(
                body.decode(), signature, self._webhook_secret, SIGNATURE_TOLERANCE_S
            )
            raw = json.loads(body)
        except self._stripe.SignatureVerificationError as exc:
            raise BadWebhook("Bad signature, or too old") from exc
        except ValueError as exc:
            raise BadWebhook("Not JSON") from exc
        try:
            return event_of(raw)
        except (KeyError, TypeError, AttributeError) as exc:
            raise BadWebhook("Not an event") from exc

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Stripe's errors as ours. What Stripe says is not passed on: it can hold what was sent."""
        try:
            yield
        except (
            self._stripe.APIConnectionError,
            self._stripe.RateLimitError,
            self._stripe.APIError,
        ) as exc:
            status = getattr(exc, "http_status", None)
            raise StripeUnavailable(f"No usable answer from Stripe (HTTP {status})") from exc
        except self._stripe.StripeError as exc:
            raise StripeRefused(
                status=exc.http_status,
                code=exc.code or type(exc).__name__,
                param=getattr(exc, "param", "") or "",
            ) from exc


_in_use: ContextVar[StripeGateway | None] = ContextVar("stripe_in_use", default=None)


def gateway() -> StripeGateway:
    """The gateway of the site's Stripe account, one for each process."""
    return _in_use.get() or _gateway(
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE
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
def _gateway(secret_key: str, webhook_secret: str, api_base: str) -> StripeGateway:
    return StripeGateway(secret_key=secret_key, webhook_secret=webhook_secret, api_base=api_base)
