"""Events, the endpoints that want them, and what became of each delivery.

Source: https://docs.stripe.com/api/events, /webhook_endpoints, https://docs.stripe.com/webhooks#retries
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.stripe import bodies, listing, params
from sandbox.stripe.errors import either_or, malformed
from sandbox.stripe.params import Shape
from sandbox.stripe.store import DeliveryRow, Json, Record
from sandbox.stripe.turn import Turn, state_error, wanted

# Stripe waits hours and days; nobody at a sandbox would.
BACKOFF_S: Final = (1, 2, 5, 15, 60)
MOST_ATTEMPTS: Final = 16
DUE_AT_ONCE: Final = 100
KEPT_S: Final = 30 * 24 * 60 * 60
MOST_ENDPOINTS: Final = 16
SUCCESS: Final = range(200, 300)
EVENT_TYPE: Final = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)+")
DELIVERED: Final = "NOT EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND NOT delivered)"


def event_type(raw: object, name: str) -> str:
    """The name of an event type, or `*`."""
    if not isinstance(raw, str) or not EVENT_TYPE.fullmatch(raw):
        raise malformed(f"Invalid {name}: `{raw}` is not the name of an event type", param=name)
    return raw


LIST: Final = Shape(
    params.PAGING
    | {
        "created": params.created_range,
        "delivery_success": params.boolean,
        "type": params.text(),
        "types": params.list_of(params.text(), at_most=20),
    }
)
RETRIEVE: Final = Shape(params.EXPAND)
ENDPOINT_FIELDS: Final = {
    "description": params.text(),
    "enabled_events": params.list_of(event_type, at_most=500),
    "metadata": params.metadata,
    "url": params.web_address,
}
CREATE_ENDPOINT: Final = Shape(
    params.EXPAND | ENDPOINT_FIELDS | {"api_version": params.choice(bodies.API_VERSION)},
    required=("enabled_events", "url"),
    unmodelled=("connect",),
)
LIST_ENDPOINTS: Final = Shape(params.PAGING)
NO_PARAMETERS: Final = Shape({})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt that should be made now. `attempt` counts from 1; `secret` is the endpoint's."""

    id: int
    event_id: str
    url: str
    body: bytes
    attempt: int
    secret: str = field(repr=False)


def retrieve(turn: Turn, given: Json, event_id: str) -> Json:
    """`GET /v1/events/{id}`."""
    return turn.need("event", event_id).body


def list_all(turn: Turn, given: Json) -> Json:
    """`GET /v1/events`, of the last 30 days."""
    if "type" in given and "types" in given:
        raise either_or("type", "types")
    conditions: list[tuple[str, list[object]]] = [("created > ?", [turn.now_s - KEPT_S])]
    if "type" in given:
        conditions.append(("body ->> '$.type' GLOB ?", [given["type"]]))
    if "types" in given:
        kinds = json.dumps(given["types"])
        conditions.append(("body ->> '$.type' IN (SELECT value FROM json_each(?))", [kinds]))
    if "delivery_success" in given:
        conditions.append((DELIVERED if given["delivery_success"] else f"NOT {DELIVERED}", []))
    return listing.page(turn, "event", given, url="/v1/events", conditions=conditions)


# Endpoints


def create_endpoint(turn: Turn, given: Json) -> Json:
    """`POST /v1/webhook_endpoints`; this answer is the only one with the secret."""
    if not given["enabled_events"]:
        raise malformed("enabled_events must not be empty.", param="enabled_events")
    if len(turn.store.newest("webhook_endpoint")) >= MOST_ENDPOINTS:
        raise state_error(f"You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints.")
    secret = turn.new_id("whsec", 32)
    record = _endpoint(turn, turn.new_id("we"), given, secret=secret)
    return record.body | {"secret": secret}


def _endpoint(turn: Turn, object_id: str, given: Json, *, secret: str) -> Record:
    fields = {name: value for name, value in given.items() if name != "expand"}
    fields["metadata"] = params.merged_metadata({}, given.get("metadata"))
    body = bodies.webhook_endpoint(object_id, fields, created=turn.now_s)
    return turn.add("webhook_endpoint", body, secret=secret)


def ensure_endpoint(turn: Turn, object_id: str, *, url: str | None, secret: str) -> None:
    """Have exactly this endpoint under this id, for every event; None means to have none."""
    turn.store.remove("webhook_endpoint", object_id)
    if url is not None:
        given = {"url": url, "enabled_events": ["*"], "description": "The site under test"}
        _endpoint(turn, object_id, given, secret=secret)


def retrieve_endpoint(turn: Turn, given: Json, endpoint_id: str) -> Json:
    """`GET /v1/webhook_endpoints/{id}`."""
    return turn.need("webhook_endpoint", endpoint_id).body


def list_endpoints(turn: Turn, given: Json) -> Json:
    """`GET /v1/webhook_endpoints`."""
    return listing.page(turn, "webhook_endpoint", given, url="/v1/webhook_endpoints")


def delete_endpoint(turn: Turn, given: Json, endpoint_id: str) -> Json:
    """`DELETE /v1/webhook_endpoints/{id}`; what is on its way to it is dropped."""
    turn.need("webhook_endpoint", endpoint_id)
    turn.store.remove("webhook_endpoint", endpoint_id)
    return bodies.deleted("webhook_endpoint", endpoint_id)


# Deliveries


def due(turn: Turn) -> list[Delivery]:
    """What should be sent now; nothing at all while the switch says so."""
    if turn.store.switches().get("nothing"):
        return []
    ready = []
    for row in turn.store.deliveries_due(turn.now, limit=DUE_AT_ONCE):
        endpoint = turn.store.find("webhook_endpoint", row.endpoint)
        if endpoint is None:
            turn.store.save_delivery(replace(row, next_at=None))
            continue
        event = turn.need("event", row.event)
        body = json.dumps(event.body).encode()
        ready.append(
            Delivery(
                row.id, event.id, endpoint.body["url"], body, row.attempts + 1, endpoint.hidden["secret"]
            )
        )
    return ready


def record_attempt(turn: Turn, delivery_id: int, status: int | None) -> None:
    """What an endpoint answered; None means that it did not. Anything but 2xx is tried again, later and later."""
    row = turn.store.delivery(delivery_id)
    if row is None:
        return
    attempts = row.attempts + 1
    succeeded = status in SUCCESS
    next_at = None
    if not succeeded and attempts < MOST_ATTEMPTS:
        next_at = turn.now + BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1]
    turn.store.save_delivery(
        replace(
            row,
            attempts=attempts,
            next_at=next_at,
            delivered=row.delivered or succeeded,
            last_status=status,
        )
    )
    event = turn.need("event", row.event)
    event.body["pending_webhooks"] = sum(not other.delivered for other in turn.store.deliveries_of(row.event))
    turn.store.save(event)


def send_again(turn: Turn, event_id: str) -> None:
    """Have one more delivery of an event made to every endpoint that is there now and wants it."""
    event = turn.need("event", event_id)
    for endpoint in turn.store.newest("webhook_endpoint", oldest_first=True):
        if wanted(endpoint.body, event.body["type"]):
            turn.store.enqueue(event=event.id, endpoint=endpoint.id, at=turn.now)


def deliveries_of(turn: Turn, event_id: str) -> list[DeliveryRow]:
    """Every delivery of an event, for the dashboard."""
    return turn.store.deliveries_of(event_id)


def signature(body: bytes, *, secret: str, at: float) -> str:
    """The `Stripe-Signature` header of an attempt made at `at`.

    Source: https://docs.stripe.com/webhooks/signature
    """
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={digest}"
