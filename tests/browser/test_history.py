"""The history in Chromium: times of the reader's clock, and where the keyboard is after another page of it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.drivers.member import MemberClient


def test_times_are_the_readers_and_paging_keeps_the_focus(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient
) -> None:
    ada = ada_with_ten_credits
    for _ in range(3):
        ada.sync(ada.buy())
    for number in range(38):
        ada.write(f"rain {number}")
    browser = new_browser(ada, timezone_id="Asia/Kolkata").opens("/history/")
    page = browser.page
    expect(page.locator("#entries time").first).to_have_text(
        re.compile(r"^\d+ \w+ 20\d\d, \d\d:\d\d GMT\+5:30$")
    )
    older, newest, entries = (
        page.locator(f"#{name}") for name in ("entries-older", "entries-newest", "entries")
    )
    older.press("Enter")
    expect(page).to_have_url(re.compile(r"\?before=23$"))
    # The link is on both pages; then on neither, and the list itself has the focus.
    expect(older).to_be_focused()
    expect(entries.locator("time").first).to_have_text(re.compile("GMT"))
    older.press("Enter")
    expect(page).to_have_url(re.compile(r"\?before=3$"))
    expect(entries).to_be_focused()
    newest.press("Enter")
    expect(entries).to_be_focused()
    expect(older).to_be_visible()
