"""The language of a page, in Chromium: chosen at its foot, kept, and the same in every tab."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewBrowser
from tests.drivers.browser import BrowserMember
from tests.drivers.member import MemberClient


def switch(page: Page, language: str) -> None:
    page.get_by_role("button", name=language).click()


def test_who_chooses_a_language_has_it_in_every_tab(new_browser: NewBrowser, ada: MemberClient) -> None:
    member = new_browser(ada).opens("/history/")
    other = member.page.context.new_page()
    other.goto("/")
    switch(member.page, "Deutsch")
    expect(member.page.get_by_role("heading", level=1)).to_have_text("Wohin deine Credits gegangen sind")
    expect(other.locator("#credits")).to_contain_text("Keine Credits. Kauf ein Paket")
    ada.buy()
    for tab in (member.page, other):
        expect(tab.locator("#credits")).to_contain_text("10 Credits")
        expect(tab.locator("#notice")).to_have_text(
            "Dein Guthaben hat sich um +10 Credits geändert. Warum, steht in deinem Verlauf."
        )
    switch(other, "English")
    expect(other.get_by_label("A haiku about")).to_be_visible()
    expect(member.page.locator("html")).to_have_attribute("lang", "en")


def test_a_german_browser_needs_no_switch_and_is_answered_in_german(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient
) -> None:
    ada = new_browser(ada_with_ten_credits, locale="de-DE").opens("/")
    ada.page.get_by_label("Ein Haiku über").fill("rain")
    ada.page.get_by_role("button", name="Schreiben").click()
    expect(ada.page.locator("#said")).to_contain_text("Geschrieben: rain.")
    ada.page.get_by_role("button", name="Löschen: Haiku über rain").click()
    expect(ada.page.locator("#said")).to_have_text("Gelöscht. Zehn Sekunden lang rückgängig zu machen.")
    ada.opens("/history/")
    expect(ada.page.locator("#entries")).to_contain_text("Haiku geschrieben")
    expect(ada.page.locator("#purchases")).to_contain_text("5,00\N{NO-BREAK SPACE}$")


def test_without_javascript_the_switch_works_too(new_browser: NewBrowser) -> None:
    stranger: BrowserMember = new_browser(java_script_enabled=False).opens("/sign-in/?next=/history/")
    switch(stranger.page, "Deutsch")
    expect(stranger.page.get_by_label("E-Mail-Adresse")).to_be_visible()
    assert stranger.page.url.endswith("/sign-in/?next=/history/")
