"""A simulated world: the two stand-ins, some server processes of the site, and what they say to people."""

from __future__ import annotations

import functools
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.cache import caches

from accounts.members import Member
from billing.stripe_api.client import Client
from billing.stripe_api.client import using as using_stripe
from instant_admin import configured
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.breaker import Breaker
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.turns import Turns
from instant_admin.ledger.writing import Writer
from sandbox.serving import Request, Response
from tests.drivers.instant import HandlerAdapter, LoopbackInstant
from tests.recorded import StripeStandIn
from tests.simulation.network import (
    VERBS,
    WORK_VERBS,
    FaultPlan,
    Network,
    SimulatedSession,
    Site,
    some_kinds,
)
from tests.simulation.scheduler import Crash, Scheduler, Signal
from tests.simulation.turns import UnsureTurns

START: Final = 1_790_000_000.0
PROCESSES: Final = 2
# How far the clock of each process goes before that of the one before it.
_AHEAD_S: Final = 50.0
SECRET_KEY: Final = "sk_test_simulated"
PACKS: Final = (("price_ten", 500, 10), ("price_seven", 997, 7))
T = TypeVar("T")


class NoAnswer(Exception):
    """The server process died while it worked on a request, so whoever made it got no answer."""


@dataclass(slots=True)
class ServerProcess:
    """What one process of the site has in memory, and loses when it dies."""

    client: InstantAdmin
    store: BalanceStore
    stripe: Client


@dataclass(slots=True)
class Faces:
    """The random sources of a history, apart, so that leaving out a fault does not change the actors."""

    schedule: random.Random
    actors: random.Random
    faults: random.Random
    ids: random.Random
    # What only some histories have beside the rest: it leaves the others as they were.
    extras: random.Random
    works: random.Random
    keys: random.Random

    @classmethod
    def of(cls, seed: int) -> Faces:
        """All of them from one seed."""
        return cls(*(random.Random(f"{seed}:{each.name}") for each in fields(cls)))


@functools.cache
def _template() -> LoopbackInstant:
    """An Instant with our schema and rules, made once and copied for each history."""
    return LoopbackInstant()


class World:
    """Everything there is in one history."""

    def __init__(
        self, seed: int, *, aims: Mapping[Site, str], only_faults: frozenset[int] | None = None
    ) -> None:
        self.log: list[str] = []
        self.random = Faces.of(seed)
        self.scheduler = Scheduler(self.random.schedule, start=START)
        kinds = some_kinds(self.random.faults)
        # With few kinds of faults, many of them: that is how one meets itself.
        rate = self.random.faults.choice([0.2, 0.4, 0.6] if kinds else [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
        hot_verb = self.random.faults.choice(["", *VERBS, "delete_haiku", "reconcile"])
        if self.random.works.random() < 0.2:
            hot_verb = self.random.works.choice(WORK_VERBS)
        self.plan = FaultPlan(self.random.faults, rate, hot_verb, kinds, aims, only_faults)
        self.network = Network(self.scheduler, self.plan, self.note)
        template = _template()
        self.instant = template.standin.copy(
            clock=self.clock, rng=self.random.ids, pause=lambda where: self.scheduler.pause()
        )
        self.stripe = StripeStandIn(
            database=":memory:",
            clock=self.clock,
            rng=self.random.ids,
            secret_key=SECRET_KEY,
            webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0],
            public_url="http://stripe.simulated",
            webhook_url="http://site.simulated/api/stripe/webhook",
        )
        for price_id, cents, credits in PACKS:
            self.stripe.ensure_price(price_id, cents, "usd", f"{credits} credits")
        settings.INSTANT_APP_ID = settings.SHOP_ID = str(template.app.id)
        settings.HAIKU_GENERATOR = "tests.simulation.world.poem"
        settings.WITHDRAWAL_DAYS = 100_000  # the clock on the wall is not that of a history
        caches["own"].clear()
        self.admin = self._client(self.instant.handle)
        # Every balance that each member had, with the time from when.
        self.balances: dict[UUID, list[tuple[float, int]]] = defaultdict(list)
        # What each had spent under allowances, with the time from when.
        self.spent: dict[UUID, list[tuple[float, dict[str, int]]]] = defaultdict(list)
        self.turns: Turns = UnsureTurns(self.scheduler, self.random.schedule)
        self.processes = [self._new_process(clock_ahead_s=_AHEAD_S * number) for number in range(PROCESSES)]

    def clock(self) -> float:
        """The time of the history, in seconds."""
        return self.scheduler.now

    def note(self, text: str) -> None:
        """A line of the history."""
        self.log.append(f"{self.scheduler.now - START:11.2f} s  {text}")

    def note_balances(self) -> None:
        """Keep what everybody has now, and has spent."""
        for row in self.admin.query({"$users": {}})["$users"]:
            moves, credits = self.balances[UUID(row["id"])], row.get("credits") or 0
            if not moves or moves[-1][1] != credits:
                moves.append((self.scheduler.now, credits))
            spends, spent = self.spent[UUID(row["id"])], row.get("allowances") or {}
            if not spends or spends[-1][1] != spent:
                spends.append((self.scheduler.now, spent))

    def _handle_and_note(self, request: Request) -> Response:
        answer = self.instant.handle(request)
        if request.path == "/admin/transact" and answer.status == 200:
            self.note_balances()
        return answer

    def new_member(self, email: str) -> Member:
        """A member, made without the network."""
        user = self.admin.create_token(email=email)["user"]
        return Member(UUID(user["id"]), email, user["refresh_token"])

    def serve(self, verb: str, act: Callable[[], T], *, process: int | None = None) -> T:
        """Have a server process do something for the actor whose turn it is; raises `NoAnswer` if it dies."""
        number = self.random.actors.randrange(PROCESSES) if process is None else process
        server, actor = self.processes[number], self.scheduler.current
        if actor is None:
            raise AssertionError("only an actor can ask a server for something")
        actor.process, actor.verb = number, verb
        try:
            with configured.using(server.client, server.store), using_stripe(server.stripe):
                return act()
        except Crash:
            self.note(f"process {number} died while {actor.name} waited for {verb}")
            self.processes[number] = self._new_process(clock_ahead_s=_AHEAD_S * number)
            raise NoAnswer(verb) from None
        finally:
            actor.process, actor.verb = None, ""

    def post_to_stripe(self, path: str, form: dict[str, str]) -> Response:
        """What buyers and staff do on Stripe's own pages: no network of ours in between."""
        body = urlencode(form).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.stripe.handle(Request("POST", path, headers=headers, body=body))

    def ask_stripe(self, path: str, *, form: dict[str, str] | None = None) -> dict[str, Any]:
        """What Stripe's API says, asked without the network; with a `form`, it is a POST."""
        parts = urlsplit(path)
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        method, body = ("GET", b"") if form is None else ("POST", urlencode(form).encode())
        answer = self.stripe.handle(Request(method, parts.path, parts.query, headers, body))
        found: dict[str, Any] = json.loads(answer.body)
        if answer.status != 200:
            raise AssertionError(f"{path}: {found}")
        return found

    def session(self, checkout_id: str) -> dict[str, Any]:
        """A Checkout Session as it is."""
        return self.ask_stripe(f"/v1/checkout/sessions/{checkout_id}")

    def edit(self, checkout_id: str, metadata: dict[str, str]) -> None:
        """Edit the metadata of a Checkout Session, as Stripe's dashboard lets one."""
        form = {f"metadata[{name}]": value for name, value in metadata.items()}
        self.ask_stripe(f"/v1/checkout/sessions/{checkout_id}", form=form)

    def sell(self, price_id: str, *, is_sold: bool) -> None:
        """Archive a price in Stripe's dashboard, or put it back."""
        self.note(f"{price_id} is {'sold' if is_sold else 'archived'}")
        self.ask_stripe(f"/v1/prices/{price_id}", form={"active": str(is_sold).lower()})

    def sessions(self) -> list[dict[str, Any]]:
        """Every Checkout Session."""
        return list(self.ask_stripe("/v1/checkout/sessions?limit=100")["data"])

    def customers_of(self, member: Member) -> list[dict[str, Any]]:
        """The customers that Stripe has for a member."""
        customers = self.ask_stripe("/v1/customers?limit=100")["data"]
        return [each for each in customers if each.get("metadata", {}).get("member") == str(member.id)]

    def refunds(self, payment: str) -> list[dict[str, Any]]:
        """The refunds of a payment."""
        return list(self.ask_stripe(f"/v1/refunds?limit=100&payment_intent={payment}")["data"])

    def disputes(self, payment: str) -> list[dict[str, Any]]:
        """The disputes of a payment."""
        return list(self.ask_stripe(f"/v1/disputes?limit=100&payment_intent={payment}")["data"])

    def _new_process(self, *, clock_ahead_s: float = 0.0) -> ServerProcess:
        client = self._client(self.network.to("instant", self._handle_and_note))
        store = BalanceStore(
            client,
            writer=Writer(
                client,
                now=lambda: datetime.fromtimestamp(self.scheduler.now + clock_ahead_s, tz=UTC),
                new_id=self._new_id,
            ),
            new_signal=lambda: Signal(self.scheduler),
            turns=self.turns,
            sleep=self.scheduler.sleep,
            jitter=self.random.schedule.random,
        )
        stripe = Client(
            secret_key=SECRET_KEY,
            api_base="http://stripe.simulated",
            session=SimulatedSession(self.network.to("stripe", self.stripe.handle)),
            breaker=Breaker("Stripe", clock=self.clock),
        )
        return ServerProcess(client, store, stripe)

    def _client(self, handler: Callable[[Request], Response]) -> InstantAdmin:
        app = _template().app
        return InstantAdmin(
            api_uri="http://instant.simulated",
            app_id=str(app.id),
            admin_token=str(app.admin_token),
            sleep=self.scheduler.sleep,
            adapter=HandlerAdapter(handler),
            breaker=Breaker("Instant", clock=self.clock),
        )

    def _new_id(self) -> UUID:
        return UUID(bytes=b"\xff\xff" + self.random.ids.randbytes(14), version=4)

    def signature(self, body: bytes) -> str:
        """A signature that Stripe made just now. Its age is measured by the real clock, and is always none."""
        return self.stripe.sign(body, time.time())


def poem(topic: str, *, rng: random.Random, recent: Sequence[str]) -> str:
    """A poem without a dictionary; `rng` is the product's own and not ours."""
    return f"{topic}\n{topic}\n{topic}"
