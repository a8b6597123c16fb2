"""Products, prices, coupons and promotion codes, through the real client."""

from functools import partial
from typing import Any

import pytest

from tests.drivers.stripe_api import PRICE, StripeDriver
from tests.sandbox.stripe.harness import refused


def new_price(driver: StripeDriver, **more: Any) -> Any:
    """A new price, of a product of its own unless one is named."""
    product = {} if "product" in more else {"product_data": {"name": "20 credits"}}
    return driver.v1.prices.create({"currency": "usd", "unit_amount": 100, **product, **more})


def ids(found: Any) -> list[str]:
    return [each.id for each in found]


def test_a_price_has_its_product(driver: StripeDriver) -> None:
    price = driver.v1.prices.retrieve(PRICE, {"expand": ["product"]})
    assert (price.unit_amount, price.currency, price.type, price.active) == (500, "usd", "one_time", True)
    assert price.product.name == "10 credits"


def test_a_price_can_bring_its_product(driver: StripeDriver) -> None:
    price = new_price(driver, currency="EUR", nickname="twenty")
    product = driver.v1.products.retrieve(str(price.product))
    assert (price.currency, price.nickname, product.name) == ("eur", "twenty", "20 credits")


def test_prices_are_filtered(driver: StripeDriver) -> None:
    product = driver.v1.products.create({"name": "filtered"}).id
    once = new_price(driver, product=product, lookup_key="k1")
    monthly = new_price(driver, product=product, recurring={"interval": "month"})
    driver.v1.prices.update(once.id, {"active": False})

    def found(**wanted: Any) -> list[str]:
        return ids(driver.v1.prices.list({"product": product, **wanted}))

    assert found() == [monthly.id, once.id]
    assert found(active=True) == [monthly.id]
    assert found(type="one_time") == [once.id]
    assert found(lookup_keys=["k1", "k2"]) == [once.id]
    assert found(currency="eur") == []


def test_a_lookup_key_belongs_to_one_price_for_sale_or_not(driver: StripeDriver) -> None:
    key = {"lookup_key": "pack_s"}
    holder, other = new_price(driver, **key), new_price(driver)
    for is_active in (True, False):
        driver.v1.prices.update(holder.id, {"active": is_active})
        for attempt in (partial(new_price, driver, **key), partial(driver.v1.prices.update, other.id, key)):
            with refused(param="lookup_key") as caught:
                attempt()
            assert caught.value.user_message == f"A price (`{holder.id}`) already uses that lookup key."
    assert driver.v1.prices.update(holder.id, key).lookup_key == "pack_s"


def test_a_lookup_key_can_be_taken_over(driver: StripeDriver) -> None:
    first = new_price(driver, lookup_key="pack_l")
    second = new_price(driver, lookup_key="pack_l", transfer_lookup_key=True)
    assert ids(driver.v1.prices.list({"lookup_keys": ["pack_l"]})) == [second.id]
    left = driver.v1.prices.retrieve(first.id)
    assert (left.lookup_key, left.active) == (None, True)
    assert driver.events_about(first.id) == ["price.created", "price.updated"]
    assert driver.events_about(second.id) == ["price.created"]
    back = driver.v1.prices.update(first.id, {"lookup_key": "pack_l", "transfer_lookup_key": True})
    assert (back.lookup_key, driver.v1.prices.retrieve(second.id).lookup_key) == ("pack_l", None)
    assert "transfer_lookup_key" not in back


@pytest.mark.parametrize(
    ("service", "made", "change"),
    [
        ("products", {"name": "20 credits"}, ("description", "Twenty haikus")),
        (
            "prices",
            {"currency": "usd", "unit_amount": 9, "product_data": {"name": "x"}},
            ("nickname", "Nine"),
        ),
        ("coupons", {"percent_off": 50, "name": "Spring"}, ("name", "Summer")),
    ],
)
def test_a_change_is_kept(driver: StripeDriver, service: str, made: Any, change: tuple[str, str]) -> None:
    things = getattr(driver.v1, service)
    name, value = change
    thing = things.create(made).id
    assert getattr(things.update(thing, {name: value}), name) == value
    assert getattr(things.retrieve(thing), name) == value
    assert thing in ids(things.list())


def test_products_are_found_by_id(driver: StripeDriver) -> None:
    one, two, _ = (driver.v1.products.create({"name": name}).id for name in ("one", "two", "three"))
    assert ids(driver.v1.products.list({"ids": [one, two]})) == [two, one]


def test_a_chosen_id_is_taken_once(driver: StripeDriver) -> None:
    driver.v1.products.create({"id": "prod_mine", "name": "mine"})
    with refused("resource_already_exists"):
        driver.v1.products.create({"id": "prod_mine", "name": "mine again"})


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
    with refused(param=param):
        driver.v1.coupons.create(coupon)


def test_a_coupon_stops_when_its_time_is_over(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 25, "redeem_by": int(driver.clock.now) + 60})
    assert coupon.valid
    driver.clock.advance(60)
    assert not driver.v1.coupons.retrieve(coupon.id).valid


def test_a_deleted_coupon_is_gone(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 25})
    assert driver.v1.coupons.delete(coupon.id).deleted
    with refused("resource_missing", status=404):
        driver.v1.coupons.retrieve(coupon.id)


def test_a_promotion_code_points_to_its_coupon(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 12.5}).id
    promotion = {"promotion": {"type": "coupon", "coupon": coupon}, "code": "EIGHTH"}
    made = driver.v1.promotion_codes.create(promotion)
    found = driver.v1.promotion_codes.retrieve(made.id, {"expand": ["promotion.coupon"]})
    assert (found.code, found.active, found.promotion.coupon.percent_off) == ("EIGHTH", True, 12.5)
    for wanted in ({"code": "eighth"}, {"coupon": coupon}):
        assert ids(driver.v1.promotion_codes.list(wanted)) == [made.id]


def test_only_one_active_promotion_code_has_a_spelling(driver: StripeDriver) -> None:
    codes, coupon = driver.v1.promotion_codes, driver.v1.coupons.create({"percent_off": 10})
    promotion = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "Spring"}
    first = codes.create(promotion)
    with refused():
        codes.create(promotion | {"code": "SPRING"})
    codes.update(first.id, {"active": False})
    assert codes.create(promotion | {"code": "SPRING"}).active
    with refused():
        codes.update(first.id, {"active": True})


def test_seeding_twice_is_seeding_once(fresh: StripeDriver) -> None:
    standin = fresh.standin
    standin.ensure_price(PRICE, 500, "usd", "10 credits")
    standin.ensure_promotion_code("TESTING100", percent_off=100)
    with standin._turn() as turn:
        assert [len(turn.store.newest(kind)) for kind in ("product", "price", "promotion_code")] == [1, 1, 1]
        assert turn.need("price", PRICE).body["unit_amount"] == 500
    standin.ensure_price(PRICE, 700, "usd", "Ten credits")
    with standin._turn() as turn:
        assert turn.need("price", PRICE).body["unit_amount_decimal"] == "700"
