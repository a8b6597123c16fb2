"""Products, prices, coupons and promotion codes, through the real client."""

from functools import partial
from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import PRICE, Clock, StripeDriver, make_standin


def test_a_price_has_its_product(driver: StripeDriver) -> None:
    price = driver.v1.prices.retrieve(PRICE, {"expand": ["product"]})
    assert (price.unit_amount, price.currency, price.type, price.active) == (500, "usd", "one_time", True)
    assert price.product.name == "10 credits"


def test_a_price_can_bring_its_product(driver: StripeDriver) -> None:
    price = driver.v1.prices.create(
        {"currency": "EUR", "unit_amount": 900, "product_data": {"name": "20 credits"}, "nickname": "twenty"}
    )
    product = driver.v1.products.retrieve(str(price.product))
    assert (price.currency, price.nickname, product.name) == ("eur", "twenty", "20 credits")


def test_prices_are_filtered(driver: StripeDriver) -> None:
    product = driver.v1.products.create({"name": "filtered"})
    once = driver.v1.prices.create(
        {"currency": "usd", "unit_amount": 100, "product": product.id, "lookup_key": "k1"}
    )
    monthly = driver.v1.prices.create(
        {"currency": "usd", "unit_amount": 100, "product": product.id, "recurring": {"interval": "month"}}
    )
    driver.v1.prices.update(once.id, {"active": False})

    def found(**wanted: Any) -> list[str]:
        return [price.id for price in driver.v1.prices.list({"product": product.id, **wanted})]

    assert found() == [monthly.id, once.id]
    assert found(active=True) == [monthly.id]
    assert found(type="one_time") == [once.id]
    assert found(lookup_keys=["k1", "k2"]) == [once.id]
    assert found(currency="eur") == []


def priced(driver: StripeDriver, **more: Any) -> Any:
    """A new price of a product of its own."""
    usual = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "keyed"}}
    return driver.v1.prices.create(usual | more)


def test_a_lookup_key_belongs_to_one_price(driver: StripeDriver) -> None:
    holder = priced(driver, lookup_key="pack_s")
    other = priced(driver)
    for attempt in (
        partial(priced, driver, lookup_key="pack_s"),
        partial(driver.v1.prices.update, other.id, {"lookup_key": "pack_s"}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt()
        assert refused.value.user_message == f"A price (`{holder.id}`) already uses that lookup key."
        assert (refused.value.http_status, refused.value.param) == (400, "lookup_key")
    assert driver.v1.prices.update(holder.id, {"lookup_key": "pack_s"}).lookup_key == "pack_s"


def test_a_price_that_is_not_for_sale_keeps_its_lookup_key(driver: StripeDriver) -> None:
    holder = priced(driver, lookup_key="pack_m")
    driver.v1.prices.update(holder.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="already uses"):
        priced(driver, lookup_key="pack_m")


def test_a_lookup_key_can_be_taken_over(driver: StripeDriver) -> None:
    first = priced(driver, lookup_key="pack_l")
    second = priced(driver, lookup_key="pack_l", transfer_lookup_key=True)
    assert [price.id for price in driver.v1.prices.list({"lookup_keys": ["pack_l"]})] == [second.id]
    left = driver.v1.prices.retrieve(first.id)
    assert (left.lookup_key, left.active) == (None, True)
    assert driver.events_about(first.id) == ["price.created", "price.updated"]
    assert driver.events_about(second.id) == ["price.created"]
    back = driver.v1.prices.update(first.id, {"lookup_key": "pack_l", "transfer_lookup_key": True})
    assert (back.lookup_key, driver.v1.prices.retrieve(second.id).lookup_key) == ("pack_l", None)
    assert "transfer_lookup_key" not in back


def test_products_are_found_by_id(driver: StripeDriver) -> None:
    one, two, _ = (driver.v1.products.create({"name": name}) for name in ("one", "two", "three"))
    assert [product.id for product in driver.v1.products.list({"ids": [one.id, two.id]})] == [two.id, one.id]


def test_a_chosen_id_is_taken_once(driver: StripeDriver) -> None:
    driver.v1.products.create({"id": "prod_mine", "name": "mine"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.products.create({"id": "prod_mine", "name": "mine again"})
    assert refused.value.code == "resource_already_exists"


@pytest.mark.parametrize(
    ("coupon", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": 5, "currency": "usd"}, "percent_off"),
        ({"amount_off": 5}, "currency"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "redeem_by": 1}, "redeem_by"),
        ({"percent_off": 10, "applies_to": {"products": ["prod_none"]}}, "applies_to[products][0]"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(driver: StripeDriver, coupon: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.coupons.create(coupon)
    assert refused.value.param == param


def test_a_coupon_stops_when_its_time_is_over(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 25, "redeem_by": int(driver.clock.now) + 60})
    assert coupon.valid
    driver.clock.advance(60)
    assert not driver.v1.coupons.retrieve(coupon.id).valid


def test_a_deleted_coupon_is_gone(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 25})
    assert driver.v1.coupons.delete(coupon.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.coupons.retrieve(coupon.id)
    assert refused.value.http_status == 404


def test_a_promotion_code_points_to_its_coupon(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 12.5})
    made = driver.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "EIGHTH"}
    )
    found = driver.v1.promotion_codes.retrieve(made.id, {"expand": ["promotion.coupon"]})
    assert (found.code, found.active, found.promotion.coupon.percent_off) == ("EIGHTH", True, 12.5)
    assert [code.id for code in driver.v1.promotion_codes.list({"code": "eighth"})] == [made.id]
    assert [code.id for code in driver.v1.promotion_codes.list({"coupon": coupon.id})] == [made.id]


def test_only_one_active_promotion_code_has_a_spelling(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 10})
    promotion = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "Spring"}
    first = driver.v1.promotion_codes.create(promotion)
    with pytest.raises(stripe.InvalidRequestError):
        driver.v1.promotion_codes.create(promotion | {"code": "SPRING"})
    driver.v1.promotion_codes.update(first.id, {"active": False})
    second = driver.v1.promotion_codes.create(promotion | {"code": "SPRING"})
    with pytest.raises(stripe.InvalidRequestError):
        driver.v1.promotion_codes.update(first.id, {"active": True})
    assert second.active


def test_seeding_twice_is_seeding_once() -> None:
    standin = make_standin(Clock())
    standin.ensure_price(PRICE, 500, "usd", "10 credits")
    standin.ensure_promotion_code("TESTING100", percent_off=100)
    with standin._turn() as turn:
        assert len(turn.store.newest("product")) == len(turn.store.newest("price")) == 1
        assert len(turn.store.newest("promotion_code")) == 1
        assert turn.need("price", PRICE).body["unit_amount"] == 500
    standin.ensure_price(PRICE, 700, "usd", "Ten credits")
    with standin._turn() as turn:
        assert turn.need("price", PRICE).body["unit_amount_decimal"] == "700"
    standin.close()
