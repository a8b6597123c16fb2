"""Stripe's own description of its API is the judge of every answer, and of every parameter.

The description (a part of the published OpenAPI document, for one API version) is not in this repository: it is
looked for where `STRIPE_OPENAPI_SLICE` says, or beside the checkout, and without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import requests
from referencing.jsonschema import DRAFT202012

from sandbox.serving import Request, Response
from sandbox.stripe import routes
from tests.sandbox.stripe.till import (
    DECLINED,
    DISPUTED,
    INQUIRED,
    LIMIT_S,
    NEEDS_3DS,
    REFUND_FAILS,
    REFUND_PENDING,
    SECRET_KEY,
    Clock,
    Till,
    free_port,
    make_standin,
    served,
)

ROOT = Path(__file__).resolve().parents[3]
BESIDE = ROOT.parent / "shared" / "reference" / "stripe-openapi-slice.json"
SLICE = Path(os.environ.get("STRIPE_OPENAPI_SLICE", BESIDE))
pytestmark = pytest.mark.skipif(not SLICE.exists(), reason="the OpenAPI slice is not here")

COMPONENTS = "urn:stripe#/components/schemas/"
# What our objects call themselves, where the description has another word.
DELETED = {
    "customer": "deleted_customer",
    "product": "deleted_product",
    "webhook_endpoint": "deleted_webhook_endpoint",
}


class Judge:
    """Says what is wrong with a JSON object, by the name that it gives itself."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, Any] = document["paths"]
        self.schemas: dict[str, Any] = document["components"]["schemas"]
        contents = _with_nulls(document)
        resource = referencing.Resource.from_contents(contents, default_specification=DRAFT202012)
        self._registry: Any = referencing.Registry().with_resource("urn:stripe", resource)

    def problems(self, component: str, body: Any) -> list[str]:
        """Every fault of an object, and every key that it should have sent as null."""
        schema = {"$ref": COMPONENTS + component}
        validator = jsonschema.Draft202012Validator(schema, registry=self._registry)
        found = [f"{component} {error.json_path}: {error.message}" for error in validator.iter_errors(body)]
        return found + list(self._absent({"$ref": f"#/components/schemas/{component}"}, body, component))

    def _absent(self, schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
        """The keys that Stripe always sends, null or not, and this object does not, at any depth."""
        schema = self._resolved(schema, value)
        if isinstance(value, list):
            for item in value:
                yield from self._absent(schema.get("items", {}), item, f"{where}[]")
        if not isinstance(value, dict):
            return
        for name in schema.get("x-always-present", []):
            if name not in value:
                yield f"{where} does not send {name}"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from self._absent(inner, value[name], f"{where}.{name}")

    def _resolved(self, schema: dict[str, Any], value: Any) -> dict[str, Any]:
        if "anyOf" in schema:
            options = [self._resolved(option, value) for option in schema["anyOf"]]
            objects = [option for option in options if option.get("type") == "object"]
            return objects[0] if isinstance(value, dict) and objects else {}
        if "$ref" in schema:
            found: dict[str, Any] = self.schemas[schema["$ref"].rpartition("/")[2]]
            return found
        return schema

    def parameters(self, method: str, path: str) -> set[str]:
        """The names of what a call takes."""
        operation = self.paths[path][method]
        names = {
            parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"
        }
        for content in operation.get("requestBody", {}).get("content", {}).values():
            names |= set(content["schema"].get("properties", {}))
        return names


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`; JSON Schema has no such word."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _with_nulls(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The description, read once."""
    return Judge(json.loads(SLICE.read_text()))


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, Any]]:
    """Every JSON answer of a long and varied day, and every webhook, with where it came from."""
    heard: list[tuple[str, Any]] = []
    clock = Clock()
    port = free_port()
    standin = make_standin(clock, public_url=f"http://127.0.0.1:{port}")

    def handle(request: Request) -> Response:
        response = standin.handle(request)
        if response.headers.get("content-type") == "application/json":
            heard.append((f"{request.method} {request.path}", json.loads(response.body)))
        return response

    with served(handle, port) as url:
        till = Till(standin, clock, url)
        sell(till)
        take_back(till)
        look_at_everything(till)
        make_mistakes(till)
        while due := till.deliver_all():
            heard += [("webhook", json.loads(delivery.body)) for delivery in due]
    standin.close()
    return heard


def sell(till: Till) -> None:
    """Every way to sell something, and not to."""
    v1 = till.v1
    product = v1.products.create({"name": "20 credits", "images": ["http://shop.test/20.png"]})
    price = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 900, "nickname": "twenty"}
    )
    v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}
    )
    coupon = v1.coupons.create(
        {"percent_off": 12.5, "applies_to": {"products": [product.id]}, "name": "Spring"}
    )
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    address = {"city": "London", "country": "GB"}
    customer = v1.customers.create(
        {"email": "ada@example.com", "address": address, "shipping": {"name": "Ada", "address": address}}
    )
    v1.customers.update(customer.id, {"name": "Ada", "metadata": {"member": "7"}})
    adjustable = {"enabled": True, "maximum": 5}
    till.sold(
        customer=customer.id,
        line_items=[{"price": price.id, "quantity": 2, "adjustable_quantity": adjustable}],
    )
    till.sold(line_items=[{"price": price.id, "quantity": 1}], discounts=[{"promotion_code": code.id}])
    till.sold(
        "378282246310005", customer_creation="always", customer_email="grace@example.com", locale="auto"
    )
    free = till.session(allow_promotion_codes=True, submit_type="pay", client_reference_id="7")
    till.pay(free, None, promotion_code="TESTING100")
    till.pay(till.session(), DECLINED)
    for outcome in ("complete", "fail"):
        page = till.pay(till.session(), NEEDS_3DS).headers["Location"]
        till.get(page)
        till.post(page, outcome=outcome)
    for currency in ("usd", "eur", "gbp"):
        data = {"currency": currency, "unit_amount": 500, "product_data": {"name": "abroad"}}
        for plan, button in (("bank_debit_ok", "settle"), ("bank_debit_fails", "fail")):
            session = till.session(line_items=[{"price_data": data, "quantity": 1}])
            till.pay(session, None, payment_method=plan)
            till.intent(session)
            till.post(f"/dashboard/payments/{till.again(session).payment_intent}/{button}")
    v1.checkout.sessions.expire(till.session().id)
    v1.coupons.update(coupon.id, {"name": "Summer"})
    v1.customers.retrieve(v1.customers.delete(v1.customers.create({}).id).id)


def take_back(till: Till) -> None:
    """Every refund and every dispute."""
    v1 = till.v1
    for card in ("4242424242424242", REFUND_FAILS, REFUND_PENDING):
        session = till.sold(card)
        v1.refunds.create({"payment_intent": session.payment_intent, "amount": 100, "reason": "duplicate"})
        v1.refunds.create({"payment_intent": session.payment_intent, "metadata": {"a": "b"}})
        if card == REFUND_PENDING:
            v1.refunds.cancel(v1.refunds.list({"limit": 1}).data[0].id)
    till.clock.advance(5)
    disputed = [till.sold(card).payment_intent for card in (DISPUTED, DISPUTED, INQUIRED, INQUIRED)]
    ids = [v1.disputes.list({"payment_intent": intent}).data[0].id for intent in disputed]
    v1.disputes.update(ids[0], {"evidence": {"uncategorized_text": "winning_evidence"}})
    v1.disputes.close(ids[1])
    till.post(f"/dashboard/disputes/{ids[2]}/escalate")
    till.post(f"/dashboard/disputes/{ids[3]}/lose")


def look_at_everything(till: Till) -> None:
    """Every list, and what it leads to, expanded."""
    v1 = till.v1
    whole = ["data.line_items", "data.customer", "data.payment_intent.latest_charge"]
    v1.checkout.sessions.list({"limit": 100, "expand": whole})
    v1.checkout.sessions.list(
        {"limit": 100, "expand": ["data.discounts.coupon", "data.discounts.promotion_code"]}
    )
    v1.charges.list({"limit": 100, "expand": ["data.balance_transaction", "data.refunds"]})
    v1.refunds.list({"limit": 100, "expand": ["data.charge", "data.failure_balance_transaction"]})
    v1.promotion_codes.list({"expand": ["data.promotion.coupon"]})
    v1.prices.list({"expand": ["data.product"]})
    for service in (v1.payment_intents, v1.disputes, v1.events, v1.customers, v1.products, v1.coupons):
        service.list({"limit": 100})
    endpoint = v1.webhook_endpoints.create({"url": "http://other.test/", "enabled_events": ["*"]})
    v1.webhook_endpoints.list()
    v1.webhook_endpoints.delete(endpoint.id)
    v1.accounts.retrieve_current()
    v1.events.retrieve(v1.events.list({"limit": 1}).data[0].id)
    v1.checkout.sessions.line_items.list(v1.checkout.sessions.list({"limit": 1}).data[0].id)


def make_mistakes(till: Till) -> None:
    """Refusals of every kind."""
    key = {"Authorization": f"Bearer {SECRET_KEY}", "Idempotency-Key": "mistake"}
    for method, path, form, headers in (
        ("GET", "/v1/nothing", "", key),
        ("GET", "/v1/customers", "", {}),
        ("GET", "/v1/customers/cus_none", "", key),
        ("POST", "/v1/checkout/sessions", "mode=payment", key),
        ("POST", "/v1/customers", "name=a", key),
        ("POST", "/v1/customers", "name=b", key),
    ):
        requests.request(method, till.url + path, data=form, headers=headers, timeout=LIMIT_S)


def objects_in(body: Any) -> Iterator[dict[str, Any]]:
    """The objects of an answer that are to be judged one by one."""
    if body.get("object") == "list":
        assert set(body) == {"object", "data", "has_more", "url"}
        for item in body["data"]:
            yield from objects_in(item)
        return
    yield body
    if body.get("object") == "event":
        yield body["data"]["object"]


def test_every_answer_is_as_stripe_describes_it(judge: Judge, answers: list[tuple[str, Any]]) -> None:
    faults: dict[str, str] = {}
    judged: set[str] = set()
    for origin, body in answers:
        for found in objects_in(body):
            kind = found.get("object", "error")
            component = DELETED[kind] if found.get("deleted") else kind
            judged.add(component)
            for problem in judge.problems(component, found):
                faults.setdefault(problem, origin)
    assert faults == {}
    assert judged == {
        *("account", "charge", "checkout.session", "coupon", "customer", "deleted_customer", "dispute"),
        *("deleted_webhook_endpoint", "error", "event", "item", "payment_intent", "price", "product"),
        *("promotion_code", "refund", "webhook_endpoint"),
    }


def test_the_judge_finds_faults(judge: Judge, answers: list[tuple[str, Any]]) -> None:
    refund = next(body for _, body in answers if body.get("object") == "refund")
    assert judge.problems("refund", refund) == []
    broken = refund | {"amount": "5.00"}
    del broken["reason"]
    assert len(judge.problems("refund", broken)) == 2


def test_every_parameter_that_stripe_takes_is_known(judge: Judge) -> None:
    """Modelled, or refused by name; none is silently ignored and none is our invention."""
    compared = 0
    for path, operations in judge.paths.items():
        address = "/".join("*" if part.startswith("{") else part for part in path.split("/")[2:])
        for method in operations:
            shape = routes.ENDPOINTS[f"{method.upper()} {address}"].takes
            ours = set(shape.fields) | set(shape.unmodelled)
            theirs = judge.parameters(method, path)
            # Update and creation of a customer share a shape here; each knows a few names of the other.
            extra = (
                {"payment_method", "tax_id_data", "test_clock", "default_source"}
                if "customers" in path
                else set()
            )
            assert theirs - ours - {"client_secret"} == set(), f"{method} {path}"
            assert ours - theirs - extra - {"expand"} == set(), f"{method} {path}"
            compared += 1
    assert compared > 20
