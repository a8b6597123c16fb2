"""Which events are believed and which are passed over. What becomes of a payment is in `test_payment_orders.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.members import Member
from billing.webhook import EVENTS
from tests.billing.shop import Shop


def told(shop: Shop, event_type: str = "checkout.session.completed") -> dict[str, Any]:
    """The event of this type that waits; nothing of the rest is delivered."""
    bodies = [json.loads(body) for body in shop.events()]
    (event,) = [body for body in bodies if body["type"] == event_type]
    return dict(event)


def deliver(shop: Shop, event: dict[str, Any]) -> None:
    shop.deliver(json.dumps(event).encode())


def test_an_event_of_the_other_mode_is_passed_over_without_asking_stripe(shop: Shop, ada: Member) -> None:
    shop.buy(ada)
    event = told(shop)
    asked = shop.asked_stripe
    deliver(shop, event | {"livemode": True})
    assert (shop.credits(ada), shop.asked_stripe) == (0, asked)
    deliver(shop, event)
    assert shop.credits(ada) == 10


@pytest.mark.parametrize(
    "changed", [{"app": "another-site"}, {"app": ""}, {"member": ""}, {"credits": "lots"}]
)
def test_a_checkout_of_another_application_is_passed_over(
    shop: Shop, ada: Member, changed: dict[str, str]
) -> None:
    checkout_id = shop.open_checkout(ada)
    form = {f"metadata[{name}]": value for name, value in changed.items()}
    shop.ask(f"/v1/checkout/sessions/{checkout_id}", method="POST", **form)
    shop.post(f"/c/pay/{checkout_id}", card_number="4242424242424242")
    deliver(shop, told(shop))
    assert shop.entries(ada) == []


def test_a_checkout_that_stripe_no_longer_has_is_passed_over(shop: Shop, ada: Member) -> None:
    shop.buy(ada)
    event = told(shop)
    event["data"]["object"]["id"] = "cs_test_" + "x" * 58
    deliver(shop, event)
    assert shop.entries(ada) == []


def test_a_payment_that_no_checkout_made_is_passed_over(shop: Shop, ada: Member) -> None:
    shop.refund(shop.buy(ada), 500)
    event = told(shop, "charge.refunded")
    event["data"]["object"]["payment_intent"] = "pi_of_somebody_else"
    deliver(shop, event)
    assert shop.entries(ada) == []


def test_an_event_that_does_not_count_asks_stripe_nothing(shop: Shop, ada: Member) -> None:
    shop.buy(ada)
    asked = shop.asked_stripe
    passed_over = [body for body in shop.events() if json.loads(body)["type"] not in EVENTS]
    assert passed_over
    for body in passed_over:
        shop.deliver(body)
    assert (shop.credits(ada), shop.asked_stripe) == (0, asked)


def test_an_expired_checkout_adds_nothing(shop: Shop, ada: Member) -> None:
    checkout_id = shop.open_checkout(ada)
    shop.post(f"/dashboard/sessions/{checkout_id}/expire")
    deliver(shop, told(shop, "checkout.session.expired"))
    assert shop.entries(ada) == []
