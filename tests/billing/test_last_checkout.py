"""Who left for Stripe and comes back to the home page just so: it asks by itself, seldom, and says only news."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.members import Member
from billing.last_checkout import ASK_AGAIN_AFTER_S
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite
from tests.drivers.stripe_api import PRICE

pytestmark = pytest.mark.django_db

QUIET = (204, "")


@pytest.fixture
def browser(site: LoopbackSite, ada: Member) -> Client:
    return browser_of(ada)


@pytest.fixture
def checkout_id(browser: Client) -> str:
    """The checkout for which Ada's browser has left."""
    url = browser.post("/api/stripe/checkout", {"pack": PRICE}, headers=JSON).json()["url"]
    return str(url).rsplit("/", 1)[1]


def test_stripe_sends_buyers_back_to_where_the_settings_say(
    site: LoopbackSite, browser: Client, settings: Any
) -> None:
    settings.SITE_URL = "https://credits.example"
    answer = browser.post("/api/stripe/checkout", {"pack": PRICE}, headers=JSON | {"Host": "127.0.0.1:8000"})
    session = site.session(answer.json()["url"].rsplit("/", 1)[1])
    assert session["success_url"] == "https://credits.example/?session_id={CHECKOUT_SESSION_ID}"
    assert session["cancel_url"] == "https://credits.example/?checkout=cancelled"


def asks(browser: Client, path: str = "/") -> dict[str, str]:
    """The form by which the home page asks by itself; empty when it does not."""
    page = browser.get(path).content.decode()
    hidden = re.search(r'<div id="checkout-sync"[^>]* hidden>.*?</form>', page, re.DOTALL)
    fields = re.findall(r'name="(session_id|attempt|returned)" value="([^"]*)"', hidden[0] if hidden else "")
    return dict(fields)


def answer(browser: Client, form: dict[str, str]) -> HttpResponse:
    sent: Any = browser.post("/api/stripe/sync", form, headers=FRAGMENT)
    return sent  # type: ignore[no-any-return]


def said(answered: HttpResponse) -> tuple[int, str]:
    """The status, and what somebody reads."""
    found = re.search("<p>(.*?)</p>", answered.content.decode())
    return answered.status_code, found[1] if found else ""


def wait(browser: Client) -> None:
    """Let the time pass after which the page asks again."""
    session = browser.session
    session["checkout"] = session["checkout"] | {
        "asked_at": session["checkout"]["asked_at"] - ASK_AGAIN_AFTER_S
    }
    session.save()


def test_who_paid_and_opens_the_home_page_gets_the_credits_once(
    site: LoopbackSite, ada: Member, browser: Client, checkout_id: str
) -> None:
    site.pay(checkout_id)
    form = asks(browser)
    assert form == {"session_id": checkout_id, "attempt": "0", "returned": "unasked"}
    answered = answer(browser, form)
    assert said(answered) == (200, "Thank you. Added to your balance: 10 credits.")
    assert answered["HX-Trigger"] == '{"credits-changed": {}}'
    assert (site.credits(ada), asks(browser)) == (10, {})


def test_the_webhook_may_have_been_first(site: LoopbackSite, browser: Client, checkout_id: str) -> None:
    site.pay(checkout_id)
    site.deliver_all()
    assert "Already added to your balance: 10 credits" in said(answer(browser, asks(browser)))[1]
    assert asks(browser) == {}


def test_of_one_that_is_open_nobody_hears_and_stripe_is_asked_once_a_minute(
    site: LoopbackSite, ada: Member, browser: Client, checkout_id: str
) -> None:
    form = asks(browser)
    asked = site.asked_stripe
    assert said(answer(browser, form)) == QUIET
    assert site.asked_stripe == asked + 1
    assert asks(browser) == {}
    assert said(answer(browser, form)) == QUIET  # another tab had the form too
    assert site.asked_stripe == asked + 1
    wait(browser)
    site.pay(checkout_id)
    answer(browser, asks(browser))
    assert site.credits(ada) == 10


def test_one_that_expired_is_told_of_once(site: LoopbackSite, browser: Client, checkout_id: str) -> None:
    site.post(f"/dashboard/sessions/{checkout_id}/expire")
    assert said(answer(browser, asks(browser)))[1].startswith("This checkout expired before it was paid.")
    assert asks(browser) == {}


def test_a_bank_debit_is_told_of_without_asking_on_and_on(
    site: LoopbackSite, browser: Client, checkout_id: str
) -> None:
    site.pay(checkout_id, payment_method="bank_debit_ok")
    answered = answer(browser, asks(browser))
    assert "Stripe has not confirmed the payment yet. Some ways to pay take days" in said(answered)[1]
    assert "load delay" not in answered.content.decode()
    wait(browser)
    site.post(f"/dashboard/payments/{site.payment_of(checkout_id)}/settle")
    form = {"session_id": checkout_id, "returned": "unasked"}
    assert "Thank you" in said(answer(browser, form))[1]


def test_a_payment_on_its_way_stands_on_the_home_page_until_it_is_decided(
    site: LoopbackSite, browser: Client, checkout_id: str
) -> None:
    site.pay(checkout_id, payment_method="bank_debit_ok")
    answer(browser, {"session_id": checkout_id})
    for is_due in (True, False):
        page = browser.get("/").content.decode()
        assert "Some ways to pay take days" in page
        assert ('hx-trigger="load delay:0s, submit"' in page) is is_due
        answer(browser, {"session_id": checkout_id, "returned": "unasked"})
    site.post(f"/dashboard/payments/{site.payment_of(checkout_id)}/fail")
    wait(browser)
    failed = said(answer(browser, {"session_id": checkout_id, "returned": "unasked"}))[1]
    assert failed.startswith("The payment failed at your bank, and nothing was charged.")
    assert "Some ways to pay take days" not in browser.get("/").content.decode()


def test_who_comes_back_by_stripes_way_is_not_asked_about_again(
    site: LoopbackSite, browser: Client, checkout_id: str
) -> None:
    site.pay(checkout_id)
    assert asks(browser, f"/?session_id={checkout_id}") == {}
    assert "Thank you" in said(answer(browser, {"session_id": checkout_id}))[1]
    assert asks(browser) == {}


def test_another_checkout_that_is_settled_does_not_hide_the_last(
    site: LoopbackSite, ada: Member, browser: Client, checkout_id: str
) -> None:
    other = site.buy(ada)
    answer(browser, {"session_id": other})
    assert asks(browser)["session_id"] == checkout_id


def test_who_cancelled_is_told_so_and_may_pay_after_all(
    site: LoopbackSite, browser: Client, checkout_id: str
) -> None:
    assert asks(browser, "/?checkout=cancelled") == {}
    cancelled = answer(browser, {"session_id": checkout_id, "returned": "cancelled"})
    assert said(cancelled) == (200, "Checkout cancelled. Nothing was charged.")
    site.pay(checkout_id)
    assert "Thank you" in said(answer(browser, asks(browser)))[1]


@pytest.mark.parametrize("away", ["stripe_is_away", "instant_is_away"])
def test_an_outage_is_not_told_to_who_did_not_ask(
    site: LoopbackSite, browser: Client, checkout_id: str, away: str
) -> None:
    site.pay(checkout_id)
    form = asks(browser)
    setattr(site, away, True)
    assert said(answer(browser, form)) == QUIET
    setattr(site, away, False)
    wait(browser)
    assert "Thank you" in said(answer(browser, asks(browser)))[1]


def test_a_limit_is_not_told_to_who_did_not_ask(
    site: LoopbackSite, browser: Client, checkout_id: str, settings: Any
) -> None:
    settings.LIMITS_ENABLED, settings.STRIPE_CALLS_PER_MEMBER_PER_HOUR = True, 1
    form = asks(browser)
    browser.post("/api/stripe/sync", {"session_id": checkout_id}, headers=JSON)
    assert browser.post("/api/stripe/sync", {"session_id": checkout_id}, headers=JSON).status_code == 429
    assert said(answer(browser, form)) == QUIET


def test_one_that_stripe_does_not_have_is_forgotten(
    site: LoopbackSite, browser: Client, checkout_id: str
) -> None:
    session = browser.session
    session["checkout"] = {"id": "cs_test_gone", "asked_at": 0}
    session.save()
    assert said(answer(browser, asks(browser))) == QUIET
    assert "checkout" not in browser.session


def test_a_page_asks_by_itself_about_the_last_one_only(
    site: LoopbackSite, ada: Member, browser: Client, checkout_id: str
) -> None:
    other = site.buy(ada)
    assert said(answer(browser, {"session_id": other, "returned": "unasked"})) == QUIET
    assert site.credits(ada) == 0
