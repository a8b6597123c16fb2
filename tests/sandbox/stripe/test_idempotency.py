"""Idempotency keys: one effect, one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from sandbox.serving import Request, Response
from sandbox.stripe.standin import StripeStandIn
from tests.drivers.stripe_api import LIMIT_S, PRICE, SECRET_KEY, Clock, StripeApi, make_standin

DAY_S = 86_400


def test_a_key_makes_one_object_however_often_it_is_sent(api: StripeApi) -> None:
    first, second = (api.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"}) for _ in range(2))
    assert first.id == second.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    headers = second.last_response.headers
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.request_id != headers["Request-Id"]
    assert headers["Idempotency-Key"] == "k1"
    assert api.events_about(first.id) == ["customer.created"]


def test_a_replay_is_the_first_answer_even_when_the_object_changed(api: StripeApi) -> None:
    first = api.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k2"})
    api.v1.customers.update(first.id, {"name": "Grace"})
    assert api.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k2"}).name == "Ada"


def test_a_key_belongs_to_one_request(api: StripeApi) -> None:
    key = {"idempotency_key": "k3"}
    api.v1.customers.create({"name": "Ada"}, key)
    for attempt, params in (
        (api.v1.customers.create, {"name": "Grace"}),
        (api.v1.products.create, {"name": "Ada"}),
    ):
        with pytest.raises(stripe.IdempotencyError) as refused:
            attempt(params, key)
        assert refused.value.http_status == 400


def test_the_order_of_the_parameters_does_not_matter(api: StripeApi) -> None:
    answers = [
        requests.post(
            f"{api.url}/v1/customers",
            data=form,
            headers={"Authorization": f"Bearer {SECRET_KEY}", "Idempotency-Key": "k4"},
            timeout=LIMIT_S,
        )
        for form in ("name=Ada&email=ada%40example.com", "email=ada@example.com&name=Ada")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_a_key_is_free_again_after_a_day(api: StripeApi) -> None:
    key = {"idempotency_key": "k5"}
    first = api.v1.customers.create({}, key)
    api.clock.advance(DAY_S - 1)
    assert api.v1.customers.create({}, key).id == first.id
    api.clock.advance(1)
    assert api.v1.customers.create({}, key).id != first.id


def test_a_malformed_request_uses_up_no_key(api: StripeApi) -> None:
    key = {"idempotency_key": "k6"}
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.create({"nmae": "Ada"}, key)
    assert api.v1.customers.create({"name": "Ada"}, key).name == "Ada"


def test_a_decision_of_the_endpoint_is_repeated(api: StripeApi) -> None:
    session = api.sold()
    wanted = {"payment_intent": session.payment_intent, "amount": 501}
    refusals = []
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.v1.refunds.create(wanted, {"idempotency_key": "k7"})
        refusals.append(refused.value)
    assert refusals[0].user_message == refusals[1].user_message
    assert refusals[1].headers is not None
    assert refusals[1].headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        api.v1.refunds.create({"payment_intent": session.payment_intent}, {"idempotency_key": "k7"})
    assert api.charge(session).amount_refunded == 0


def test_a_key_has_a_limit(api: StripeApi) -> None:
    api.v1.customers.create({}, {"idempotency_key": "k" * 255})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.create({}, {"idempotency_key": "k" * 256})


def test_many_at_once_with_one_key_leave_one_object(api: StripeApi) -> None:
    """The client tries a 409 again, as it would with Stripe."""
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": api.url}, max_network_retries=5)
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: client.v1.customers.create({}, {"idempotency_key": "k8"}).id, range(16))
        assert len(set(made)) == 1


class SlowClock(Clock):
    """Time that somebody reads slowly, when told to: whoever asks is kept until let go."""

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


def post(standin: StripeStandIn, path: str, body: str, **headers: str) -> Response:
    """A request without a network."""
    usual = {"authorization": f"Bearer {SECRET_KEY}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return standin.handle(Request("POST", path, headers=usual | named, body=body.encode()))


def test_a_key_whose_first_request_still_runs_is_in_use() -> None:
    clock = SlowClock()
    standin = make_standin(clock)
    clock.slow = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, standin, "/v1/customers", "", idempotency_key="k9")
        assert clock.asked.wait(LIMIT_S)
        second = post(standin, "/v1/customers", "", idempotency_key="k9")
        clock.let_go.set()
        assert first.result(LIMIT_S).status == 200
    assert (second.status, b"idempotency_key_in_use" in second.body) == (409, True)
    assert post(standin, "/v1/customers", "", idempotency_key="k9").body == first.result().body
    standin.close()


def test_the_simulator_sees_the_same_story_twice() -> None:
    def story() -> list[bytes]:
        clock = Clock()
        clock.now = 1_800_000_000.0
        standin = make_standin(clock)
        order = f"mode=payment&success_url=http://shop.test&line_items[0][price]={PRICE}&line_items[0][quantity]=1"
        answers = [post(standin, "/v1/checkout/sessions", order).body for _ in range(3)]
        answers += [delivery.body for delivery in standin.due_deliveries(clock.now)]
        standin.close()
        return answers

    assert story() == story()
