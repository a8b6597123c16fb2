"""What must hold on every page: nothing sticks out, all is legible, named, and reached by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final, Literal

import pytest
from django.urls import get_resolver
from playwright.sync_api import Browser, Request, ViewportSize, expect

from instant_admin.client.steps import update
from sandbox.world import World
from tests.browser.axe import require_axe, violations_on
from tests.browser.conftest import NewBrowser
from tests.browser.measures import (
    FOCUSED,
    REACHABLE,
    STICKING_OUT,
    WATCH_LIVE,
    WATCH_SHIFTS,
    problems_of,
)
from tests.browser.routes import NO_PAGE, PAGES, is_at, routes
from tests.browser.staff_states import STAFF_STATES
from tests.browser.stage import Cast, Stage, staged_world
from tests.browser.states import STATES
from tests.drivers.browser import BrowserMember, Profiles
from tests.drivers.instant import admin_of
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe

pytestmark = pytest.mark.deep

ALL: Final = STATES | STAFF_STATES
# axe waits for timers, of which a page has none then.
NOT_FOR_AXE: Final = ("packs without javascript",)
SOME: Final = (
    "landing",
    "email refused",
    "code wrong",
    "home with few credits",
    "topic refused",
    "packs",
    "history",
    "account",
    "not found",
    "payment page",
    "staff member",
)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
NARROW: Final[ViewportSize] = {"width": 375, "height": 667}
AXE_LOOKS_AT: Final = {"en": (WIDE, "light"), "de": (NARROW, "dark")}
# What is left of 1280 by 1024 at 400 % zoom (WCAG 2.2, 1.4.10).
ZOOMED: Final[ViewportSize] = {"width": 320, "height": 256}
WEIGHT_LIMIT_BYTES: Final = 60_000


@pytest.fixture(scope="module")
def cast(world: World) -> Cast:
    """The people of the world that all tests share."""
    return Cast(world)


@pytest.fixture
def stage(cast: Cast, new_browser: NewBrowser) -> Iterator[Stage]:
    """That world, with browsers."""
    stage = Stage(cast, new_browser)
    yield stage
    stage.close()


@pytest.mark.parametrize("name", SOME)
def test_a_page_fits_at_400_percent_and_is_legible_and_named(stage: Stage, name: str) -> None:
    page = ALL[name](stage).page
    page.set_viewport_size(ZOOMED)
    found: dict[str, list[str]] = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found[scheme] = problems_of(page)
    assert found == {"light": [], "dark": []}


def test_every_route_that_renders_a_page_is_in_a_state() -> None:
    without = set[str]().union(*NO_PAGE.values())
    assert set(routes(get_resolver())) ^ {*PAGES, *without} == set()
    assert without & PAGES.keys() == set()
    assert set(PAGES.values()) <= ALL.keys()


@pytest.fixture(scope="module")
def staged_cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """The people of a world in which every state can be reached."""
    require_axe()
    with staged_world(tmp_path_factory.mktemp("stage")) as world:
        yield Cast(world)


@pytest.mark.parametrize("language", AXE_LOOKS_AT)
@pytest.mark.parametrize("name", [name for name in ALL if name not in NOT_FOR_AXE])
def test_axe_finds_nothing_and_nothing_sticks_out(
    chromium: Browser, staged_cast: Cast, name: str, language: str
) -> None:
    profiles = Profiles(chromium, staged_cast.world)
    stage = Stage(staged_cast, profiles, locale=language)
    try:
        page = ALL[name](stage).page
        shown = [route for route, state in PAGES.items() if state == name]
        found = {"elsewhere": [page.url for route in shown if not is_at(page.url, route)]}
        for size, scheme in product((WIDE, NARROW), SCHEMES):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            found[f"{size['width']} {scheme}"] = problems_of(page)
            if (size, scheme) == AXE_LOOKS_AT[language]:
                found["axe"] = violations_on(page)
        page.set_viewport_size(ZOOMED)
        found["zoomed"] = page.evaluate(STICKING_OUT)
    finally:
        stage.close()
        complaints = profiles.close()
    assert {where: said for where, said in found.items() if said} == {}
    assert complaints == []


@pytest.mark.parametrize("colours", ["as they are", "forced"])
@pytest.mark.parametrize(
    "name",
    [
        *("landing", "home", "haiku", "list of haikus", "history", "account", "payment page"),
        *("staff give", "staff members", "staff member"),
    ],
)
def test_tab_reaches_everything_and_shows_where_it_is(stage: Stage, name: str, colours: str) -> None:
    page = ALL[name](stage).page
    page.emulate_media(forced_colors="active" if colours == "forced" else "none")
    reachable = page.evaluate(REACHABLE)
    reached = set()
    for _ in range(reachable + 20):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None:
            break
        assert stop["ring"], f"no ring on {stop['what']}"
        assert stop["inView"], f"out of sight: {stop['what']}"
        reached.add(stop["what"])
    assert len(reached) == reachable > 3


def test_the_main_job_by_keyboard_alone(broke_ada: BrowserMember) -> None:
    page, press = broke_ada.page, broke_ada.page.keyboard.press
    broke_ada.topic.focus()
    page.keyboard.type("winter rain")
    press("Enter")
    expect(broke_ada.packs).to_be_visible()
    # Nobody is quicker than htmx, which takes some milliseconds more to put the new form in its place.
    expect(page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)
    press("Escape")
    expect(broke_ada.packs).to_be_hidden()
    expect(broke_ada.topic).to_be_focused()
    broke_ada.buy_button.focus()
    press("Enter")
    expect(page.get_by_label("Ten haikus")).to_be_focused()
    press("ArrowDown")
    expect(page.get_by_label("Fifty haikus")).to_be_checked()
    press("Escape")
    expect(broke_ada.packs).to_be_hidden()
    expect(broke_ada.buy_button).to_be_focused()
    press("Enter")
    press("Enter")
    page.wait_for_url("**/c/pay/**")


def test_the_dialog_keeps_the_keyboard_to_itself_until_it_is_closed(broke_ada: BrowserMember) -> None:
    broke_ada.buy_button.click()
    inside = "() => document.activeElement === document.body || !!document.activeElement.closest('#buy')"
    for _ in range(8):
        broke_ada.page.keyboard.press("Tab")
        assert broke_ada.page.evaluate(inside)
    broke_ada.page.get_by_label("Close").click()
    expect(broke_ada.packs).to_be_hidden()


def test_a_change_of_the_counter_is_read_out(rich_ada: BrowserMember) -> None:
    region = rich_ada.page.locator("[aria-live=polite]", has=rich_ada.page.locator("#credits"))
    expect(region).to_have_count(1)
    region.evaluate("region => { region.isTheOne = true }")
    rich_ada.writes_about("rain")
    expect(region.get_by_text("9 credits")).to_be_visible()
    # A reader listens to the element that was there before; were it replaced too, nothing would be said.
    assert region.evaluate("region => region.isTheOne") is True


def test_writing_is_read_out_once(rich_ada: BrowserMember) -> None:
    rich_ada.page.evaluate(WATCH_LIVE)
    rich_ada.writes_about("rain")
    expect(rich_ada.credits).to_have_text("9")
    (haiku,) = rich_ada.client.haikus()
    poem = f"Written: rain. {haiku['content'].replace(chr(10), ' / ')}"
    assert sorted(rich_ada.page.evaluate("window.said")) == ["9 credits", poem]


every_width = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


def watched(new_browser: NewBrowser, member: MemberClient, **options: Any) -> BrowserMember:
    """Somebody whose pages say what moved on them, see `moved`."""
    person = new_browser(member, **options)
    person.page.add_init_script(f"({WATCH_SHIFTS})()")
    return person


def moved(person: BrowserMember) -> list[str]:
    """What has moved since the page was opened."""
    # Shifts are told of after the next picture is drawn.
    person.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    found: list[str] = person.page.evaluate("window.shifts")
    return found


@every_width
@pytest.mark.parametrize("path", ["/", "/history/"])
def test_nothing_moves_when_the_counter_does_or_a_banner_comes(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient, path: str, size: ViewportSize
) -> None:
    for number in range(6):
        ada_with_ten_credits.write(f"rain {number}")
    ada = watched(new_browser, ada_with_ten_credits, viewport=size).opens(path)
    ada.page.wait_for_load_state()
    ada.client.write("rain")
    expect(ada.banner).to_contain_text("3 left")
    ada.client.buy()
    expect(ada.credits).to_have_text("13")
    expect(ada.banner).to_have_count(0)
    expect(ada.message).to_contain_text("changed")
    assert moved(ada) == []


@every_width
@pytest.mark.parametrize("path", ["/", "/history/"])
def test_nothing_moves_when_the_balance_falls_below_zero_or_rises_again(
    new_browser: NewBrowser, world: World, ada: MemberClient, path: str, size: ViewportSize
) -> None:
    checkout_id = ada.buy()
    ada.sync(checkout_id).raise_for_status()
    for number in range(6):
        ada.write(f"rain {number}")
    person = watched(new_browser, ada, viewport=size).opens(path)
    why = person.page.get_by_text("Your balance is below zero")
    person.page.wait_for_load_state()
    Stripe(world).refund(checkout_id, 500)
    expect(person.banner).to_have_text("Below zero: 7 credits are missing.")
    assert (moved(person), why.count()) == ([], 0)
    person.page.reload()
    expect(why).to_be_visible()
    ada.buy()
    expect(person.credits).to_have_text("4")
    expect(why).to_be_hidden()
    assert moved(person) == []


def test_nothing_moves_when_the_page_hears_of_a_purchase_by_itself(
    new_browser: NewBrowser, ada: MemberClient
) -> None:
    ada.buy()
    person = watched(new_browser, ada).opens("/")
    expect(person.notice).to_contain_text("Thank you")
    assert moved(person) == []


@pytest.mark.parametrize("path", ["/", "/haikus/"])
def test_nothing_moves_because_a_browser_can_share(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient, path: str
) -> None:
    ada_with_ten_credits.write("rain")
    ada = watched(new_browser, ada_with_ten_credits, viewport=NARROW)
    ada.page.add_init_script("navigator.share = async () => {}")
    # What the page's own script does, it does after the first picture: here never.
    ada.page.route("**/haikus*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    expect(ada.opens(path).page.get_by_text("Share", exact=True)).to_be_visible()
    assert moved(ada) == []


@every_width
def test_nothing_moves_when_a_haiku_grows(
    new_browser: NewBrowser, world: World, ada_with_ten_credits: MemberClient, size: ViewportSize
) -> None:
    for topic in ("rain", "snow", "hail"):
        ada_with_ten_credits.write(topic)
    newest = ada_with_ten_credits.haikus()[0]["id"]

    def becomes(**fields: str) -> None:
        admin_of(world).transact([update("haikus", newest, fields)])

    becomes(content="", state="writing", draft="")
    ada = watched(new_browser, ada_with_ten_credits, viewport=size).opens("/haikus/")
    poem = ada.cards.first.locator(".poem")
    for draft in ("first", "first\nsecond", "first\nsecond\nthird"):
        becomes(draft=draft)
        expect(poem).to_contain_text(draft.rpartition("\n")[2])
    becomes(state="", content="first\nsecond\nthird")
    expect(ada.cards.first).not_to_have_attribute("aria-busy", "true")
    assert moved(ada) == []


def test_forced_colours_still_say_which_page_it_is_and_which_pack_is_chosen(rich_ada: BrowserMember) -> None:
    page = rich_ada.page
    page.emulate_media(forced_colors="active")
    border = "link => getComputedStyle(link).borderBottomColor"
    here, *others = page.locator(".nav a").evaluate_all(f"links => links.map({border})")
    assert here not in others
    rich_ada.buy_button.click()
    chosen, other = page.locator(".pack").evaluate_all(
        "packs => packs.map((pack) => getComputedStyle(pack).borderTopColor)"
    )
    assert chosen != other


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_who_wishes_for_no_motion_sees_none(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient, wish: str
) -> None:
    ada_with_ten_credits.write("rain")
    ada = new_browser(ada_with_ten_credits, reduced_motion=wish).opens("/")
    moves = ada.page.locator("*").evaluate_all(
        "all => all.some((each) => !/^0s(, 0s)*$/.test(getComputedStyle(each).transitionDuration))"
    )
    assert moves == (wish == "no-preference")


@pytest.mark.parametrize("path", ["/", "/sign-in/", "member /", "member /haikus/", "member /history/"])
def test_a_first_visit_is_light(
    new_browser: NewBrowser, ada_with_ten_credits: MemberClient, path: str
) -> None:
    ada_with_ten_credits.write("rain")
    person = new_browser(ada_with_ten_credits if "member" in path else None)
    loaded: list[Request] = []
    person.page.on("requestfinished", lambda request: loaded.append(request))
    person.opens(path.removeprefix("member ")).page.wait_for_load_state()
    sizes = {request.url: request.sizes()["responseBodySize"] for request in loaded}
    assert any("htmx" in url for url in sizes)
    assert sum(sizes.values()) <= WEIGHT_LIMIT_BYTES, sizes
