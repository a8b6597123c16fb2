"""Counters that move by themselves, in Chromium: over two processes, through an outage, in ten tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox.world import World
from tests.browser.conftest import NewBrowser
from tests.drivers.browser import BrowserMember
from tests.drivers.member import PAYS, MemberClient
from tests.drivers.waiting import await_that


def number(page: Page, credits: int) -> None:
    """The tab shows this balance, in time."""
    expect(page.locator("#credits strong")).to_have_text(str(credits))


def await_listening(page: Page, is_listening: bool) -> None:
    """Wait until a tab of this browser listens, or none does."""
    held = "async () => (await navigator.locks.query()).held.length > 0"
    await_that(lambda: page.evaluate(held) == is_listening)


def test_what_is_bought_in_one_tab_is_shown_by_another_at_another_process(
    broke_ada: BrowserMember, world: World
) -> None:
    other = broke_ada.page.context.new_page()
    other.goto(world.site_urls[1])
    number(other, 0)
    other.evaluate("window.isStillTheSamePage = true")
    broke_ada.buys()
    broke_ada.pays_with(PAYS)
    number(other, 10)
    expect(other.locator("#credits .banner")).to_have_count(0)
    broke_ada.writes_about("rain")
    number(other, 9)
    assert other.evaluate("window.isStillTheSamePage") is True


@pytest.mark.deep
def test_counters_at_two_processes_are_right_again_after_one_was_killed(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient, world: World
) -> None:
    ada = ada_with_ten_credits
    here, there = (new_browser(ada.tab(site)).opens("/") for site in world.site_urls)
    there.bears("ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_(REFUSED|RESET))")
    for member in (here, there):
        await_listening(member.page, True)
        member.page.evaluate("window.isStillTheSamePage = true")
    world.sites[1].kill()
    ada.write("rain")
    number(here.page, 9)
    world.sites[1].start()
    number(there.page, 9)
    ada.write("snow")
    for member in (here, there):
        number(member.page, 8)
        assert member.page.evaluate("window.isStillTheSamePage") is True


@pytest.mark.deep
def test_ten_tabs_do_not_stall_the_site_and_all_of_them_follow(rich_ada: BrowserMember) -> None:
    await_listening(rich_ada.page, True)
    streams: list[str] = []
    tabs = [rich_ada.page.context.new_page() for _ in range(9)]
    for tab in tabs:
        tab.on("request", lambda request: streams.append(request.url) if "stream" in request.url else None)
    for tab in tabs:
        tab.goto(rich_ada.client.site)
    # Six would be all the connections that the browser has for the site.
    assert streams == []
    rich_ada.client.write("rain")
    for tab in (rich_ada.page, *tabs):
        number(tab, 9)
    # The one that listens goes; another takes its place.
    rich_ada.page.close()
    rich_ada.client.write("snow")
    for tab in tabs:
        number(tab, 8)
    assert len(streams) == 1


# Chromium without a window shows every tab all the time.
LOOK_AWAY = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LOOK_BACK = """() => {
  delete document.hidden;
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_tab_lets_go_and_listens_again_when_it_is_seen(rich_ada: BrowserMember) -> None:
    page = rich_ada.page
    await_listening(page, True)
    page.evaluate(LOOK_AWAY)
    await_listening(page, False)
    rich_ada.client.write("rain")
    number(page, 10)
    page.evaluate(LOOK_BACK)
    number(page, 9)
    rich_ada.client.write("snow")
    number(page, 8)


def test_a_tab_of_someone_signed_out_elsewhere_stops_listening(
    rich_ada: BrowserMember,
) -> None:
    await_listening(rich_ada.page, True)
    rich_ada.client.post("/sign-out/")
    await_listening(rich_ada.page, False)
