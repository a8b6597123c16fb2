"""Idempotency keys: one effect, one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from tests.drivers.stripe_api import LIMIT_S, PRICE, SECRET_KEY, Clock, StripeDriver, make_standin
from tests.sandbox.stripe.harness import refund, refused

DAY_S = 86_400


def test_a_key_makes_one_object_however_often_it_is_sent(driver: StripeDriver) -> None:
    first, second = (driver.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"}) for _ in range(2))
    assert first.id == second.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    headers = second.last_response.headers
    assert (headers["Idempotent-Replayed"], headers["Idempotency-Key"]) == ("true", "k1")
    assert headers["Original-Request"] == first.last_response.request_id != headers["Request-Id"]
    assert driver.events_about(first.id) == ["customer.created"]


def test_a_key_belongs_to_one_request_and_repeats_its_first_answer(driver: StripeDriver) -> None:
    key = {"idempotency_key": "k2"}
    first = driver.v1.customers.create({"name": "Ada"}, key)
    driver.v1.customers.update(first.id, {"name": "Grace"})
    assert driver.v1.customers.create({"name": "Ada"}, key).name == "Ada"
    for service, name in ((driver.v1.customers, "Grace"), (driver.v1.products, "Ada")):
        with pytest.raises(stripe.IdempotencyError) as caught:
            service.create({"name": name}, key)
        assert caught.value.http_status == 400


def test_the_order_of_the_parameters_does_not_matter(driver: StripeDriver) -> None:
    answers = [
        driver.call("POST", "/v1/customers", data=form, headers={"Idempotency-Key": "k4"})
        for form in ("name=Ada&email=ada%40example.com", "email=ada@example.com&name=Ada")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_a_key_is_free_again_after_a_day(driver: StripeDriver) -> None:
    key = {"idempotency_key": "k5"}
    first = driver.v1.customers.create({}, key)
    driver.clock.advance(DAY_S - 1)
    assert driver.v1.customers.create({}, key).id == first.id
    driver.clock.advance(1)
    assert driver.v1.customers.create({}, key).id != first.id


def test_a_malformed_request_uses_up_no_key(driver: StripeDriver) -> None:
    key = {"idempotency_key": "k6"}
    with refused("parameter_unknown"):
        driver.v1.customers.create({"nmae": "Ada"}, key)
    assert driver.v1.customers.create({"name": "Ada"}, key).name == "Ada"


def test_a_decision_of_the_endpoint_is_repeated(driver: StripeDriver) -> None:
    session, key = driver.sold(), {"idempotency_key": "k7"}
    wanted = {"payment_intent": session.payment_intent, "amount": 501}
    with refused(param="amount") as first:
        driver.v1.refunds.create(wanted, key)
    refund(driver, session, amount=100)
    with refused(param="amount") as again:
        driver.v1.refunds.create(wanted, key)
    assert again.value.user_message == first.value.user_message
    assert again.value.headers is not None
    assert again.value.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        driver.v1.refunds.create({"payment_intent": session.payment_intent}, key)
    assert driver.charge(session).amount_refunded == 100


def test_a_key_has_a_limit(driver: StripeDriver) -> None:
    driver.v1.customers.create({}, {"idempotency_key": "k" * 255})
    with refused():
        driver.v1.customers.create({}, {"idempotency_key": "k" * 256})


def test_many_at_once_with_one_key_leave_one_object(driver: StripeDriver) -> None:
    """The client tries a 409 again, as it would with Stripe."""
    client = driver.client_with(SECRET_KEY, max_network_retries=5)
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: client.v1.customers.create({}, {"idempotency_key": "k8"}).id, range(16))
        assert len(set(made)) == 1


class SlowClock(Clock):
    """Time that, while `slow`, keeps who reads it waiting until `let_go`."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> float:
        if self.slow:
            self.slow = False
            self.asked.set()
            assert self.let_go.wait(LIMIT_S)
        return super().__call__()


def test_a_key_whose_first_request_still_runs_is_in_use() -> None:
    clock = SlowClock()
    driver = StripeDriver(make_standin(clock), clock)

    def create() -> requests.Response:
        return driver.call("POST", "/v1/customers", headers={"Idempotency-Key": "k9"})

    clock.slow = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(create)
        assert clock.asked.wait(LIMIT_S)
        second = create()
        clock.let_go.set()
        assert first.result(LIMIT_S).status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert create().content == first.result().content
    driver.standin.close()


def test_the_simulator_sees_the_same_story_twice() -> None:
    def story() -> list[bytes]:
        clock = Clock()
        clock.now = 1_800_000_000.0
        driver = StripeDriver(make_standin(clock), clock)
        order = {"mode": "payment", "success_url": "http://shop.test"}
        order |= {"line_items[0][price]": PRICE, "line_items[0][quantity]": "1"}
        answers = [driver.call("POST", "/v1/checkout/sessions", data=order).content for _ in range(3)]
        answers += [delivery.body for delivery in driver.due()]
        driver.standin.close()
        return answers

    assert story() == story()
