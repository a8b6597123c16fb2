"""Stripe's errors as ours."""

import pytest
import requests
import responses

from billing.errors import StripeRefused, StripeUnavailable
from billing.stripe_api import catalog
from tests.billing.stripe_api.conftest import BASE


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"type": "invalid_request_error"}, StripeRefused),
        (400, {"type": "idempotency_error"}, StripeRefused),
        (403, {"type": "invalid_request_error"}, StripeRefused),
        (429, {"type": "invalid_request_error", "code": "rate_limit"}, StripeUnavailable),
    ],
)
def test_stripes_no_is_told_from_stripes_absence(
    wire: responses.RequestsMock,
    status: int,
    body: dict[str, str],
    error: type[Exception],
) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", status=status, json={"error": body})
    with pytest.raises(error):
        catalog.retrieve("price_1")


@pytest.mark.parametrize("failure", [requests.ConnectionError("refused"), requests.ReadTimeout()])
def test_no_answer_is_tried_twice_more_and_then_reported(
    wire: responses.RequestsMock, failure: Exception
) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", body=failure)
    with pytest.raises(StripeUnavailable):
        catalog.retrieve("price_1")
    assert len(wire.calls) == 3


def test_an_answer_that_is_no_json_is_reported_as_no_answer(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", body="<html>")
    with pytest.raises(StripeUnavailable):
        catalog.retrieve("price_1")
