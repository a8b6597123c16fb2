"""What is stored survives a restart, also after a kill."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import requests
import stripe

from sandbox.serving import Request, Response
from sandbox.world import free_port
from tests.drivers.stripe_api import (
    LIMIT_S,
    PRICE,
    SUCCESS_URL,
    VISA,
    Clock,
    StripeDriver,
    make_standin,
    served,
)
from tests.drivers.waiting import await_that
from tests.sandbox.stripe.harness import StandInProcess, packs

SELLER = (*StandInProcess.KEYS, "--price", f"{PRICE}:500:usd:10 credits: the big pack")


def test_a_closed_stand_in_forgets_nothing(tmp_path: Path) -> None:
    clock = Clock()
    database = tmp_path / "stripe.sqlite3"
    standin = make_standin(clock, database)
    before = StripeDriver(standin, clock)
    customer = before.v1.customers.create({}, {"idempotency_key": "k"})
    due = before.due()
    before.post("/dashboard/delivery", delay_s="9")
    standin.close()

    again = make_standin(clock, database)
    after = StripeDriver(again, clock)
    assert after.v1.customers.create({}, {"idempotency_key": "k"}).id == customer.id
    assert after.due() == due
    assert 'value="9"' in after.get("/dashboard/webhooks/").text
    again.close()


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    process = StandInProcess(tmp_path)
    sessions = process.v1.checkout.sessions
    with process.running(*SELLER):
        order = {"mode": "payment", "line_items": packs(), "success_url": SUCCESS_URL}
        session = sessions.create(order)
        form = {"card_number": VISA}
        paid = requests.post(str(session.url), data=form, timeout=LIMIT_S, allow_redirects=False)
        assert paid.status_code == 303
    with process.running(*SELLER):
        again = sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert again.payment_status == "paid"
    assert again.line_items.data[0].description == "10 credits: the big pack"


class FailingSite:
    """A site that, while it fails, refuses every third event and leaves one without an answer."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.kept_waiting = ""
        self.is_failing = True
        self.let_go = threading.Event()
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer one webhook; the order of first arrival decides which ones fail."""
        event_id = json.loads(request.body)["id"]
        with self._lock:
            self.arrived[event_id] += 1
            place = list(self.arrived).index(event_id)
        if self.is_failing and place % 3 == 0:
            return Response(status=500, body=b"not now")
        if self.is_failing and place == 2:
            self.kept_waiting = event_id
            self.let_go.wait(LIMIT_S * 3)
        with self._lock:
            self.taken[event_id] += 1
        return Response()


def test_a_process_killed_while_it_delivers_delivers_the_rest_at_its_next_start(tmp_path: Path) -> None:
    site, process = FailingSite(), StandInProcess(tmp_path)

    def pending() -> dict[str, int]:
        return {event.id: event.pending_webhooks for event in process.v1.events.list({"limit": 100}).data}

    def is_half_done() -> bool:
        left = pending()
        return bool(site.kept_waiting) and set(site.arrived) == set(left) and 0 in left.values()

    with served(site.handle, free_port()) as url:
        options = (*SELLER, "--webhook-url", f"{url}/webhook")
        with process.running(*options):
            for number in range(12):
                process.v1.customers.create({"name": f"Ada {number}"})
            await_that(is_half_done)
            before = pending()
        site.is_failing = False
        site.let_go.set()
        with process.running(*options):
            await_that(lambda: set(pending().values()) == {0}, limit_s=60)
            events = set(pending())
    assert events >= set(before)
    assert set(site.taken) == events
    # The one under way was made again, and what was known to have arrived was not.
    assert site.arrived[site.kept_waiting] > 1
    known = [event_id for event_id, left in before.items() if left == 0]
    assert known
    assert {site.taken[event_id] for event_id in known} == {1}


def test_started_with_nothing_it_makes_its_own_keys_and_keeps_them(tmp_path: Path) -> None:
    process, told = StandInProcess(tmp_path), []
    for _ in range(2):
        with process.running() as said:
            told.append(said)
            client = stripe.StripeClient(said["secret_key"], base_addresses={"api": said["api_base"]})
            assert client.v1.accounts.retrieve_current().charges_enabled
    first, again = told
    assert first == again
    assert first["secret_key"].startswith("sk_test_")
    assert first["webhook_secret"].startswith("whsec_")


def test_a_key_that_is_given_replaces_the_one_that_was_kept(tmp_path: Path) -> None:
    keys = []
    for given in (None, "sk_test_given", None):
        standin = make_standin(Clock(), tmp_path / "s.sqlite3", secret_key=given)
        keys.append(standin.secret_key)
        standin.close()
    assert keys[0].startswith("sk_test_")
    assert keys[1:] == ["sk_test_given"] * 2
