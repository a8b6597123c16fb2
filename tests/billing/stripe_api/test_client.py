"""Stripe's errors as ours."""

from typing import Any

import pytest
import requests
import responses
from prometheus_client import generate_latest

from billing.errors import StripeRefused, StripeUnavailable
from billing.stripe_api import catalog
from billing.stripe_api.client import Client, using
from credits_site.metrics import BREAKER_OPEN, COUNTED
from instant_admin.client.breaker import FAILURES_LIMIT, RETRIES_SAVED, TRIAL_EVERY_S, Breaker
from tests.billing.stripe_api.conftest import BASE
from tests.drivers.prometheus import Numbers


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        ({"status": 401, "json": {"error": {"type": "invalid_request_error"}}}, StripeRefused, 1),
        ({"status": 400, "json": {"error": {"type": "idempotency_error"}}}, StripeRefused, 1),
        ({"status": 403, "json": {"error": {"type": "invalid_request_error"}}}, StripeRefused, 1),
        ({"status": 429, "json": {"error": {"code": "rate_limit"}}}, StripeUnavailable, 1),
        ({"body": requests.ConnectionError("refused")}, StripeUnavailable, 3),
        ({"body": requests.ReadTimeout()}, StripeUnavailable, 3),
        ({"body": "<html>"}, StripeUnavailable, 1),
    ],
)
def test_stripes_no_is_told_from_stripes_absence_which_is_tried_twice_more(
    wire: responses.RequestsMock, answer: dict[str, Any], error: type[Exception], calls: int
) -> None:
    wire.get(f"{BASE}/v1/prices", **answer)
    with pytest.raises(error):
        catalog.find_price("ten")
    assert len(wire.calls) == calls


def test_who_does_not_answer_is_left_alone_and_let_back_in_at_the_first_answer() -> None:
    now = 0.0
    client = Client(secret_key="sk_test_x", api_base=BASE, breaker=Breaker("Stripe", clock=lambda: now))
    with responses.RequestsMock() as wire, using(client):
        wire.get(f"{BASE}/v1/prices", status=500)
        for _ in range(4):
            with pytest.raises(StripeUnavailable):
                catalog.find_price("ten")
        assert len(wire.calls) == FAILURES_LIMIT
        now += TRIAL_EVERY_S
        wire.replace("GET", f"{BASE}/v1/prices", json={"object": "list", "data": []})
        assert [catalog.find_price("ten") for _ in range(2)] == [None, None]


def test_the_numbers_tell_whether_stripe_is_left_alone(settings: Any) -> None:
    def is_open() -> bool:
        return bool(Numbers(generate_latest(COUNTED).decode()).of("credits_breaker_open", service="stripe"))

    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = "sk_test_of_these_numbers", BASE
    BREAKER_OPEN.labels("stripe").set(0)  # another test, to which Stripe was away, may have left it open
    with responses.RequestsMock() as wire:
        wire.get(f"{BASE}/v1/prices", status=500)
        for _ in range(2):
            assert not is_open()
            with pytest.raises(StripeUnavailable):
                catalog.find_price("ten")
        assert is_open()
        wire.replace("GET", f"{BASE}/v1/prices", json={"object": "list", "data": []})
        catalog.find_price("ten")
        assert not is_open()


def test_what_is_tried_again_is_a_tenth_of_what_is_answered(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/v1/prices", status=409)
    for _ in range(100):
        with pytest.raises(StripeUnavailable):
            catalog.find_price("ten")
    tried_again = len(wire.calls) - 100
    assert RETRIES_SAVED < tried_again <= RETRIES_SAVED + len(wire.calls) / 10
