"""A stand-in with a clock that tests turn, and its users: a shop with Stripe's package, a buyer with the pages.

Requests reach it without a socket. `served` is for the tests that are about sockets, threads or processes.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
import stripe
import uvicorn

from sandbox.serving import Handler, StandInApplication
from sandbox.stripe.events import Delivery
from sandbox.world import HOST
from tests.drivers.instant import session_to
from tests.drivers.waiting import await_that
from tests.recorded import StripeStandIn

# The package's telemetry writes into the home directory.
stripe.enable_telemetry = False

STRIPE_URL = "http://stripe.test"
SECRET_KEY = "sk_test_driver"
WEBHOOK_SECRET = "whsec_driver"
PRICE = "price_ten"
SUCCESS_URL = "http://shop.test/?session_id={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://shop.test/?cancelled={CHECKOUT_SESSION_ID}"
LIMIT_S = 10.0
VISA = "4242 4242 4242 4242"
DECLINED = "4000000000000002"
NEEDS_3DS = "4000002760003184"
DISPUTED = "4000000000000259"
INQUIRED = "4000000000001976"
WARNED = "4000000000005423"
REFUND_PENDING = "4000000000007726"
REFUND_FAILS = "4000000000005126"


class Clock:
    """Time that a test moves. It begins now, so that the real client accepts signatures."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def make_standin(clock: Callable[[], float], database: str | Path = ":memory:", **more: Any) -> StripeStandIn:
    """A stand-in that sells ten credits for $5.00."""
    options: dict[str, Any] = {
        "secret_key": SECRET_KEY,
        "webhook_secret": WEBHOOK_SECRET,
        "public_url": STRIPE_URL,
        "webhook_url": "http://shop.test/webhook",
        "rng": random.Random(7),
    }
    standin = StripeStandIn(database=database, clock=clock, **(options | more))
    standin.ensure_price(PRICE, 500, "usd", "10 credits")
    return standin


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def served(handler: Handler, port: int) -> Iterator[str]:
    """`handler` on a port, in a thread, until the block ends."""
    config = uvicorn.Config(
        StandInApplication(handler),
        host=HOST,
        port=port,
        log_level="warning",
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        await_that(lambda: server.started)
        yield f"http://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)


class StripeDriver:
    """The stand-in, its clock, Stripe's own package for it, and what shops and buyers usually ask.

    `handler` is what stands before the stand-in, and `url` where it is served; without one there is no socket.
    """

    def __init__(
        self, standin: StripeStandIn, clock: Clock, *, handler: Handler | None = None, url: str | None = None
    ) -> None:
        self.standin = standin
        self.clock = clock
        self.url = url or STRIPE_URL
        self.http = session_to(None if url else handler or standin.handle)
        self.client = self.client_with(SECRET_KEY)
        # Untyped, because many tests send what the types of the package do not allow.
        self.v1: Any = self.client.v1

    def client_with(self, secret_key: str, **options: Any) -> stripe.StripeClient:
        """Stripe's package with this key."""
        carrier = stripe.RequestsClient(session=self.http)
        return stripe.StripeClient(
            secret_key, base_addresses={"api": self.url}, http_client=carrier, **options
        )

    def call(self, method: str, path: str, *, key: str | None = SECRET_KEY, **more: Any) -> requests.Response:
        """A call of the API without Stripe's package; with `headers` or `data`, as `requests` takes them."""
        headers = ({} if key is None else {"Authorization": f"Bearer {key}"}) | more.pop("headers", {})
        return self.http.request(method, f"{self.url}{path}", headers=headers, timeout=LIMIT_S, **more)

    def session(self, **params: Any) -> Any:
        """A new Checkout Session for ten credits; parameters given as None are left out."""
        usual: dict[str, Any] = {
            "mode": "payment",
            "line_items": [{"price": PRICE, "quantity": 1}],
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
        }
        wanted = {name: value for name, value in (usual | params).items() if value is not None}
        return self.v1.checkout.sessions.create(wanted)

    def again(self, session: Any, *expand: str) -> Any:
        """The session as it is now."""
        return self.v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})

    def pay(self, session: Any, card: str | None = VISA, path: str = "", **form: str) -> requests.Response:
        """Post the payment page's form."""
        fields = form if card is None else form | {"card_number": card}
        return self.post(f"{session.url}{path}", **fields)

    def post(self, address: str, **form: str) -> requests.Response:
        """Post a form to one of the pages, without following where it sends us."""
        return self.http.post(urljoin(self.url, address), data=form, timeout=LIMIT_S, allow_redirects=False)

    def get(self, address: str) -> requests.Response:
        """Look at one of the pages."""
        return self.http.get(urljoin(self.url, address), timeout=LIMIT_S, allow_redirects=False)

    def sold(self, card: str = VISA, **params: Any) -> Any:
        """A session that was just paid."""
        session = self.session(**params)
        answer = self.pay(session, card)
        assert answer.status_code == 303, answer.text
        return self.again(session)

    def intent(self, session: Any) -> Any:
        """The PaymentIntent of a session, with its charge."""
        intent_id = str(self.again(session).payment_intent)
        return self.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})

    def charge(self, session: Any) -> Any:
        """The latest charge of a session."""
        return self.intent(session).latest_charge

    def events_about(self, *ids: str | None) -> list[str]:
        """The types of the events about these objects, in the order in which they happened."""
        events = self.v1.events.list({"limit": 100}).data
        return [event.type for event in reversed(events) if event.data.object["id"] in ids]

    def due(self) -> list[Delivery]:
        """The webhook attempts that should be made now."""
        return self.standin.due_deliveries(self.clock.now)

    def deliver_all(self, status: int | None = 200) -> list[Delivery]:
        """Make every attempt that is due, each answered with `status`."""
        due = self.due()
        for delivery in due:
            self.standin.record_attempt(delivery.id, status, self.clock.now)
        return due


@contextmanager
def new_driver(**options: Any) -> Iterator[StripeDriver]:
    """A driver of a stand-in of its own; the options are those of `make_standin`."""
    clock = Clock()
    standin = make_standin(clock, **options)
    yield StripeDriver(standin, clock)
    standin.close()
