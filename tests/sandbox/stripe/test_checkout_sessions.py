"""Checkout Sessions over the API: made, refused, read, marked, expired."""

import re
from typing import Any

import pytest

from tests.drivers.stripe_api import PRICE, SUCCESS_URL, StripeDriver
from tests.sandbox.stripe.harness import items_of, newest_event, packs, priced, refused

HOUR_S = 3600


def test_a_new_session_is_open_and_unpaid(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com"}).id
    metadata = {"credits": "10"}
    session = driver.session(
        customer=customer, client_reference_id="member-7", metadata=metadata, line_items=packs(3)
    )
    assert re.fullmatch(r"cs_test_[A-Za-z0-9]+", session.id)
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (1500, 1500, "usd")
    assert (session.customer, session.client_reference_id) == (customer, "member-7")
    assert (session.payment_intent, session.customer_details, session.livemode) == (None, None, False)
    assert (session.url, session.success_url) == (f"{driver.url}/c/pay/{session.id}", SUCCESS_URL)
    assert session.expires_at == session.created + 24 * HOUR_S
    assert "line_items" not in session


def test_line_items_come_when_asked_for(driver: StripeDriver) -> None:
    session = driver.session(line_items=packs(2))
    (item,) = driver.again(session, "line_items.data.price.product").line_items.data
    assert (item.quantity, item.amount_total, item.price.id) == (2, 1000, PRICE)
    assert item.description == item.price.product.name == "10 credits"
    assert [each.id for each in items_of(driver, session)] == [item.id]


def test_a_price_can_be_made_for_one_order(driver: StripeDriver) -> None:
    session = driver.session(line_items=priced(250, name="odd lot", quantity=2) + packs())
    odd, usual = driver.again(session, "line_items").line_items.data
    assert session.amount_total == 1000
    assert (odd.description, usual.description) == ("odd lot", "10 credits")
    # It cannot be used for another.
    with refused(said="inactive"):
        driver.session(line_items=[{"price": odd.price.id, "quantity": 1}])


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"mode": None}, "parameter_missing", "mode"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"cancel_url": "/back"}, "url_invalid", "cancel_url"),
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"mode": "subscription"}, None, "mode"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"automatic_tax": {"enabled": True}}, None, "automatic_tax[enabled]"),
        ({"consent_collection": {"terms_of_service": "asked"}}, None, "consent_collection[terms_of_service]"),
        ({"shipping_options": [{"shipping_rate": "shr_1"}]}, None, "shipping_options"),
        ({"discounts": [{"coupon": "none"}]}, "resource_missing", "discounts[0][coupon]"),
        ({"payment_intent_data": {"metadata": {"k" * 41: ""}}}, None, "payment_intent_data[metadata]"),
    ],
)
def test_a_wrong_parameter_is_named(driver: StripeDriver, params: Any, code: str | None, param: str) -> None:
    with refused(code, param):
        driver.session(**params)


@pytest.mark.parametrize(
    ("item", "code", "field"),
    [
        ({"price": PRICE, "quantity": "many"}, "parameter_invalid_integer", "quantity"),
        ({"price": PRICE, "quantity": 0}, "parameter_invalid_integer", "quantity"),
        ({"price": PRICE}, "parameter_missing", "quantity"),
        ({"quantity": 1}, "parameter_missing", "price"),
        ({"price": "price_none", "quantity": 1}, "resource_missing", "price"),
        ({"price": PRICE, "quantity": 1, "x": 1}, "parameter_unknown", "x"),
    ],
)
def test_a_wrong_line_item_is_named(driver: StripeDriver, item: Any, code: str, field: str) -> None:
    with refused(code, f"line_items[0][{field}]"):
        driver.session(line_items=[item])


@pytest.mark.parametrize(
    ("invoice", "code", "field"),
    [
        ({"invoice_data": {"footer": "x"}}, "parameter_missing", "[enabled]"),
        ({"enabled": True, "invoice_data": {"issuer": {"type": "self"}}}, None, "[invoice_data][issuer]"),
    ],
)
def test_a_wrong_invoice_is_named(driver: StripeDriver, invoice: Any, code: str | None, field: str) -> None:
    with refused(code, f"invoice_creation{field}"):
        driver.session(invoice_creation=invoice)


def test_parameters_that_exclude_each_other_are_refused(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    coupon = driver.v1.coupons.create({"percent_off": 10}).id
    for params in (
        {"customer": customer, "customer_email": "ada@example.com"},
        {"customer": customer, "customer_creation": "always"},
        {"discounts": [{"coupon": coupon}], "allow_promotion_codes": True},
        {"line_items": packs(price_data={"currency": "usd", "unit_amount": 1})},
    ):
        with refused(said="only specify one of these"):
            driver.session(**params)


@pytest.mark.parametrize("lifetime_s", [HOUR_S // 2 - 1, 24 * HOUR_S + 1])
def test_a_lifetime_has_bounds(driver: StripeDriver, lifetime_s: int) -> None:
    with refused(param="expires_at", said="between 30 minutes and 24 hours"):
        driver.session(expires_at=int(driver.clock.now) + lifetime_s)


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ({"currency": "usd", "recurring": {"interval": "month"}}, "recurring"),
        ({"currency": "eur"}, "same currency"),
    ],
)
def test_one_order_is_paid_once_in_one_currency(driver: StripeDriver, price: Any, said: str) -> None:
    made = driver.v1.prices.create({"unit_amount": 500, "product_data": {"name": "other"}, **price})
    with refused(said=said):
        driver.session(line_items=[*packs(), {"price": made.id, "quantity": 1}])


@pytest.mark.parametrize("amount", [0, 50])
def test_the_smallest_total_is_nothing_or_what_can_be_charged(driver: StripeDriver, amount: int) -> None:
    assert driver.session(line_items=priced(amount)).amount_total == amount


def test_a_total_too_small_to_charge_is_refused_and_leaves_nothing_behind(driver: StripeDriver) -> None:
    """The product and the price of the order are made before its total is checked."""
    before = newest_event(driver).id
    with refused("amount_too_small", said="at least"):
        driver.session(line_items=priced(49, name="never to be"))
    assert "never to be" not in [product.name for product in driver.v1.products.list({"limit": 100})]
    assert newest_event(driver).id == before


def test_metadata_can_be_marked_in_any_state(driver: StripeDriver) -> None:
    session = driver.sold(metadata={"credits": "10"})
    marked = driver.v1.checkout.sessions.update(session.id, {"metadata": {"creditsProcessed": "true"}})
    assert marked.metadata.to_dict() == {"credits": "10", "creditsProcessed": "true"}
    assert marked.status == "complete"


def test_what_the_payment_will_carry_is_settled_when_the_session_is_made(driver: StripeDriver) -> None:
    session = driver.session(payment_intent_data={"metadata": {"order": "9"}})
    for change in ({"metadata": {"order": "10"}}, {"description": "Other"}):
        with refused(param="payment_intent_data", said="`ui_mode` is `elements`"):
            driver.v1.checkout.sessions.update(session.id, {"payment_intent_data": change})
    driver.pay(session)
    assert driver.intent(session).metadata.to_dict() == {"order": "9"}


def test_an_open_session_can_be_expired_once_and_a_paid_one_never(driver: StripeDriver) -> None:
    session = driver.session()
    expired = driver.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url, expired.payment_status) == ("expired", None, "unpaid")
    for closed, status in ((session, "expired"), (driver.sold(), "complete")):
        with refused(said=f"status of `{status}`"):
            driver.v1.checkout.sessions.expire(closed.id)
    assert driver.events_about(session.id) == ["checkout.session.expired"]


def test_time_expires_open_sessions_and_says_so_once(driver: StripeDriver) -> None:
    until = int(driver.clock.now) + HOUR_S
    paid = driver.sold(expires_at=until)
    sessions = [driver.session(expires_at=until) for _ in range(3)]
    driver.clock.advance(HOUR_S - 1)
    assert {driver.again(session).status for session in sessions} == {"open"}
    driver.clock.advance(1)
    found = driver.v1.checkout.sessions.list({"limit": 3}).data
    assert {(session.id, session.status) for session in found} == {(s.id, "expired") for s in sessions}
    driver.standin.expire_due(driver.clock.now)
    for session in sessions:
        assert driver.events_about(session.id) == ["checkout.session.expired"]
    assert driver.again(paid).status == "complete"
    assert "checkout.session.expired" not in driver.events_about(paid.id)


def test_time_passes_without_anybody_asking(driver: StripeDriver) -> None:
    session = driver.session(expires_at=int(driver.clock.now) + HOUR_S)
    driver.deliver_all()
    driver.clock.advance(HOUR_S)
    driver.standin.expire_due(driver.clock.now)
    assert [session.id in delivery.body.decode() for delivery in driver.due()] == [True]
