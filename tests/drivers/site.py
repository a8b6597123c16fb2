"""The site's verbs between both stand-ins, all in this process: real clients on networks of no length."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import requests
from django.conf import settings
from django.test import Client, override_settings

from accounts.members import Member
from billing.checkout import start_checkout
from billing.packs import Pack
from billing.stripe_api.client import Client as StripeClient
from billing.stripe_api.client import using as using_stripe
from billing.webhook import receive_webhook
from instant_admin import configured
from instant_admin.client.steps import create, link
from instant_admin.client.types import Step
from instant_admin.ledger.entries import read_page
from instant_admin.ledger.movements import Reset, Spend
from instant_admin.ledger.rules import Entry
from instant_admin.ledger.store import BalanceStore
from sandbox.faults import PATH as FAULTS
from sandbox.faults import FaultyHandler
from sandbox.serving import Handler, Request, Response
from sandbox.stripe.refusals import refusal
from tests.drivers.instant import LoopbackInstant, Network, Work, never_open, session_to
from tests.drivers.stripe import StripeUser
from tests.drivers.stripe_api import PRICE, SECRET_KEY, STRIPE_URL, VISA, make_standin

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

TEN = Pack(price_id=PRICE, credits=10, name="Ten")


def stripe_client(
    handler: Handler, network: Network = lambda request, work: work(), *, secret_key: str
) -> StripeClient:
    """Our client of Stripe, before a stand-in's handler."""
    session = session_to(handler, network)
    return StripeClient(secret_key=secret_key, api_base=STRIPE_URL, session=session, breaker=never_open())


class LoopbackSite(StripeUser):
    """Both stand-ins, and what buyers, banks and staff do there. Its clock stands still until it is moved."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))
        self.instant = LoopbackInstant()
        self.instant_is_away = self.stripe_is_away = False
        self.asked_stripe = self.asked_instant = 0  # how often the site did
        # How the site's calls of a service come through, by its name.
        self.carry: dict[str, Callable[[Work], Response]] = {}
        self.tamper: Callable[[Request, Response], Response] = lambda request, answer: answer
        self.admin = self.instant.client(self._to_instant)
        self.restart()
        self.stripe = make_standin(
            lambda: self.now,
            webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0],
            webhook_url="http://site.test/api/stripe/webhook",
            refund_turns_after_s=None,
        )
        super().__init__(STRIPE_URL, SECRET_KEY, session_to(self.stripe.handle))
        self._faulty_stripe = FaultyHandler(self.stripe.handle, refusal)
        self.stripe_client = stripe_client(self._faulty_stripe, self._to_stripe, secret_key=SECRET_KEY)

    def _to_instant(self, request: Request, work: Work) -> Response:
        self.asked_instant += 1
        if self.instant_is_away:
            raise requests.ConnectionError("refused")
        return self.tamper(request, self.carry["Instant"](work) if "Instant" in self.carry else work())

    def _to_stripe(self, request: Request, work: Work) -> Response:
        self.asked_stripe += 1
        if self.stripe_is_away:
            raise requests.ConnectionError("refused")
        return self.tamper(request, self.carry["Stripe"](work) if "Stripe" in self.carry else work())

    def refuse(self, method: str, path: str, code: str, *, times: int | None = None) -> None:
        """Have Stripe refuse the site's next calls of a path, a regular expression, for one of its reasons."""
        rule = {"method": method, "path": path, "code": code, "times": times}
        answer = self._faulty_stripe(Request("POST", FAULTS, body=json.dumps(rule).encode()))
        assert answer.status == 200, answer.body

    def let(self) -> None:
        """Have Stripe refuse nothing any more."""
        self._faulty_stripe(Request("DELETE", FAULTS))

    def restart(self) -> None:
        """Begin a new process of the site, which remembers nothing."""
        self.store = BalanceStore(
            self.admin,
            sleep=lambda seconds: None,
            on_posted=lambda entry: configured.entry_written.send_robust(None, entry=entry),
        )

    def close(self) -> None:
        """Let go of the databases."""
        self.instant.standin.close()
        self.stripe.close()

    # People

    def member(self, email: str | None = None, *, credits: int = 0) -> Member:
        """A new member, whose balance staff may have set."""
        email = email or f"{uuid4().hex}@example.com"
        member_id, token = self.instant.member(email)
        if credits:
            self.store.post(member_id, Reset(key=f"reset:{member_id}", credits=credits))
        return Member(id=member_id, email=email, refresh_token=token)

    def open_checkout(self, member: Member, pack: Pack = TEN) -> str:
        """Start buying ten credits, or another pack; the checkout's id."""
        return start_checkout(
            member=member,
            pack=pack,
            quantity=1,
            request_id=uuid4(),
            success_url="http://site.test/?session_id={CHECKOUT_SESSION_ID}",
            cancel_url="http://site.test/",
        ).id

    def buy(self, member: Member, *, card: str = VISA, pack: Pack = TEN, **form: str) -> str:
        """Pay for a pack on Stripe's page; the checkout's id. Nothing is delivered yet."""
        checkout_id = self.open_checkout(member, pack)
        back = self.pay(checkout_id, card, **form)
        assert parse_qs(urlsplit(back).query)["session_id"] == [checkout_id]
        return checkout_id

    def spend(self, member: Member, times: int = 1) -> None:
        """Write haikus, as `haikus/store.py` does."""
        for _ in range(times):
            spend = Spend(key=f"spend:{member.id}:{uuid4()}", price=1, note="rain")
            self.store.post(member.id, spend, steps=lambda haiku_id: haiku(haiku_id, member.id))

    # Webhooks

    def events(self) -> list[bytes]:
        """The bodies of the webhooks that wait, oldest first; they count as delivered."""
        bodies = []
        for delivery in self.stripe.due_deliveries(self.now):
            self.stripe.record_attempt(delivery.id, 200, self.now)
            bodies.append(delivery.body)
        return bodies

    def deliver(self, body: bytes) -> None:
        """Bring the site one webhook."""
        receive_webhook(body, self.stripe.sign(body, time.time()))

    def tell(self, body: bytes, *, signed_at: float | None = None) -> Answer:
        """Bring the site one webhook over HTTP; its answer."""
        signature = self.stripe.sign(body, time.time() if signed_at is None else signed_at)
        headers = {"Stripe-Signature": signature}
        stripe = Client(raise_request_exception=False)
        return stripe.post("/api/stripe/webhook", body, content_type="application/json", headers=headers)

    def deliver_all(self) -> None:
        """Bring the site whatever waits."""
        for body in self.events():
            self.deliver(body)

    # The ledger

    def credits(self, member: Member) -> int:
        """The balance."""
        return self.store.account(member.id).credits

    def entries(self, member: Member) -> list[Entry]:
        """The whole ledger, oldest first."""
        return list(reversed(read_page(self.admin, member.id, before_seq=None, limit=500).entries))

    def ledger(self, member: Member) -> list[tuple[str, int, int]]:
        """The whole ledger as kinds, amounts and balances."""
        return [(str(entry.kind), entry.amount, entry.balance) for entry in self.entries(member)]


def haiku(haiku_id: UUID, author: UUID) -> list[Step]:
    """The steps that write a haiku."""
    row = {"topic": "rain", "content": "a\nb\nc", "createdAt": 1_800_000_000_000}
    return [create("haikus", haiku_id, row), link("haikus", haiku_id, {"author": author})]


@contextmanager
def opened() -> Iterator[LoopbackSite]:
    """A site that the site's verbs talk to while it is open."""
    site = LoopbackSite()
    try:
        with (
            override_settings(INSTANT_APP_ID=str(site.instant.app.id), SHOP_ID=str(site.instant.app.id)),
            configured.using(site.admin, site.store),
            using_stripe(site.stripe_client),
        ):
            yield site
    finally:
        site.close()
