"""Promotion codes and coupons at the payment page, down to orders that cost nothing."""

from itertools import count
from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import DECLINED, PRICE, StripeDriver

NUMBERS = count()


def code_for(driver: StripeDriver, coupon: dict[str, Any], **promotion: Any) -> Any:
    """A new promotion code with a spelling of its own."""
    made = driver.v1.coupons.create(coupon)
    wanted = {"promotion": {"type": "coupon", "coupon": made.id}, "code": f"Code{next(NUMBERS)}"}
    return driver.v1.promotion_codes.create(wanted | promotion)


def test_a_code_is_applied_and_the_rest_is_charged(driver: StripeDriver) -> None:
    code = code_for(driver, {"percent_off": 30})
    session = driver.session(allow_promotion_codes=True)
    answer = driver.post(str(session.url), action="apply", promotion_code=f" {code.code.upper()} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, session.url)
    page = driver.get(str(session.url)).text
    for text in ("$3.50", "-$1.50", code.code, "30% off"):
        assert text in page
    assert driver.pay(session).status_code == 303
    paid = driver.again(session)
    assert (paid.amount_subtotal, paid.amount_total, paid.total_details.amount_discount) == (500, 350, 150)
    assert [discount.promotion_code for discount in paid.discounts] == [code.id]
    assert driver.charge(session).amount == 350
    assert driver.v1.promotion_codes.retrieve(code.id).times_redeemed == 1


def test_a_code_can_be_taken_off_again(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True)
    driver.post(str(session.url), action="apply", promotion_code="TESTING100")
    driver.post(str(session.url), action="remove")
    assert (driver.again(session).amount_total, driver.again(session).discounts) == (500, [])


def test_a_free_order_needs_no_card(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True, customer_email="ada@example.com")
    answer = driver.pay(session, None, promotion_code="testing100")
    assert answer.headers["Location"] == f"http://shop.test/?session_id={session.id}"
    free = driver.again(session)
    assert (free.status, free.payment_status, free.amount_total) == ("complete", "no_payment_required", 0)
    assert free.payment_intent is None
    assert driver.v1.customers.retrieve(free.customer).email == "ada@example.com"
    assert driver.events_about(session.id) == ["checkout.session.completed"]


def test_a_price_of_nothing_is_a_free_order_too(driver: StripeDriver) -> None:
    data = {"currency": "usd", "unit_amount": 0, "product_data": {"name": "a gift"}}
    session = driver.session(line_items=[{"price_data": data, "quantity": 1}])
    assert "Complete order" in driver.get(str(session.url)).text
    driver.pay(session, None)
    assert driver.again(session).payment_status == "no_payment_required"


def test_a_free_order_forgets_the_card_that_was_declined_before(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True)
    driver.pay(session, DECLINED)
    declined = driver.intent(session).id
    driver.pay(session, None, promotion_code="TESTING100")
    assert driver.again(session).payment_intent is None
    assert driver.v1.payment_intents.retrieve(declined).status == "canceled"


def test_a_card_and_a_code_travel_in_one_form(driver: StripeDriver) -> None:
    code = code_for(driver, {"amount_off": 200, "currency": "usd"})
    session = driver.session(allow_promotion_codes=True)
    assert driver.pay(session, promotion_code=code.code).status_code == 303
    assert driver.charge(session).amount == 300


def test_a_code_that_nobody_made_is_refused_and_nothing_is_paid(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True)
    for form in ({"action": "apply"}, {}):
        answer = driver.pay(session, promotion_code="NO-SUCH-CODE", **form)
        assert (answer.status_code, "not valid" in answer.text) == (422, True)
    assert driver.again(session).payment_intent is None


def test_a_session_may_take_no_codes(driver: StripeDriver) -> None:
    session = driver.session()
    assert "promotion_code" not in driver.get(str(session.url)).text
    assert driver.pay(session, promotion_code="TESTING100").status_code == 422
    assert driver.again(session).amount_total == 500


@pytest.mark.parametrize(
    ("coupon", "promotion", "said"),
    [
        ({"percent_off": 50}, {"expires_in": 0}, "not valid"),
        ({"percent_off": 50}, {"active": False}, "not valid"),
        (
            {"percent_off": 50},
            {"restrictions": {"minimum_amount": 501, "minimum_amount_currency": "usd"}},
            "$5.01",
        ),
        (
            {"percent_off": 50},
            {"restrictions": {"minimum_amount": 1, "minimum_amount_currency": "eur"}},
            "€0.01",
        ),
        ({"amount_off": 100, "currency": "eur"}, {}, "another currency"),
        ({"percent_off": 95}, {}, "at least $0.50"),
        ({"percent_off": 50}, {"customer": "another"}, "another customer"),
        ({"percent_off": 50, "applies_to": "another product"}, {}, "does not apply"),
    ],
)
def test_a_code_that_does_not_fit_the_order_is_refused(
    driver: StripeDriver, coupon: dict[str, Any], promotion: dict[str, Any], said: str
) -> None:
    coupon, promotion = dict(coupon), dict(promotion)
    if "expires_in" in promotion:
        promotion = {"expires_at": int(driver.clock.now) + promotion["expires_in"]}
    if "customer" in promotion:
        promotion["customer"] = driver.v1.customers.create({}).id
    if "applies_to" in coupon:
        coupon["applies_to"] = {"products": [driver.v1.products.create({"name": "another"}).id]}
    code = code_for(driver, coupon, **promotion)
    session = driver.session(allow_promotion_codes=True)
    for form in ({"action": "apply"}, {}):
        answer = driver.pay(session, promotion_code=code.code, **form)
        assert (answer.status_code, said in answer.text) == (422, True)
    assert (driver.again(session).amount_total, driver.again(session).status) == (500, "open")


def test_a_code_for_one_customer_works_for_them(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    code = code_for(driver, {"percent_off": 100}, customer=customer, max_redemptions=1)
    session = driver.session(allow_promotion_codes=True, customer=customer)
    assert driver.pay(session, None, promotion_code=code.code).status_code == 303
    assert not driver.v1.promotion_codes.retrieve(code.id).active


def test_a_code_for_a_first_purchase_works_once(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    code = code_for(driver, {"percent_off": 50}, restrictions={"first_time_transaction": True})
    for expected in (303, 422):
        session = driver.session(allow_promotion_codes=True, customer=customer)
        assert driver.pay(session, promotion_code=code.code).status_code == expected


def test_the_last_use_of_a_code_goes_to_whoever_pays_first(driver: StripeDriver) -> None:
    code = code_for(driver, {"percent_off": 50}, max_redemptions=1)
    first, second = (driver.session(allow_promotion_codes=True) for _ in range(2))
    for session in (first, second):
        driver.post(str(session.url), action="apply", promotion_code=code.code)
    assert driver.pay(second).status_code == 303
    answer = driver.pay(first)
    assert (answer.status_code, "no longer valid" in answer.text) == (422, True)
    assert driver.again(first).amount_total == 500
    assert driver.pay(first).status_code == 303


def test_a_discount_can_be_given_with_the_session(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 20}).id
    session = driver.session(discounts=[{"coupon": coupon}])
    assert (session.amount_total, session.discounts[0].coupon) == (400, coupon)
    # The buyer cannot remove a discount of the seller.
    driver.post(str(session.url), action="remove")
    assert driver.again(session).amount_total == 400
    driver.pay(session)
    assert driver.v1.coupons.retrieve(coupon).times_redeemed == 1


def test_a_coupon_covers_only_its_products(driver: StripeDriver) -> None:
    other = driver.v1.prices.create(
        {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "other"}}
    )
    coupon = driver.v1.coupons.create({"percent_off": 50, "applies_to": {"products": [other.product]}})
    items = [{"price": PRICE, "quantity": 1}, {"price": other.id, "quantity": 1}]
    session = driver.session(line_items=items, discounts=[{"coupon": coupon.id}])
    found = driver.v1.checkout.sessions.line_items.list(session.id).data
    assert [(item.amount_discount, item.amount_total) for item in found] == [(0, 500), (500, 500)]


def test_a_used_up_coupon_starts_no_session(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 50, "max_redemptions": 1}).id
    driver.sold(discounts=[{"coupon": coupon}])
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.session(discounts=[{"coupon": coupon}])
    assert refused.value.code == "coupon_expired"
