"""A day of a shop, in which each call of the API is made through Stripe's package.

Every answer and every parameter of it is as Stripe's own description of its API says. The description is not in
this repository (see `tests/contract/stripe/description.py`); without it these checks are skipped. What the other
tests record is checked after them.
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
    REFUND_FAILS,
    REFUND_PENDING,
    VISA,
    WARNED,
    Clock,
    StripeDriver,
    make_standin,
)
from tests.sandbox.stripe.harness import TESTING100, dispute_of, press, priced, refund, set_up_tax

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def stripe() -> Description:
    """Stripe's own description, of the version that the stand-in models."""
    path = slice_path()
    if path is None:
        pytest.skip("the OpenAPI slice is not here")
    return read(path)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Lines:
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
    sell(driver, *stock(driver))
    take_back(driver)
    look_at_everything(driver)
    make_mistakes(driver)
    while due := driver.deliver_all():
        for delivery in due:
            recording.webhook(delivery.body)
    standin.close()
    return list(lines_in(folder))


def stock(driver: StripeDriver) -> tuple[str, str]:
    """A price and a promotion code that fits it, each changed once, and what belongs to them."""
    v1 = driver.v1
    product = v1.products.create({"name": "20 credits", "images": ["http://shop.test/20.png"]}).id
    v1.products.update(product, {"description": "Twenty haikus"})
    usual = {"product": product, "currency": "usd"}
    price = v1.prices.create(usual | {"unit_amount": 900, "nickname": "twenty"}).id
    v1.prices.update(price, {"nickname": "Twenty"})
    v1.prices.create(usual | {"unit_amount": 1, "recurring": {"interval": "month"}})
    applies_to = {"products": [product]}
    coupon = v1.coupons.create({"percent_off": 12.5, "applies_to": applies_to, "name": "Spring"}).id
    v1.coupons.update(coupon, {"name": "Summer"})
    v1.coupons.delete(v1.coupons.create({"percent_off": 10}).id)
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, "code": "SPRING"}).id
    v1.promotion_codes.update(code, {"metadata": {"season": "spring"}})
    return price, code


def sell(driver: StripeDriver, price: str, code: str) -> None:
    """Every way in which a session ends."""
    v1 = driver.v1
    address = {"city": "London", "country": "GB"}
    shipping = {"name": "Ada", "address": address}
    customer = v1.customers.create({"email": "ada@example.com", "address": address, "shipping": shipping}).id
    v1.customers.update(customer, {"name": "Ada", "metadata": {"member": "7"}})
    twenty = {"price": price, "quantity": 2}
    adjustable = {"enabled": True, "maximum": 5}
    driver.sold(customer=customer, line_items=[twenty | {"adjustable_quantity": adjustable}])
    driver.sold(line_items=[twenty], discounts=[{"promotion_code": code}], invoice_creation={"enabled": True})
    amex = "378282246310005"
    driver.sold(amex, customer_creation="always", customer_email="grace@example.com", locale="auto")
    free = driver.session(allow_promotion_codes=True, submit_type="pay", client_reference_id="7")
    driver.pay(free, None, promotion_code=TESTING100)
    driver.pay(driver.session(), DECLINED)
    for outcome in ("complete", "fail"):
        page = driver.pay(driver.session(), NEEDS_3DS).headers["Location"]
        driver.get(page)
        driver.post(page, outcome=outcome)
    for currency in ("usd", "eur", "gbp"):
        for plan, button in (("bank_debit_ok", "settle"), ("bank_debit_fails", "fail")):
            session = driver.session(line_items=priced(500, currency))
            driver.pay(session, None, payment_method=plan)
            press(driver, f"payments/{driver.intent(session).id}/{button}")
    v1.tax.settings.retrieve()
    set_up_tax(driver)
    taxed = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}}
    text = {"terms_of_service_acceptance": {"message": "I accept."}}
    agreed = {"consent_collection": {"terms_of_service": "required"}, "custom_text": text}
    asks = taxed | agreed | {"billing_address_collection": "required", "invoice_creation": {"enabled": True}}
    driver.pay(driver.session(**asks), VISA, terms_of_service="accepted")
    v1.checkout.sessions.expire(driver.session().id)
    v1.customers.retrieve(v1.customers.delete(v1.customers.create({}).id).id)


def take_back(driver: StripeDriver) -> None:
    """Every refund, every dispute, and what a bank warns of before."""
    v1 = driver.v1
    for card in (VISA, REFUND_FAILS, REFUND_PENDING):
        session = driver.sold(card)
        refund(driver, session, amount=100, reason="duplicate")
        last = refund(driver, session, metadata={"a": "b"}).id
        v1.refunds.update(last, {"metadata": {"why": "asked"}})
        if card == REFUND_PENDING:
            v1.refunds.cancel(last)
    refund(driver, driver.sold(WARNED))
    driver.clock.advance(5)
    cards = (DISPUTED, DISPUTED, INQUIRED, INQUIRED)
    won, lost, escalated, given_up = (dispute_of(driver, driver.sold(card)).id for card in cards)
    v1.disputes.update(won, {"evidence": {"uncategorized_text": "winning_evidence"}, "metadata": {"a": "b"}})
    v1.disputes.close(lost)
    press(driver, f"disputes/{escalated}/escalate")
    press(driver, f"disputes/{given_up}/lose")


def look_at_everything(driver: StripeDriver) -> None:
    """Every list, what it leads to, expanded, and one of each kind by itself."""
    v1 = driver.v1
    sessions = v1.checkout.sessions
    whole = ["data.line_items", "data.customer", "data.payment_intent.latest_charge"]
    sessions.list({"limit": 100, "expand": whole})
    sessions.list({"limit": 100, "expand": ["data.discounts.coupon", "data.discounts.promotion_code"]})
    v1.charges.list({"limit": 100, "expand": ["data.balance_transaction", "data.refunds"]})
    v1.refunds.list({"limit": 100, "expand": ["data.charge", "data.failure_balance_transaction"]})
    v1.promotion_codes.list({"expand": ["data.promotion.coupon"]})
    v1.prices.list({"expand": ["data.product"]})
    endpoint = v1.webhook_endpoints.create({"url": "http://other.test/", "enabled_events": ["*"]}).id
    for service in (
        *(v1.charges, v1.coupons, v1.customers, v1.disputes, v1.events, v1.invoices, v1.payment_intents),
        *(v1.prices, v1.products, v1.promotion_codes, v1.refunds, sessions, v1.webhook_endpoints),
        v1.radar.early_fraud_warnings,
    ):
        newest = service.list({"limit": 100}).data[0].id
        assert service.retrieve(newest).id == newest
    v1.webhook_endpoints.update(endpoint, {"disabled": True})
    v1.webhook_endpoints.delete(endpoint)
    v1.accounts.retrieve_current()
    v1.balance_transactions.retrieve(v1.charges.list({"limit": 1}).data[0].balance_transaction)
    v1.invoices.line_items.list(v1.invoices.list({"limit": 1}).data[0].id)
    session = sessions.list({"limit": 1}).data[0].id
    sessions.line_items.list(session)
    sessions.update(session, {"metadata": {"a": "b"}})


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


def test_every_endpoint_answers(day: Lines) -> None:
    answered = {f"{line['method']} {line['address']}" for line in day if line.get("status") == 200}
    assert answered == set(routes.ENDPOINTS)


def test_every_request_and_every_answer_is_as_stripe_describes_it(stripe: Description, day: Lines) -> None:
    check = OpenApiCheck(stripe)
    for line in day:
        check.check(line)
    assert check.faults == {}
    assert {f"{method} {address}" for method, address in stripe.addresses} - set(routes.ENDPOINTS) == set()


def test_every_parameter_that_stripe_takes_is_known(stripe: Description) -> None:
    """Modelled, or refused by name; none is ignored and none is invented."""
    # Update and creation of a customer share a shape here; each knows a few names of the other.
    shared = {"payment_method", "tax_id_data", "test_clock", "default_source"}
    for method, address in stripe.addresses:
        shape = routes.ENDPOINTS[f"{method} {address}"].takes
        operation = stripe.operation(method, address)
        assert operation is not None
        ours = set(shape.fields) | set(shape.unmodelled)
        theirs = set(operation.takes["properties"])
        extra = shared if address.startswith("customers") else set()
        assert theirs - ours - {"client_secret"} == set(), f"{method} {address}"
        assert ours - theirs - extra - {"expand"} == set(), f"{method} {address}"
