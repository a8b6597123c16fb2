"""How often the site asks Instant and Stripe for one request of a browser, exactly: each trip is somebody's wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client

from accounts.members import Member
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite, opened

pytestmark = pytest.mark.django_db
Trips = tuple[int, int]  # to Instant, to Stripe


@pytest.fixture
def site() -> Iterator[LoopbackSite]:
    """One that has been up for a while: it knows the prices, and that Instant keeps its guards."""
    for cache in caches.all(initialized_only=True):
        cache.clear()
    with opened() as site:
        Client().get("/")
        site.spend(buyer(site))
        yield site


def buyer(site: LoopbackSite) -> Member:
    """A member with ten credits."""
    member = site.member()
    site.buy(member)
    site.deliver_all()
    return member


def trips(site: LoopbackSite, ask: Callable[[], object]) -> Trips:
    before = site.asked_instant, site.asked_stripe
    answer = ask()
    assert isinstance(answer, HttpResponse)
    assert answer.status_code in (200, 201, 404), answer.content
    return site.asked_instant - before[0], site.asked_stripe - before[1]


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {}, (1, 0)),
        ("/haikus/", {}, (1, 0)),
        ("/haikus/", FRAGMENT, (1, 0)),
        ("/history/", {}, (2, 1)),  # the ledger twice: its newest entries, and the purchases in it
        ("/history/", FRAGMENT, (2, 1)),  # the same list as on the page
        ("/history/?before=3", FRAGMENT, (1, 0)),
        ("/history/?before=1", FRAGMENT, (1, 0)),
        ("/api/credits", FRAGMENT, (1, 0)),
        ("/api/credits", JSON, (1, 0)),
        ("/account/sessions/", {}, (0, 0)),
        ("/nothing/", JSON, (0, 0)),
    ],
)
def test_a_page_is_one_trip(site: LoopbackSite, path: str, headers: dict[str, str], expected: Trips) -> None:
    member = buyer(site)
    site.spend(member, 2)
    ada = browser_of(member)
    assert trips(site, partial(ada.get, path, headers=headers)) == expected


def test_who_is_signed_out_asks_nobody(site: LoopbackSite) -> None:
    assert trips(site, partial(Client().get, "/")) == (0, 0)


def test_a_haiku_is_two_trips_after_the_home_page_and_then_one(site: LoopbackSite) -> None:
    ada = browser_of(buyer(site))

    def one() -> object:
        return ada.post("/api/generate", {"topic": "rain", "request_id": str(uuid4())}, headers=FRAGMENT)

    assert trips(site, partial(ada.get, "/")) == (1, 0)
    assert [trips(site, one) for _ in range(2)] == [(2, 0), (1, 0)]
    caches["own"].clear()
    assert [trips(site, one) for _ in range(2)] == [(2, 0), (1, 0)]


def test_a_purchase_asks_stripe_twice_and_once_when_it_is_there(site: LoopbackSite) -> None:
    member = buyer(site)
    ada = browser_of(member)
    checkout_id = site.buy(member)
    sync = partial(ada.post, "/api/stripe/sync", {"session_id": checkout_id}, headers=JSON)
    # The plan of a purchase looks again after its movement, since another may be due.
    assert [trips(site, sync) for _ in range(2)] == [(2, 2), (1, 1)]


def test_a_webhook_asks_nothing_but_for_what_it_is_about(site: LoopbackSite) -> None:
    member = buyer(site)
    site.buy(member)
    counted = {json.loads(body)["type"]: trips(site, partial(site.tell, body)) for body in site.events()}
    assert counted.pop("checkout.session.completed") == (2, 2)
    assert set(counted.values()) == {(0, 0)}
