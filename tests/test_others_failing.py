"""What people see while a service fails, from whichever call on, and that nothing is lost.

`TABLE` is also in docs/operations.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from django.core.cache import caches
from django.test import Client, override_settings
from urllib3.exceptions import MaxRetryError, NewConnectionError

from accounts.members import Member
from billing.packs import forget_prices
from sandbox.serving import Response
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.away import no_database
from tests.drivers.instant import Work
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite, opened

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db(transaction=True)

AS_USUAL: Final = "as usual"
# What each other answer is called, and the words that it is known by.
SAID: Final = {
    "without prices": "The prices cannot be read from Stripe right now",
    "not now": "A service we depend on does not answer right now",
    "not done": "nothing came of this attempt",
    "in doubt": "We could not confirm that this went through",
    "not sent": "The mail could not be sent",
    "later": "Something broke on our side",
}
DEEDS: Final = ("front page", "home", "sign in", "write", "buy", "return", "webhook", "staff")

DOUBT: Final = "in doubt, not done"
SURE: Final = (AS_USUAL, "not now", AS_USUAL, *["not done"] * 4, "not now")
UNSURE: Final = (AS_USUAL, "not now", AS_USUAL, DOUBT, "not done", DOUBT, DOUBT, "not now")
UNPAID: Final = (*["without prices"] * 2, *[AS_USUAL] * 2, *["in doubt"] * 3, AS_USUAL)
# What may be seen of each deed, by what fails and how.
TABLE: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("Instant", "down"): SURE,
    ("Instant", "slow"): UNSURE,
    ("Instant", "429"): SURE,
    ("Instant", "garbage"): UNSURE,
    ("Instant", "half open"): UNSURE,
    ("Stripe", "down"): UNPAID,
    ("Stripe", "slow"): UNPAID,
    ("Stripe", "429"): UNPAID,
    ("Stripe", "garbage"): UNPAID,
    ("Stripe", "half open"): UNPAID,
    ("database", "down"): (AS_USUAL, *["later"] * 7),
    ("cache", "down"): (AS_USUAL,) * 8,
    ("mail", "down"): (*[AS_USUAL] * 2, "not sent", *[AS_USUAL] * 5),
}
AWAY: Final = "tests.drivers.away"
GAINS: Final = {"write": -1, "return": 10, "webhook": 10}

# What happens to a call

Call: TypeAlias = Callable[[Work], Response]


def down(work: Work) -> Response:
    reason = NewConnectionError(None, "refused")  # type: ignore[arg-type]
    raise requests.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


def slow(work: Work) -> Response:
    work()
    raise requests.ReadTimeout


def busy(work: Work) -> Response:
    return Response.json({"type": "rate-limited", "error": {"code": "rate_limit"}}, status=429)


def garbage(work: Work) -> Response:
    work()
    return Response(200, b"<html>", {"content-type": "text/html"})


def half_open(work: Work) -> Response:
    raise requests.ReadTimeout


CALLS: Final = {"down": down, "slow": slow, "429": busy, "garbage": garbage, "half open": half_open}


@dataclass
class Trouble:
    """A service that fails from its call number `since` on. `hits` is how many failed."""

    how: Call
    since: int
    calls: int = 0
    hits: int = 0

    def hit(self) -> bool:
        """Whether the next call fails."""
        self.calls += 1
        self.hits += self.calls > self.since
        return self.calls > self.since

    def __call__(self, work: Work) -> Response:
        return self.how(work) if self.hit() else work()


# What somebody does


class World:
    """A site, and people who ask it for something, each for the first time."""

    def __init__(self, site: LoopbackSite) -> None:
        self.site = site
        self.stranger = Client(raise_request_exception=False)
        self.staff = browser_of_staff("view_member")
        self.staff.raise_request_exception = False

    def member_with_ten_credits(self) -> Member:
        """A new member, who has bought once."""
        member = self.site.member()
        self.site.buy(member)
        self.site.deliver_all()
        return member

    def asks(self, deed: str, member: Member) -> Callable[[], Answer]:
        """How it is asked for, the first time and again: in the very same way."""
        ada = browser_of(member)
        ada.raise_request_exception = False
        request_id = str(uuid4())
        match deed:
            case "front page":
                return lambda: self.stranger.get("/")
            case "home":
                return lambda: ada.get("/")
            case "sign in":
                email = f"{request_id}@example.com"
                return lambda: self.stranger.post("/sign-in/", {"email": email}, headers=JSON)
            case "write":
                form = {"topic": "rain", "request_id": request_id}
                return lambda: ada.post("/api/generate", form, headers=JSON)
            case "buy":
                form = {"pack": "price_ten", "quantity": "1", "request_id": request_id}
                return lambda: ada.post("/api/stripe/checkout", form, headers=JSON)
            case "return":
                form = {"session_id": self.site.buy(member)}
                return lambda: ada.post("/api/stripe/sync", form, headers=JSON)
            case "webhook":
                return partial(self._deliver, self._paid(member))
            case _:
                return lambda: self.staff.get(f"/admin/billing/member/{member.id}/change/")

    def _paid(self, member: Member) -> bytes:
        self.site.buy(member)
        return next(body for body in self.site.events() if b'"checkout.session.completed"' in body)

    def _deliver(self, event: bytes) -> Answer:
        headers = {"Stripe-Signature": self.site.stripe.sign(event, time.time())}
        kind = "application/json"
        return self.stranger.post("/api/stripe/webhook", event, content_type=kind, headers=headers)

    @contextmanager
    def failing(self, service: str, trouble: Trouble) -> Iterator[None]:
        """Until the end, calls of the service go through `trouble`. What is no HTTP API is just away."""
        match service:
            case "database":
                with no_database(trouble.hit):
                    yield
            case "cache":
                with override_settings(CACHES=settings.CACHES | {"default": {"BACKEND": f"{AWAY}.Cache"}}):
                    yield
            case "mail":
                with override_settings(EMAIL_BACKEND=f"{AWAY}.Mail"):
                    yield
            case _:
                self.site.carry[service] = trouble
                yield
                del self.site.carry[service]


def outcome(answer: Answer) -> str:
    """What an answer is called in the table."""
    text = answer.content.decode().rpartition("</head>")[2]
    found = next((name for name, words in SAID.items() if words in text), AS_USUAL)
    is_fine = found in (AS_USUAL, "without prices")
    assert answer.status_code in ((200, 201) if is_fine else (503,)), text
    assert is_fine or int(answer["Retry-After"]) > 0
    return found


def cell(world: World, service: str, how: Call, deed: str) -> str:
    """What somebody may see while the service fails from its first call on, from its second, and so on."""
    seen: set[str] = set()
    for since in count():
        member = world.member_with_ten_credits()
        ask = world.asks(deed, member)
        for name in caches:
            caches[name].clear()  # no price is known
        before = world.site.credits(member)
        trouble = Trouble(how, since)
        with world.failing(service, trouble):
            seen.add(outcome(ask()))
        # Nothing is lost, and nothing happens twice: asked again a minute later, it is done, once.
        forget_prices()
        with override_settings(LIMITS_ENABLED=False):
            assert [outcome(ask()) for _ in range(2)] == [AS_USUAL] * 2
        assert world.site.credits(member) - before == GAINS.get(deed, 0)
        if not trouble.hits:
            return ", ".join(sorted(seen - {AS_USUAL})) or AS_USUAL
    raise AssertionError


@pytest.mark.deep
@pytest.mark.parametrize("row", TABLE, ids="-".join)
def test_what_people_see_while_another_fails_and_that_nothing_is_lost(row: tuple[str, str]) -> None:
    service, how = row
    with opened() as site:
        world = World(site)
        assert tuple(cell(world, service, CALLS[how], deed) for deed in DEEDS) == TABLE[row]
