"""Stripe answers 200 with something else than it documents: an outage for every call, and never a guess."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import responses

from billing.errors import StripeError, StripeUnavailable
from billing.stripe_api import catalog, checkouts, payments, setup, webhooks
from billing.stripe_api.catalog import NewPrice
from billing.stripe_api.checkouts import CheckoutRequest
from billing.stripe_api.client import Client, using
from billing.stripe_api.fields import UnusableAnswer
from tests.billing.stripe_api.conftest import BASE

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
PRICE = {"id": "price_1", "unit_amount": 500, "currency": "usd", "active": True, "type": "one_time"}
PRODUCT = {"id": "prod_1", "object": "product", "name": "Ten", "active": True}
CHARGE = {"id": "ch_1", "object": "charge", "amount_refunded": 0, "refunded": False, "disputed": False}
PAYMENT = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "latest_charge": CHARGE}
SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "url": "http://pay.test/1",
    "status": "complete",
    "payment_status": "paid",
    "customer": "cus_1",
    "payment_intent": PAYMENT,
    "invoice": "in_1",
    "amount_total": 500,
    "currency": "usd",
    "created": 1_790_000_000,
    "metadata": {"app": "the-app", "member": str(uuid4()), "credits": "10", "creditsProcessed": "true"},
}
REFUND = {"id": "re_1", "amount": 500, "status": "succeeded", "payment_intent": "pi_1"}
DISPUTE = {"id": "dp_1", "amount": 500, "status": "lost", "payment_intent": "pi_1"}
WARNING = {
    "id": "issfr_1",
    "actionable": True,
    "created": 1_790_000_000,
    "fraud_type": "misc",
    "payment_intent": "pi_1",
}
EVENT = {
    "id": "evt_1",
    "type": "charge.refunded",
    "livemode": False,
    "created": 1_790_000_000,
    "data": {"object": {"id": "ch_1", "payment_intent": "pi_1"}},
}
ENDPOINT = {"id": "we_1", "url": "http://site.test", "status": "enabled", "enabled_events": ["*"]}
WANTED = CheckoutRequest(
    "the-app", uuid4(), "cus_1", "price_1", 1, 10, "http://site.test/", "http://site.test/"
)
NEW_PRICE = NewPrice("ten", 500, "usd", "Ten", {})


def listed(each: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "url": "/v1/x", "data": [each], "has_more": False}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the product, what Stripe answers to it, by path, and which fields of that it uses."""

    make: Callable[[], object]
    answers: dict[str, Any]
    uses: tuple[str, ...]


CHECKOUT = (
    *("id", "url", "status", "payment_status", "customer", "payment_intent", "invoice", "amount_total"),
    *("currency", "created", "metadata", "metadata.app", "metadata.member", "metadata.credits"),
    *(
        "metadata.creditsProcessed",
        "payment_intent.id",
        "payment_intent.status",
        "payment_intent.latest_charge",
    ),
    *(f"payment_intent.latest_charge.{name}" for name in ("amount_refunded", "refunded", "disputed")),
)
CHECKOUTS = ("data", *(f"data.0.{name}" for name in CHECKOUT))
EVENTS = (
    "data",
    "has_more",
    "data.0.id",
    "data.0.type",
    "data.0.livemode",
    "data.0.created",
    "data.0.data",
    "data.0.data.object",
)
CALLS = {
    "a price": Call(
        lambda: catalog.retrieve("price_1"),
        {"prices/price_1": PRICE | {"product": PRODUCT}},
        (*PRICE, "product", "product.active"),
    ),
    "a price by its key": Call(
        lambda: catalog.find_price("ten"),
        {"prices": listed(PRICE | {"product": PRODUCT})},
        (
            *(
                "data",
                "data.0.id",
                "data.0.unit_amount",
                "data.0.currency",
                "data.0.active",
                "data.0.product",
            ),
            *("data.0.product.id", "data.0.product.name", "data.0.product.active"),
        ),
    ),
    "a new price": Call(lambda: catalog.create_price(NEW_PRICE, instead_of=None), {"prices": PRICE}, ("id",)),
    "a customer": Call(
        lambda: checkouts.find_customer("cus_1"),
        {"customers/cus_1": {"id": "cus_1", "email": "ada@example.com", "deleted": False}},
        ("id", "email", "deleted"),
    ),
    "a new customer": Call(
        lambda: checkouts.create_customer(member_id=uuid4(), app="the-app", idempotency_key="x"),
        {"customers": {"id": "cus_1"}},
        ("id",),
    ),
    "a new checkout": Call(
        lambda: checkouts.create(WANTED, idempotency_key=None), {"checkout/sessions": SESSION}, CHECKOUT
    ),
    "a checkout": Call(
        lambda: checkouts.retrieve("cs_test_1"), {"checkout/sessions/cs_test_1": SESSION}, CHECKOUT
    ),
    "all checkouts": Call(
        lambda: list(checkouts.list_all()), {"checkout/sessions": listed(SESSION)}, ("has_more", *CHECKOUTS)
    ),
    "the newest checkouts": Call(
        lambda: checkouts.newest("cus_1", limit=3), {"checkout/sessions": listed(SESSION)}, CHECKOUTS
    ),
    "the checkout of a payment": Call(
        lambda: checkouts.of_payment("pi_1"), {"checkout/sessions": listed(SESSION)}, CHECKOUTS
    ),
    "a payment": Call(
        lambda: payments.retrieve("pi_1"),
        {
            "payment_intents/pi_1": {"amount_received": 500},
            "refunds": listed(REFUND),
            "disputes": listed(DISPUTE),
        },
        ("amount_received", "data", "has_more", "data.0.amount", "data.0.status"),
    ),
    "what was refunded or disputed": Call(
        lambda: list(payments.refunded_or_disputed(since=SINCE)),
        {"refunds": listed(REFUND), "disputes": listed(DISPUTE)},
        ("data", "has_more", "data.0.payment_intent"),
    ),
    "what banks warn of": Call(
        lambda: payments.fraud_warnings("pi_1"),
        {"radar/early_fraud_warnings": listed(WARNING)},
        ("data", *(f"data.0.{name}" for name in ("id", "fraud_type", "actionable", "created"))),
    ),
    "which payments banks warned of": Call(
        lambda: list(payments.warned_of(since=SINCE)),
        {"radar/early_fraud_warnings": listed(WARNING)},
        ("data", "has_more", "data.0.payment_intent"),
    ),
    "an invoice": Call(
        lambda: payments.invoice_page("in_1"),
        {"invoices/in_1": {"id": "in_1", "hosted_invoice_url": "http://pay.test/in_1"}},
        ("id", "hosted_invoice_url"),
    ),
    "events": Call(
        lambda: list(webhooks.events(["charge.refunded"], since=SINCE)),
        {"events": listed(EVENT)},
        (*EVENTS, "data.0.data.object.id", "data.0.data.object.payment_intent"),
    ),
    "endpoints": Call(
        webhooks.endpoints,
        {"webhook_endpoints": listed(ENDPOINT)},
        ("data", *(f"data.0.{name}" for name in ENDPOINT)),
    ),
    "a new endpoint": Call(
        lambda: webhooks.create_endpoint("http://site.test", ["*"], description="x"),
        {"webhook_endpoints": ENDPOINT | {"secret": "whsec_1"}},
        ("secret",),
    ),
    "the account": Call(
        setup.account, {"account": {"id": "acct_1", "charges_enabled": True}}, ("id", "charges_enabled")
    ),
}
WRONG: tuple[Any, ...] = (7, "text", True, [], {}, [None])
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@contextmanager
def stripe(answers: dict[str, str]) -> Iterator[None]:
    client = Client(secret_key="sk_test_x", api_base=BASE)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire, using(client):
        for path, body in answers.items():
            for method in ("GET", "POST"):
                wire.add(method, f"{BASE}/v1/{path}", body=body)
        yield


def replaced(answer: Any, path: list[str], value: object) -> bool:
    """Put `value` in place of a field; False where the answer has none of that name, or one of the same type."""
    parts: list[Any] = [int(part) if part.isdigit() else part for part in path]
    *outer, last = parts
    for part in outer:
        if not isinstance(answer, (dict, list)) or (isinstance(answer, dict) and part not in answer):
            return False
        answer = answer[part]
    if last not in answer or type(answer[last]) is type(value):
        return False
    answer[last] = value
    return True


@every_call
def test_what_is_documented_can_be_read(call: Call) -> None:
    with stripe({path: json.dumps(answer) for path, answer in call.answers.items()}):
        call.make()


@every_call
@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", "7", '"text"', "[null]", '{"object": "list"}', '{"id": "x', "<html>"]
)
def test_an_answer_of_another_shape_is_an_outage(call: Call, body: str) -> None:
    for path in call.answers:
        answers = {each: json.dumps(answer) for each, answer in call.answers.items()} | {path: body}
        with stripe(answers), pytest.raises(StripeUnavailable):
            call.make()


@every_call
def test_a_field_of_another_type_is_an_outage(call: Call) -> None:
    for used in call.uses:
        tried = 0
        for path, answer in call.answers.items():
            for wrong in WRONG:
                answers = call.answers | {path: copy.deepcopy(answer)}
                if not replaced(answers[path], used.split("."), wrong):
                    continue
                tried += 1
                with stripe({each: json.dumps(said) for each, said in answers.items()}):
                    try:
                        found = call.make()
                    except UnusableAnswer:
                        continue
                    # The id of an object will do in its place.
                    assert isinstance(answer_at(answer, used), dict), (used, wrong, found)
                    assert wrong == "text", (used, wrong, found)
        assert tried, used


def answer_at(answer: Any, used: str) -> Any:
    for part in used.split("."):
        answer = answer[int(part) if part.isdigit() else part]
    return answer


@pytest.mark.parametrize("error", [None, [], "text", 7, {}, {"code": 7, "param": []}])
@pytest.mark.parametrize("status", [400, 402, 404, 429, 500])
def test_an_error_of_another_shape_is_told_as_one_of_stripes(status: int, error: object) -> None:
    client = Client(secret_key="sk_test_x", api_base=BASE)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire, using(client):
        wire.get(f"{BASE}/v1/prices", status=status, json={"error": error})
        with pytest.raises(StripeError):
            catalog.find_price("ten")
