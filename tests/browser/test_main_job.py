"""The main job, by clicking, in Chromium: with JavaScript and without."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.drivers.browser import BrowserMember
from tests.drivers.faults import Faults
from tests.drivers.member import DECLINED, FREE, PAYS, MemberClient
from tests.drivers.stripe import Stripe

ADDED = re.compile("added", re.IGNORECASE)
UNCHARGED = re.compile("nothing was charged", re.IGNORECASE)


def test_the_main_job_whole_by_clicking(stranger: BrowserMember, stripe_faults: Faults) -> None:
    ada, page = stranger, stranger.page
    ada.signs_in()
    expect(ada.credits).to_have_text("0")

    # Without credits: the packs are offered, and what was typed is kept.
    ada.writes_about("winter rain")
    expect(ada.packs).to_be_visible()
    expect(ada.topic).to_have_value("winter rain")
    page.get_by_label("How many packs").fill("2")
    ada.goes_to_stripe()
    expect(page.get_by_text("$10.00").first).to_be_visible()
    ada.pays_with(DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("declined")

    # Back before Stripe says a word: the page is drawn without the credits, and gets them without a reload.
    stripe_faults.add("hold_before", r"^/v1/checkout/sessions/cs_", method="GET", times=None)
    ada.pays_with(PAYS)
    expect(ada.notice).to_contain_text("Asking Stripe")
    expect(ada.credits).to_have_text("0")
    page.evaluate("window.isStillTheSamePage = true")
    stripe_faults.clear()
    expect(ada.notice).to_contain_text(ADDED)
    expect(ada.credits).to_have_text("20")

    for number, topic in enumerate(("winter rain", "the night train"), start=1):
        _writes_one(ada, topic, number=number)
    assert page.evaluate("window.isStillTheSamePage") is True
    _reads_the_history(ada)
    _signs_out(ada)
    page.go_back()
    expect(page.get_by_label("Email")).to_be_visible()


def _writes_one(ada: BrowserMember, topic: str, *, number: int) -> None:
    """The haiku is on top, for one credit, and the form is fresh."""
    spent = ada.request_id()
    ada.writes_about(topic)
    expect(ada.cards).to_have_count(number)
    expect(ada.cards.first.get_by_role("heading")).to_have_text(topic)
    expect(ada.credits).to_have_text(str(20 - number))
    expect(ada.topic).to_have_value("")
    expect(ada.topic).to_be_focused()
    assert ada.request_id() != spent


def _reads_the_history(ada: BrowserMember) -> None:
    """A purchase and two haikus, the newest first."""
    ada.page.get_by_role("link", name="History").click()
    rows = ada.page.get_by_role("table").first.get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("\N{MINUS SIGN}1")
    expect(rows.nth(3)).to_contain_text("+")


def _deletes_and_undoes(ada: BrowserMember) -> None:
    ada.opens("/").cards.first.get_by_role("button", name="Delete").click()
    expect(ada.message).to_contain_text("deleted")
    expect(ada.cards).to_have_count(1)
    ada.page.get_by_role("button", name="Undo").click()
    expect(ada.message).to_contain_text("is back")
    expect(ada.cards).to_have_count(2)


def _signs_out(ada: BrowserMember) -> None:
    ada.page.get_by_role("button", name="Sign out").click()
    expect(ada.page.get_by_label("Email")).to_be_visible()


@pytest.mark.deep
def test_the_main_job_whole_without_javascript(new_browser: NewBrowser) -> None:
    ada = new_browser(java_script_enabled=False).opens("/")
    page = ada.page
    ada.signs_in()
    expect(ada.packs).to_be_hidden()
    ada.writes_about("winter rain")
    expect(page.get_by_role("alert")).to_contain_text("out of credits")
    expect(ada.packs).to_be_visible()
    ada.goes_to_stripe()
    ada.pays_with(DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("button", name="Check now").click()
    expect(ada.message).to_contain_text(UNCHARGED)

    ada.buy_button.click()
    page.get_by_label("Fifty haikus").check()
    ada.goes_to_stripe()
    ada.pays_with(PAYS)
    page.get_by_role("button", name="Check now").click()
    expect(ada.message).to_contain_text(ADDED)
    expect(ada.credits).to_have_text("50")

    for number, topic in enumerate(("winter rain", "the night train"), start=1):
        ada.writes_about(topic)
        expect(ada.message).to_contain_text("written")
        expect(ada.cards).to_have_count(number)
        expect(ada.cards.first.get_by_role("heading")).to_have_text(topic)
    expect(ada.credits).to_have_text("48")
    _reads_the_history(ada)
    _deletes_and_undoes(ada)
    _signs_out(ada)


@pytest.mark.deep
def test_a_free_order_is_credited(broke_ada: BrowserMember) -> None:
    broke_ada.buys()
    broke_ada.page.get_by_label("Promotion code").fill(FREE)
    broke_ada.page.get_by_role("button", name="Apply").click()
    broke_ada.page.get_by_role("button", name="Complete order").click()
    expect(broke_ada.notice).to_contain_text(ADDED)
    expect(broke_ada.credits).to_have_text("10")


def test_the_notice_of_a_purchase_is_gone_after_a_reload(broke_ada: BrowserMember) -> None:
    broke_ada.buys()
    broke_ada.pays_with(PAYS)
    expect(broke_ada.notice).to_contain_text(ADDED)
    expect(broke_ada.page).to_have_url(re.compile(r"/$"))
    broke_ada.page.reload()
    expect(broke_ada.credits).to_have_text("10")
    expect(broke_ada.notice).to_have_count(0)


def test_who_paid_and_closed_the_tab_has_the_credits_on_the_home_page(broke_ada: BrowserMember) -> None:
    broke_ada.buys()
    broke_ada.client.pay(broke_ada.page.url)
    broke_ada.opens("/")
    expect(broke_ada.notice).to_contain_text("Thank you")
    expect(broke_ada.credits).to_have_text("10")
    broke_ada.page.reload()
    expect(broke_ada.credits).to_have_text("10")
    expect(broke_ada.notice).to_have_count(0)


@pytest.fixture
def held_webhooks(stripe: Stripe) -> Iterator[None]:
    """No webhook arrives until the test is over."""
    stripe.post("/dashboard/delivery", nothing="1")
    yield
    stripe.post("/dashboard/delivery")


@pytest.mark.usefixtures("held_webhooks")
def test_the_history_credits_what_it_shows_as_paid(broke_ada: BrowserMember) -> None:
    broke_ada.client.buy()
    broke_ada.opens("/history/")
    expect(broke_ada.message).to_contain_text(ADDED)
    expect(broke_ada.credits).to_have_text("10")
    expect(broke_ada.page.locator("#entries")).to_contain_text("Bought credits")
    expect(broke_ada.page.locator("#purchases")).to_contain_text("Paid")
    expect(broke_ada.page.locator("#purchases")).not_to_contain_text("not added")
    expect(broke_ada.notice).to_have_count(0)


@pytest.mark.deep
def test_of_a_checkout_that_is_still_open_the_home_page_says_nothing(broke_ada: BrowserMember) -> None:
    broke_ada.buys()
    with broke_ada.page.expect_response("**/api/stripe/sync") as asked:
        broke_ada.opens("/")
    assert asked.value.status == 204
    expect(broke_ada.notice).to_be_hidden()
    expect(broke_ada.message).to_be_empty()


@pytest.mark.deep
def test_someone_elses_checkout_never_says_added(broke_ada: BrowserMember) -> None:
    broke_ada.bears("Response Status Error Code 404 from /api/stripe/sync")
    of_grace = MemberClient(broke_ada.client.site, broke_ada.client.mail_dir).sign_in().buy()
    broke_ada.opens(f"/?session_id={of_grace}")
    expect(broke_ada.message).to_contain_text("You have no such")
    expect(broke_ada.notice).to_have_count(0)
    expect(broke_ada.page.locator("main")).not_to_contain_text(ADDED)
    expect(broke_ada.credits).to_have_text("0")
