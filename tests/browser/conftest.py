"""Chromium, and people who sit in front of it. Whatever a page complains about on the console fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from sandbox.world import World
from tests.drivers.browser import PATIENCE_MS, BrowserMember
from tests.drivers.member import MemberClient

CHROMIUM: Final = shutil.which("chromium")
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
NewBrowser = Callable[..., BrowserMember]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: no world is started for a browser that is not there."""
    if CHROMIUM is None and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("chromium is not installed, and REQUIRE_BROWSER is set", pytrace=False)
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser. It ends with this folder: Playwright's event loop would disturb Django's tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_browser(chromium: Browser, world: World) -> Iterator[NewBrowser]:
    """Makes people, each with a profile of their own: `new_browser(client, **options of the profile)`."""
    made: list[BrowserMember] = []

    def make(client: MemberClient | None = None, **options: Any) -> BrowserMember:
        who = client or MemberClient.at(world)
        profile = chromium.new_context(base_url=who.site, reduced_motion="reduce", **options)
        profile.set_default_timeout(PATIENCE_MS)
        profile.add_cookies(
            [
                {"name": cookie.name, "value": cookie.value or "", "url": who.site}
                for cookie in who.http.cookies
            ]
        )
        made.append(BrowserMember(profile.new_page(), who))
        return made[-1]

    yield make
    for person in made:
        person.page.context.close()
    assert [person.complaints for person in made if person.complaints] == []


@pytest.fixture
def stranger(new_browser: NewBrowser) -> BrowserMember:
    """Somebody who is not signed in, and looks at the landing page."""
    return new_browser().opens("/")


@pytest.fixture
def broke_ada(new_browser: NewBrowser, ada: MemberClient) -> BrowserMember:
    """A member without credits, on the home page."""
    return new_browser(ada).opens("/")


@pytest.fixture
def rich_ada(new_browser: NewBrowser, ada_with_ten_credits: MemberClient) -> BrowserMember:
    """A member with ten credits, on the home page."""
    return new_browser(ada_with_ten_credits).opens("/")
