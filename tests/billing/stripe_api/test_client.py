"""Stripe's errors as ours."""

from typing import Any

import pytest
import requests
import responses

from billing.errors import StripeRefused, StripeUnavailable
from billing.stripe_api import catalog
from tests.billing.stripe_api.conftest import BASE


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
