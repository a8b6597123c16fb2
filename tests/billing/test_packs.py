"""What is for sale, and how a price reads."""

import json
import threading
from typing import Any

import pytest
import responses
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.template.loader import render_to_string

import billing.packs
from billing.counter.fragment import counter
from billing.errors import BadPackPlan, StripeUnavailable, UnknownPack
from billing.packs import Offer, Pack, PackPlan, best_value, enough_text, offers, pack_of, pack_plans, packs
from tests.drivers.waiting import await_that

pytestmark = pytest.mark.usefixtures("empty_cache")

TWO_PACKS = [
    {"price": "price_ten", "credits": 10, "name": "Ten"},
    {"price": "price_fifty", "credits": 50},
]
STRIPE = "http://127.0.0.1:9/v1/prices"


def price(**changes: Any) -> dict[str, Any]:
    """The price of the only pack, as Stripe tells it."""
    what = {"id": "price_ten", "object": "price", "active": True, "type": "one_time"}
    return what | {"unit_amount": 500, "currency": "usd"} | changes


def sells(**changes: Any) -> None:
    """Have Stripe answer with the price of the only pack."""
    responses.get(f"{STRIPE}/price_ten", json=price(**changes))


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
    sells()
    for _ in range(2):
        assert [offer.price_text for offer in offers()] == ["$5.00"]
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"type": "recurring"}, {"unit_amount": None}],
    ids=lambda change: next(iter(change)),
)
@responses.activate
def test_a_price_that_cannot_be_paid_once_is_not_offered(changes: dict[str, Any]) -> None:
    sells(**changes)
    assert offers() == ()


@responses.activate
def test_no_price_is_made_up_when_stripe_does_not_answer() -> None:
    responses.get(f"{STRIPE}/price_ten", status=429, json={"error": {"type": "invalid_request_error"}})
    with pytest.raises(StripeUnavailable):
        offers()


@pytest.mark.slow
@responses.activate
def test_while_stripe_stalls_the_last_prices_stand_and_one_page_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing.packs, "PRICES_FRESH_S", 0)
    sells()
    assert [offer.price_text for offer in offers()] == ["$5.00"]
    answers, asked = threading.Event(), []

    def stall(request: Any) -> tuple[int, dict[str, str], str]:
        asked.append(request)
        assert answers.wait(30)
        return 200, {}, json.dumps(price(unit_amount=600))

    responses.remove(responses.GET, f"{STRIPE}/price_ten")
    responses.add_callback(responses.GET, f"{STRIPE}/price_ten", callback=stall)
    for _ in range(3):
        assert [offer.price_text for offer in offers()] == ["$5.00"]
    assert len(asked) == 1
    answers.set()
    await_that(lambda: [offer.price_text for offer in offers()] == ["$6.00"])


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [
        ("CREDIT_PACKS", [{"credits": 10}], "E010"),
        ("CREDIT_PACKS", [{"price": "p", "credits": 10}, {"credits": 20}], "E010"),
        ("CREDIT_PACKS", [{"price": "p", "credits": "many"}], "E006"),
        ("CREDIT_PACKS", [{"price": "p", "credits": 10.5}], "E006"),
        ("CREDIT_PACKS", "price_ten", "E006"),
        ("STRIPE_PRICE_ID", "", "E007"),
        ("CREDIT_PACKS", [{"price": "p", "credits": 0}], "E008"),
        ("CREDIT_PACKS", [{"price": "p"}, {"price": "p"}], "E009"),
        ("CREDIT_PACKS", [{"price": "p", "credits": 0}, {"price": "p"}], r"E008(.|\n)*billing\.E009"),
        ("CHECKOUT_BILLING_ADDRESS", "always", "E012"),
        ("WELCOME_CREDITS", -1, "E013"),
    ],
)
def test_a_setting_that_would_keep_people_from_buying_or_put_them_in_debt_is_an_error(
    settings: Any, name: str, value: object, check_id: str
) -> None:
    call_command("check")
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=rf"billing\.{check_id}"):
        call_command("check")


def test_a_plan_says_what_a_pack_shall_cost(settings: Any) -> None:
    settings.CREDIT_PACKS = [
        {"credits": 10, "unit_amount": 500, "currency": "USD"},
        {"price": "price_fifty", "credits": 50, "name": "Fifty", "unit_amount": 2000, "currency": "usd"},
    ]
    assert pack_plans() == (
        PackPlan(credits=10, name="10 credits", unit_amount=500, currency="usd"),
        PackPlan(credits=50, name="Fifty", unit_amount=2000, currency="usd"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("credits", value) for value in (None, 0, 10.5)),
        *(("unit_amount", value) for value in ("five", -1, 5.5, True)),
        *(("currency", value) for value in (None, "dollars")),
    ],
)
def test_a_plan_that_cannot_be_read_is_named_by_its_number(settings: Any, name: str, value: object) -> None:
    good = {"credits": 10, "unit_amount": 500, "currency": "usd"}
    settings.CREDIT_PACKS = [good, good | {name: value}]
    with pytest.raises(BadPackPlan) as raised:
        pack_plans()
    assert raised.value.number == 2


@pytest.mark.parametrize("configured", [5, "ten", {"credits": 10}], ids=str)
def test_plans_that_are_no_list_are_refused(settings: Any, configured: Any) -> None:
    settings.CREDIT_PACKS = configured
    with pytest.raises(BadPackPlan):
        pack_plans()


# What helps to choose


def offer(credits: int, unit_amount: int, currency: str = "usd") -> Offer:
    return Offer(Pack(f"price_{credits}", credits, f"{credits} credits"), unit_amount, currency)


def test_an_offer_says_what_a_credit_costs_and_what_several_packs_come_to() -> None:
    assert offer(10, 500).credit_price_text == "$0.50"
    assert [offer(1, 75).total_text(quantity) for quantity in (1, 2)] == [
        "1 credit for $0.75",
        "2 credits for $1.50",
    ]


def test_the_best_value_is_said_only_where_there_is_one() -> None:
    ten, fifty = offer(10, 500), offer(50, 2000)
    assert best_value([ten, fifty]) == best_value([fifty, ten]) == fifty
    assert best_value([ten, offer(20, 1000)]) is None
    assert best_value([fifty]) is None
    assert best_value([ten, offer(50, 2000, "eur")]) is None


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (1, "One pack “Ten” is enough."),
        (10, "One pack “Ten” is enough."),
        (11, "One pack “50 credits” is enough."),
        (101, "3 packs “50 credits” are enough."),
    ],
)
def test_who_lacks_credits_is_told_which_pack_has_them(settings: Any, missing: int, said: str) -> None:
    settings.CREDIT_PACKS = TWO_PACKS
    assert enough_text(missing) == said


def test_a_balance_below_zero_says_what_is_missing_and_which_pack_is_enough(settings: Any) -> None:
    settings.CREDIT_PACKS = TWO_PACKS
    context = counter(-12)
    assert "13 credits are missing" in render_to_string("billing/_credits.html", context)
    page = render_to_string("billing/_below_zero.html", context)
    assert "until it is above zero. One pack “50 credits” is enough." in page
