"""Every answer and every parameter is as Stripe's own description of its API says.

The description is not in this repository (see `tests/contract/stripe/description.py`); without it these tests are
skipped. Here every kind of call is made once. What the other tests record is checked after them.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.recording import Recording
from sandbox.serving import Request, Response
from sandbox.stripe import routes
from tests.contract.stripe.description import Description, read, slice_path
from tests.contract.stripe.openapi_check import OpenApiCheck, lines_in
from tests.drivers.stripe_api import (
    DECLINED,
    DISPUTED,
    INQUIRED,
    NEEDS_3DS,
    PRICE,
    REFUND_FAILS,
    REFUND_PENDING,
    Clock,
    StripeDriver,
    make_standin,
)

SLICE = slice_path()
pytestmark = pytest.mark.skipif(SLICE is None, reason="the OpenAPI slice is not here")


@pytest.fixture(scope="module")
def stripe() -> Description:
    """Stripe's own description, of the version that the stand-in models."""
    assert SLICE is not None
    return read(SLICE)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every exchange of all that is below, and every webhook."""
    folder = tmp_path_factory.mktemp("day")
    recording = Recording(folder)
    clock = Clock()
    standin = make_standin(clock)

    def handle(request: Request) -> Response:
        response = standin.handle(request)
        recording.exchange(request, response)
        return response

    driver = StripeDriver(standin, clock, handler=handle)
    sell(driver)
    take_back(driver)
    look_at_everything(driver)
    make_mistakes(driver)
    while due := driver.deliver_all():
        for delivery in due:
            recording.webhook(delivery.body)
    standin.close()
    return list(lines_in(folder))


def sell(driver: StripeDriver) -> None:
    """Every way in which a session ends."""
    v1 = driver.v1
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
    driver.sold(
        customer=customer.id,
        line_items=[{"price": price.id, "quantity": 2, "adjustable_quantity": adjustable}],
    )
    driver.sold(line_items=[{"price": price.id, "quantity": 1}], discounts=[{"promotion_code": code.id}])
    driver.sold(
        "378282246310005", customer_creation="always", customer_email="grace@example.com", locale="auto"
    )
    free = driver.session(allow_promotion_codes=True, submit_type="pay", client_reference_id="7")
    driver.pay(free, None, promotion_code="TESTING100")
    driver.pay(driver.session(), DECLINED)
    for outcome in ("complete", "fail"):
        page = driver.pay(driver.session(), NEEDS_3DS).headers["Location"]
        driver.get(page)
        driver.post(page, outcome=outcome)
    for currency in ("usd", "eur", "gbp"):
        data = {"currency": currency, "unit_amount": 500, "product_data": {"name": "abroad"}}
        for plan, button in (("bank_debit_ok", "settle"), ("bank_debit_fails", "fail")):
            session = driver.session(line_items=[{"price_data": data, "quantity": 1}])
            driver.pay(session, None, payment_method=plan)
            driver.intent(session)
            driver.post(f"/dashboard/payments/{driver.again(session).payment_intent}/{button}")
    v1.checkout.sessions.expire(driver.session().id)
    v1.coupons.update(coupon.id, {"name": "Summer"})
    v1.customers.retrieve(v1.customers.delete(v1.customers.create({}).id).id)


def take_back(driver: StripeDriver) -> None:
    """Every refund and every dispute."""
    v1 = driver.v1
    for card in ("4242424242424242", REFUND_FAILS, REFUND_PENDING):
        session = driver.sold(card)
        v1.refunds.create({"payment_intent": session.payment_intent, "amount": 100, "reason": "duplicate"})
        v1.refunds.create({"payment_intent": session.payment_intent, "metadata": {"a": "b"}})
        if card == REFUND_PENDING:
            v1.refunds.cancel(v1.refunds.list({"limit": 1}).data[0].id)
    driver.clock.advance(5)
    disputed = [driver.sold(card).payment_intent for card in (DISPUTED, DISPUTED, INQUIRED, INQUIRED)]
    ids = [v1.disputes.list({"payment_intent": intent}).data[0].id for intent in disputed]
    v1.disputes.update(ids[0], {"evidence": {"uncategorized_text": "winning_evidence"}})
    v1.disputes.close(ids[1])
    driver.post(f"/dashboard/disputes/{ids[2]}/escalate")
    driver.post(f"/dashboard/disputes/{ids[3]}/lose")


def look_at_everything(driver: StripeDriver) -> None:
    """Every list, and what it leads to, expanded."""
    v1 = driver.v1
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
    session = v1.checkout.sessions.list({"limit": 1}).data[0]
    v1.checkout.sessions.line_items.list(session.id)
    v1.checkout.sessions.update(session.id, {"metadata": {"a": "b"}})
    for service in (v1.charges, v1.refunds):
        service.retrieve(service.list({"limit": 1}).data[0].id)
    v1.prices.retrieve(PRICE)


def make_mistakes(driver: StripeDriver) -> None:
    """Refusals of every kind."""
    driver.call("GET", "/v1/customers", key=None)
    for method, path, form in (
        ("GET", "/v1/nothing", ""),
        ("GET", "/v1/customers/cus_none", ""),
        ("POST", "/v1/checkout/sessions", "mode=payment"),
        ("POST", "/v1/customers", "name=a"),
        ("POST", "/v1/customers", "name=b"),
    ):
        driver.call(method, path, data=form, headers={"Idempotency-Key": "mistake"})


def test_every_request_and_every_answer_is_as_stripe_describes_it(
    stripe: Description, day: list[dict[str, Any]]
) -> None:
    check = OpenApiCheck(stripe)
    for line in day:
        check.check(line)
    assert check.faults == {}
    answered = {(line["method"], line["address"]) for line in day if line.get("status") == 200}
    assert set(stripe.addresses) - answered == set()


def test_every_parameter_that_stripe_takes_is_known(stripe: Description) -> None:
    """Modelled, or refused by name; none is ignored and none is invented."""
    for method, address in stripe.addresses:
        shape = routes.ENDPOINTS[f"{method} {address}"].takes
        operation = stripe.operation(method, address)
        assert operation is not None
        ours = set(shape.fields) | set(shape.unmodelled)
        theirs = set(operation.takes["properties"])
        # Update and creation of a customer share a shape here; each knows a few names of the other.
        extra = (
            {"payment_method", "tax_id_data", "test_clock", "default_source"}
            if address.startswith("customers")
            else set()
        )
        assert theirs - ours - {"client_secret"} == set(), f"{method} {address}"
        assert ours - theirs - extra - {"expand"} == set(), f"{method} {address}"
