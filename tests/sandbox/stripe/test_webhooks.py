"""Events, deliveries and the courier."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.serving import Request, Response
from sandbox.stripe.courier import Courier, deliver
from sandbox.stripe.events import Delivery
from sandbox.world import free_port
from tests.drivers.stripe_api import (
    WEBHOOK_SECRET,
    Clock,
    StripeDriver,
    make_standin,
    new_driver,
    served,
)
from tests.drivers.waiting import await_that
from tests.sandbox.stripe.harness import newest_event, press, refused

DAY_S = 86_400
SITE, OTHER = "http://shop.test/webhook", "http://other.test/hook"


def due(driver: StripeDriver) -> list[str]:
    """The types of the events that should be delivered now."""
    return [json.loads(delivery.body)["type"] for delivery in driver.due()]


def urls(driver: StripeDriver) -> list[str]:
    """Where the webhooks that are due go."""
    return sorted(delivery.url for delivery in driver.due())


def only(driver: StripeDriver, url: str = SITE) -> Delivery:
    """The one delivery that is due at an address."""
    (delivery,) = [delivery for delivery in driver.due() if delivery.url == url]
    return delivery


def read(driver: StripeDriver, delivery: Delivery, secret: str = WEBHOOK_SECRET) -> Any:
    """What the real client makes of a delivery, if it is valid under this secret."""
    header = driver.standin.sign(delivery.body, driver.clock.now, secrets=delivery.secrets)
    return driver.client.construct_event(delivery.body, header, secret)


def test_the_real_client_accepts_the_signature(fresh: StripeDriver) -> None:
    session = fresh.sold()
    delivery = fresh.due()[-1]
    event = read(fresh, delivery)
    assert (event.type, event.data.object["id"]) == ("checkout.session.completed", session.id)
    assert (event.id, event.livemode, delivery.url) == (delivery.event_id, False, SITE)
    assert event.api_version == stripe.api_version
    assert "line_items" not in event.data.object
    header = fresh.standin.sign(delivery.body, fresh.clock.now)
    with pytest.raises(stripe.SignatureVerificationError):
        fresh.client.construct_event(delivery.body + b" ", header, WEBHOOK_SECRET)


def test_an_event_keeps_the_object_as_it_was(fresh: StripeDriver) -> None:
    session = fresh.sold(metadata={"credits": "10"})
    fresh.v1.checkout.sessions.update(session.id, {"metadata": {"later": "yes"}})
    event = newest_event(fresh, type="checkout.session.completed")
    assert event.data.object["metadata"].to_dict() == {"credits": "10"}
    assert "previous_attributes" not in event.data


def test_an_event_names_the_request_behind_it(fresh: StripeDriver) -> None:
    customer = fresh.v1.customers.create({}, {"idempotency_key": "the key"})
    made = newest_event(fresh).request
    assert (made.id, made.idempotency_key) == (customer.last_response.request_id, "the key")
    fresh.sold()
    paid = newest_event(fresh, type="checkout.session.completed").request
    assert (paid.id, paid.idempotency_key) == (None, None)


def test_a_delivery_that_succeeds_is_over(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    assert newest_event(fresh).pending_webhooks == 1
    assert len(fresh.deliver_all(status=204)) == 1
    fresh.clock.advance(DAY_S)
    assert fresh.due() == []
    assert newest_event(fresh).pending_webhooks == 0


@pytest.mark.parametrize("status", [None, 301, 400, 500])
def test_a_failed_delivery_is_tried_again_later_and_later(fresh: StripeDriver, status: int | None) -> None:
    fresh.v1.customers.create({})
    waits = []
    for attempt in range(1, 17):
        delivery = only(fresh)
        assert delivery.attempt == attempt
        fresh.standin.record_attempt(delivery.id, status, fresh.clock.now)
        in_time = (s for s in (1, 2, 5, 15, 60) if fresh.standin.due_deliveries(fresh.clock.now + s))
        waits.append(next(in_time, 0))
        fresh.clock.advance(waits[-1])
    assert waits == [1, 2, 5, 15, *([60] * 11), 0]
    fresh.clock.advance(DAY_S)
    assert fresh.due() == []
    (given_up,) = fresh.v1.events.list({"delivery_success": False})
    press(fresh, f"events/{given_up.id}/resend")
    delivery = only(fresh)
    assert delivery.attempt == 17
    fresh.standin.record_attempt(delivery.id, 200, fresh.clock.now)
    assert list(fresh.v1.events.list({"delivery_success": False})) == []


def test_every_attempt_has_a_fresh_signature(fresh: StripeDriver) -> None:
    now, later = (fresh.standin.sign(b"{}", at) for at in (fresh.clock.now, fresh.clock.now + 7200))
    assert later.startswith(f"t={int(fresh.clock.now) + 7200},v1=")
    assert later.partition(",")[2] != now.partition(",")[2]


def test_events_are_found_by_type_and_forgotten_after_a_month(fresh: StripeDriver) -> None:
    fresh.sold()
    fresh.v1.customers.create({})

    def found(**wanted: Any) -> list[str]:
        return [event.type for event in fresh.v1.events.list(wanted)]

    assert found(type="checkout.session.*") == ["checkout.session.completed"]
    assert found(types=["customer.created", "charge.succeeded"]) == ["customer.created", "charge.succeeded"]
    with refused():
        found(type="customer.created", types=["customer.created"])
    fresh.clock.advance(30 * DAY_S)
    assert found() == []


# Endpoints that change


@pytest.fixture
def other(fresh: StripeDriver) -> Any:
    """A second endpoint, beside that of the site; nobody tells it of products."""
    wanted = {"url": OTHER, "enabled_events": ["customer.created", "refund.created"]}
    return fresh.v1.webhook_endpoints.create(wanted)


def test_an_endpoint_gets_what_it_asked_for_under_its_own_secret(fresh: StripeDriver, other: Any) -> None:
    assert other.secret.startswith("whsec_")
    listed = [(each.id, "secret" in each) for each in fresh.v1.webhook_endpoints.list().data]
    assert listed == [(other.id, False), ("we_sandbox", False)]
    fresh.v1.products.create({"name": "a thing"})
    fresh.v1.customers.create({})
    assert read(fresh, only(fresh, OTHER), other.secret).type == "customer.created"
    assert fresh.v1.webhook_endpoints.delete(other.id).deleted
    assert urls(fresh) == [SITE, SITE]


def test_an_endpoint_that_was_changed_gets_what_it_asks_for_now(fresh: StripeDriver, other: Any) -> None:
    new = {"url": "http://new.test/hook", "description": "moved", "metadata": {"who": "ops"}}
    wanted = {"enabled_events": ["product.created"]}
    changed = fresh.v1.webhook_endpoints.update(other.id, new | wanted).to_dict()
    assert {name: changed[name] for name in new} == new
    assert "secret" not in changed
    fresh.v1.products.create({"name": "a thing"})
    fresh.v1.customers.create({})
    assert json.loads(only(fresh, "http://new.test/hook").body)["type"] == "product.created"


@pytest.mark.parametrize("change", [{"enabled_events": ""}, {"url": "nowhere"}, {"disabled": "maybe"}])
def test_a_wrong_change_of_an_endpoint_is_refused(
    fresh: StripeDriver, other: Any, change: dict[str, str]
) -> None:
    with refused(param=next(iter(change))):
        fresh.v1.webhook_endpoints.update(other.id, change)
    assert fresh.v1.webhook_endpoints.retrieve(other.id).url == OTHER


def disable(driver: StripeDriver, endpoint: Any, disabled: bool = True) -> str:
    """Switch an endpoint off, or on; its status."""
    return str(driver.v1.webhook_endpoints.update(endpoint.id, {"disabled": disabled}).status)


def test_a_disabled_endpoint_hears_of_nothing_that_happens_meanwhile(fresh: StripeDriver, other: Any) -> None:
    assert disable(fresh, other) == "disabled"
    fresh.v1.customers.create({})
    assert newest_event(fresh).pending_webhooks == 1
    assert disable(fresh, other, False) == "enabled"
    assert urls(fresh) == [SITE]
    fresh.v1.customers.create({})
    assert urls(fresh) == [OTHER, SITE, SITE]


@pytest.mark.parametrize(("came_due", "left"), [(True, [SITE]), (False, [OTHER, SITE])])
def test_what_comes_due_while_an_endpoint_is_disabled_is_given_up(
    fresh: StripeDriver, other: Any, came_due: bool, left: list[str]
) -> None:
    fresh.v1.customers.create({})
    disable(fresh, other)
    if came_due:
        assert urls(fresh) == [SITE]
    disable(fresh, other, False)
    assert urls(fresh) == left


# Rolling a secret


def rolled(driver: StripeDriver) -> str:
    """The new secret of the site's endpoint, read off the dashboard."""
    answer = driver.post("/dashboard/endpoints/we_sandbox/roll")
    assert answer.status_code == 200
    (secret,) = re.findall(r"whsec_\w+", answer.text)
    return str(secret)


def are_valid(driver: StripeDriver, *secrets: str) -> list[bool]:

    def is_valid(secret: str) -> bool:
        try:
            read(driver, only(driver), secret)
        except stripe.SignatureVerificationError:
            return False
        return True

    return [is_valid(secret) for secret in secrets]


def test_a_rolled_secret_and_the_old_one_both_sign_for_a_day(fresh: StripeDriver) -> None:
    secrets = rolled(fresh), WEBHOOK_SECRET
    fresh.v1.customers.create({})
    header = fresh.standin.sign(b"{}", fresh.clock.now, secrets=only(fresh).secrets)
    assert header.count("v1=") == 2
    fresh.clock.advance(DAY_S - 1)
    assert are_valid(fresh, *secrets) == [True, True]
    fresh.clock.advance(1)
    assert are_valid(fresh, *secrets) == [True, False]


def test_a_secret_rolled_twice_leaves_only_the_last_two(fresh: StripeDriver) -> None:
    second, third = rolled(fresh), rolled(fresh)
    fresh.v1.customers.create({})
    assert are_valid(fresh, WEBHOOK_SECRET, second, third) == [False, True, True]


def test_a_rolled_secret_is_shown_once(fresh: StripeDriver) -> None:
    secret = rolled(fresh)
    for page in ("", "sessions/", "customers/", "events/", "webhooks/"):
        assert secret not in fresh.get(f"/dashboard/{page}").text
    assert "two secrets" in fresh.get("/dashboard/webhooks/").text


def test_a_start_with_another_secret_is_a_roll(tmp_path: Path) -> None:
    clock = Clock()
    make_standin(clock, tmp_path / "stripe.sqlite3").close()
    again = make_standin(clock, tmp_path / "stripe.sqlite3", webhook_secret="whsec_other")
    secrets = {delivery.secrets for delivery in again.due_deliveries(clock.now)}
    assert secrets == {("whsec_other", WEBHOOK_SECRET)}
    again.close()


# Buttons for one event


@pytest.fixture
def two_events(fresh: StripeDriver) -> tuple[str, str]:
    """The ids of a customer's and of a product's creation, neither of them delivered."""
    fresh.v1.customers.create({})
    first = newest_event(fresh).id
    fresh.v1.products.create({"name": "a thing"})
    return first, newest_event(fresh).id


@pytest.mark.parametrize("release", ["events/{}/release", "delivery/release"])
def test_one_event_is_held_and_released(
    fresh: StripeDriver, two_events: tuple[str, str], release: str
) -> None:
    press(fresh, f"events/{two_events[0]}/hold")
    assert due(fresh) == ["product.created"]
    press(fresh, release.format(two_events[0]))
    assert due(fresh) == ["customer.created", "product.created"]


def test_of_all_that_is_held_one_event_can_go_first(fresh: StripeDriver) -> None:
    press(fresh, "delivery/hold")
    fresh.v1.customers.create({})
    fresh.v1.products.create({"name": "a thing"})
    press(fresh, f"events/{newest_event(fresh).id}/release")
    assert due(fresh) == ["product.created"]
    fresh.deliver_all()
    press(fresh, "delivery/release")
    assert due(fresh) == ["customer.created"]


def test_one_event_can_be_delivered_twice(fresh: StripeDriver, two_events: tuple[str, str]) -> None:
    press(fresh, f"events/{two_events[1]}/twice")
    assert due(fresh) == ["customer.created", "product.created", "product.created"]


@pytest.mark.parametrize("verb", ["twice", "hold", "release"])
def test_what_has_arrived_can_only_be_sent_again(fresh: StripeDriver, verb: str) -> None:
    fresh.v1.customers.create({})
    (arrived,) = fresh.deliver_all()
    press(fresh, f"events/{arrived.event_id}/{verb}", 400)
    assert fresh.due() == []
    press(fresh, f"events/{arrived.event_id}/resend")
    again = only(fresh)
    assert again.event_id == arrived.event_id
    assert again.id != arrived.id


# The switches on the dashboard


def test_nothing_is_delivered_while_the_switch_says_so(fresh: StripeDriver) -> None:
    press(fresh, "delivery", nothing="on")
    fresh.v1.customers.create({})
    assert fresh.due() == []
    press(fresh, "delivery")
    assert due(fresh) == ["customer.created"]


def test_everything_is_delivered_twice_while_the_switch_says_so(fresh: StripeDriver) -> None:
    press(fresh, "delivery", twice="on")
    fresh.v1.customers.create({})
    first, second = fresh.due()
    assert (first.event_id, first.body) == (second.event_id, second.body)


def test_deliveries_can_be_delayed(fresh: StripeDriver) -> None:
    press(fresh, "delivery", delay_s="90")
    fresh.v1.customers.create({})
    fresh.clock.advance(89)
    assert fresh.due() == []
    fresh.clock.advance(1)
    assert len(fresh.due()) == 1
    press(fresh, "delivery", 400, delay_s="-1")


def test_deliveries_can_overtake_each_other(fresh: StripeDriver) -> None:
    press(fresh, "delivery", out_of_order="on")
    for _ in range(3):
        fresh.sold()
    fresh.clock.advance(3)
    assert sorted(fresh.due(), key=lambda delivery: delivery.id) != fresh.due()
    assert len(fresh.due()) == 12


# The courier


@dataclass
class Site:
    """A site that receives webhooks, and answers as a test says."""

    statuses: list[int] = field(default_factory=list)
    received: list[Request] = field(default_factory=list)
    says: str = ""
    url: str = ""

    def handle(self, request: Request) -> Response:
        self.received.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        return Response(status=status, body=self.says.encode(), headers={"location": f"{self.url}/elsewhere"})

    def paths(self) -> list[str]:
        return [request.path for request in self.received]


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with served(site.handle, free_port()) as site.url:
        yield site


@contextmanager
def couriered(site: Site) -> Iterator[StripeDriver]:
    """A stand-in whose courier goes to the site."""
    with new_driver(webhook_url=f"{site.url}/webhook") as driver:
        courier = Courier(driver.standin, driver.clock)
        courier.start()
        try:
            yield driver
        finally:
            courier.stop()


def test_the_courier_brings_signed_events_to_the_shop(site: Site) -> None:
    with couriered(site) as driver:
        # Every stand-in begins with a coupon and a promotion code.
        await_that(lambda: len(site.received) == 2)
    kinds = {request.headers["content-type"] for request in site.received}
    assert kinds == {"application/json; charset=utf-8"}
    signed = [(request.body, request.headers["stripe-signature"]) for request in site.received]
    events = [driver.client.construct_event(*each, WEBHOOK_SECRET) for each in signed]
    assert {event.type for event in events} == {"coupon.created", "promotion_code.created"}
    assert site.paths() == ["/webhook", "/webhook"]


def test_the_courier_comes_again_and_follows_no_redirect(site: Site) -> None:
    site.statuses = [500, 302]
    with couriered(site) as driver:

        def waits(seconds: float) -> bool:
            return bool(driver.standin.due_deliveries(driver.clock.now + seconds))

        await_that(lambda: len(site.received) == 2)
        await_that(lambda: waits(1) and not waits(0))
        driver.clock.advance(1)
        await_that(lambda: len(site.received) == 4)
        await_that(lambda: not waits(DAY_S))
    assert site.paths() == ["/webhook"] * 4


def test_the_courier_notices_that_time_passes(site: Site) -> None:
    with couriered(site) as driver:
        driver.session()
        driver.clock.advance(DAY_S)
        await_that(lambda: any(b'"checkout.session.expired"' in request.body for request in site.received))


def test_a_shop_that_is_away_is_no_answer(fresh: StripeDriver) -> None:
    away = f"http://127.0.0.1:{free_port()}/hook"
    fresh.v1.webhook_endpoints.create({"url": away, "enabled_events": ["*"]})
    fresh.v1.customers.create({})
    assert deliver(fresh.standin, only(fresh, away), at=fresh.clock.now).status is None


def test_of_an_answer_the_beginning_is_kept(site: Site) -> None:
    site.statuses, site.says = [418], "a" * 600
    with couriered(site) as driver:
        await_that(lambda: "418" in driver.get("/dashboard/events/").text)
        page = driver.get("/dashboard/events/").text
    assert "a" * 500 in page
    assert "a" * 501 not in page
