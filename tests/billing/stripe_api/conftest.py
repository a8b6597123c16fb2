"""A Stripe account on a wire that each test describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from billing.stripe_api.client import Client, using

BASE = "http://stripe.test"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """What Stripe answers; everything that it is told to answer must be asked."""
    client = Client(secret_key="sk_test_x", api_base=BASE)
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock, using(client):
        yield mock
