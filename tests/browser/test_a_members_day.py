"""What a member does, from the first topic to leaving: wide and narrow, by keyboard alone, without JavaScript."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewBrowser
from tests.browser.hands import Keyboard, Mouse
from tests.browser.test_looks import NARROW, WIDE
from tests.drivers.browser import BrowserMember
from tests.drivers.member import PAYS
from tests.drivers.stripe import Stripe

TOPIC: Final = "winter rain"
# How they sit in front of it: the hands, and the options of the browser.
WAYS: Final[dict[str, tuple[type[Mouse], dict[str, Any]]]] = {
    "wide and light": (Mouse, {"viewport": WIDE}),
    "a phone in the dark": (
        Mouse,
        {"viewport": NARROW, "has_touch": True, "is_mobile": True, "color_scheme": "dark"},
    ),
    "the keyboard alone": (Keyboard, {"viewport": WIDE, "color_scheme": "dark"}),
    "no JavaScript": (Mouse, {"viewport": NARROW, "java_script_enabled": False}),
}


class Day:
    """Somebody at a page with their hands."""

    def __init__(self, person: BrowserMember, hands: type[Mouse], *, scripted: bool) -> None:
        self.person = person
        self.page = person.page
        self.hands = hands(person.page)
        self.scripted = scripted

    def button(self, name: str, *, exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    def link(self, name: str, *, exact: bool = False) -> Locator:
        return self.page.get_by_role("link", name=name, exact=exact)

    def enters_the_code(self, button: str, email: str | None = None) -> None:
        """Look into the mail and type what it says."""
        expect(self.page.get_by_label("Code")).to_be_focused()
        self.hands.types(self.page.get_by_label("Code"), self.person.client.code(email))
        self.hands.presses(self.button(button))


@pytest.fixture(params=WAYS)
def day(request: pytest.FixtureRequest, new_browser: NewBrowser) -> Day:
    """A stranger on the landing page."""
    hands, options = WAYS[request.param]
    person = new_browser(accept_downloads=True, **options).opens("/")
    return Day(person, hands, scripted=options.get("java_script_enabled", True))


@pytest.mark.deep
def test_a_members_day(day: Day, stripe: Stripe) -> None:
    _joins_with_a_topic(day)
    _buys_fifty_and_goes_back(day, stripe)
    _writes_deletes_and_undoes(day)
    _reads_the_history(day)
    _takes_the_purchase_back(day)
    _changes_the_email(day)
    _takes_the_data_and_leaves(day)


def _joins_with_a_topic(day: Day) -> None:
    person = day.person
    day.hands.types(person.topic, TOPIC)
    day.hands.presses(person.write_button)
    expect(person.message).to_contain_text("topic is kept")
    person.client.email = f"member-{uuid4().hex[:12]}@example.com"
    day.hands.types(day.page.get_by_label("Email"), person.client.email)
    day.hands.presses(day.button("Send me a code"))
    day.enters_the_code("Sign in")
    expect(person.topic).to_have_value(TOPIC)


def _buys_fifty_and_goes_back(day: Day, stripe: Stripe) -> None:
    person = day.person
    day.hands.presses(person.write_button)
    expect(person.packs).to_be_visible()
    day.hands.checks(day.page.get_by_label("Fifty haikus"))
    day.hands.presses(day.button("Continue to Stripe"))
    day.page.wait_for_url("**/c/pay/**")
    day.hands.types(day.page.get_by_label("Number", exact=True), PAYS)
    day.hands.presses(day.button("Pay $20.00"))
    day.page.wait_for_url(f"{person.client.site}/**")
    if not day.scripted:
        day.hands.presses(day.button("Check now"))
    # The address says no more that somebody has just come back.
    expect(day.page).to_have_url(re.compile("/$"))
    expect(person.credits).to_have_text("50")
    # Back and back again: to Stripe's page, which takes no second payment, and to the one before.
    while "/c/pay/" not in day.page.url:
        day.page.go_back()
    day.page.go_back()
    expect(person.credits).to_have_text("50")
    (customer,) = stripe.ask("/v1/customers", email=person.client.email)["data"]
    assert len(stripe.ask("/v1/payment_intents", customer=customer["id"])["data"]) == 1


def _writes_deletes_and_undoes(day: Day) -> None:
    person = day.person
    expect(person.topic).to_have_value(TOPIC)
    day.hands.presses(person.write_button)
    expect(person.cards).to_have_count(1)
    expect(person.credits).to_have_text("49")
    day.hands.presses(day.button("Delete the haiku"))
    expect(person.cards).to_have_count(0)
    day.hands.presses(day.button("Undo"))
    expect(person.cards).to_have_count(1)
    day.hands.presses(day.link(TOPIC, exact=True))
    day.page.wait_for_url("**/haikus/*/")
    day.hands.presses(day.link("All your haikus"))
    expect(person.cards).to_have_count(1)


def _reads_the_history(day: Day) -> None:
    rows = day.page.locator("#entries tbody tr")
    day.hands.presses(day.link("History", exact=True))
    expect(rows).to_have_count(2)
    day.hands.selects(day.page.get_by_role("combobox", name="Movements"), "Bought")
    day.hands.presses(day.button("Show", exact=True))
    expect(rows).to_have_count(1)
    expect(day.page).to_have_url(re.compile("kind=bought"))
    with day.page.expect_download() as download:
        day.hands.presses(day.link("All of it for a spreadsheet"))
    assert download.value.path().read_text("utf-8-sig").count("\n") == 3
    day.hands.presses(day.page.get_by_text("The same as a table"))
    expect(day.page.locator(".chart table")).to_be_visible()


def _takes_the_purchase_back(day: Day) -> None:
    day.hands.presses(day.link("Take back the purchase"))
    day.hands.presses(day.button("Give back 49 credits for $19.60"))
    expect(day.person.message).to_contain_text("Taken back")
    expect(day.person.credits).to_have_text("0")
    amounts = day.page.locator("#entries tbody td:nth-child(3)")
    expect(amounts).to_have_text(["\N{MINUS SIGN}49", "\N{MINUS SIGN}1", "+50"])


def _changes_the_email(day: Day) -> None:
    client = day.person.client
    day.hands.presses(day.link("Account", exact=True))
    day.hands.presses(day.link("Change it"))
    new = f"new-{client.email}"
    day.hands.types(day.page.get_by_label("New email"), new)
    day.hands.presses(day.button("Send a code there"))
    day.enters_the_code("Change my email", new)
    expect(day.person.message).to_contain_text("Your email is changed")
    client.email = new


def _takes_the_data_and_leaves(day: Day) -> None:
    with day.page.expect_download() as download:
        day.hands.presses(day.link("Download", exact=True))
    everything = json.loads(download.value.path().read_text())
    assert day.person.client.email in json.dumps(everything)
    assert TOPIC in json.dumps(everything)
    day.hands.presses(day.link("Delete the account"))
    day.hands.presses(day.button("Send me a code"))
    day.enters_the_code("Delete my account")
    expect(day.person.message).to_contain_text("Your account is deleted")
    expect(day.button("Sign out")).to_have_count(0)
