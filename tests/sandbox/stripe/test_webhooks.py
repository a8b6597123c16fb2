"""Events, deliveries and the courier."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.serving import Request, Response
from sandbox.stripe.courier import Courier, deliver
from sandbox.stripe.standin import StripeStandIn
from tests.drivers.stripe_api import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    Clock,
    StripeDriver,
    await_that,
    free_port,
    make_standin,
    served,
)

DAY_S = 86_400


def types_of(due: list[Any]) -> list[str]:
    """The event types of deliveries."""
    return [json.loads(delivery.body)["type"] for delivery in due]


def test_the_real_client_accepts_the_signature(fresh: StripeDriver) -> None:
    session = fresh.sold()
    delivery = fresh.due()[-1]
    header = fresh.standin.sign(delivery.body, fresh.clock.now)
    event = fresh.client.construct_event(delivery.body, header, WEBHOOK_SECRET)
    assert (event.type, event.data.object["id"]) == ("checkout.session.completed", session.id)
    assert (event.id, event.livemode, delivery.url) == (delivery.event_id, False, "http://shop.test/webhook")
    assert event.api_version == stripe.api_version
    assert "line_items" not in event.data.object
    with pytest.raises(stripe.SignatureVerificationError):
        fresh.client.construct_event(delivery.body + b" ", header, WEBHOOK_SECRET)


def test_an_event_keeps_the_object_as_it_was(fresh: StripeDriver) -> None:
    session = fresh.sold(metadata={"credits": "10"})
    fresh.v1.checkout.sessions.update(session.id, {"metadata": {"later": "yes"}})
    event = fresh.v1.events.list({"type": "checkout.session.completed"}).data[0]
    assert event.data.object["metadata"].to_dict() == {"credits": "10"}
    assert "previous_attributes" not in event.data


def test_an_event_names_the_request_behind_it(fresh: StripeDriver) -> None:
    customer = fresh.v1.customers.create({}, {"idempotency_key": "the key"})
    made = fresh.v1.events.list({"type": "customer.created"}).data[0]
    assert (made.request.id, made.request.idempotency_key) == (customer.last_response.request_id, "the key")
    fresh.sold()
    paid = fresh.v1.events.list({"type": "checkout.session.completed"}).data[0]
    assert (paid.request.id, paid.request.idempotency_key) == (None, None)


def test_a_delivery_that_succeeds_is_over(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    assert fresh.v1.events.list({"limit": 1}).data[0].pending_webhooks == 1
    assert len(fresh.deliver_all(status=204)) == 1
    fresh.clock.advance(DAY_S)
    assert fresh.due() == []
    assert fresh.v1.events.list({"limit": 1}).data[0].pending_webhooks == 0


@pytest.mark.parametrize("status", [None, 301, 400, 500])
def test_a_delivery_that_fails_is_tried_again_later_and_later(
    fresh: StripeDriver, status: int | None
) -> None:
    fresh.v1.customers.create({})
    waits = []
    for attempt in range(1, 17):
        (delivery,) = fresh.due()
        assert delivery.attempt == attempt
        fresh.standin.record_attempt(delivery.id, status, fresh.clock.now)
        waits.append(
            next((s for s in (1, 2, 5, 15, 60) if fresh.standin.due_deliveries(fresh.clock.now + s)), 0)
        )
        fresh.clock.advance(waits[-1])
    assert waits == [1, 2, 5, 15, *([60] * 11), 0]
    fresh.clock.advance(DAY_S)
    assert fresh.due() == []
    assert [event.type for event in fresh.v1.events.list({"delivery_success": False})] == ["customer.created"]


def test_every_attempt_has_a_fresh_signature(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    (delivery,) = fresh.due()
    later = fresh.clock.now + 7200
    header = fresh.standin.sign(delivery.body, later)
    assert header.startswith(f"t={int(later)},v1=")
    assert header.partition(",")[2] != fresh.standin.sign(delivery.body, fresh.clock.now).partition(",")[2]


def test_an_endpoint_gets_what_it_asked_for_under_its_own_secret(fresh: StripeDriver) -> None:
    made = fresh.v1.webhook_endpoints.create(
        {"url": "http://other.test/hook", "enabled_events": ["checkout.session.completed", "refund.created"]}
    )
    assert made.secret.startswith("whsec_")
    listed = fresh.v1.webhook_endpoints.list().data
    assert [(endpoint.id, "secret" in endpoint) for endpoint in listed] == [
        (made.id, False),
        ("we_sandbox", False),
    ]
    fresh.sold()
    theirs = [delivery for delivery in fresh.due() if delivery.url == "http://other.test/hook"]
    assert types_of(theirs) == ["checkout.session.completed"]
    header = fresh.standin.sign(theirs[0].body, fresh.clock.now, secrets=theirs[0].secrets)
    assert fresh.client.construct_event(theirs[0].body, header, made.secret)
    assert fresh.v1.webhook_endpoints.delete(made.id).deleted
    assert {delivery.url for delivery in fresh.due()} == {"http://shop.test/webhook"}


def test_events_are_found_by_type_and_forgotten_after_a_month(fresh: StripeDriver) -> None:
    fresh.sold()
    fresh.v1.customers.create({})

    def found(**wanted: Any) -> list[str]:
        return [event.type for event in fresh.v1.events.list(wanted)]

    assert found(type="checkout.session.*") == ["checkout.session.completed"]
    assert found(types=["customer.created", "charge.succeeded"]) == ["customer.created", "charge.succeeded"]
    with pytest.raises(stripe.InvalidRequestError):
        found(type="customer.created", types=["customer.created"])
    fresh.clock.advance(30 * DAY_S)
    assert found() == []


# Endpoints that change


def another_endpoint(driver: StripeDriver) -> Any:
    """A second endpoint, beside that of the site."""
    return driver.v1.webhook_endpoints.create({"url": "http://other.test/hook", "enabled_events": ["*"]})


def urls(driver: StripeDriver) -> list[str]:
    """Where the webhooks that are due go."""
    return sorted(delivery.url for delivery in driver.due())


def test_an_endpoint_can_be_changed(fresh: StripeDriver) -> None:
    made = another_endpoint(fresh)
    changed = fresh.v1.webhook_endpoints.update(
        made.id,
        {
            "url": "http://new.test/hook",
            "enabled_events": ["customer.created"],
            "description": "moved",
            "metadata": {"who": "ops"},
        },
    )
    assert (changed.url, changed.description, changed.metadata.to_dict()) == (
        "http://new.test/hook",
        "moved",
        {"who": "ops"},
    )
    assert "secret" not in changed
    fresh.v1.products.create({"name": "a thing"})
    fresh.v1.customers.create({})
    theirs = [delivery for delivery in fresh.due() if delivery.url == "http://new.test/hook"]
    assert types_of(theirs) == ["customer.created"]


@pytest.mark.parametrize("change", [{"enabled_events": ""}, {"url": "nowhere"}, {"disabled": "maybe"}])
def test_a_wrong_change_leaves_an_endpoint_as_it_was(fresh: StripeDriver, change: dict[str, str]) -> None:
    made = another_endpoint(fresh)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        fresh.v1.webhook_endpoints.update(made.id, change)
    assert refused.value.param == next(iter(change))
    assert fresh.v1.webhook_endpoints.retrieve(made.id).url == "http://other.test/hook"


def test_a_disabled_endpoint_hears_of_nothing_that_happens_meanwhile(fresh: StripeDriver) -> None:
    made = another_endpoint(fresh)
    assert fresh.v1.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
    fresh.v1.customers.create({})
    assert fresh.v1.events.list({"limit": 1}).data[0].pending_webhooks == 1
    assert fresh.v1.webhook_endpoints.update(made.id, {"disabled": False}).status == "enabled"
    assert urls(fresh) == ["http://shop.test/webhook"]
    fresh.v1.customers.create({})
    assert urls(fresh) == ["http://other.test/hook", *["http://shop.test/webhook"] * 2]


def test_what_comes_due_while_an_endpoint_is_disabled_is_given_up(fresh: StripeDriver) -> None:
    made = another_endpoint(fresh)
    fresh.v1.customers.create({})
    fresh.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert urls(fresh) == ["http://shop.test/webhook"]
    fresh.v1.webhook_endpoints.update(made.id, {"disabled": False})
    assert urls(fresh) == ["http://shop.test/webhook"]


def test_an_endpoint_enabled_again_in_time_gets_what_was_on_its_way(fresh: StripeDriver) -> None:
    made = another_endpoint(fresh)
    fresh.v1.customers.create({})
    fresh.v1.webhook_endpoints.update(made.id, {"disabled": True})
    fresh.v1.webhook_endpoints.update(made.id, {"disabled": False})
    assert urls(fresh) == ["http://other.test/hook", "http://shop.test/webhook"]


# Rolling a secret


def rolled(driver: StripeDriver, endpoint_id: str = "we_sandbox") -> str:
    """The new secret of an endpoint, read off the dashboard."""
    answer = driver.post(f"/dashboard/endpoints/{endpoint_id}/roll")
    assert answer.status_code == 200
    (secret,) = re.findall(r"whsec_\w+", answer.text)
    return str(secret)


def is_valid(driver: StripeDriver, secret: str) -> bool:
    """Whether the webhook that is due is valid under this secret."""
    delivery = driver.due()[-1]
    header = driver.standin.sign(delivery.body, driver.clock.now, secrets=delivery.secrets)
    try:
        driver.client.construct_event(delivery.body, header, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def test_a_rolled_secret_and_the_old_one_both_sign_for_a_day(fresh: StripeDriver) -> None:
    secret = rolled(fresh)
    assert secret != WEBHOOK_SECRET
    fresh.v1.customers.create({})
    delivery = fresh.due()[-1]
    header = fresh.standin.sign(delivery.body, fresh.clock.now, secrets=delivery.secrets)
    assert header.count("v1=") == 2
    fresh.clock.advance(DAY_S - 1)
    assert (is_valid(fresh, secret), is_valid(fresh, WEBHOOK_SECRET)) == (True, True)
    fresh.clock.advance(1)
    assert (is_valid(fresh, secret), is_valid(fresh, WEBHOOK_SECRET)) == (True, False)


def test_a_secret_rolled_twice_leaves_only_the_last_two(fresh: StripeDriver) -> None:
    second, third = rolled(fresh), rolled(fresh)
    fresh.v1.customers.create({})
    assert [is_valid(fresh, secret) for secret in (WEBHOOK_SECRET, second, third)] == [False, True, True]


def test_a_rolled_secret_is_shown_once(fresh: StripeDriver) -> None:
    secret = rolled(fresh)
    for page in ("", "sessions/", "customers/", "events/", "webhooks/"):
        assert secret not in fresh.get(f"/dashboard/{page}").text
    assert "two secrets" in fresh.get("/dashboard/webhooks/").text


def test_a_start_with_another_secret_is_a_roll(tmp_path: Path) -> None:
    clock = Clock()
    make_standin(clock, tmp_path / "stripe.sqlite3").close()
    again = make_standin(clock, tmp_path / "stripe.sqlite3", webhook_secret="whsec_other")
    assert {delivery.secrets for delivery in again.due_deliveries(clock.now)} == {
        ("whsec_other", WEBHOOK_SECRET)
    }
    again.close()


# Buttons for one event


def newest_event(driver: StripeDriver) -> str:
    """The id of what happened last."""
    return str(driver.v1.events.list({"limit": 1}).data[0].id)


def test_one_event_can_be_held_and_released(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    held = newest_event(fresh)
    fresh.v1.products.create({"name": "a thing"})
    assert fresh.post(f"/dashboard/events/{held}/hold").status_code == 303
    assert types_of(fresh.due()) == ["product.created"]
    fresh.post(f"/dashboard/events/{held}/release")
    assert types_of(fresh.due()) == ["customer.created", "product.created"]


def test_of_all_that_is_held_one_event_can_go_first(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery/hold")
    fresh.v1.customers.create({})
    fresh.v1.products.create({"name": "a thing"})
    fresh.post(f"/dashboard/events/{newest_event(fresh)}/release")
    assert types_of(fresh.deliver_all()) == ["product.created"]
    fresh.post("/dashboard/delivery/release")
    assert types_of(fresh.due()) == ["customer.created"]


def test_releasing_everything_releases_what_was_held_by_itself(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    fresh.post(f"/dashboard/events/{newest_event(fresh)}/hold")
    fresh.post("/dashboard/delivery/release")
    assert types_of(fresh.due()) == ["customer.created"]


def test_one_event_can_be_delivered_twice(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    event = newest_event(fresh)
    fresh.post(f"/dashboard/events/{event}/twice")
    assert [delivery.event_id for delivery in fresh.deliver_all()] == [event, event]


@pytest.mark.parametrize("verb", ["twice", "hold", "release"])
def test_what_has_arrived_can_only_be_sent_again(fresh: StripeDriver, verb: str) -> None:
    fresh.v1.customers.create({})
    fresh.deliver_all()
    assert fresh.post(f"/dashboard/events/{newest_event(fresh)}/{verb}").status_code == 400
    assert fresh.due() == []


# The switches on the dashboard


def test_nothing_is_delivered_while_the_switch_says_so(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery", nothing="on")
    fresh.v1.customers.create({})
    assert fresh.due() == []
    fresh.post("/dashboard/delivery")
    assert types_of(fresh.due()) == ["customer.created"]


def test_everything_is_delivered_twice_while_the_switch_says_so(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery", twice="on")
    fresh.v1.customers.create({})
    first, second = fresh.due()
    assert (first.event_id, first.body) == (second.event_id, second.body)


def test_deliveries_can_be_delayed(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery", delay_s="90")
    fresh.v1.customers.create({})
    fresh.clock.advance(89)
    assert fresh.due() == []
    fresh.clock.advance(1)
    assert len(fresh.due()) == 1
    assert fresh.post("/dashboard/delivery", delay_s="-1").status_code == 400


def test_deliveries_can_overtake_each_other(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery", out_of_order="on")
    for _ in range(3):
        fresh.sold()
    fresh.clock.advance(3)
    assert sorted(fresh.due(), key=lambda delivery: delivery.id) != fresh.due()
    assert len(fresh.due()) == 12


def test_an_event_can_be_sent_again(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    (delivery,) = fresh.deliver_all()
    assert fresh.post(f"/dashboard/events/{delivery.event_id}/resend").status_code == 303
    (again,) = fresh.due()
    assert (again.event_id, again.id) != (delivery.event_id, delivery.id)
    assert again.event_id == delivery.event_id


# The courier


@dataclass
class Site:
    """A site that receives webhooks, and answers as a test says."""

    statuses: list[int] = field(default_factory=list)
    received: list[Request] = field(default_factory=list)
    says: str = ""
    url: str = ""

    def handle(self, request: Request) -> Response:
        """Receive a webhook."""
        self.received.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        return Response(status=status, body=self.says.encode(), headers={"location": f"{self.url}/elsewhere"})

    def paths(self) -> list[str]:
        """Where the requests went."""
        return [request.path for request in self.received]


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on a port."""
    site = Site()
    with served(site.handle, free_port()) as site.url:
        yield site


@contextmanager
def couriered(clock: Callable[[], float], site: Site) -> Iterator[Any]:
    """A stand-in whose courier goes to the site."""
    standin = make_standin(clock, webhook_url=f"{site.url}/webhook")
    courier = Courier(standin, clock)
    courier.start()
    try:
        yield standin
    finally:
        courier.stop()
        standin.close()


def test_the_courier_brings_signed_events_to_the_shop(site: Site) -> None:
    clock = Clock()
    with couriered(clock, site):
        # Every stand-in begins with a coupon and a promotion code.
        await_that(lambda: len(site.received) == 2)
    assert {request.headers["content-type"] for request in site.received} == {
        "application/json; charset=utf-8"
    }
    client = stripe.StripeClient("sk_test_x")
    events = [
        client.construct_event(request.body, request.headers["stripe-signature"], WEBHOOK_SECRET)
        for request in site.received
    ]
    assert {event.type for event in events} == {"coupon.created", "promotion_code.created"}
    assert site.paths() == ["/webhook", "/webhook"]


def test_the_courier_comes_again_and_follows_no_redirect(site: Site) -> None:
    site.statuses = [500, 302]
    clock = Clock()
    with couriered(clock, site) as standin:
        await_that(lambda: len(site.received) == 2)
        await_that(lambda: not standin.due_deliveries(clock.now) and standin.due_deliveries(clock.now + 1))
        clock.advance(1)
        await_that(lambda: len(site.received) == 4)
        await_that(lambda: not standin.due_deliveries(clock.now + DAY_S))
    assert site.paths() == ["/webhook"] * 4


def test_the_courier_notices_that_time_passes(site: Site) -> None:
    clock = Clock()
    with couriered(clock, site) as standin:
        body = f"mode=payment&line_items[0][price]=price_ten&line_items[0][quantity]=1&success_url={site.url}"
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        made = standin.handle(Request("POST", "/v1/checkout/sessions", headers=headers, body=body.encode()))
        assert made.status == 200
        clock.advance(DAY_S)
        await_that(lambda: any(b'"checkout.session.expired"' in request.body for request in site.received))


def test_a_shop_that_is_away_is_no_answer(fresh: StripeDriver) -> None:
    fresh.post("/dashboard/delivery")
    fresh.v1.webhook_endpoints.create(
        {"url": f"http://127.0.0.1:{free_port()}/hook", "enabled_events": ["*"]}
    )
    fresh.v1.customers.create({})
    away = next(delivery for delivery in fresh.due() if delivery.url.endswith("/hook"))
    assert deliver(fresh.standin, away, at=fresh.clock.now).status is None


def test_of_an_answer_the_beginning_is_kept(site: Site) -> None:
    site.statuses, site.says = [418], "a" * 600
    with couriered(Clock(), site) as standin:
        await_that(lambda: "418" in look(standin))
        page = look(standin)
    assert "a" * 500 in page
    assert "a" * 501 not in page


def look(standin: StripeStandIn) -> str:
    """The dashboard's page of events."""
    return standin.handle(Request("GET", "/dashboard/events/")).body.decode()
