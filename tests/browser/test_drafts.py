"""A topic that was typed once is one press away from being written, whatever came between."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from sandbox.world import World
from tests.browser.conftest import NewBrowser
from tests.drivers.browser import BrowserMember
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import DECLINED, PAYS, MemberClient
from tests.drivers.stripe import Stripe

TOPIC = "winter rain"


@pytest.fixture(params=deep_but_for(1, [True, False]), ids=["JavaScript", "no JavaScript"])
def scripted(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts."""
    return bool(request.param)


@pytest.mark.parametrize("scripted", [True, False], ids=["JavaScript", "no JavaScript"])
def test_a_topic_typed_by_a_stranger_is_written_once_they_have_signed_in_and_paid(
    new_browser: NewBrowser, scripted: bool, world: World
) -> None:
    ada = new_browser(java_script_enabled=scripted).opens("/")
    page = ada.page
    ada.writes_about(TOPIC)
    expect(ada.message).to_contain_text("topic is kept")
    ada.asks_for_a_code()
    for _ in range(2):
        page.reload()
    ada.enters_the_code()
    expect(ada.topic).to_have_value(TOPIC)
    request_id = ada.request_id()

    ada.write_button.click()
    expect(page.get_by_role("alert")).to_contain_text("out of credits")
    ada.goes_to_stripe()
    ada.pays_with(DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("declined")
    ada.pays_with(PAYS)
    if not scripted:
        page.get_by_role("button", name="Check now").click()
    expect(ada.credits).to_have_text("10")
    _is_one_press_away(ada, request_id)

    assert len(ada.client.codes()) == 1
    stripe = Stripe(world)
    (customer,) = stripe.ask("/v1/customers", email=ada.client.email)["data"]
    (charge,) = stripe.ask("/v1/payment_intents", customer=customer["id"])["data"]
    assert charge["amount_received"] == 500


def test_a_topic_survives_a_checkout_that_is_cancelled_and_charged_nothing(
    new_browser: NewBrowser, scripted: bool, ada: MemberClient
) -> None:
    broke = new_browser(ada, java_script_enabled=scripted).opens("/")
    broke.writes_about(TOPIC)
    broke.goes_to_stripe()
    broke.page.get_by_role("link", name="Back").click()
    if scripted:
        expect(broke.notice).to_contain_text("nothing was charged", ignore_case=True)
    expect(broke.credits).to_have_text("0")
    expect(broke.topic).to_have_value(TOPIC)
    request_id = broke.request_id()
    ada.sync(ada.buy())
    _is_one_press_away(broke.opens("/"), request_id)


@pytest.mark.parametrize("ended", deep_but_for(1, ["signed out elsewhere", "forgotten by the browser"]))
def test_a_topic_survives_a_session_that_ends(
    new_browser: NewBrowser, scripted: bool, ada_with_ten_credits: MemberClient, ended: str
) -> None:
    rich = new_browser(ada_with_ten_credits, java_script_enabled=scripted)
    # The open tab may ask for its stream once more before it is left; whether it does is chance.
    rich.bears(r"status of 401 \(Unauthorized\)")
    rich.opens("/").topic.fill(TOPIC)
    request_id = rich.request_id()
    if ended == "signed out elsewhere":
        ada_with_ten_credits.post("/sign-out/")
    else:
        rich.page.context.clear_cookies(name="sessionid")
    rich.write_button.click()
    rich.asks_for_a_code(ada_with_ten_credits.email)
    rich.enters_the_code()
    _is_one_press_away(rich, request_id)


def test_a_topic_survives_a_page_that_was_opened_before_signing_in_anew_in_another_tab(
    new_browser: NewBrowser, scripted: bool, ada_with_ten_credits: MemberClient
) -> None:
    rich = new_browser(ada_with_ten_credits, java_script_enabled=scripted)
    rich.bears("status of 401|[Ee]rror.* 403|status of 403")
    rich.opens("/").topic.fill(TOPIC)
    request_id = rich.request_id()
    other = BrowserMember(rich.page.context.new_page(), rich.client).opens("/")
    other.page.get_by_role("button", name="Sign out").click()
    other.asks_for_a_code(rich.client.email)
    other.enters_the_code()
    expect(other.credits).to_have_text("10")
    rich.write_button.click()
    expect(rich.message).to_contain_text("out of date")
    if scripted:
        rich.page.get_by_role("link", name="Open the page anew").click()
    _is_one_press_away(rich, request_id)


def test_a_topic_survives_an_outage(
    new_browser: NewBrowser, scripted: bool, ada_with_ten_credits: MemberClient, instant_faults: Faults
) -> None:
    rich = new_browser(ada_with_ten_credits, java_script_enabled=scripted).opens("/")
    rich.bears("Response Status Error Code 503")
    request_id = rich.request_id()
    # The balance is read, the spend arrives but its answer does not, and then Instant is away.
    instant_faults.add("refuse", "^/admin/query$", skip=1, times=None)
    instant_faults.add("drop_after", "^/admin/transact$")
    instant_faults.add("refuse", "^/admin/transact$", times=None)
    rich.writes_about(TOPIC)
    expect(rich.message).to_contain_text("never charged twice")
    instant_faults.clear()
    if not scripted:
        rich.page.get_by_role("link", name="Try again").click()
    _is_one_press_away(rich, request_id)


def _is_one_press_away(person: BrowserMember, request_id: str) -> None:
    """The form holds topic and request. Pressed, it writes one haiku for one credit, and is free again."""
    expect(person.topic).to_have_value(TOPIC)
    expect(person.page.locator("#write").get_by_role("alert")).to_have_count(0)
    assert person.request_id() == request_id
    person.write_button.click()
    expect(person.cards).to_have_count(1)
    expect(person.cards.first.get_by_role("heading")).to_have_text(TOPIC)
    expect(person.credits).to_have_text("9")
    expect(person.topic).to_have_value("")
    expect(person.message).not_to_contain_text("charged twice")
    person.page.reload()
    expect(person.topic).to_have_value("")
    expect(person.cards).to_have_count(1)
