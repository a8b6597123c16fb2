"""One request's work, or one timer's, inside one transaction: what every endpoint reads and writes with."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import Final

from sandbox.stripe import bodies
from sandbox.stripe.errors import ApiError, no_such
from sandbox.stripe.store import Json, Record, Store

ALPHABET: Final = string.digits + string.ascii_letters
# With "out of order" on, an event waits at most this long, so that a later one can arrive first.
OVERTAKING_S: Final = 3.0
# The word for each kind in "No such ...".
NAMES_IN_MESSAGES: Final = {"promotion_code": "promotion code", "webhook_endpoint": "webhook endpoint"}


@dataclass(frozen=True, slots=True)
class Config:
    """What the stand-in was started with."""

    public_url: str
    debit_settles_after_s: float | None
    refund_turns_after_s: float | None


@dataclass(slots=True)
class Turn:
    """`now_s` is the time of all that happens in it; `request_id` is None when nobody asked through the API."""

    store: Store
    rng: random.Random
    config: Config
    now: float
    request_id: str | None = None
    idempotency_key: str | None = None

    @property
    def now_s(self) -> int:
        """Now, in whole seconds as in the API."""
        return int(self.now)

    def new_id(self, prefix: str, length: int = 24) -> str:
        """A fresh id such as `cus_…`."""
        return f"{prefix}_{self.characters(length)}"

    def characters(self, length: int) -> str:
        """So many random letters and digits."""
        return "".join(self.rng.choices(ALPHABET, k=length))

    def add(self, kind: str, object_id: str, fields: Json, **hidden: object) -> Record:
        """Write a new object; keys that are not in `fields` have their usual values."""
        body = bodies.new(kind, object_id, fields, created=self.now_s)
        record = Record(kind, object_id, body, hidden)
        self.store.add(record, created=self.now_s)
        return record

    def create(self, kind: str, object_id: str, fields: Json, **hidden: object) -> Record:
        """Write a new object and the event that says so."""
        record = self.add(kind, object_id, fields, **hidden)
        self.emit(f"{kind}.created", record)
        return record

    def save(self, record: Record, event_type: str, *, previous: Json | None = None) -> None:
        """Write an object that changed and the event that says so."""
        self.store.save(record)
        self.emit(event_type, record, previous=previous)

    def need(self, kind: str, object_id: str | None, *, param: str | None = None) -> Record:
        """The object of that id. Raises 404, or 400 when the id came in the parameter `param`."""
        record = self.store.find(kind, object_id or "")
        if record is None or (param is not None and record.body.get("deleted")):
            raise no_such(NAMES_IN_MESSAGES.get(kind, kind), object_id or "", param=param)
        return record

    def emit(self, event_type: str, record: Record, *, previous: Json | None = None) -> None:
        """Write the event, with the object as it is now, and one delivery for each endpoint.

        `previous` has the old values of what changed; only events of a change have it.
        """
        switches = self.store.switches()
        endpoints = [
            endpoint.id
            for endpoint in self.store.newest("webhook_endpoint", oldest_first=True)
            if wanted(endpoint.body, event_type)
        ]
        copies = 2 if switches.get("twice") else 1
        fields = {
            "data": {"object": record.body} | ({} if previous is None else {"previous_attributes": previous}),
            "pending_webhooks": len(endpoints) * copies,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": event_type,
        }
        event = self.add("event", self.new_id("evt"), fields)
        for endpoint_id in endpoints * copies:
            wait_s = switches.get("delay_s", 0.0)
            if switches.get("out_of_order"):
                wait_s += self.rng.uniform(0, OVERTAKING_S)
            self.store.enqueue(event=event.id, endpoint=endpoint_id, at=self.now + wait_s)

    def after(self, seconds: float | None, job: str, target: str) -> None:
        """Do a job later; with None, only the dashboard does it."""
        if seconds is not None:
            self.store.set_timer(at=self.now + seconds, job=job, target=target)


def wanted(endpoint: Json, event_type: str) -> bool:
    """Whether an endpoint is to hear of events of this type: it asked for them, and is not disabled."""
    asked = "*" in endpoint["enabled_events"] or event_type in endpoint["enabled_events"]
    return asked and endpoint["status"] == "enabled"


def state_error(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """A request that is well-formed but not possible in the present state."""
    return ApiError(message, code=code, param=param)
