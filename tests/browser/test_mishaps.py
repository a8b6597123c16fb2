"""What people and networks do wrong, in Chromium: press twice, use two tabs, go away in the middle. It costs once."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Locator, Route, expect

from sandbox.world import World
from tests.browser.conftest import NewBrowser
from tests.browser.staff_states import MEMBERS, fills_in, path_of
from tests.browser.stage import Cast
from tests.drivers.browser import BrowserMember
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import PAYS, MemberClient
from tests.drivers.stripe import Stripe


@pytest.fixture(params=deep_but_for(1, [True, False]), ids=["JavaScript", "no JavaScript"])
def rich(request: pytest.FixtureRequest, new_browser: NewBrowser, ada: MemberClient) -> BrowserMember:
    """A member with ten credits, at a browser with JavaScript and at one without."""
    ada.sync(ada.buy()).raise_for_status()
    return new_browser(ada, java_script_enabled=request.param).opens("/")


def press_twice(button: Locator, faults: Faults, path: str) -> None:
    """Two clicks, the second while the first is still being worked on.

    The second ends the navigation of the first, which `wait_for_url` takes for a failure: look at the address.
    """
    faults.add("hold_before", path)
    button.dblclick(no_wait_after=True)
    faults.await_held()
    faults.clear()


def test_continuing_to_stripe_twice_is_one_checkout(
    rich: BrowserMember, stripe: Stripe, stripe_faults: Faults
) -> None:
    rich.buy_button.click()
    press_twice(
        rich.page.get_by_role("button", name="Continue to Stripe"), stripe_faults, "^/v1/checkout/sessions$"
    )
    expect(rich.page).to_have_url(re.compile("/c/pay/"))
    (customer,) = stripe.ask("/v1/customers", email=rich.client.email)["data"]
    checkouts = stripe.ask("/v1/checkout/sessions", customer=customer["id"])["data"]
    assert sorted(checkout["status"] for checkout in checkouts) == ["complete", "open"]


@pytest.mark.deep
def test_paying_twice_is_one_payment(rich: BrowserMember, stripe: Stripe) -> None:
    rich.buys()
    rich.page.get_by_label("Number", exact=True).fill(PAYS)
    rich.page.locator("#payment .pay").dblclick(no_wait_after=True)
    expect(rich.page).to_have_url(re.compile(f"^{rich.client.site}/"))
    rich.client.await_credits(20)
    (customer,) = stripe.ask("/v1/customers", email=rich.client.email)["data"]
    assert len(stripe.ask("/v1/payment_intents", customer=customer["id"])["data"]) == 2


def test_giving_back_twice_is_one_refund(rich: BrowserMember, stripe: Stripe, stripe_faults: Faults) -> None:
    rich.opens("/history/").page.get_by_role("link", name="Take back the purchase").click()
    press_twice(rich.page.get_by_role("button", name="Give back 10 credits"), stripe_faults, "^/v1/refunds$")
    expect(rich.message).not_to_be_empty()
    rich.client.await_credits(0)
    assert rich.client.ledger() == [("purchase", 10, 10), ("refund", -10, 0)]
    (customer,) = stripe.ask("/v1/customers", email=rich.client.email)["data"]
    (payment,) = stripe.ask("/v1/payment_intents", customer=customer["id"])["data"]
    assert len(stripe.ask("/v1/refunds", payment_intent=payment["id"])["data"]) == 1


# What ten credits become when staff say five.
BECOMES: Final = {"grant": 15, "take": 5, "reset": 5, "many": 15}


@pytest.mark.parametrize("page", deep_but_for(1, BECOMES))
def test_staff_who_press_twice_move_credits_once(
    new_browser: NewBrowser,
    ada_with_ten_credits: MemberClient,
    world: World,
    instant_faults: Faults,
    page: str,
) -> None:
    ada, staff = ada_with_ten_credits, Cast(world).staff
    address = f"{MEMBERS}grant/" if page == "many" else path_of(staff, ada, page)
    person = new_browser(staff).opens(address)
    whom = {"members": ada.email} if page == "many" else {}
    fills_in(person, credits="5", reason="An apology", **whom)
    expect(person.page.locator("[name=confirm]")).to_have_count(1)
    press_twice(person.page.locator("#content-main [type=submit]"), instant_faults, "^/admin/transact$")
    expect(person.page.locator(".messagelist, .members__done").first).to_be_visible()
    kind = "grant" if page == "many" else page
    assert ada.ledger()[1:] == [(kind, BECOMES[page] - 10, BECOMES[page])]


@pytest.mark.parametrize(
    ("link", "entry"),
    deep_but_for(
        1, [("a[href*='/refund/']", ("refund", -9, 0)), ("a[href*='/give-back/']", ("undo", 1, 10))]
    ),
)
def test_staff_who_press_twice_undo_once(
    new_browser: NewBrowser,
    ada_with_ten_credits: MemberClient,
    world: World,
    instant_faults: Faults,
    link: str,
    entry: tuple[str, int, int],
) -> None:
    ada, staff = ada_with_ten_credits, Cast(world).staff
    ada.write()
    person = new_browser(staff).opens(path_of(staff, ada, "change"))
    person.page.locator(link).first.click()
    person.page.locator("#content-main [name=reason]").fill("A haiku about somebody else")
    press_twice(
        person.page.locator("#content-main .submit-row [type=submit]"), instant_faults, "^/admin/transact$"
    )
    expect(person.page.locator(".messagelist")).to_be_visible()
    assert ada.ledger()[2:] == [entry]


@pytest.mark.deep
def test_the_last_credit_is_spent_in_one_of_two_tabs(rich: BrowserMember) -> None:
    for number in range(9):
        rich.client.write(f"rain {number}")
    other = BrowserMember(rich.page.context.new_page(), rich.client)
    for tab in (rich.opens("/"), other.opens("/")):
        expect(tab.credits).to_have_text("1")
    rich.writes_about("the first")
    expect(rich.cards.first.get_by_role("heading")).to_have_text("the first")
    other.writes_about("the second")
    expect(other.page.get_by_role("alert")).to_contain_text("out of credits")
    expect(other.topic).to_have_value("the second")
    assert rich.client.credits() == 0


def test_who_is_not_let_through_to_pay_reads_so_and_may_press_again(broke_ada: BrowserMember) -> None:
    """Stripe sends buyers to a domain of the seller's that `CHECKOUT_ORIGINS` does not name."""
    broke_ada.bears("violates the following Content Security Policy directive|Refused to send form data")
    elsewhere = {"Location": "https://pay.seller.example/c/pay/cs_test_1"}
    broke_ada.page.route("**/api/stripe/checkout", lambda route: route.fulfill(status=303, headers=elsewhere))
    broke_ada.buy_button.click()
    broke_ada.page.get_by_role("button", name="Continue to Stripe").click()
    expect(broke_ada.message).to_contain_text("not let through to the payment page, and nothing was charged")
    expect(broke_ada.packs).to_be_hidden()
    broke_ada.buy_button.click()
    expect(broke_ada.page.get_by_role("button", name="Continue to Stripe")).to_be_enabled()


@pytest.mark.parametrize(
    ("status", "said"), {200: "We cannot be reached right now", 502: "Something broke on our side"}.items()
)
def test_a_page_of_somebody_else_is_said_and_stays_out_of_ours(
    rich_ada: BrowserMember, status: int, said: str
) -> None:
    """As a proxy sends it, or a network that wants its users to sign in."""
    rich_ada.bears("Response Status Error Code 502|status of 502")
    page = "<!doctype html><html><body><main>Welcome to our network</main></body></html>"
    rich_ada.page.route(
        "**/api/generate",
        lambda route: route.fulfill(status=status, content_type="text/html", body=page),
        times=1,
    )
    rich_ada.writes_about("rain")
    expect(rich_ada.message).to_contain_text(said)
    expect(rich_ada.page.get_by_text("Welcome to our network")).to_have_count(0)
    rich_ada.write_button.click()
    expect(rich_ada.cards).to_have_count(1)
    expect(rich_ada.message).to_be_empty()


def test_an_answer_that_is_lost_on_its_way_costs_nothing_more(rich_ada: BrowserMember) -> None:
    rich_ada.bears("htmx:sendError|htmx:afterRequest|ERR_CONNECTION_RESET")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    rich_ada.page.route("**/api/generate", lose, times=1)
    rich_ada.writes_about("rain")
    expect(rich_ada.message).to_contain_text("never charged twice")
    assert len(rich_ada.client.haikus()) == 1
    rich_ada.write_button.click()
    expect(rich_ada.cards).to_have_count(1)
    expect(rich_ada.credits).to_have_text("9")
    expect(rich_ada.message).to_be_empty()
    assert len(rich_ada.client.haikus()) == 1
