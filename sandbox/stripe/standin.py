"""`StripeStandIn`: one synchronous function from request to answer, over one SQLite file.

It starts no thread, never sleeps and reads only the clock that it is given. So a simulator can call it directly, and
`python -m sandbox.stripe` can put it on a port. Webhooks wait in the database until `courier.py` or the simulator
sends them.

Two stand-ins over one file with the same seed make the same ids, so a lasting file needs real randomness.

Source: https://docs.stripe.com/api, sections authentication, errors, idempotent requests, request IDs, versioning.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

from sandbox.serving import AnswerDropped, Request, Response
from sandbox.stripe import (
    bodies,
    catalog,
    coupons,
    dashboard,
    events,
    expansion,
    html,
    pages,
    params,
    routes,
    timers,
)
from sandbox.stripe.errors import ApiError
from sandbox.stripe.events import Delivery
from sandbox.stripe.store import ENCODE, Answer, Json, Store
from sandbox.stripe.turn import ALPHABET, Config, Turn

API: Final = "/v1/"
# The endpoint that the constructor asks for, beside those made through the API.
ENDPOINT_ID: Final = "we_sandbox"
KEY_LIFE_S: Final = 24 * 60 * 60
LONGEST_KEY: Final = 255
VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")


class StripeStandIn:
    """Stripe for a site that sells without subscriptions.

    `public_url` is where its pages are reached. `debit_settles_after_s` and `refund_turns_after_s` are how long a
    bank debit and the refund of some test cards take; None leaves them to the dashboard.
    A key or secret that is not given is the one of the last time, or a new one.
    """

    def __init__(
        self,
        *,
        database: str | Path,
        clock: Callable[[], float],
        rng: random.Random,
        secret_key: str | None = None,
        webhook_secret: str | None = None,
        public_url: str,
        webhook_url: str | None = None,
        debit_settles_after_s: float | None = None,
        refund_turns_after_s: float | None = 5.0,
    ) -> None:
        if secret_key is not None and not secret_key.startswith("sk_test_"):
            raise ValueError("The sandbox takes a test key (sk_test_...) and never a live one.")
        if webhook_secret == "":
            raise ValueError("The sandbox needs a webhook secret; anybody can sign with an empty one.")
        self._clock = clock
        self._rng = rng
        self._config = Config(
            public_url=public_url.rstrip("/"),
            debit_settles_after_s=debit_settles_after_s,
            refund_turns_after_s=refund_turns_after_s,
        )
        self._store = Store(database)
        # One thread at a time: every request is fast, and of two requests at once one simply comes first.
        self._lock = threading.Lock()
        self._keys_lock = threading.Lock()
        self._keys_running: set[str] = set()
        with self._turn() as turn:
            self.secret_key = _kept(turn, "secret_key", secret_key, prefix="sk_test")
            self.webhook_secret = _kept(turn, "webhook_secret", webhook_secret, prefix="whsec")
            events.ensure_endpoint(turn, ENDPOINT_ID, url=webhook_url, secret=self.webhook_secret)
        self.ensure_promotion_code("TESTING100", percent_off=100)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._store.close()

    def handle(self, request: Request) -> Response:
        """Answer one request: the API below `/v1/`, and pages for people. Any number of threads may call it."""
        if request.path.startswith(API):
            return self._answer_api(request)
        respond = dashboard.respond if request.path.startswith(dashboard.PREFIX) else pages.respond
        try:
            with self._turn() as turn:
                return respond(turn, request)
        except ApiError as refusal:
            return html.refusal(refusal)

    # What is for sale

    def ensure_price(self, price_id: str, unit_amount: int, currency: str, product_name: str) -> None:
        """Have this price, active and for one payment; changes it when it differs, which Stripe does not do."""
        with self._turn() as turn:
            catalog.ensure_price(turn, price_id, unit_amount, currency, product_name)

    def ensure_promotion_code(self, code: str, *, percent_off: float) -> None:
        """Have an active promotion code that takes off so much of an order."""
        with self._turn() as turn:
            if coupons.active_code(turn, code) is None:
                coupon = coupons.create_coupon(turn, {"percent_off": percent_off, "name": code})
                promotion = {"type": "coupon", "coupon": coupon["id"]}
                coupons.create_code(turn, {"promotion": promotion, "code": code})

    # Time and webhooks

    def expire_due(self, now: float) -> None:
        """Do whatever is due by `now`: sessions expire, bank debits settle, magic refunds turn.

        Every request does it too, so no request sees an open session whose time is over.
        """
        with self._turn(now=now):
            pass

    def due_deliveries(self, now: float) -> list[Delivery]:
        """The webhook attempts that should be made by now, the longest waiting first."""
        with self._turn(now=now) as turn:
            return events.due(turn)

    def record_attempt(self, delivery_id: int, status: int | None, now: float, answer: str = "") -> None:
        """Record an attempt: the status of the answer, or None when none came, and its text."""
        with self._turn(now=now) as turn:
            events.record_attempt(turn, delivery_id, status, answer)

    def sign(self, body: bytes, at: float, *, secrets: tuple[str, ...] = ()) -> str:
        """The `Stripe-Signature` header for an attempt made `at`, with the secrets of `Delivery`.

        Without any, it is the one that the stand-in was started with.
        """
        return events.signature(body, secrets=secrets or (self.webhook_secret,), at=at)

    # One request

    @contextmanager
    def _turn(
        self, *, now: float | None = None, request_id: str | None = None, key: str | None = None
    ) -> Iterator[Turn]:
        """Everything that happens inside is one transaction, after what was due before it."""
        with self._lock, self._store.transaction():
            moment = self._clock() if now is None else now
            turn = Turn(self._store, self._rng, self._config, moment)
            timers.run_due(turn)
            turn.request_id, turn.idempotency_key = request_id, key
            yield turn

    def _answer_api(self, request: Request) -> Response:
        request_id = "req_" + "".join(self._rng.choices(ALPHABET, k=14))
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        try:
            self._authorise(request)
            with nullcontext() if key is None else self._one_at_a_time(key):
                answer = self._run(request, request_id, key)
        except ApiError as refusal:
            body = refusal.as_json(log_url=self._log_url(request_id))
            answer = Answer("", request_id, 0.0, refusal.status, _json(body))
        return _with_headers(request, request_id, answer)

    def _log_url(self, request_id: str) -> str:
        """Stripe's dashboard keeps a log of requests; the one here has the events that a request caused."""
        return f"{self._config.public_url}/dashboard/events/?about={request_id}"

    def _authorise(self, request: Request) -> None:
        key = _presented_key(request.headers.get("authorization", ""))
        if not key:
            raise _unauthorised("You did not provide an API key. Set it in the Authorization header.")
        if key != self.secret_key:
            shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "*" * 8
            raise _unauthorised(f"Invalid API Key provided: {shown}")
        if "stripe-account" in request.headers:
            raise ApiError(
                "This key has no access to that account.", status=403, code="account_invalid", replayed=False
            )
        version = request.headers.get("stripe-version", bodies.API_VERSION)
        if not VERSION.fullmatch(version):
            raise ApiError(f"Invalid Stripe API version: {version}", replayed=False)

    @contextmanager
    def _one_at_a_time(self, key: str) -> Iterator[None]:
        """Refuse a second request with a key while the first one runs."""
        if len(key) > LONGEST_KEY:
            raise ApiError(f"Idempotency keys have at most {LONGEST_KEY} characters", replayed=False)
        with self._keys_lock:
            if key in self._keys_running:
                raise ApiError(
                    "There is currently another in-progress request using this Idempotent Key.",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                    replayed=False,
                )
            self._keys_running.add(key)
        try:
            yield
        finally:
            with self._keys_lock:
                self._keys_running.discard(key)

    def _run(self, request: Request, request_id: str, key: str | None) -> Answer:
        """One call of the API. With a key, its answer is written in the transaction of its effect."""
        found = routes.find(request.method, request.path.removeprefix(API).rstrip("/"))
        if found is None:
            raise ApiError(f"Unrecognized request URL ({request.method}: {request.path}).", status=404)
        endpoint, ids = found
        form = request.body.decode(errors="replace") if request.method == "POST" else request.query
        given = params.decode(form)
        fingerprint = f"{request.method} {request.path} {json.dumps(given, sort_keys=True)}"
        refusal: ApiError | None = None
        try:
            with self._turn(request_id=request_id, key=key) as turn:
                is_mute = _check_switches(turn)
                answer = _replay(turn, key, fingerprint)
                if answer is None:
                    checked = endpoint.takes(given)
                    body = endpoint.run(turn, checked, *ids)
                    shown = _json(expansion.expand(turn, body, checked.get("expand", [])))
                    answer = Answer(fingerprint, request_id, turn.now, 200, shown)
                    if key is not None:
                        turn.store.remember(key, answer)
            if is_mute:
                raise AnswerDropped
            return answer
        except ApiError as error:
            if key is None or not error.replayed:
                raise
            refusal = error
        # The work of the endpoint is rolled back by now; only its refusal is kept.
        with self._turn() as turn:
            body = refusal.as_json(log_url=self._log_url(request_id))
            answer = Answer(fingerprint, request_id, turn.now, refusal.status, _json(body))
            turn.store.remember(key, answer)
        return answer


def _kept(turn: Turn, name: str, given: str | None, *, prefix: str) -> str:
    """The secret that was given, or else the stored one, or else a new one; stores it."""
    value = given or turn.store.secret(name) or turn.new_id(prefix, 32)
    turn.store.keep_secret(name, value)
    return value


def _check_switches(turn: Turn) -> bool:
    """Raise 503 when the dashboard's switch says that the API is away; returns whether answers are dropped."""
    switches = turn.store.switches()
    if switches.get("api_away"):
        raise ApiError("Stripe is away: the dashboard says so.", status=503, kind="api_error", replayed=False)
    return bool(switches.get("api_mute"))


def _replay(turn: Turn, key: str | None, fingerprint: str) -> Answer | None:
    answer = None if key is None else turn.store.remembered(key)
    if answer is None or turn.now - answer.created >= KEY_LIFE_S:
        return None
    if answer.fingerprint != fingerprint:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters and endpoint they were first"
            f" used with. Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
            replayed=False,
        )
    return answer


def _with_headers(request: Request, request_id: str, answer: Answer) -> Response:
    headers = {
        "content-type": "application/json",
        "request-id": request_id,
        "stripe-version": request.headers.get("stripe-version", bodies.API_VERSION),
    }
    if "idempotency-key" in request.headers:
        headers["idempotency-key"] = request.headers["idempotency-key"]
    if answer.request_id != request_id:
        headers |= {"idempotent-replayed": "true", "original-request": answer.request_id}
    return Response(status=answer.status, body=answer.body, headers=headers)


def _presented_key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _unauthorised(message: str) -> ApiError:
    return ApiError(message, status=401, replayed=False)


def _json(value: Json) -> bytes:
    return ENCODE(value).encode()
