"""The way to Stripe: its own client with our time limits, its errors as ours, and which account is asked."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import stripe
from django.conf import settings

from billing.errors import StripeUnavailable
from billing.stripe_api.refusals import meaning
from credits_site.logs import learn
from credits_site.measured import outside_call
from credits_site.metrics import BREAKER_OPEN
from instant_admin.client.breaker import Breaker

TIMEOUT_S: Final = 10
NETWORK_RETRIES: Final = 2
STRIPE_API_BASE: Final = "https://api.stripe.com"
_DASHBOARD: Final = "https://dashboard.stripe.com"
PAGE_SIZE: Final = 100
# How the keys begin that move real money.
LIVE_KEYS: Final = ("sk_live_", "rk_live_")

# Telemetry would write a file into the home directory.
stripe.enable_telemetry = False


class _Carrier(stripe.RequestsClient):
    """Stripe's own way of sending, after which the log knows the name of the request in Stripe's dashboard.

    While the breaker is open, nothing is sent.
    """

    def __init__(self, breaker: Breaker, session: Any) -> None:
        super().__init__(timeout=TIMEOUT_S, session=session)
        self._breaker = breaker

    def request(  # type: ignore[override]  # as Stripe's own is not that of its base
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One try."""
        if not self._breaker.lets_through():
            said = "Stripe was not asked: it has not answered of late"
            raise stripe.APIConnectionError(said)  # type: ignore[no-untyped-call]
        try:
            with outside_call("stripe") as call:
                answer = super().request(method, url, headers, post_data)
                call.status = answer[1]
        except stripe.APIConnectionError:
            self._breaker.failed()
            raise
        (self._breaker.failed if answer[1] >= HTTPStatus.INTERNAL_SERVER_ERROR else self._breaker.answered)()
        learn(stripe_request=answer[2].get("Request-Id", ""))
        return answer

    def _should_retry(self, *about: Any) -> bool:
        return super()._should_retry(*about) and self._breaker.lets_retry()


class Client:
    """One Stripe account, as one key opens it. Safe to share between threads, not to carry over a fork.

    `session`, of `requests`, and `breaker` are arguments so that the network and time can be simulated.
    """

    def __init__(
        self, *, secret_key: str, api_base: str, session: Any = None, breaker: Breaker | None = None
    ) -> None:
        self.livemode = secret_key.startswith(LIVE_KEYS)
        self.v1 = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=_Carrier(breaker or Breaker("Stripe"), session),
            max_network_retries=NETWORK_RETRIES,
        ).v1


_in_use: ContextVar[Client | None] = ContextVar("stripe_in_use", default=None)


@contextmanager
def using(client: Client) -> Iterator[None]:
    """Have this context ask through `client` instead of what the settings say."""
    token = _in_use.set(client)
    try:
        yield
    finally:
        _in_use.reset(token)


@contextmanager
def asking_stripe() -> Iterator[stripe.V1Services]:
    """What the account in use can be asked, with Stripe's errors as ours.

    What `refusals.py` says of a refusal holds for every call. Nothing but calls belongs inside: of an answer in
    another shape than it expects, Stripe's library makes errors of Python's own.
    """
    try:
        yield _client().v1
    # No answer, 5xx, 409, or no JSON, as from a proxy.
    except (stripe.APIConnectionError, stripe.APIError) as exc:
        raise StripeUnavailable(f"No usable answer from Stripe (HTTP {exc.http_status})") from exc
    except stripe.StripeError as exc:
        raise meaning(exc) from exc
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise StripeUnavailable(f"No usable answer from Stripe ({type(exc).__name__})") from exc


def livemode() -> bool:
    """Whether the key in use moves real money."""
    return _client().livemode


def dashboard(page: str) -> str:
    """The address of a page of Stripe's dashboard, such as `payments/pi_…`, in the mode of the key in use."""
    return f"{_DASHBOARD}/{'' if livemode() else 'test/'}{page}"


def page(*, since: datetime | None = None) -> dict[str, Any]:
    """How a list is asked for: in the longest pages, and with `since` only what was made from then on."""
    return {"limit": PAGE_SIZE} | ({"created": {"gte": int(since.timestamp())}} if since else {})


def _client() -> Client:
    return _in_use.get() or _configured(
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, settings.DEAD_SERVICE_ASKED_EVERY_S
    )


@functools.cache
def _configured(secret_key: str, api_base: str, trial_every_s: float) -> Client:
    breaker = Breaker("Stripe", trial_every_s=trial_every_s, on_turn=BREAKER_OPEN.labels("stripe").set)
    return Client(secret_key=secret_key, api_base=api_base, breaker=breaker)
