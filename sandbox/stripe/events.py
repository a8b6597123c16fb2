"""Events, webhook endpoints and deliveries.

Source: https://docs.stripe.com/api/events, /webhook_endpoints, https://docs.stripe.com/webhooks#retries
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.stripe import bodies, params, reading, records
from sandbox.stripe.errors import either_or, malformed
from sandbox.stripe.reading import Filter, one_of
from sandbox.stripe.store import AttemptRow, Condition, DeliveryRow, Json, Record
from sandbox.stripe.turn import Turn, state_error, wanted

# Much shorter than Stripe's hours and days.
BACKOFF_S: Final = (1, 2, 5, 15, 60)
MOST_ATTEMPTS: Final = 16
DUE_AT_ONCE: Final = 100
KEPT_S: Final = 30 * 24 * 60 * 60
MOST_ENDPOINTS: Final = 16
# How long an old secret signs beside the new one. Source: https://docs.stripe.com/webhooks#roll-endpoint-secrets
OLD_SECRET_SIGNS_S: Final = 24 * 60 * 60
# How many characters of an answer are kept for the dashboard.
ANSWER_KEPT: Final = 500
SUCCESS: Final = range(200, 300)
EVENT_TYPE: Final = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)+")


def event_type(raw: object, name: str) -> str:
    """The name of an event type, or `*`."""
    if not isinstance(raw, str) or not EVENT_TYPE.fullmatch(raw):
        raise malformed(f"Invalid {name}: `{raw}` is not the name of an event type", param=name)
    return raw


def _delivered(wanted: bool) -> list[Condition]:
    missed = "EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND NOT delivered)"
    return [(f"NOT {missed}" if wanted else missed, [])]


LIST: Final = reading.many(
    "event",
    {
        "created": reading.CREATED,
        "delivery_success": Filter(params.boolean, _delivered),
        "type": Filter(params.text(), lambda pattern: [("body ->> '$.type' GLOB ?", [pattern])]),
        "types": one_of("body ->> '$.type'", params.list_of(params.text(), at_most=20)),
    },
)
ENDPOINT_FIELDS: Final = {
    "description": params.text(),
    "enabled_events": params.list_of(event_type, at_most=500),
    "metadata": params.metadata,
    "url": params.web_address,
}
CREATE_ENDPOINT: Final = params.call(
    ENDPOINT_FIELDS | {"api_version": params.choice(bodies.API_VERSION)},
    required="enabled_events url",
    unmodelled="connect",
)
UPDATE_ENDPOINT: Final = params.call(ENDPOINT_FIELDS | {"disabled": params.boolean})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt that should be made now. `attempt` counts from 1; of `secrets`, the newest comes first."""

    id: int
    event_id: str
    url: str
    body: bytes
    attempt: int
    secrets: tuple[str, ...] = field(repr=False)


def list_all(turn: Turn, given: Json) -> Json:
    """`GET /v1/events`, of the last 30 days."""
    if "type" in given and "types" in given:
        raise either_or("type", "types")
    return LIST.run(turn, given, ("created > ?", [turn.now_s - KEPT_S]))


# Endpoints


def create_endpoint(turn: Turn, given: Json) -> Json:
    """`POST /v1/webhook_endpoints`; this answer is the only one with the secret."""
    _check_events(given)
    if len(turn.store.newest("webhook_endpoint")) >= MOST_ENDPOINTS:
        raise state_error(f"You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints.")
    secret = turn.new_id("whsec", 32)
    return _endpoint(turn, turn.new_id("we"), given, secret=secret).body | {"secret": secret}


def _check_events(given: Json) -> None:
    if not given.get("enabled_events", ["*"]):
        raise malformed("enabled_events must not be empty.", param="enabled_events")


def _endpoint(turn: Turn, object_id: str, given: Json, *, secret: str) -> Record:
    return turn.add("webhook_endpoint", object_id, records.fields_of(given), secret=secret)


def ensure_endpoint(turn: Turn, object_id: str, *, url: str | None, secret: str) -> None:
    """Have exactly this endpoint under this id, enabled and for every event; None means to have none.

    To start with another secret than the endpoint has is to roll it, so both secrets are valid for a while.
    """
    before = turn.store.find("webhook_endpoint", object_id)
    turn.store.remove("webhook_endpoint", object_id)
    if url is None:
        return
    given = {"url": url, "enabled_events": ["*"], "description": "The site under test"}
    endpoint = _endpoint(turn, object_id, given, secret=secret)
    if before is not None:
        endpoint.hidden = before.hidden
        _change_secret(turn, endpoint, secret)


def update_endpoint(turn: Turn, given: Json, endpoint_id: str) -> Json:
    """`POST /v1/webhook_endpoints/{id}`; a disabled endpoint gets no events, also not later."""
    endpoint = turn.need("webhook_endpoint", endpoint_id)
    _check_events(given)
    if "disabled" in given:
        given = given | {"status": "disabled" if given["disabled"] else "enabled"}
    return records.write(turn, endpoint, given, "disabled")


def roll_secret(turn: Turn, endpoint_id: str) -> str:
    """Give an endpoint a new secret and return it; for a day everything is signed with the old one too.

    Stripe does this on its dashboard only, never through the API.

    Source: https://docs.stripe.com/webhooks#roll-endpoint-secrets
    """
    endpoint = turn.need("webhook_endpoint", endpoint_id)
    secret = turn.new_id("whsec", 32)
    _change_secret(turn, endpoint, secret)
    return secret


def _change_secret(turn: Turn, endpoint: Record, secret: str) -> None:
    """Sign with `secret` from now on, and with the one before it for a day; an older one is dropped."""
    if secret != endpoint.hidden["secret"]:
        until = turn.now + OLD_SECRET_SIGNS_S
        endpoint.hidden |= {"old_secret": endpoint.hidden["secret"], "old_until": until, "secret": secret}
    turn.store.save(endpoint)


def old_secret_until(endpoint: Record, now: float) -> float | None:
    """Until when the secret from before the last roll signs, if it still does."""
    until: float | None = endpoint.hidden.get("old_until")
    return until if until is not None and until > now else None


def _secrets(endpoint: Record, now: float) -> tuple[str, ...]:
    newest: str = endpoint.hidden["secret"]
    return (newest, endpoint.hidden["old_secret"]) if old_secret_until(endpoint, now) else (newest,)


def delete_endpoint(turn: Turn, given: Json, endpoint_id: str) -> Json:
    """`DELETE /v1/webhook_endpoints/{id}`; what is on its way to it is dropped."""
    turn.need("webhook_endpoint", endpoint_id)
    turn.store.remove("webhook_endpoint", endpoint_id)
    return bodies.deleted("webhook_endpoint", endpoint_id)


# Deliveries


def due(turn: Turn) -> list[Delivery]:
    """What should be sent now and is held back neither by itself nor with all the others.

    A delivery to an endpoint that is deleted or disabled by then is never made.

    Source: https://docs.stripe.com/webhooks#retries
    """
    ready = []
    hold = bool(turn.store.switches().get("nothing"))
    for row in turn.store.deliveries_due(turn.now, hold=hold, limit=DUE_AT_ONCE):
        endpoint = turn.store.find("webhook_endpoint", row.endpoint)
        if endpoint is None or endpoint.body["status"] != "enabled":
            turn.store.save_delivery(replace(row, next_at=None))
            continue
        event = turn.need("event", row.event)
        ready.append(
            Delivery(
                id=row.id,
                event_id=event.id,
                url=endpoint.body["url"],
                body=json.dumps(event.body).encode(),
                attempt=row.attempts + 1,
                secrets=_secrets(endpoint, turn.now),
            )
        )
    return ready


def record_attempt(turn: Turn, delivery_id: int, status: int | None, answer: str = "") -> None:
    """Record the answer of an endpoint; `status` is None when none came. Any but 2xx is tried again."""
    row = turn.store.delivery(delivery_id)
    if row is None:
        return
    turn.store.add_attempt(delivery_id, AttemptRow(turn.now, status, answer[:ANSWER_KEPT]))
    attempts = row.attempts + 1
    succeeded = status in SUCCESS
    next_at = None
    if not succeeded and attempts < MOST_ATTEMPTS:
        next_at = turn.now + BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1]
    delivered = row.delivered or succeeded
    turn.store.save_delivery(
        replace(row, attempts=attempts, next_at=next_at, delivered=delivered, last_status=status)
    )
    event = turn.need("event", row.event)
    event.body["pending_webhooks"] = sum(not other.delivered for other in turn.store.deliveries_of(row.event))
    turn.store.save(event)


# What a person may do to one event


def send_again(turn: Turn, event_id: str) -> None:
    """Deliver an event once more, to every endpoint that now asks for its type; what never arrived is tried at once.

    Source: https://docs.stripe.com/webhooks#retries
    """
    event = turn.need("event", event_id)
    missed = [row for row in turn.store.deliveries_of(event.id) if not row.delivered]
    for endpoint in turn.store.newest("webhook_endpoint", oldest_first=True):
        if not wanted(endpoint.body, event.body["type"]):
            continue
        again = [row for row in missed if row.endpoint == endpoint.id]
        for row in again:
            turn.store.save_delivery(replace(row, next_at=turn.now))
        if not again:
            turn.store.enqueue(event=event.id, endpoint=endpoint.id, at=turn.now)


def deliver_twice(turn: Turn, event_id: str) -> None:
    """Send each waiting delivery of an event twice. Raises 400 when none waits."""
    for row in _waiting_rows(turn, event_id):
        turn.store.enqueue(event=row.event, endpoint=row.endpoint, at=row.next_at or turn.now)


def hold(turn: Turn, event_id: str) -> None:
    """Hold back the waiting deliveries of an event. Raises 400 when none waits."""
    _waiting_rows(turn, event_id)
    turn.store.set_hold(event_id, held=True)


def release(turn: Turn, event_id: str) -> None:
    """Send an event even while all are held back. Raises 400 when none of its deliveries waits."""
    _waiting_rows(turn, event_id)
    turn.store.set_hold(event_id, held=False)


def is_held(turn: Turn, event_id: str) -> bool:
    """Whether an event is kept back, by itself or with all the others."""
    held = turn.store.hold_of(event_id)
    return bool(turn.store.switches().get("nothing")) if held is None else held


def hold_all(turn: Turn, *, held: bool) -> None:
    """Keep every webhook back, or release all of them. Holds of single events are removed."""
    turn.store.set_switch("nothing", float(held))
    turn.store.forget_holds()


def _waiting_rows(turn: Turn, event_id: str) -> list[DeliveryRow]:
    turn.need("event", event_id)
    waiting = [row for row in turn.store.deliveries_of(event_id) if row.next_at is not None]
    if not waiting:
        raise state_error("Nothing of this event waits any more. It can be sent again.")
    return waiting


def signature(body: bytes, *, secrets: Sequence[str], at: float) -> str:
    """The `Stripe-Signature` header of an attempt made at `at`, with one `v1` for each secret.

    Source: https://docs.stripe.com/webhooks/signature
    """
    signed = f"{int(at)}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={int(at)}", *(f"v1={digest}" for digest in digests)])
