"""Chromium, and people who sit in front of it.

Whatever a page complains about on the console, and a request to another origin, fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from sandbox.world import World
from tests.drivers.browser import CHROMIUM, BrowserMember, Profiles, running_chromium
from tests.drivers.member import MemberClient

NewBrowser = Profiles


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: no world is started for a browser that is not there."""
    if CHROMIUM is None and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("chromium is not installed, and REQUIRE_BROWSER is set", pytrace=False)
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser. It ends with this folder: Playwright's event loop would disturb Django's tests."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def new_browser(chromium: Browser, world: World) -> Iterator[NewBrowser]:
    """Makes people, each with a profile of their own: `new_browser(client, **options of the profile)`."""
    profiles = Profiles(chromium, world)
    yield profiles
    assert profiles.close() == []


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
