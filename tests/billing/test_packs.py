"""What is for sale, and how a price reads."""

from typing import Any

import pytest
import responses
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from billing.errors import StripeUnavailable, UnknownPack
from billing.packs import Pack, money_text, offers, pack_of, packs

TWO_PACKS = [
    {"price": "price_ten", "credits": 10, "name": "Ten"},
    {"price": "price_fifty", "credits": 50},
]
STRIPE = "http://127.0.0.1:9/v1/prices"


def price(price_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "type": "one_time",
        "unit_amount": 500,
        "currency": "usd",
    } | changes


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def test_one_price_id_is_one_pack_of_ten() -> None:
    assert packs() == (Pack(price_id="price_ten", credits=10, name="10 credits"),)


def test_packs_come_from_the_settings_in_their_order(settings: Any) -> None:
    settings.CREDIT_PACKS = TWO_PACKS
    assert packs() == (
        Pack(price_id="price_ten", credits=10, name="Ten"),
        Pack(price_id="price_fifty", credits=50, name="50 credits"),
    )


def test_the_only_pack_need_not_be_named() -> None:
    assert pack_of(None) == pack_of("price_ten") == pack_of("")


@pytest.mark.parametrize("price_id", [None, "", "price_of_another_site"])
def test_a_pack_that_is_not_ours_cannot_be_bought(settings: Any, price_id: str | None) -> None:
    settings.CREDIT_PACKS = TWO_PACKS
    with pytest.raises(UnknownPack):
        pack_of(price_id)


@responses.activate
def test_what_a_pack_costs_is_read_from_stripe_once() -> None:
    responses.get(f"{STRIPE}/price_ten", json=price("price_ten"))
    assert [offer.price_text for offer in offers()] == ["$5.00"]
    assert [offer.price_text for offer in offers()] == ["$5.00"]
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"type": "recurring"}, {"unit_amount": None}],
    ids=lambda change: next(iter(change)),
)
@responses.activate
def test_a_price_that_cannot_be_paid_once_is_not_offered(changes: dict[str, Any]) -> None:
    responses.get(f"{STRIPE}/price_ten", json=price("price_ten", **changes))
    assert offers() == ()


@responses.activate
def test_no_price_is_made_up_when_stripe_does_not_answer() -> None:
    responses.get(f"{STRIPE}/price_ten", status=429, json={"error": {"type": "invalid_request_error"}})
    with pytest.raises(StripeUnavailable):
        offers()


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (500, "usd", "$5.00"),
        (5, "usd", "$0.05"),
        (123456, "eur", "€1,234.56"),
        (1000, "jpy", "¥1,000"),
        (1234, "kwd", "1.234 KWD"),
        (-250, "gbp", "-£2.50"),
        (999, "chf", "9.99 CHF"),
        (0, "usd", "$0.00"),
    ],
)
def test_money_is_written_in_its_currency(amount: int, currency: str, text: str) -> None:
    assert money_text(amount, currency) == text


@pytest.mark.parametrize(
    ("configured", "check_id"),
    [
        ([{"credits": 10}], "billing.E006"),
        ("price_ten", "billing.E006"),
        ([{"price": "p", "credits": 0}], "billing.E008"),
        ([{"price": "p"}, {"price": "p"}], "billing.E009"),
    ],
)
def test_a_pack_that_cannot_be_read_is_reported_with_its_remedy(
    settings: Any, configured: Any, check_id: str
) -> None:
    settings.CREDIT_PACKS = configured
    with pytest.raises(SystemCheckError, match=check_id):
        call_command("check")


def test_nothing_to_sell_is_reported(settings: Any) -> None:
    settings.STRIPE_PRICE_ID = ""
    with pytest.raises(SystemCheckError, match=r"billing\.E007"):
        call_command("check")
