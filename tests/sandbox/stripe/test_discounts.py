"""Promotion codes and coupons at the payment page, down to orders that cost nothing."""

from itertools import count
from typing import Any

import pytest

from tests.drivers.stripe_api import DECLINED, StripeDriver
from tests.sandbox.stripe.harness import TESTING100, items_of, packs, priced, refused

NUMBERS = count()


def code_for(driver: StripeDriver, coupon: dict[str, Any], **promotion: Any) -> Any:
    """A new promotion code with a spelling of its own."""
    made = driver.v1.coupons.create(coupon)
    wanted = {"promotion": {"type": "coupon", "coupon": made.id}, "code": f"Code{next(NUMBERS)}"}
    return driver.v1.promotion_codes.create(wanted | promotion)


def apply(driver: StripeDriver, session: Any, code: str) -> Any:
    return driver.post(str(session.url), action="apply", promotion_code=code)


@pytest.fixture
def open_session(driver: StripeDriver) -> Any:
    """A session that takes promotion codes."""
    return driver.session(allow_promotion_codes=True)


def test_a_code_is_applied_and_the_rest_is_charged(driver: StripeDriver, open_session: Any) -> None:
    code = code_for(driver, {"percent_off": 30})
    answer = apply(driver, open_session, f" {code.code.upper()} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, open_session.url)
    page = driver.get(str(open_session.url)).text
    for text in ("$3.50", "-$1.50", code.code, "30% off"):
        assert text in page
    assert driver.pay(open_session).status_code == 303
    paid = driver.again(open_session)
    assert (paid.amount_subtotal, paid.amount_total, paid.total_details.amount_discount) == (500, 350, 150)
    assert [discount.promotion_code for discount in paid.discounts] == [code.id]
    assert driver.charge(open_session).amount == 350
    assert driver.v1.promotion_codes.retrieve(code.id).times_redeemed == 1


def test_a_code_can_be_taken_off_again(driver: StripeDriver, open_session: Any) -> None:
    apply(driver, open_session, TESTING100)
    assert driver.again(open_session).amount_total == 0
    driver.post(str(open_session.url), action="remove")
    assert (driver.again(open_session).amount_total, driver.again(open_session).discounts) == (500, [])


def test_a_free_order_needs_no_card(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True, customer_email="ada@example.com")
    answer = driver.pay(session, None, promotion_code=TESTING100.lower())
    assert answer.headers["Location"] == f"http://shop.test/?session_id={session.id}"
    free = driver.again(session)
    assert (free.status, free.payment_status, free.amount_total) == ("complete", "no_payment_required", 0)
    assert free.payment_intent is None
    assert driver.v1.customers.retrieve(free.customer).email == "ada@example.com"
    assert driver.events_about(session.id) == ["checkout.session.completed"]


def test_a_price_of_nothing_is_a_free_order_too(driver: StripeDriver) -> None:
    session = driver.session(line_items=priced(0))
    assert "Complete order" in driver.get(str(session.url)).text
    driver.pay(session, None)
    assert driver.again(session).payment_status == "no_payment_required"


def test_a_free_order_forgets_the_card_that_was_declined(driver: StripeDriver, open_session: Any) -> None:
    driver.pay(open_session, DECLINED)
    declined = driver.intent(open_session).id
    driver.pay(open_session, None, promotion_code=TESTING100)
    assert driver.again(open_session).payment_intent is None
    assert driver.v1.payment_intents.retrieve(declined).status == "canceled"


def test_a_card_and_a_code_travel_in_one_form(driver: StripeDriver, open_session: Any) -> None:
    code = code_for(driver, {"amount_off": 200, "currency": "usd"})
    assert driver.pay(open_session, promotion_code=code.code).status_code == 303
    assert driver.charge(open_session).amount == 300


def test_a_session_may_take_no_codes(driver: StripeDriver) -> None:
    session = driver.session()
    assert "promotion_code" not in driver.get(str(session.url)).text
    assert driver.pay(session, promotion_code=TESTING100).status_code == 422
    assert driver.again(session).amount_total == 500


def minimum(amount: int, currency: str) -> dict[str, Any]:
    return {"restrictions": {"minimum_amount": amount, "minimum_amount_currency": currency}}


# What makes a promotion code, from a driver; and what the buyer reads.
UNFIT: dict[str, tuple[Any, str]] = {
    "unknown": (lambda d: None, "not valid"),
    "over": (lambda d: code_for(d, {"percent_off": 50}, expires_at=int(d.clock.now)), "not valid"),
    "inactive": (lambda d: code_for(d, {"percent_off": 50}, active=False), "not valid"),
    "order too small": (lambda d: code_for(d, {"percent_off": 50}, **minimum(501, "usd")), "$5.01"),
    "minimum in euros": (lambda d: code_for(d, {"percent_off": 50}, **minimum(1, "eur")), "€0.01"),
    "off in euros": (lambda d: code_for(d, {"amount_off": 100, "currency": "eur"}), "another currency"),
    "too little left": (lambda d: code_for(d, {"percent_off": 95}), "at least $0.50"),
    "another customer": (
        lambda d: code_for(d, {"percent_off": 50}, customer=d.v1.customers.create({}).id),
        "another customer",
    ),
    "another product": (
        lambda d: code_for(
            d, {"percent_off": 50, "applies_to": {"products": [d.v1.products.create({"name": "x"}).id]}}
        ),
        "does not apply",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_code_that_does_not_fit_is_refused(driver: StripeDriver, open_session: Any, case: str) -> None:
    make, said = UNFIT[case]
    code = make(driver)
    spelling = "NO-SUCH-CODE" if code is None else code.code
    for answer in (apply(driver, open_session, spelling), driver.pay(open_session, promotion_code=spelling)):
        assert (answer.status_code, said in answer.text) == (422, True)
    kept = driver.again(open_session)
    assert (kept.amount_total, kept.status, kept.payment_intent) == (500, "open", None)


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
        apply(driver, session, code.code)
    assert driver.pay(second).status_code == 303
    answer = driver.pay(first)
    assert (answer.status_code, "no longer valid" in answer.text) == (422, True)
    assert driver.again(first).amount_total == 500
    assert driver.pay(first).status_code == 303


def test_a_discount_given_with_the_session_cannot_be_removed(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 20, "max_redemptions": 1}).id
    session = driver.session(discounts=[{"coupon": coupon}])
    assert (session.amount_total, session.discounts[0].coupon) == (400, coupon)
    driver.post(str(session.url), action="remove")
    assert driver.again(session).amount_total == 400
    driver.pay(session)
    assert driver.v1.coupons.retrieve(coupon).times_redeemed == 1
    with refused("coupon_expired"):
        driver.session(discounts=[{"coupon": coupon}])


def test_a_coupon_covers_only_its_products(driver: StripeDriver) -> None:
    product = driver.v1.products.create({"name": "other"}).id
    other = driver.v1.prices.create({"currency": "usd", "unit_amount": 1000, "product": product}).id
    coupon = driver.v1.coupons.create({"percent_off": 50, "applies_to": {"products": [product]}}).id
    order = [*packs(), {"price": other, "quantity": 1}]
    session = driver.session(line_items=order, discounts=[{"coupon": coupon}])
    found = [(item.amount_discount, item.amount_total) for item in items_of(driver, session)]
    assert found == [(0, 500), (500, 500)]
