"""What a webhook request means. An event is a hint to look at a checkout, never the facts of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from billing.attention import note_fraud_warnings
from billing.checkout import is_ours
from billing.errors import UnknownCheckout
from billing.fulfilment import NEEDS_REVIEW, Outcome, settle
from billing.stripe_api import checkouts, webhooks
from billing.stripe_api.checkouts import Checkout
from billing.stripe_api.client import livemode
from billing.stripe_api.webhooks import Event
from credits_site.logs import learn
from credits_site.metrics import FULFILMENTS, WEBHOOK_LAG
from instant_admin.ledger.rules import Entry

logger = logging.getLogger(__name__)

# A checkout may be paid now.
PAYING_EVENTS: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
CHECKOUT_EVENTS: Final = PAYING_EVENTS | {
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}
DISPUTE_CLOSED: Final = "charge.dispute.closed"
# A payment's money may have gone back, or come again.
PAYMENT_EVENTS: Final = frozenset(
    {
        "charge.refunded",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        DISPUTE_CLOSED,
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
# The bank of a card warns that a payment may be fraudulent. No money has moved.
WARNING_EVENTS: Final = frozenset({"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"})
# What an endpoint must listen to.
EVENTS: Final = CHECKOUT_EVENTS | PAYMENT_EVENTS | WARNING_EVENTS


@dataclass(frozen=True, slots=True)
class Looked:
    """A checkout that was settled, or needs review because of `problem`.

    `kept` is the entry that took credits for a dispute that is lost now, of which no entry tells.
    """

    checkout: Checkout
    problem: str = ""
    kept: Entry | None = None


def receive_webhook(body: bytes, signature: str | None) -> Looked | None:
    """Act on a webhook request. Raises `BadWebhook` for what Stripe did not send.

    Returns for everything that sending it again could not change; outages are raised, so that Stripe does.
    None: no checkout was to be settled.
    """
    event = webhooks.verified(body, signature)
    learn(event=event.id)
    looked = _act_on(event)
    WEBHOOK_LAG.observe(max(0.0, (datetime.now(UTC) - event.created).total_seconds()))
    return looked


def _act_on(event: Event) -> Looked | None:
    if event.livemode != livemode():
        logger.warning("Event %s is of the other mode (livemode %s); ignored", event.id, event.livemode)
        return None
    try:
        checkout = checkout_of_event(event)
    except UnknownCheckout:
        logger.warning("Event %s (%s) is about no checkout that Stripe has; ignored", event.id, event.type)
        return None
    if checkout is None or not is_ours(checkout):
        logger.debug("Event %s (%s) is none of ours; ignored", event.id, event.type)
        return None
    if event.type in WARNING_EVENTS:
        note_fraud_warnings(checkout)
        return None
    try:
        settlement = settle(checkout)
    except NEEDS_REVIEW as exc:
        logger.error("Checkout %s needs review: %s", checkout.id, exc)
        FULFILMENTS.labels("webhook", Outcome.NEEDS_REVIEW).inc()
        return Looked(checkout, str(exc))
    FULFILMENTS.labels("webhook", settlement.outcome).inc()
    return Looked(checkout, kept=settlement.disputed if event.type == DISPUTE_CLOSED else None)


def checkout_of_event(event: Event) -> Checkout | None:
    """The checkout that an event is about, as Stripe has it now; None for an event of no interest.

    Traced by Stripe's ids, never by email. Raises `UnknownCheckout` when Stripe has none.
    """
    if event.type in CHECKOUT_EVENTS:
        return checkouts.retrieve(event.object_id)
    if event.type in PAYMENT_EVENTS | WARNING_EVENTS and event.payment_intent_id:
        return checkouts.of_payment(event.payment_intent_id)
    return None
