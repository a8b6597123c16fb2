"""Somebody in front of the site: what they see, and what they click."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from sandbox.world import HOST, World
from tests.drivers.member import MemberClient

# The shell takes a third of the processor.
CHROMIUM: Final = shutil.which("chromium-headless-shell") or shutil.which("chromium")
# Chromium talks to nobody but the page's server.
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS: Final = 15_000
expect.set_options(timeout=PATIENCE_MS)
# Answers that people ask for; Chromium writes every one of them to the console.
EXPECTED_ANSWER: Final = re.compile(r"Failed to load resource: .* status of (402|404|422|503) ")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Debian's Chromium, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Profiles:
    """Makes people, each with a browser profile of their own."""

    def __init__(self, chromium: Browser, world: World) -> None:
        self._chromium = chromium
        self._world = world
        self._made: list[BrowserMember] = []

    def __call__(self, client: MemberClient | None = None, **options: Any) -> BrowserMember:
        """Somebody new, or `client` at a browser; the options are those of Playwright's `new_context`."""
        who = client or MemberClient.at(self._world)
        options = {"base_url": who.site, "reduced_motion": "reduce"} | options
        profile = self._chromium.new_context(**options)
        profile.set_default_timeout(PATIENCE_MS)
        profile.add_cookies(
            [
                {"name": cookie.name, "value": cookie.value or "", "url": who.site}
                for cookie in who.http.cookies
            ]
        )
        self._made.append(BrowserMember(profile.new_page(), who))
        return self._made[-1]

    def close(self) -> list[str]:
        """Close every browser; what their pages complained about."""
        for person in self._made:
            person.page.context.close()
        return [complaint for person in self._made for complaint in person.complaints]


class BrowserMember:
    """A browser profile with one tab. `client` is the same person as a script, with the same cookies at first."""

    def __init__(self, page: Page, client: MemberClient) -> None:
        self.page = page
        self.client = client
        self.complaints: list[str] = []
        self._bears: re.Pattern[str] | None = None
        page.context.on("console", self._hear)
        page.context.on("request", self._watch)
        page.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def bears(self, pattern: str) -> None:
        """Complaints on the console that match are what the test is about; any other fails it."""
        self._bears = re.compile(pattern)

    def _hear(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        is_expected = EXPECTED_ANSWER.search(message.text) and "/static/" not in url
        is_borne = self._bears and self._bears.search(message.text)
        if message.type in ("error", "warning") and not is_expected and not is_borne:
            self.complaints.append(f"{message.text} ({url})")

    def _watch(self, request: Request) -> None:
        """A page loads from its own origin only, and people are led to addresses of this machine only."""
        there = urlsplit(request.url)
        if there.scheme in ("data", "blob"):
            return
        if request.is_navigation_request():
            is_ours = there.hostname in (HOST, "localhost")
        else:
            here = urlsplit(request.frame.url)
            is_ours = (there.scheme, there.netloc) == (here.scheme, here.netloc)
        if not is_ours:
            self.complaints.append(f"a request to another origin: {request.url}")

    # What they see

    @property
    def credits(self) -> Locator:
        """The counter's number."""
        return self.page.locator("#credits strong")

    @property
    def banner(self) -> Locator:
        """The word about a low balance, under the counter."""
        return self.page.locator("#credits .banner")

    @property
    def notice(self) -> Locator:
        """What became of the checkout."""
        return self.page.locator("#checkout-sync")

    @property
    def message(self) -> Locator:
        """What the site has to say about the last thing done."""
        return self.page.locator("#notice")

    @property
    def packs(self) -> Locator:
        """The purchase dialog."""
        return self.page.locator("#buy")

    @property
    def cards(self) -> Locator:
        """The haikus on the page, from the top."""
        return self.page.get_by_role("article")

    @property
    def write_button(self) -> Locator:
        """The button that costs a credit."""
        return self.page.get_by_role("button", name="Write", exact=True)

    @property
    def buy_button(self) -> Locator:
        """What opens the dialog; a link, for those without JavaScript."""
        return self.page.get_by_role("link", name="Buy credits")

    @property
    def topic(self) -> Locator:
        """The one field of the home page."""
        return self.page.get_by_label("A haiku about")

    def request_id(self) -> str:
        """The id that the write form would send."""
        return self.page.locator("#write input[name=request_id]").input_value()

    # What they do

    def opens(self, path: str) -> BrowserMember:
        """Go to a page of the site, or to any address."""
        self.page.goto(path)
        return self

    def signs_in(self) -> None:
        """Ask for a code, look into the mail, and enter it."""
        self.asks_for_a_code()
        self.enters_the_code()

    def asks_for_a_code(self, email: str | None = None) -> None:
        """From a page with the sign-in form to the one for the code; a fresh email unless one is given."""
        self.client.email = email or f"member-{uuid4().hex[:12]}@example.com"
        self.page.get_by_label("Email").fill(self.client.email)
        self.page.get_by_role("button", name="Send me a code").click()
        expect(self.page.get_by_label("Code")).to_be_focused()

    def enters_the_code(self) -> None:
        """Enter the code of the newest mail."""
        self.page.get_by_label("Code").fill(self.client.code())
        self.page.get_by_role("button", name="Sign in").click()

    def writes_about(self, topic: str) -> None:
        """Type a topic and press Write."""
        self.topic.fill(topic)
        self.write_button.click()

    def buys(self) -> None:
        """From any page to Stripe's, with what the dialog has chosen."""
        self.buy_button.click()
        self.goes_to_stripe()

    def goes_to_stripe(self) -> None:
        """From the open dialog to Stripe's page."""
        self.page.get_by_role("button", name="Continue to Stripe").click()
        self.page.wait_for_url("**/c/pay/**")

    def pays_with(self, card: str) -> None:
        """Fill in Stripe's page and press Pay."""
        self.page.get_by_label("Number", exact=True).fill(card)
        self.page.get_by_role("button", name=re.compile(r"^Pay \$")).click()
