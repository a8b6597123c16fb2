"""Two members, one after the other, at one browser: the second sees nothing of the first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from billing.history import PAGE_SIZE
from tests.browser.test_live_credits import LOOK_AWAY, LOOK_BACK, await_listening
from tests.drivers.browser import BrowserMember
from tests.drivers.deep import deep_but_for
from tests.drivers.member import MemberClient

TOPIC = "a secret garden"
# Whatever a page can keep in the browser, except cookies.
KEPT = """async () => JSON.stringify([
  Object.entries(localStorage), Object.entries(sessionStorage), await caches.keys(), await indexedDB.databases(),
])"""


def email_on(page: Page) -> Locator:
    """Whose page it says that it is."""
    return page.locator(".who__email")


def another_signs_in(person: BrowserMember, page: Page) -> str:
    """In a tab of the same browser, the member signs out and somebody else signs in; their email.

    They get to a page without a counter, so that no stream says whose it is.
    """
    # The open tab may ask for its stream once more; whether it does is chance.
    person.bears(r"status of 401 \(Unauthorized\)")
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Email")).to_be_visible()
    page.goto("/sign-in/?next=/haikus/")
    other = BrowserMember(page, MemberClient(person.client.site, person.client.mail_dir))
    other.signs_in()
    expect(email_on(page)).to_have_text(other.client.email)
    return other.client.email


def is_anothers(page: Page, email: str) -> None:
    """The tab is the other member's, with their balance."""
    expect(email_on(page)).to_have_text(email)
    expect(page.locator("#credits strong")).to_have_text("0")


@pytest.mark.parametrize("path", deep_but_for(1, ["/", "/haikus/", "/history/", "/account/sessions/"]))
def test_an_open_tab_becomes_the_tab_of_whoever_signs_in_in_another(
    rich_ada: BrowserMember, path: str
) -> None:
    rich_ada.opens(path)
    email = another_signs_in(rich_ada, rich_ada.page.context.new_page())
    expect(email_on(rich_ada.page)).to_have_text(email)


def comes_into_focus(person: BrowserMember) -> None:
    person.page.evaluate("window.dispatchEvent(new Event('focus'))")


def is_hidden_and_shown(person: BrowserMember) -> None:
    person.page.evaluate(LOOK_AWAY)
    person.page.evaluate(LOOK_BACK)


@pytest.mark.parametrize("is_looked_at", [comes_into_focus, is_hidden_and_shown])
def test_a_tab_that_heard_of_nothing_becomes_anothers_when_it_is_looked_at(
    rich_ada: BrowserMember, grace: MemberClient, is_looked_at: Callable[[BrowserMember], None]
) -> None:
    await_listening(rich_ada.page, True)
    rich_ada.page.context.add_cookies(
        [
            {"name": cookie.name, "value": cookie.value or "", "url": grace.site}
            for cookie in grace.http.cookies
        ]
    )
    expect(email_on(rich_ada.page)).to_have_text(rich_ada.client.email)
    is_looked_at(rich_ada)
    is_anothers(rich_ada.page, grace.email)


def test_a_tab_keeps_what_is_typed_when_its_member_signs_out_in_another(rich_ada: BrowserMember) -> None:
    rich_ada.bears(r"status of 401 \(Unauthorized\)")
    rich_ada.topic.fill(TOPIC)
    other = rich_ada.page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Email")).to_be_visible()
    with rich_ada.page.expect_response("**/api/credits") as answer:
        comes_into_focus(rich_ada)
    assert answer.value.status == 204
    expect(rich_ada.topic).to_have_value(TOPIC)


def test_back_shows_nothing_of_who_was_signed_in_before(rich_ada: BrowserMember) -> None:
    page, ada = rich_ada.page, rich_ada.client
    ada.sync(ada.buy())
    for number in range(PAGE_SIZE):
        ada.write(f"{TOPIC} {number}")
    rich_ada.opens("/haikus/").opens("/history/")
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**/history/?before=*")
    email = another_signs_in(rich_ada, page.context.new_page())
    expect(email_on(page)).to_have_text(email)

    # To what htmx replaced by older entries, and then to pages.
    page.evaluate("document.addEventListener('htmx:historyRestore', () => { window.isRestored = true; })")
    page.go_back()
    page.wait_for_function("() => window.isRestored")
    _shows_nothing_of_ada(rich_ada, page, email)
    for path in ("/haikus/", "/"):
        page.go_back()
        page.wait_for_url(f"**{path}")
        _shows_nothing_of_ada(rich_ada, page, email)


def _shows_nothing_of_ada(ada: BrowserMember, page: Page, email: str) -> None:
    expect(email_on(page)).to_have_text(email)
    shown = page.content()
    assert ada.client.email not in shown
    assert TOPIC not in shown


def test_the_browser_keeps_nothing_of_a_member(rich_ada: BrowserMember) -> None:
    page = rich_ada.page
    rich_ada.writes_about(TOPIC)
    expect(rich_ada.cards).to_have_count(1)
    for path in ("/haikus/", "/history/"):
        rich_ada.opens(path)
    for _ in range(2):
        kept = page.evaluate(KEPT)
        assert rich_ada.client.email not in kept
        assert TOPIC not in kept
        assert len(kept) < 200
        another_signs_in(rich_ada, page)
