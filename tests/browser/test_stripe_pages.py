"""The stand-in's own pages in Chromium: the card form, the bank account, and the dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewBrowser
from tests.browser.measures import problems_of
from tests.browser.test_looks import NARROW
from tests.drivers.browser import BrowserMember
from tests.drivers.member import DECLINED, FREE, PAYS, MemberClient
from tests.drivers.stripe import Stripe

pytestmark = pytest.mark.stand_in

DISPUTED: Final = "4000000000000259"
AMEX: Final = "378282246310005"
GOOD_IBAN: Final = "AT611904300234573201"
PAGES: Final = ("", "sessions/", "customers/", "events/", "webhooks/")


def checkout(stripe: Stripe, currency: str) -> str:
    """The payment page of an order that no member made; it leads to the dashboard."""
    product = {"currency": currency, "unit_amount": 500, "product_data": {"name": "10 credits"}}
    params: Any = {
        "mode": "payment",
        "customer_email": "ada@example.com",
        "success_url": stripe.dashboard,
        "line_items": [{"price_data": product, "quantity": 1}],
    }
    return str(stripe.client.v1.checkout.sessions.create(params).url)


@pytest.fixture
def buyer(new_browser: NewBrowser, stripe: Stripe) -> BrowserMember:
    """Somebody in front of the payment page."""
    return new_browser().opens(checkout(stripe, "usd"))


@pytest.fixture
def dashboard(stripe: Stripe) -> Iterator[str]:
    """The dashboard's address; whatever a test holds back is let go after it."""
    yield stripe.dashboard
    stripe.post("/dashboard/delivery/release")


def field(person: BrowserMember, name: str) -> Locator:
    """A field of the payment form."""
    return person.page.locator(f"#{name}")


def problem(person: BrowserMember, name: str) -> Locator:
    """What is said beside a field."""
    return person.page.locator(f"#{name}-problem")


def types(person: BrowserMember, name: str, text: str) -> None:
    """Empty a field and type, key by key."""
    field(person, name).fill("")
    field(person, name).press_sequentially(text)


def pay_button(person: BrowserMember) -> Locator:
    """The one big button."""
    return person.page.locator("#payment .pay")


# Typing


@pytest.mark.parametrize(
    ("typed", "shown", "brand"),
    [
        (PAYS, "4242 4242 4242 4242", "Visa"),
        ("5555555555554444", "5555 5555 5555 4444", "Mastercard"),
        (AMEX, "3782 822463 10005", "American Express"),
        ("4242-4242x42424242 99", "4242 4242 4242 4242", "Visa"),
        ("42424", "4242 4", "Visa"),
        ("9", "9", ""),
    ],
)
def test_typing_a_number_groups_its_digits_and_names_its_brand(
    buyer: BrowserMember, typed: str, shown: str, brand: str
) -> None:
    types(buyer, "card_number", typed)
    expect(field(buyer, "card_number")).to_have_value(shown)
    expect(buyer.page.locator("#brand")).to_have_text(brand)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("1234", "12 / 34"), ("534", "05 / 34"), ("12/34", "12 / 34"), ("12", "12 / "), ("12345", "12 / 34")],
)
def test_typing_an_expiry_puts_the_slash_in(buyer: BrowserMember, typed: str, shown: str) -> None:
    types(buyer, "expiry", typed)
    expect(field(buyer, "expiry")).to_have_value(shown)


def test_deleting_goes_through_what_was_put_in(buyer: BrowserMember) -> None:
    types(buyer, "expiry", "123")
    for shown in ("12", "1", ""):
        field(buyer, "expiry").press("Backspace")
        expect(field(buyer, "expiry")).to_have_value(shown)
    types(buyer, "card_number", "42424")
    for shown in ("4242", "424"):
        field(buyer, "card_number").press("Backspace")
        expect(field(buyer, "card_number")).to_have_value(shown)


def test_editing_in_the_middle_keeps_the_caret_there(buyer: BrowserMember) -> None:
    number = field(buyer, "card_number")
    types(buyer, "card_number", "424242421234")
    for _ in range(len("2 1234")):
        number.press("ArrowLeft")
    number.press_sequentially("99")
    expect(number).to_have_value("4242 4249 9212 34")
    number.press("Backspace")
    expect(number).to_have_value("4242 4249 2123 4")
    # Over the gap: the space alone cannot go, so the digit before it does.
    number.press("ArrowRight")
    number.press("Backspace")
    expect(number).to_have_value("4242 4242 1234")
    number.press_sequentially("7")
    expect(number).to_have_value("4242 4247 2123 4")


@pytest.mark.parametrize(("card", "cvc"), [(PAYS, "123"), (AMEX, "1234")])
def test_a_security_code_is_as_long_as_its_brand_has_it(buyer: BrowserMember, card: str, cvc: str) -> None:
    types(buyer, "card_number", card)
    types(buyer, "cvc", "12345")
    expect(field(buyer, "cvc")).to_have_value(cvc)


# What is wrong


def test_a_declined_card_says_so_beside_the_number(buyer: BrowserMember) -> None:
    buyer.pays_with(DECLINED)
    expect(problem(buyer, "card_number")).to_have_text("Your card was declined.")
    expect(field(buyer, "card_number")).to_have_attribute("aria-invalid", "true")
    types(buyer, "card_number", PAYS)
    expect(problem(buyer, "card_number")).to_be_hidden()
    expect(field(buyer, "card_number")).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("card_number", "4242", "incomplete"),
        ("card_number", "4242424242424241", "incorrect"),
        ("expiry", "1", "incomplete"),
        ("expiry", "1340", "incomplete"),
        ("expiry", "0120", "in the past"),
        ("cvc", "1", "invalid"),
    ],
)
def test_a_field_filled_in_wrongly_is_marked_before_anything_is_sent(
    buyer: BrowserMember, name: str, typed: str, said: str
) -> None:
    sent: list[str] = []
    buyer.page.on("request", lambda request: sent.append(request.url))
    types(buyer, name, typed)
    pay_button(buyer).click()
    expect(problem(buyer, name)).to_contain_text(said)
    expect(field(buyer, name)).to_be_focused()
    expect(buyer.page.get_by_role("alert")).to_have_count(1)
    assert sent == []


def test_a_test_card_fills_the_form_in_without_a_reload(buyer: BrowserMember) -> None:
    types(buyer, "cvc", "1")
    buyer.page.evaluate("window.isStillTheSamePage = true")
    buyer.page.get_by_role("link", name="Pays (American Express)").click()
    expect(field(buyer, "card_number")).to_have_value("3782 822463 10005")
    expect(field(buyer, "cvc")).to_have_value("1234")
    assert buyer.page.evaluate("window.isStillTheSamePage") is True
    pay_button(buyer).click()
    buyer.page.wait_for_url("**/dashboard/")


def test_pay_can_be_pressed_once(buyer: BrowserMember) -> None:
    # In one go, for Playwright would first wait for the page that comes next.
    pressed = pay_button(buyer).evaluate("pay => { pay.click(); return [pay.disabled, pay.textContent]; }")
    assert pressed == [True, "Processing…"]
    buyer.page.wait_for_url("**/dashboard/")


def test_a_european_account_is_debited_later(new_browser: NewBrowser, stripe: Stripe) -> None:
    ada = new_browser().opens(checkout(stripe, "eur"))
    ada.page.get_by_label("SEPA Direct Debit").check()
    expect(field(ada, "card_number")).to_be_hidden()
    types(ada, "iban", "at61")
    pay_button(ada).click()
    expect(problem(ada, "iban")).to_be_visible()
    types(ada, "iban", GOOD_IBAN.lower())
    expect(field(ada, "iban")).to_have_value("AT61 1904 3002 3457 3201")
    pay_button(ada).click()
    expect(ada.page.locator(".item").first).to_contain_text("processing")


# Without JavaScript


def test_the_payment_page_does_without_javascript(new_browser: NewBrowser, ada: MemberClient) -> None:
    buyer = new_browser(ada, java_script_enabled=False).opens(ada.open_checkout())
    buyer.page.get_by_label("Promotion code").fill("NO-SUCH-CODE")
    buyer.page.get_by_role("button", name="Apply").click()
    expect(problem(buyer, "promotion_code")).to_contain_text("not valid")
    buyer.page.get_by_role("link", name=re.compile("Wrong security code")).click()
    pay_button(buyer).click()
    expect(problem(buyer, "cvc")).to_contain_text("incorrect")
    buyer.page.get_by_label("Promotion code").fill(FREE)
    buyer.page.get_by_role("button", name="Apply").click()
    expect(buyer.page.get_by_text("100% off")).to_be_visible()
    buyer.page.get_by_role("button", name="Remove the discount").click()
    buyer.pays_with(PAYS)
    ada.await_credits(10)


def test_the_dashboard_does_without_javascript(
    new_browser: NewBrowser, ada: MemberClient, dashboard: str
) -> None:
    seller = new_browser(ada, java_script_enabled=False).opens(dashboard)
    page = seller.page
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("button", name="Hold all webhooks").click()
    expect(page.get_by_role("status")).to_contain_text("held back")

    ada.buy()
    page.get_by_role("link", name="Events").click()
    newest = page.locator(".item").first
    expect(newest).to_contain_text("checkout.session.completed")
    assert ada.credits() == 0
    newest.get_by_role("button", name="Release").click()
    ada.await_credits(10)
    page.get_by_role("button", name="Release all webhooks").click()
    expect(page.get_by_role("button", name="Hold all webhooks")).to_be_visible()

    page.get_by_role("link", name="Payments").click()
    bought = page.locator(".item", has_text=ada.email).first
    bought.get_by_label("all of it when empty").first.fill("1.50")
    bought.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("status")).to_have_text("Refunded.")
    expect(bought).to_contain_text("Refund of $1.50")
    ada.await_credits(7)


# Looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_pages_fit_a_phone_and_are_legible_and_named(
    new_browser: NewBrowser, stripe: Stripe, dashboard: str, scheme: str
) -> None:
    seller = new_browser(viewport=NARROW, color_scheme=scheme)
    sold = checkout(stripe, "usd")
    stripe.post("/dashboard/delivery/hold")
    seller.client.pay(sold, DISPUTED)
    found = {}
    for address in (*(dashboard + name for name in PAGES), checkout(stripe, "eur"), sold):
        found[address] = problems_of(seller.opens(address).page)
    assert {address: said for address, said in found.items() if said} == {}


def test_an_amount_on_a_receipt_stays_on_one_line(
    new_browser: NewBrowser, stripe: Stripe, ada: MemberClient
) -> None:
    checkout_id = ada.buy()
    ada.sync(checkout_id)
    stripe.post(f"/dashboard/payments/{stripe.payment_of(checkout_id)}/refund", money="1.50")
    buyer = new_browser(ada, viewport=NARROW).opens(f"{ada.site}/history/receipts/{checkout_id}/")
    amounts = buyer.page.locator(".sums:not(.about) dd")
    expect(amounts).to_have_text(["$5.00", "$5.00", "$5.00", "-$1.50", "$3.50"])
    lines = amounts.evaluate_all(
        "all => all.map(each => {"
        "const text = document.createRange(); text.selectNodeContents(each);"
        "return text.getClientRects().length; })"
    )
    assert lines == [1] * 5
