"""What many tests share: a site between both stand-ins, or one whole world on real sockets, and people in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from stripe import HTTPClient

from credits_site import breakers
from instant_admin import configured
from instant_admin.client.admin import InstantAdmin
from instant_admin.ledger.store import BalanceStore
from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.instant import never_open
from tests.drivers.member import MemberClient
from tests.drivers.site import LoopbackSite, opened
from tests.drivers.stripe import Stripe
from tests.drivers.worlds import running_world

# Which marks a test has because of its folder. Besides, what wants one of `SLOW` is `slow`, and what says so
# itself; `deep` always stands at the test.
MARKS = {
    "browser": "browser",
    "chaos": "journey",
    "contract": "contract",
    "deploy": "journey",
    "journeys": "journey",
    "sandbox": "stand_in",
    "simulation": "simulation",
}
# A whole site between both stand-ins, in this process; a stand-in in its own.
SLOW = {"site", "process"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--once`, for the quick loop."""
    parser.addoption("--once", action="store_true", help="of each test only the first of its cases")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test with the kind that its folder holds. Long files come first, lest one is left for the end."""
    if config.getoption("--once"):
        first = {item.nodeid.partition("[")[0]: item for item in reversed(items)}
        items[:] = reversed(first.values())
    root = Path(__file__).parent
    for item in items:
        mark = MARKS.get(item.path.relative_to(root).parts[0])
        if mark is not None:
            item.add_marker(mark)
        if isinstance(item, pytest.Function) and SLOW & {*item.fixturenames}:
            item.add_marker("slow")

    def shortness(item: pytest.Item) -> tuple[bool, bool]:
        folder = item.path.relative_to(root).parts[0]
        return item.get_closest_marker("servers") is None, folder not in {*MARKS, "fuzz"}

    items.sort(key=shortness)


@pytest.fixture(autouse=True, scope="session")
def hurried() -> Iterator[None]:
    """No test waits until a password is slow to guess, or finds Stripe spared because another found it away."""
    cheap = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=cheap, DEAD_SERVICE_ASKED_EVERY_S=0):
        yield


@pytest.fixture(autouse=True)
def impatient_stripe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe's library waits between its tries; only a test of the stand-in needs that."""
    if request.node.get_closest_marker("stand_in") is None:
        monkeypatch.setattr(HTTPClient, "INITIAL_DELAY", 0)
        monkeypatch.setattr(HTTPClient, "MAX_DELAY", 0)


@pytest.fixture(autouse=True, scope="session")
def impatient_instant() -> Iterator[None]:
    """Nobody answers where the settings of the tests say that Instant is, and no test waits for it to try again."""

    def no_pause(seconds: float) -> None:
        pass

    client = InstantAdmin(
        api_uri=settings.INSTANT_API_URI,
        app_id=settings.INSTANT_APP_ID,
        admin_token=settings.INSTANT_APP_ADMIN_TOKEN,
        sleep=no_pause,
        breaker=never_open(),
    )
    with configured.using(client, BalanceStore(client, sleep=no_pause)):
        yield


@pytest.fixture(autouse=True)
def spared_by_no_other_test() -> None:
    """What was away in one test is asked in the next."""
    for breaker in (breakers.CACHE, breakers.DATABASE, breakers.MAIL):
        breaker.answered()


@pytest.fixture
def site() -> Iterator[LoopbackSite]:
    """A site of one test, in this process."""
    with opened() as site:
        yield site


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both stand-ins and two processes of the site, with webhooks delivered to the first."""
    with running_world(tmp_path_factory.mktemp("world"), site_ports=(0, 0)) as world:
        yield world


@pytest.fixture
def stripe(world: World) -> Stripe:
    """Stripe as somebody sees it who is not the site."""
    return Stripe(world)


@pytest.fixture
def signed_out(world: World) -> MemberClient:
    """Somebody who is not signed in."""
    return MemberClient.at(world)


@pytest.fixture
def ada(signed_out: MemberClient) -> MemberClient:
    """A new member, signed in, without credits."""
    return signed_out.sign_in()


@pytest.fixture
def grace(world: World) -> MemberClient:
    """Another member, without credits too."""
    return MemberClient.at(world).sign_in()


@pytest.fixture
def ada_with_ten_credits(ada: MemberClient) -> MemberClient:
    """A member who bought a pack of ten."""
    assert ada.sync(ada.buy()).json()["credits"] == 10
    return ada


@pytest.fixture
def instant_faults(world: World) -> Iterator[Faults]:
    """Faults of the Instant stand-in, gone after the test."""
    faults = Faults(world.instant.url)
    yield faults
    faults.clear()


@pytest.fixture
def stripe_faults(world: World) -> Iterator[Faults]:
    """Faults of the Stripe stand-in, gone after the test."""
    faults = Faults(world.stripe.url)
    yield faults
    faults.clear()
