"""Where states of pages are set up: a world with low limits and a generator that can break, and who is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from haikus.generators import sample
from sandbox.world import STAFF_USERNAME, World
from tests.drivers.browser import BrowserMember, Profiles
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.worlds import running_world

# On this topic the generator has a fault, as one of somebody's own may.
BREAKS: Final = "a broken pencil"
TOPICS: Final = (
    "winter rain",
    "the night train",
    "tea for two",
    "a cat asleep",
    "old letters",
    "a red umbrella",
)
# One download, and three wrong passwords; nothing else is ever too often.
ENVIRONMENT: Final = {
    "HAIKU_GENERATOR": "tests.browser.stage.compose",
    # An outage ends with the state that shows it.
    "DEAD_SERVICE_ASKED_EVERY_S": "0",
    "EXPORTS_PER_MEMBER_PER_HOUR": "1",
    "STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR": "3",
    **dict.fromkeys(
        (
            "CODES_PER_ADDRESS_PER_HOUR",
            "CODES_PER_MINUTE",
            "STAFF_LOGINS_PER_ADDRESS_PER_HOUR",
            "STRIPE_CALLS_PER_MEMBER_PER_HOUR",
            "WRITES_PER_MEMBER_PER_MINUTE",
        ),
        "100000",
    ),
    # For the links in mails.
    "SITE_URL": "https://credits.example",
    "CONTACT_EMAIL": "help@example.com",
    "REFUND_POLICY_URL": "https://example.com/refunds",
    "TERMS_URL": "https://example.com/terms",
    "PRIVACY_URL": "https://example.com/privacy",
}
_NEW_STAFF: Final = """
from django.contrib.auth.models import User
User.objects.create_user("{name}", password="{password}", is_staff=True)
"""
# Makes the password of a login one that was typed long ago.
_AGE_PASSWORD: Final = """
from importlib import import_module
from django.conf import settings
session = import_module(settings.SESSION_ENGINE).SessionStore("{key}")
session["staff:password"] = 0.0
session.save()
"""


def compose(topic: str, *, rng: Random, recent: Sequence[str]) -> str:
    """The sample generator, with a fault on one topic."""
    if topic == BREAKS:
        raise RuntimeError("the generator is broken")
    return sample.compose(topic, rng=rng, recent=recent)


@contextmanager
def staged_world(data_dir: Path) -> Iterator[World]:
    """Such a world until the block ends."""
    with running_world(data_dir, env=ENVIRONMENT) as world:
        yield world


class Cast:
    """The people of one world who are the same in every state."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stripe = Stripe(world)
        self._numbers = count(1)

    def member(self, *topics: str, packs: int = 0, email: str | None = None) -> MemberClient:
        """A new member who has bought so many packs of ten and then written on these topics."""
        member = MemberClient.at(self.world).sign_in(email or f"ada{next(self._numbers)}@example.com")
        for _ in range(packs):
            member.sync(member.buy()).raise_for_status()
        for topic in topics:
            assert member.write(topic).status_code == 201
        return member

    @cached_property
    def writer(self) -> MemberClient:
        """A member with six haikus and a history of everything. Read only."""
        ada = self.member(*TOPICS[:3], packs=2, email="ada@example.com")
        checkout_id = ada.buy(pack="price_sandbox50")
        ada.sync(checkout_id).raise_for_status()
        self.stripe.refund(checkout_id, 400)
        ada.await_credits(57)
        self.give(ada, 3, "With thanks for your patience on Monday")
        for topic in TOPICS[3:]:
            ada.write(topic)
        return ada

    @cached_property
    def staff(self) -> MemberClient:
        """Somebody who may do everything, and does nothing but look."""
        return self.new_login()

    def newcomer(self) -> MemberClient:
        """Somebody new of the staff, who may do nothing yet."""
        name = f"newcomer{next(self._numbers)}"
        self.world.manage("shell", "-c", _NEW_STAFF.format(name=name, password=name))
        return self.new_login(name, name)

    def new_login(self, username: str = STAFF_USERNAME, password: str = "") -> MemberClient:
        """Staff, by default who may do everything, at another browser."""
        staff = MemberClient.at(self.world)
        password = password or self.world.keys.staff_password
        form = {"username": username, "password": password, "next": "/admin/"}
        assert staff.post("/admin/login/", form).status_code == 302
        return staff

    def give(self, member: MemberClient, credits: int, reason: str) -> None:
        """Staff give credits."""
        self.world.manage(
            *("credits", "give", "--to", member.email, "--credits", str(credits)),
            *("--reason", reason, "--actor", STAFF_USERNAME),
        )

    def age_password(self, staff: MemberClient) -> None:
        """They have not typed their password for a long time."""
        self.world.manage("shell", "-c", _AGE_PASSWORD.format(key=staff.http.cookies["sessionid"]))


Go = Callable[["Stage"], BrowserMember]


def listed(states: dict[str, Go]) -> Callable[[Go], Go]:
    """Decorates what leads to a state: it goes onto the list, under the name of its function."""

    def put(go: Go) -> Go:
        states[go.__name__.replace("_", " ")] = go
        return go

    return put


class Stage:
    """The cast, with browsers whose options are given. `close` mends whatever a state has broken."""

    def __init__(self, cast: Cast, profiles: Profiles, **options: Any) -> None:
        self.cast = cast
        self.stripe = cast.stripe
        self.instant_faults = Faults(cast.world.instant.url)
        self.stripe_faults = Faults(cast.world.stripe.url)
        self._profiles = profiles
        self._options = options

    def shows(self, client: MemberClient | None, path: str = "/", **options: Any) -> BrowserMember:
        """Somebody (None: a stranger) in front of a page."""
        return self._profiles(client, **self._options | options).opens(path)

    def close(self) -> None:
        """No more faults, and webhooks are delivered again."""
        self.instant_faults.clear()
        self.stripe_faults.clear()
        self.stripe.post("/dashboard/delivery")
