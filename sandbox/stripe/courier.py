"""The courier: sends the webhooks that wait in the stand-in to the site."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import requests

from sandbox.stripe.events import Delivery
from sandbox.stripe.standin import StripeStandIn

LOOK_EVERY_S: Final = 0.05
ANSWER_WITHIN_S: Final = 10.0
ANSWER_READ: Final = 2048
AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of an endpoint. `status` is None when none came; `text` then says what happened instead."""

    status: int | None
    text: str


class Courier:
    """A thread that makes the deliveries that are due, several at once, until it is stopped."""

    def __init__(self, standin: StripeStandIn, clock: Callable[[], float]) -> None:
        self._standin = standin
        self._clock = clock
        self._stopping = threading.Event()
        self._on_the_way: set[int] = set()
        self._lock = threading.Lock()
        self._carriers = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._look_round, name="courier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the deliveries that are under way and stop; the others stay in the database."""
        self._stopping.set()
        self._thread.join()
        self._carriers.shutdown(wait=True, cancel_futures=True)

    def _look_round(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            now = self._clock()
            self._standin.expire_due(now)
            # Copied before the query: a delivery that ends in between is not due any more.
            with self._lock:
                on_the_way = set(self._on_the_way)
            for delivery in self._standin.due_deliveries(now):
                if delivery.id not in on_the_way:
                    with self._lock:
                        self._on_the_way.add(delivery.id)
                    self._carriers.submit(self._carry, delivery)

    def _carry(self, delivery: Delivery) -> None:
        try:
            reply = deliver(self._standin, delivery, at=self._clock())
            self._standin.record_attempt(delivery.id, reply.status, self._clock(), reply.text)
        finally:
            with self._lock:
                self._on_the_way.discard(delivery.id)


def deliver(standin: StripeStandIn, delivery: Delivery, *, at: float) -> Reply:
    """Make one attempt. Follows no redirect, and reads only the beginning of the answer."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": standin.sign(delivery.body, at, secrets=delivery.secrets),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    with requests.Session() as session:
        # The site under test is local, so no proxy of the environment is used. It may have its own certificate.
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        try:
            answer = session.post(
                delivery.url,
                data=delivery.body,
                headers=headers,
                timeout=ANSWER_WITHIN_S,
                allow_redirects=False,
                stream=True,
            )
            beginning: bytes = next(answer.iter_content(ANSWER_READ), b"")
        except requests.Timeout:
            return Reply(None, f"Nothing came within {ANSWER_WITHIN_S:g} seconds.")
        except requests.RequestException:
            return Reply(None, "Nobody listens there, or the connection broke.")
        return Reply(answer.status_code, beginning.decode(errors="replace"))
