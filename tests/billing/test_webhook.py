"""Which events are believed and which are passed over. What becomes of a payment is in `test_payment_orders.py`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts.members import Member
from billing.webhook import EVENTS
from instant_admin.client.steps import update
from tests.drivers.site import LoopbackSite


def told(site: LoopbackSite, event_type: str = "checkout.session.completed") -> dict[str, Any]:
    """The event of this type that waits; nothing of the rest is delivered."""
    bodies = [json.loads(body) for body in site.events()]
    (event,) = [body for body in bodies if body["type"] == event_type]
    return dict(event)


def deliver(site: LoopbackSite, event: dict[str, Any]) -> None:
    site.deliver(json.dumps(event).encode())


def test_an_event_of_the_other_mode_asks_stripe_nothing(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    event = told(site)
    asked = site.asked_stripe
    deliver(site, event | {"livemode": True})
    assert (site.credits(ada), site.asked_stripe) == (0, asked)
    deliver(site, event)
    assert site.credits(ada) == 10


def test_a_checkout_of_another_site_is_passed_over(site: LoopbackSite, ada: Member) -> None:
    with override_settings(INSTANT_APP_ID="another-site"):
        checkout_id = site.open_checkout(ada)
    site.post(f"/c/pay/{checkout_id}", card_number="4242424242424242")
    deliver(site, told(site))
    assert site.entries(ada) == []


@pytest.mark.parametrize(
    ("event_type", "unknown"),
    [
        ("checkout.session.completed", {"id": "cs_test_" + "x" * 58}),
        ("charge.refunded", {"payment_intent": "pi_of_somebody_else"}),
    ],
)
def test_an_event_about_what_we_never_sold_is_passed_over(
    site: LoopbackSite, ada: Member, event_type: str, unknown: dict[str, str]
) -> None:
    site.refund(site.buy(ada), 500)
    event = told(site, event_type)
    event["data"]["object"] |= unknown
    deliver(site, event)
    assert site.entries(ada) == []


def test_an_event_that_does_not_count_asks_stripe_nothing(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    asked = site.asked_stripe
    passed_over = [body for body in site.events() if json.loads(body)["type"] not in EVENTS]
    assert passed_over
    for body in passed_over:
        site.deliver(body)
    assert (site.credits(ada), site.asked_stripe) == (0, asked)


def test_an_expired_checkout_adds_nothing(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.open_checkout(ada)
    site.post(f"/dashboard/sessions/{checkout_id}/expire")
    deliver(site, told(site, "checkout.session.expired"))
    assert site.entries(ada) == []


@pytest.mark.parametrize(
    ("edited", "said"),
    [({"amount": 0.5}, "is not what an entry looks like"), ({"kind": "gift"}, "another movement")],
)
def test_a_ledger_that_needs_review_is_not_told_again_and_is_logged_as_an_error(
    site: LoopbackSite, ada: Member, edited: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkout_id = site.buy(ada)
    event = told(site)
    deliver(site, event)
    (entry,) = site.entries(ada)
    site.admin.transact([update("creditEntries", entry.id, edited)])
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": site.stripe.sign(body, time.time())}
    answer = Client().post("/api/stripe/webhook", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [words for words in (checkout_id, "needs review", said) if words not in logged] == []
