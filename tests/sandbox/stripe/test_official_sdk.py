"""The whole API through Stripe's own package and a socket: every endpoint of the stand-in is called once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe

from sandbox.serving import Handler, Request, Response
from sandbox.stripe import routes
from tests.drivers.stripe_api import (
    DISPUTED,
    PRICE,
    REFUND_PENDING,
    SUCCESS_URL,
    Clock,
    StripeDriver,
    free_port,
    make_standin,
    served,
)

API = "/v1/"


class CallLog:
    """Stands before a stand-in, keeps every call, and answers the next `busy` ones with 409."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.calls: list[Request] = []
        self.busy = 0

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.path.startswith(API):
            self.calls.append(request)
            if self.busy:
                self.busy -= 1
                refusal = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "Wait."}
                return Response.json({"error": refusal}, status=409)
        return self._handler(request)

    def called_endpoints(self) -> set[str]:
        """The addresses of the endpoints that were called."""
        found = [routes.find(call.method, call.path.removeprefix(API)) for call in self.calls]
        called = [endpoint for endpoint, _ in filter(None, found)]
        return {address for address, endpoint in routes.ENDPOINTS.items() if endpoint in called}


@pytest.fixture(scope="module")
def day() -> Iterator[tuple[StripeDriver, CallLog]]:
    """A stand-in on a port, and the log of its calls."""
    clock = Clock()
    port = free_port()
    standin = make_standin(clock, public_url=f"http://127.0.0.1:{port}")
    log = CallLog(standin.handle)
    with served(log.handle, port) as url:
        yield StripeDriver(standin, clock, url=url), log
    standin.close()


@pytest.fixture
def driver(day: tuple[StripeDriver, CallLog]) -> StripeDriver:
    """The driver of that stand-in."""
    return day[0]


@pytest.fixture
def log(day: tuple[StripeDriver, CallLog]) -> CallLog:
    """The log of that stand-in."""
    return day[1]


def answer_to(made: stripe.StripeObject) -> stripe.StripeResponse:
    """The answer that an object came in."""
    assert made.last_response is not None
    return made.last_response


# Every endpoint, in three parts


def set_up_shop(client: stripe.StripeClient) -> str:
    """A product, a price, a discount and a webhook endpoint; returns the price."""
    v1 = client.v1
    product = v1.products.create({"name": "20 credits"})
    v1.products.update(product.id, {"description": "Twenty haikus"})
    assert v1.products.retrieve(product.id).description == "Twenty haikus"
    assert product.id in [each.id for each in v1.products.list().data]
    price = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 900, "lookup_key": "twenty"}
    )
    v1.prices.update(price.id, {"nickname": "Twenty"})
    assert v1.prices.retrieve(price.id).nickname == "Twenty"
    assert [each.id for each in v1.prices.list({"lookup_keys": ["twenty"]}).data] == [price.id]

    coupon = v1.coupons.create({"percent_off": 50, "name": "Spring"})
    v1.coupons.update(coupon.id, {"name": "Summer"})
    assert v1.coupons.retrieve(coupon.id).name == "Summer"
    assert coupon.id in [each.id for each in v1.coupons.list().data]
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    v1.promotion_codes.update(code.id, {"active": False})
    assert not v1.promotion_codes.retrieve(code.id).active
    assert [each.id for each in v1.promotion_codes.list({"code": "HALF"}).data] == [code.id]
    assert v1.coupons.delete(coupon.id).deleted

    endpoint = v1.webhook_endpoints.create({"url": "http://shop.test/hook", "enabled_events": ["*"]})
    assert str(endpoint.secret).startswith("whsec_")
    v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert v1.webhook_endpoints.retrieve(endpoint.id).status == "disabled"
    assert endpoint.id in [each.id for each in v1.webhook_endpoints.list().data]
    assert v1.webhook_endpoints.delete(endpoint.id).deleted
    assert v1.accounts.retrieve_current().charges_enabled
    return price.id


def sell(driver: StripeDriver, price: str) -> None:
    """A customer buys with an invoice; another session is expired."""
    v1 = driver.client.v1
    customer = v1.customers.create({"email": "ada@example.com"})
    v1.customers.update(customer.id, {"name": "Ada"})
    assert [each.id for each in v1.customers.list({"email": "ada@example.com"}).data] == [customer.id]
    session = v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer.id,
            "line_items": [{"price": price, "quantity": 1}],
            "success_url": SUCCESS_URL,
            "invoice_creation": {"enabled": True},
        }
    )
    assert driver.pay(session).status_code == 303
    paid = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert paid.payment_status == "paid"
    v1.checkout.sessions.update(session.id, {"metadata": {"seen": "yes"}})
    assert [item.quantity for item in v1.checkout.sessions.line_items.list(session.id).data] == [1]
    other = v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [{"price": PRICE, "quantity": 1}], "success_url": SUCCESS_URL}
    )
    assert v1.checkout.sessions.expire(other.id).status == "expired"
    assert [each.id for each in v1.checkout.sessions.list({"status": "complete"}).data] == [session.id]

    invoice = v1.invoices.retrieve(str(paid.invoice))
    assert [each.id for each in v1.invoices.list({"customer": customer.id}).data] == [invoice.id]
    assert [line.amount for line in v1.invoices.line_items.list(invoice.id).data] == [900]
    intent = v1.payment_intents.retrieve(driver.intent(session).id)
    assert [each.id for each in v1.payment_intents.list({"customer": customer.id}).data] == [intent.id]
    charge = v1.charges.retrieve(str(intent.latest_charge))
    assert [each.id for each in v1.charges.list({"payment_intent": intent.id}).data] == [charge.id]
    assert v1.balance_transactions.retrieve(str(charge.balance_transaction)).amount == 900
    event = v1.events.list({"type": "invoice.paid"}).data[0]
    assert v1.events.retrieve(event.id).data.object["id"] == invoice.id
    assert v1.customers.delete(customer.id).deleted
    assert getattr(v1.customers.retrieve(customer.id), "deleted", False)


def take_back(driver: StripeDriver) -> None:
    """A refund and a dispute."""
    v1 = driver.client.v1
    refund = v1.refunds.create({"payment_intent": str(driver.sold(REFUND_PENDING).payment_intent)})
    v1.refunds.update(refund.id, {"metadata": {"why": "asked"}})
    assert v1.refunds.retrieve(refund.id).status == "pending"
    assert v1.refunds.cancel(refund.id).status == "canceled"
    assert [each.id for each in v1.refunds.list().data] == [refund.id]
    driver.sold(DISPUTED)
    (dispute,) = v1.disputes.list().data
    v1.disputes.update(dispute.id, {"metadata": {"seen": "yes"}})
    assert v1.disputes.close(dispute.id).status == "lost"
    assert v1.disputes.retrieve(dispute.id).status == "lost"


def test_the_package_can_call_every_endpoint(driver: StripeDriver, log: CallLog) -> None:
    sell(driver, set_up_shop(driver.client))
    take_back(driver)
    assert set(routes.ENDPOINTS) - log.called_endpoints() == set()


def test_the_package_says_who_it_is_and_which_version_it_speaks(driver: StripeDriver, log: CallLog) -> None:
    driver.client.v1.accounts.retrieve_current()
    headers = log.calls[-1].headers
    assert headers["stripe-version"] == stripe.api_version
    assert headers["user-agent"].startswith("Stripe/v1 PythonBindings/")


def test_it_turns_pages_by_itself(driver: StripeDriver) -> None:
    made = [driver.client.v1.products.create({"name": str(n)}).id for n in range(5)]
    found = driver.client.v1.products.list({"ids": made, "limit": 2})
    assert [product.id for product in found.auto_paging_iter()] == made[::-1]


def test_a_conflict_is_tried_again_with_the_same_key(driver: StripeDriver, log: CallLog) -> None:
    log.busy = 1
    customer = driver.client.v1.customers.create({"name": "Ada"}, {"max_network_retries": 1})
    refused, done = log.calls[-2:]
    assert refused.headers["idempotency-key"] == done.headers["idempotency-key"]
    assert driver.events_about(customer.id) == ["customer.created"]


def test_without_retries_a_conflict_is_an_error(driver: StripeDriver, log: CallLog) -> None:
    log.busy = 1
    with pytest.raises(stripe.APIError) as refused:
        driver.client.v1.customers.create({"name": "Ada"})
    assert refused.value.http_status == 409


def test_a_refusal_says_what_was_wrong_with_what(driver: StripeDriver) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.client.v1.checkout.sessions.create({"mode": "payment", "success_url": SUCCESS_URL})
    error = refused.value
    assert (error.http_status, error.code, error.param) == (400, "parameter_missing", "line_items")
    assert error.user_message == "Missing required param: line_items."
    assert str(error.request_id).startswith("req_")
    assert error.error is not None
    assert str(error.request_id) in str(error.error.request_log_url)


def test_every_answer_carries_the_id_of_its_request(driver: StripeDriver) -> None:
    answers = [answer_to(driver.client.v1.accounts.retrieve_current()) for _ in range(2)]
    assert len({answer.request_id for answer in answers}) == 2
    assert all(str(answer.request_id).startswith("req_") for answer in answers)
