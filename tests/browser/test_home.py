"""The home page in Chromium: what is written, what is deleted, and what the counter shows when."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.drivers.browser import BrowserMember
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient


@pytest.mark.parametrize(
    "topic",
    deep_but_for(
        1, ["<img src=x onerror='window.hacked=1'>", "<script>window.hacked = 1</script>", "{{ rain }}"]
    ),
)
def test_code_as_a_topic_is_text_and_runs_nothing(rich_ada: BrowserMember, topic: str) -> None:
    rich_ada.writes_about(topic)
    expect(rich_ada.cards.first.get_by_role("heading")).to_have_text(topic)
    for path in ("/", "/haikus/", "/history/"):
        rich_ada.opens(path)
        assert rich_ada.page.evaluate("window.hacked === undefined")
    expect(rich_ada.opens("/haikus/").cards.first.get_by_role("heading")).to_have_text(topic)


def test_a_double_click_writes_one_haiku(rich_ada: BrowserMember, instant_faults: Faults) -> None:
    instant_faults.add("hold_before", "^/admin/transact$")
    rich_ada.topic.fill("rain")
    rich_ada.write_button.dblclick()
    expect(rich_ada.write_button).to_be_disabled()
    rich_ada.topic.press("Enter")
    instant_faults.clear()
    expect(rich_ada.cards).to_have_count(1)
    expect(rich_ada.credits).to_have_text("9")
    expect(rich_ada.write_button).to_be_enabled()
    assert [entry["kind"] for entry in rich_ada.client.history()] == ["spend", "purchase"]


def test_a_bad_topic_says_so_beside_the_field_and_costs_nothing(rich_ada: BrowserMember) -> None:
    rich_ada.writes_about("...!?")
    expect(rich_ada.page.get_by_role("alert")).to_be_visible()
    expect(rich_ada.topic).to_have_attribute("aria-describedby", "write-error")
    rich_ada.writes_about("rain")
    expect(rich_ada.cards).to_have_count(1)
    expect(rich_ada.credits).to_have_text("9")


def test_the_banner_comes_with_the_third_last_credit(rich_ada: BrowserMember) -> None:
    for number in range(6):
        rich_ada.client.write(f"rain {number}")
    rich_ada.opens("/")
    expect(rich_ada.credits).to_have_text("4")
    expect(rich_ada.banner).to_have_count(0)
    rich_ada.writes_about("rain")
    expect(rich_ada.banner).to_contain_text("3 left")


def test_a_deleted_haiku_comes_back_for_ten_seconds_and_asks_nothing(rich_ada: BrowserMember) -> None:
    page = rich_ada.page
    page.clock.install()
    rich_ada.writes_about("rain")
    delete = page.get_by_role("button", name="Delete the haiku about rain")
    undo = page.get_by_role("button", name="Undo: bring back the haiku about rain")
    delete.click()
    expect(undo).to_be_focused()
    assert rich_ada.client.haikus() == []
    page.keyboard.press("Enter")
    expect(rich_ada.cards.first).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="is back")).to_have_count(1)
    delete.click()
    expect(undo).to_be_focused()
    page.clock.run_for(10_000)
    expect(undo).to_have_count(0)
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_text("No haikus yet")).to_be_visible()
    expect(rich_ada.credits).to_have_text("9")
    assert rich_ada.client.haikus() == []


def test_a_poem_is_copied_without_its_buttons(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient
) -> None:
    ada = new_browser(ada_with_ten_credits, permissions=["clipboard-read", "clipboard-write"]).opens("/")
    ada.writes_about("rain")
    ada.page.get_by_role("button", name="Copy the haiku about rain").click()
    expect(ada.page.get_by_text("Copied", exact=True).last).to_be_visible()
    (haiku,) = ada.client.haikus()
    assert ada.page.evaluate("navigator.clipboard.readText()") == haiku["content"]


def test_a_poem_is_shared_where_the_browser_can(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient
) -> None:
    haiku = ada_with_ten_credits.write("rain").json()["haiku"]
    cannot, can = new_browser(ada_with_ten_credits), new_browser(ada_with_ten_credits)
    expect(cannot.opens("/").page.get_by_text("Share", exact=True)).to_be_hidden()
    can.page.add_init_script("navigator.share = async (shared) => { window.shared = shared; }")
    can.opens(f"/haikus/{haiku['id']}/")
    can.page.get_by_role("button", name="Share the haiku about rain").click()
    assert can.page.evaluate("window.shared") == {"title": "rain", "text": haiku["content"]}


def test_a_topic_to_try_is_one_press_from_its_haiku(rich_ada: BrowserMember) -> None:
    rich_ada.page.get_by_role("link", name="the night train").click()
    expect(rich_ada.topic).to_have_value("the night train")
    expect(rich_ada.write_button).to_be_focused()
    rich_ada.page.keyboard.press("Enter")
    expect(rich_ada.cards.first.get_by_role("heading")).to_have_text("the night train")


def test_on_a_phone_the_new_haiku_is_in_sight_and_no_keyboard_covers_it(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient
) -> None:
    phone = {"viewport": {"width": 375, "height": 667}, "has_touch": True, "is_mobile": True}
    ada = new_browser(ada_with_ten_credits, **phone).opens("/")
    ada.writes_about("rain")
    expect(ada.cards.first.locator(".poem")).to_be_in_viewport(ratio=1)
    expect(ada.write_button).to_be_in_viewport()
    expect(ada.write_button).to_be_focused()
    (haiku,) = ada.client.haikus()
    read_out = ada.page.get_by_role("status").filter(has_text="Written: rain.")
    expect(read_out).to_contain_text(haiku["content"].replace("\n", " / "))


def test_a_haiku_that_was_deleted_in_another_tab_goes_from_this_one_too(rich_ada: BrowserMember) -> None:
    rich_ada.bears("Response Status Error Code 404 from /haikus/")
    rich_ada.writes_about("rain")
    expect(rich_ada.cards).to_have_count(1)
    (haiku,) = rich_ada.client.haikus()
    rich_ada.client.post(f"/haikus/{haiku['id']}/delete/")
    rich_ada.page.get_by_role("button", name="Delete the haiku about rain").click()
    expect(rich_ada.message).to_contain_text("You have no such haiku")
    expect(rich_ada.cards).to_have_count(0)


def test_older_haikus_follow_on_demand(rich_ada: BrowserMember) -> None:
    for number in range(10):
        rich_ada.client.write(f"rain {number}")
    rich_ada.client.sync(rich_ada.client.buy())
    rich_ada.client.write("the newest")
    rich_ada.opens("/")
    expect(rich_ada.cards).to_have_count(10)
    rich_ada.page.get_by_role("link", name="Older haikus").click()
    expect(rich_ada.cards).to_have_count(11)
    expect(rich_ada.cards.last.get_by_role("heading")).to_have_text("rain 0")
    expect(rich_ada.cards.last).to_be_focused()
    expect(rich_ada.page.get_by_role("link", name="Older haikus")).to_have_count(0)


def test_the_counter_is_read_again_when_the_tab_is_looked_at(
    new_browser: NewBrowser, ada: MemberClient
) -> None:
    deaf_ada = new_browser(ada)
    deaf_ada.bears("ERR_FAILED")
    deaf_ada.page.route("**/api/credits/stream", lambda route: route.abort())
    deaf_ada.opens("/")
    ada.buy()
    ada.await_credits(10)
    expect(deaf_ada.credits).to_have_text("0")
    # What a browser tells a page that is looked at again; Chromium without a window never does.
    deaf_ada.page.evaluate("window.dispatchEvent(new FocusEvent('focus'))")
    expect(deaf_ada.credits).to_have_text("10")


def test_a_site_that_cannot_be_reached_is_said(rich_ada: BrowserMember) -> None:
    rich_ada.bears("htmx:sendError|htmx:afterRequest|ERR_INTERNET_DISCONNECTED")
    rich_ada.page.context.set_offline(True)
    rich_ada.writes_about("rain")
    expect(rich_ada.message).to_contain_text("cannot be reached")
    rich_ada.page.context.set_offline(False)
    rich_ada.write_button.click()
    expect(rich_ada.cards).to_have_count(1)
    expect(rich_ada.credits).to_have_text("9")


def test_the_packs_say_why_they_are_there_what_they_come_to_and_stay_closed(broke_ada: BrowserMember) -> None:
    page, total = broke_ada.page, broke_ada.page.locator("#buy-total")
    broke_ada.writes_about("rain")
    expect(broke_ada.packs).to_contain_text("a haiku costs 1 credit, and you have 0 credits.")
    expect(broke_ada.packs).to_contain_text("One pack “Ten haikus” is enough.")
    expect(broke_ada.packs.get_by_text("Best value")).to_have_count(1)
    expect(total).to_have_text("10 credits for $5.00")
    page.get_by_label("Fifty haikus").check()
    page.get_by_label("How many packs").fill("3")
    expect(total).to_have_text("150 credits for $60.00")
    page.get_by_label("How many packs").fill("")
    expect(total).to_be_empty()
    broke_ada.opens("/history/")
    broke_ada.buy_button.click()
    expect(broke_ada.packs).to_contain_text("You pay once")
    page.reload()
    expect(broke_ada.topic).to_have_value("rain")
    expect(broke_ada.packs).to_be_hidden()


def test_a_counter_that_moves_by_itself_says_why(broke_ada: BrowserMember) -> None:
    broke_ada.page.wait_for_load_state()
    broke_ada.client.buy()
    expect(broke_ada.credits).to_have_text("10")
    expect(broke_ada.message).to_contain_text("Your credits have changed by +10.")
