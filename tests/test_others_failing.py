"""What people see while a service fails, from whichever call on, and that nothing is lost.

`TABLE` is also in docs/operations.md. Instant and Stripe are stand-ins of this process; before a database, a cache
and a mail server stands a relay. The first two are those of `tests/drivers/servers.py`, which `.ci/run` starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from django.core.cache import caches
from django.db import close_old_connections, connection
from django.test import Client, override_settings

from accounts.members import Member
from billing.packs import forget_prices
from sandbox.serving import Response
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers import servers
from tests.drivers.instant import Work, refused
from tests.drivers.relay import Relay, relay_to
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite, opened
from tests.drivers.smtp import mail_server

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
    "not to be sent": "The mail cannot be sent, and trying again does not help",
    "no mailbox": "The mail server takes no mail to this address",
    "later": "Something broke on our side",
}
# With a Retry-After.
WAITING: Final = {"not now", "not done", "in doubt", "not sent", "later"}
DEEDS: Final = ("front page", "home", "sign in", "write", "buy", "return", "webhook", "staff")

DOUBT: Final = "in doubt, not done"
SURE: Final = (AS_USUAL, "not now", AS_USUAL, *["not done"] * 4, "not now")
UNSURE: Final = (AS_USUAL, "not now", AS_USUAL, DOUBT, "not done", DOUBT, DOUBT, "not now")
UNPAID: Final = (*["without prices"] * 2, *[AS_USUAL] * 2, *["in doubt"] * 3, AS_USUAL)
HOWS: Final = ("down", "slow", "garbage", "half open")
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
    **{("database", how): (AS_USUAL, *["later"] * 7) for how in (*HOWS, "429")},
    **{("cache", how): (AS_USUAL,) * 8 for how in (*HOWS, "429")},
    **{("mail", how): (*[AS_USUAL] * 2, "not sent", *[AS_USUAL] * 5) for how in (*HOWS, "421", "450")},
    ("mail", "550"): (*[AS_USUAL] * 2, "no mailbox, not to be sent", *[AS_USUAL] * 5),
}
GAINS: Final = {"write": -1, "return": 10, "webhook": 10}

# What happens to a call

Call: TypeAlias = Callable[[Work], Response]


def down(work: Work) -> Response:
    raise refused()


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
# Of what is no HTTP API, how it says that it cannot answer.
TOO_MANY: Final = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
REFUSALS: Final[dict[str, dict[str, bytes]]] = {
    "database": {"429": b"E" + (4 + len(TOO_MANY)).to_bytes(4) + TOO_MANY},
    "cache": {"429": b"-BUSY try again later\r\n"},
    "mail": {number: f"{number} no\r\n".encode() for number in ("421", "450", "550")},
}
SLOW: Final = {("database", "slow"), ("database", "half open")}
# Seconds that the site waits here.
PATIENCE_S: Final = 0.2


@dataclass
class Trouble:
    """A service that fails from its call number `since` on. `hits` is how many failed."""

    how: str
    since: int
    calls: int = 0
    hits: int = 0

    def fate(self) -> str | None:
        """How the next call fails, if it does."""
        self.calls += 1
        self.hits += self.calls > self.since
        return self.how if self.calls > self.since else None

    def __call__(self, work: Work) -> Response:
        how = self.fate()
        return CALLS[how](work) if how else work()


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
                return partial(self.site.tell, self._paid(member))
            case _:
                return lambda: self.staff.get(f"/admin/billing/member/{member.id}/change/")

    def _paid(self, member: Member) -> bytes:
        self.site.buy(member)
        return next(body for body in self.site.events() if b'"checkout.session.completed"' in body)

    @contextmanager
    def failing(self, service: str, trouble: Trouble) -> Iterator[None]:
        """Until the end, calls of the service go through `trouble`."""
        if service in BEFORE:
            with BEFORE[service]() as relay:
                relay.fate = trouble.fate
                yield
        else:
            self.site.carry[service] = trouble
            yield
            del self.site.carry[service]


# What stands before a service that is no HTTP API


@contextmanager
def before_the_database() -> Iterator[Relay]:
    """The connection goes through the relay, and is there already: the next request looks whether it is good."""
    if not servers.DATABASE:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    here = connection.settings_dict
    direct = {name: here[name] for name in ("HOST", "PORT", "OPTIONS")}
    patience = {"connect_timeout": 2, "answer_timeout": PATIENCE_S, "sslmode": "disable"}
    with relay_to(here["HOST"], here["PORT"], REFUSALS["database"]) as relay:
        connection.close()
        here |= {"HOST": "127.0.0.1", "PORT": relay.port, "OPTIONS": here["OPTIONS"] | patience}
        connection.ensure_connection()
        close_old_connections()
        try:
            yield relay
        finally:
            connection.close()
            here |= direct


@contextmanager
def before_the_cache() -> Iterator[Relay]:
    """A cache that starts empty."""
    if not servers.CACHE:
        pytest.skip("TEST_CACHE_URL names no cache")
    url = urlsplit(servers.CACHE)
    with relay_to(url.hostname or "", url.port or 6379, REFUSALS["cache"]) as relay:
        cache = {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{relay.port}{url.path}",
            "KEY_PREFIX": uuid4().hex,
            "OPTIONS": {"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S},
        }
        with override_settings(CACHES=settings.CACHES | {"default": cache}):
            yield relay


@contextmanager
def before_the_mail_server() -> Iterator[Relay]:
    """A mail server that takes everything."""
    with (
        mail_server() as server,
        relay_to("127.0.0.1", server.settings["EMAIL_PORT"], REFUSALS["mail"]) as relay,
    ):
        patience = {"EMAIL_PORT": relay.port, "EMAIL_TIMEOUT": PATIENCE_S}
        with override_settings(**server.settings | patience):
            yield relay


BEFORE: Final = {
    "database": before_the_database,
    "cache": before_the_cache,
    "mail": before_the_mail_server,
}


def outcome(answer: Answer) -> str:
    """What an answer is called in the table."""
    text = answer.content.decode().rpartition("</head>")[2]
    found = next((name for name, words in SAID.items() if words in text), AS_USUAL)
    is_fine = found in (AS_USUAL, "without prices")
    assert answer.status_code in ((200, 201) if is_fine else (422,) if found == "no mailbox" else (503,)), (
        text
    )
    assert (int(answer.get("Retry-After", "0")) > 0) is (found in WAITING), text
    return found


def cell(world: World, service: str, how: str, deed: str) -> str:
    """What somebody may see while the service fails from its first call on, from its second, and so on."""
    seen: set[str] = set()
    since = -1
    while True:
        # Where the site waits for two seconds at least, some of its calls stand for all.
        since = since * 4 + 1 if (service, how) in SLOW and since > 0 else since + 1
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


NEEDS_SERVERS: Final = (pytest.mark.servers, pytest.mark.timeout(600))


@pytest.mark.deep
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=NEEDS_SERVERS if row[0] in ("database", "cache") else ()) for row in TABLE],
    ids="-".join,
)
def test_what_people_see_while_another_fails_and_that_nothing_is_lost(row: tuple[str, str]) -> None:
    service, how = row
    with opened() as site:
        world = World(site)
        assert tuple(cell(world, service, how, deed) for deed in DEEDS) == TABLE[row]
