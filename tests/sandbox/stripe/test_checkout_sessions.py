"""Checkout Sessions over the API: made, refused, read, marked, expired."""

import re
from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import PRICE, SUCCESS_URL, StripeDriver

HOUR_S = 3600


def test_a_new_session_is_open_and_unpaid(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com"})
    session = driver.session(
        customer=customer.id,
        client_reference_id="member-7",
        metadata={"credits": "10"},
        line_items=[{"price": PRICE, "quantity": 3}],
    )
    assert re.fullmatch(r"cs_test_[A-Za-z0-9]+", session.id)
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (1500, 1500, "usd")
    assert (session.customer, session.client_reference_id) == (customer.id, "member-7")
    assert (session.payment_intent, session.customer_details, session.livemode) == (None, None, False)
    assert session.url == f"{driver.url}/c/pay/{session.id}"
    assert session.success_url == SUCCESS_URL
    assert session.expires_at == session.created + 24 * HOUR_S
    assert "line_items" not in session


def test_line_items_come_when_asked_for(driver: StripeDriver) -> None:
    session = driver.session(line_items=[{"price": PRICE, "quantity": 2}])
    expanded = driver.again(session, "line_items.data.price.product")
    item = expanded.line_items.data[0]
    assert (item.quantity, item.amount_total, item.price.id, item.description) == (
        2,
        1000,
        PRICE,
        "10 credits",
    )
    assert [i.id for i in driver.v1.checkout.sessions.line_items.list(session.id)] == [item.id]


def test_a_price_can_be_made_for_one_order(driver: StripeDriver) -> None:
    data = {"currency": "usd", "unit_amount": 250, "product_data": {"name": "odd lot"}}
    session = driver.session(
        line_items=[{"price_data": data, "quantity": 2}, {"price": PRICE, "quantity": 1}]
    )
    expanded = driver.again(session, "line_items")
    assert session.amount_total == 1000
    assert [item.description for item in expanded.line_items.data] == ["odd lot", "10 credits"]
    # It cannot be used for another.
    price = expanded.line_items.data[0].price
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        driver.session(line_items=[{"price": price.id, "quantity": 1}])


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"mode": None}, "parameter_missing", "mode"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"cancel_url": "/back"}, "url_invalid", "cancel_url"),
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        (
            {"line_items": [{"price": PRICE, "quantity": "many"}]},
            "parameter_invalid_integer",
            "line_items[0][quantity]",
        ),
        (
            {"line_items": [{"price": PRICE, "quantity": 0}]},
            "parameter_invalid_integer",
            "line_items[0][quantity]",
        ),
        ({"line_items": [{"price": PRICE}]}, "parameter_missing", "line_items[0][quantity]"),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price]"),
        (
            {"line_items": [{"price": "price_none", "quantity": 1}]},
            "resource_missing",
            "line_items[0][price]",
        ),
        ({"line_items": [{"price": PRICE, "quantity": 1, "x": 1}]}, "parameter_unknown", "line_items[0][x]"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"mode": "subscription"}, None, "mode"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"automatic_tax": {"enabled": True}}, None, "automatic_tax[enabled]"),
        ({"shipping_options": [{"shipping_rate": "shr_1"}]}, None, "shipping_options"),
        (
            {"invoice_creation": {"invoice_data": {"footer": "x"}}},
            "parameter_missing",
            "invoice_creation[enabled]",
        ),
        (
            {"invoice_creation": {"enabled": True, "invoice_data": {"issuer": {"type": "self"}}}},
            None,
            "invoice_creation[invoice_data][issuer]",
        ),
        ({"discounts": [{"coupon": "none"}]}, "resource_missing", "discounts[0][coupon]"),
        ({"payment_intent_data": {"metadata": {"k" * 41: ""}}}, None, "payment_intent_data[metadata]"),
    ],
)
def test_a_wrong_parameter_is_named(driver: StripeDriver, params: Any, code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.session(**params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)


def test_parameters_that_exclude_each_other_are_refused(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    coupon = driver.v1.coupons.create({"percent_off": 10}).id
    for params in (
        {"customer": customer, "customer_email": "ada@example.com"},
        {"customer": customer, "customer_creation": "always"},
        {"discounts": [{"coupon": coupon}], "allow_promotion_codes": True},
        {
            "line_items": [
                {"price": PRICE, "price_data": {"currency": "usd", "unit_amount": 1}, "quantity": 1}
            ]
        },
    ):
        with pytest.raises(stripe.InvalidRequestError, match="only specify one of these"):
            driver.session(**params)


@pytest.mark.parametrize("lifetime_s", [HOUR_S // 2 - 1, 24 * HOUR_S + 1])
def test_a_lifetime_has_bounds(driver: StripeDriver, lifetime_s: int) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="between 30 minutes and 24 hours") as refused:
        driver.session(expires_at=int(driver.clock.now) + lifetime_s)
    assert refused.value.param == "expires_at"


def test_a_recurring_price_is_not_sold_once(driver: StripeDriver) -> None:
    recurring = {"interval": "month"}
    price = driver.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "club"}, "recurring": recurring}
    )
    with pytest.raises(stripe.InvalidRequestError, match="recurring"):
        driver.session(line_items=[{"price": price.id, "quantity": 1}])


def test_one_order_has_one_currency(driver: StripeDriver) -> None:
    euros = driver.v1.prices.create(
        {"currency": "eur", "unit_amount": 500, "product_data": {"name": "abroad"}}
    )
    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        driver.session(line_items=[{"price": PRICE, "quantity": 1}, {"price": euros.id, "quantity": 1}])


def test_a_total_too_small_to_charge_is_refused_but_nothing_is_fine(driver: StripeDriver) -> None:
    for amount, refused in ((49, True), (50, False), (0, False)):
        data = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "small"}}
        items = [{"price_data": data, "quantity": 1}]
        if refused:
            with pytest.raises(stripe.InvalidRequestError) as error:
                driver.session(line_items=items)
            assert error.value.code == "amount_too_small"
        else:
            assert driver.session(line_items=items).amount_total == amount


def test_a_refused_session_leaves_nothing_behind(driver: StripeDriver) -> None:
    """The product and the price of the order are made before its total is checked."""
    before = driver.v1.events.list({"limit": 1}).data[0].id
    data = {"currency": "usd", "unit_amount": 1, "product_data": {"name": "never to be"}}
    with pytest.raises(stripe.InvalidRequestError, match="at least"):
        driver.session(line_items=[{"price_data": data, "quantity": 1}])
    assert "never to be" not in [product.name for product in driver.v1.products.list({"limit": 100})]
    assert driver.v1.events.list({"limit": 1}).data[0].id == before


def test_metadata_can_be_marked_in_any_state(driver: StripeDriver) -> None:
    session = driver.sold(metadata={"credits": "10"})
    marked = driver.v1.checkout.sessions.update(session.id, {"metadata": {"creditsProcessed": "true"}})
    assert marked.metadata.to_dict() == {"credits": "10", "creditsProcessed": "true"}
    assert marked.status == "complete"


def test_what_the_payment_will_carry_is_settled_when_the_session_is_made(driver: StripeDriver) -> None:
    session = driver.session(payment_intent_data={"metadata": {"order": "9"}})
    for change in ({"metadata": {"order": "10"}}, {"description": "Other"}):
        with pytest.raises(stripe.InvalidRequestError, match="`ui_mode` is `elements`") as refused:
            driver.v1.checkout.sessions.update(session.id, {"payment_intent_data": change})
        assert refused.value.param == "payment_intent_data"
    driver.pay(session)
    assert driver.intent(session).metadata.to_dict() == {"order": "9"}


def test_an_open_session_can_be_expired_once(driver: StripeDriver) -> None:
    session = driver.session()
    expired = driver.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url, expired.payment_status) == ("expired", None, "unpaid")
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        driver.v1.checkout.sessions.expire(session.id)
    assert driver.events_about(session.id) == ["checkout.session.expired"]


def test_a_paid_session_cannot_be_expired(driver: StripeDriver) -> None:
    session = driver.sold()
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        driver.v1.checkout.sessions.expire(session.id)


def test_time_expires_a_session_and_says_so_once(driver: StripeDriver) -> None:
    session = driver.session(expires_at=int(driver.clock.now) + HOUR_S)
    driver.clock.advance(HOUR_S - 1)
    assert driver.again(session).status == "open"
    driver.clock.advance(1)
    assert [s.status for s in driver.v1.checkout.sessions.list({"limit": 1})] == ["expired"]
    assert driver.again(session).status == "expired"
    driver.standin.expire_due(driver.clock.now)
    assert driver.events_about(session.id) == ["checkout.session.expired"]


def test_sessions_whose_time_is_over_together_expire_together(driver: StripeDriver) -> None:
    sessions = [driver.session(expires_at=int(driver.clock.now) + HOUR_S) for _ in range(3)]
    driver.clock.advance(HOUR_S)
    found = driver.v1.checkout.sessions.list({"limit": 3}).data
    assert {(session.id, session.status) for session in found} == {(s.id, "expired") for s in sessions}


def test_time_passes_without_anybody_asking(driver: StripeDriver) -> None:
    session = driver.session(expires_at=int(driver.clock.now) + HOUR_S)
    driver.deliver_all()
    driver.clock.advance(HOUR_S)
    driver.standin.expire_due(driver.clock.now)
    assert [session.id in delivery.body.decode() for delivery in driver.due()] == [True]


def test_a_paid_session_outlives_its_time(driver: StripeDriver) -> None:
    session = driver.sold(expires_at=int(driver.clock.now) + HOUR_S)
    driver.clock.advance(2 * HOUR_S)
    assert driver.again(session).status == "complete"
    assert "checkout.session.expired" not in driver.events_about(session.id)
