"""Which events are believed and which are passed over. What becomes of a payment is in `test_payment_orders.py`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import override_settings

from accounts.members import Member
from billing.errors import StripeError
from billing.webhook import EVENTS
from credits_site.gate import BODY_LIMIT_BYTES
from instant_admin.client.steps import update
from sandbox.serving import Response
from tests.drivers.site import LoopbackSite
from tests.drivers.wire import RawRequest, ask


def told(site: LoopbackSite, event_type: str = "checkout.session.completed") -> dict[str, Any]:
    """The event of this type that waits; nothing of the rest is delivered."""
    bodies = [json.loads(body) for body in site.events()]
    (event,) = [body for body in bodies if body["type"] == event_type]
    return dict(event)


def deliver(site: LoopbackSite, event: dict[str, Any]) -> None:
    site.deliver(json.dumps(event).encode())


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/stripe/webhook", "/api/stripe/webhook/"])
def test_with_a_slash_at_its_end_it_is_the_same_address(site: LoopbackSite, ada: Member, path: str) -> None:
    """Also for an event of more bytes than a form may have."""
    site.buy(ada)
    body = json.dumps(told(site)).encode() + b" " * BODY_LIMIT_BYTES
    signature = site.stripe.sign(body, time.time()).encode()
    answer = ask(RawRequest("POST", path, [(b"host", b"testserver"), (b"stripe-signature", signature)], body))
    assert (answer.status, site.credits(ada)) == (200, 10)


def test_an_event_of_the_other_mode_asks_stripe_nothing(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    event = told(site)
    asked = site.asked_stripe
    deliver(site, event | {"livemode": True})
    assert (site.credits(ada), site.asked_stripe) == (0, asked)
    deliver(site, event)
    assert site.credits(ada) == 10


def test_a_checkout_of_another_site_is_passed_over(site: LoopbackSite, ada: Member) -> None:
    with override_settings(SHOP_ID="another-site"):
        checkout_id = site.open_checkout(ada)
    site.pay(checkout_id)
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


@pytest.mark.parametrize(
    "refusal",
    [
        (404, {"code": "resource_missing", "param": "payment_intent"}),
        (400, {"code": "resource_missing", "param": "payment_intent"}),
        (400, {"param": "payment_intent"}),
        (404, {}),
    ],
)
def test_a_payment_that_stripe_will_not_tell_of_is_passed_over(
    site: LoopbackSite, ada: Member, refusal: tuple[int, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    site.refund(site.buy(ada), 500)
    event = told(site, "charge.refunded")
    status, error = refusal
    site.tamper = lambda request, answer: Response.json({"error": error}, status=status)
    deliver(site, event)
    assert f"Event {event['id']}" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_refusal_that_says_nothing_of_the_payment_is_told_again(
    site: LoopbackSite, ada: Member, status: int
) -> None:
    site.refund(site.buy(ada), 500)
    event = told(site, "charge.refunded")
    site.tamper = lambda request, answer: Response.json({"error": {"param": "expand[0]"}}, status=status)
    with pytest.raises(StripeError):
        deliver(site, event)


def test_a_payment_that_comes_whole_with_its_event_is_clawed_back(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.refund(checkout_id, 500)
    event = told(site, "charge.refunded")
    payment_id = event["data"]["object"]["payment_intent"]
    event["data"]["object"]["payment_intent"] = {"id": payment_id, "object": "payment_intent"}
    deliver(site, event)
    assert site.credits(ada) == 0


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


@pytest.mark.django_db
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
    answer = site.tell(json.dumps(event).encode())
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [words for words in (checkout_id, "needs review", said) if words not in logged] == []
