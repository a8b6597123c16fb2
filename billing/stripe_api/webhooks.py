"""Stripe's events, as a signed webhook brings them or as they are listed, and where Stripe sends them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import stripe
from django.conf import settings

from billing.errors import BadWebhook
from billing.stripe_api.client import asking_stripe, page
from billing.stripe_api.fields import (
    UnusableAnswer,
    expanded,
    moment,
    objects,
    objects_of_all_pages,
    read,
    read_or_none,
    reference,
)

SIGNATURE_TOLERANCE_S: Final = 300


@dataclass(frozen=True, slots=True)
class Event:
    """What Stripe tells: a hint that something about `object_id` changed, never the facts of it.

    `payment_intent_id` is set where the object is about a payment: a refund, a charge, a dispute.
    """

    id: str
    type: str
    livemode: bool
    object_id: str
    payment_intent_id: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe sends events, and which; `*` stands for all."""

    id: str
    url: str
    is_enabled: bool
    events: frozenset[str]


def verified(body: bytes, signature: str | None) -> Event:
    """The event in a webhook request. Raises `BadWebhook` unless Stripe signed it in the last minutes.

    Any secret of `STRIPE_WEBHOOK_SECRETS` will do: while one is rolled, Stripe signs with the old and the new,
    and not every process of ours has the new one yet.
    """
    # Anybody can sign with an empty key.
    secrets = [secret for secret in settings.STRIPE_WEBHOOK_SECRETS if secret]
    if not secrets:
        raise BadWebhook("This endpoint has no signing secret")
    if not signature:
        raise BadWebhook("No signature")
    try:
        text = body.decode()
        if not any(_is_signed(text, signature, secret) for secret in secrets):
            raise BadWebhook("Bad signature, or too old")
        raw = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadWebhook("Not JSON") from exc
    try:
        return _event(raw)
    except UnusableAnswer as exc:
        raise BadWebhook("Not an event") from exc


def events(types: Collection[str], *, since: datetime) -> Iterator[Event]:
    """The events of these types since then, newest first. Stripe keeps them for 30 days."""
    wanted: Any = page(since=since) | {"types": sorted(types)}
    with asking_stripe() as v1:
        for event in objects_of_all_pages(v1.events.list(wanted)):
            yield _event(event)


def endpoints() -> tuple[WebhookEndpoint, ...]:
    """Where Stripe sends this account's events; it allows no more than 16 such places."""
    wanted: Any = page()
    with asking_stripe() as v1:
        listed = v1.webhook_endpoints.list(wanted)
    return tuple(
        WebhookEndpoint(
            id=read(endpoint, "id", str),
            url=read(endpoint, "url", str),
            is_enabled=read(endpoint, "status", str) == "enabled",
            events=frozenset(map(str, read(endpoint, "enabled_events", list))),
        )
        for endpoint in objects(listed)
    )


def create_endpoint(url: str, events: Collection[str], *, description: str) -> str:
    """Have events sent to `url`, in the API version that this site's library speaks; return the signing secret.

    It is told by this answer and never again.
    """
    wanted: Any = {
        "url": url,
        "enabled_events": sorted(events),
        "api_version": stripe.api_version,
        "description": description,
    }
    with asking_stripe() as v1:
        made = v1.webhook_endpoints.create(wanted)
    return read(made, "secret", str)


def update_endpoint(endpoint_id: str, events: Collection[str]) -> None:
    """Have an endpoint enabled, for exactly these events."""
    wanted: Any = {"enabled_events": sorted(events), "disabled": False}
    with asking_stripe() as v1:
        v1.webhook_endpoints.update(endpoint_id, wanted)


def _is_signed(text: str, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, SIGNATURE_TOLERANCE_S)
    # `TypeError` is for what is not ASCII, which no signature is.
    except (stripe.SignatureVerificationError, TypeError):
        return False
    return True


def _event(event: object) -> Event:
    about = expanded(expanded(event, "data"), "object")
    if about is None:
        raise UnusableAnswer("Stripe sent an event about nothing")
    return Event(
        id=read(event, "id", str),
        type=read(event, "type", str),
        livemode=read(event, "livemode", bool),
        # What is none of ours, such as a balance, need not have one.
        object_id=read_or_none(about, "id", str) or "",
        payment_intent_id=reference(about, "payment_intent"),
        created=moment(event, "created"),
    )
