"""The gateway on the wire: what it sends to Stripe, and what it makes of the answers."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
import requests
import responses
import stripe

from billing.errors import BadWebhook, StripeRefused, StripeUnavailable, UnknownCheckout
from billing.stripe_api.client import StripeConnection
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.objects import CheckoutRequest, Customer

BASE = "http://stripe.test"
SECRET = "whsec_for_this_test"
ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def gateway() -> StripeGateway:
    return StripeGateway(StripeConnection(secret_key="sk_test_x", api_base=BASE), webhook_secrets=[SECRET])


def session(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "url": "http://pay.test/1",
        "status": "open",
        "payment_status": "unpaid",
        "customer": "cus_1",
        "payment_intent": None,
        "invoice": None,
        "amount_total": 1000,
        "currency": "usd",
        "created": 1_790_000_000,
        "metadata": {"app": "the-app", "member": str(ADA), "credits": "20"},
    } | changes


def wanted() -> CheckoutRequest:
    return CheckoutRequest(
        app="the-app",
        member_id=ADA,
        customer_id="cus_1",
        price_id="price_ten",
        quantity=2,
        credits=20,
        success_url="http://site.test/?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="http://site.test/?checkout=cancelled",
    )


def form_of(wire: responses.RequestsMock) -> dict[str, str]:
    body = wire.calls[-1].request.body
    return {name: values[0] for name, values in parse_qs(str(body)).items()}


def test_a_checkout_carries_what_it_is_worth_in_its_own_metadata(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    wire.post(f"{BASE}/v1/checkout/sessions", json=session())
    checkout = gateway.create_checkout(wanted(), idempotency_key="once")
    assert (checkout.id, checkout.url, checkout.credits, checkout.member_id) == (
        "cs_test_1",
        "http://pay.test/1",
        20,
        ADA,
    )
    form = form_of(wire)
    assert form["metadata[credits]"] == "20"
    assert form["metadata[member]"] == str(ADA)
    assert form["payment_intent_data[metadata][app]"] == "the-app"
    assert form["line_items[0][quantity]"] == "2"
    assert form["client_reference_id"] == str(ADA)
    assert form["invoice_creation[enabled]"] == "true"
    assert form["invoice_creation[invoice_data][metadata][app]"] == "the-app"
    assert form["success_url"].endswith("session_id={CHECKOUT_SESSION_ID}")
    assert wire.calls[0].request.headers["Idempotency-Key"] == "once"
    assert wire.calls[0].request.req_kwargs["timeout"] == 10  # type: ignore[attr-defined]


def test_a_replayed_checkout_is_read_again_because_it_may_be_paid_since(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    wire.post(f"{BASE}/v1/checkout/sessions", json=session(), headers={"Idempotent-Replayed": "true"})
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=session(status="complete", url=None))
    assert gateway.create_checkout(wanted(), idempotency_key="once").url is None


@pytest.mark.parametrize(
    "checkout_id",
    ["", "..", "cs_test_", "cs_test_a/b", "cs_test_1?x", "pi_1", "cs_prod_1", "cs_test_é", "cs_test_1\n"],
)
def test_what_is_no_checkout_id_is_never_sent(gateway: StripeGateway, checkout_id: str) -> None:
    with responses.RequestsMock(), pytest.raises(UnknownCheckout):
        gateway.checkout(checkout_id)


def test_a_checkout_that_stripe_does_not_have_is_unknown(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    error = {"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id"}}
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", status=404, json=error)
    with pytest.raises(UnknownCheckout):
        gateway.checkout("cs_test_1")


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"member": "not a uuid", "credits": "ten"}, {"app": "x", "member": "", "credits": ""}],
)
def test_a_session_that_we_did_not_make_has_neither_member_nor_credits(
    wire: responses.RequestsMock, gateway: StripeGateway, metadata: dict[str, str] | None
) -> None:
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=session(metadata=metadata))
    checkout = gateway.checkout("cs_test_1")
    assert (checkout.member_id, checkout.credits) == (None, None)


@pytest.mark.parametrize("credits", ["0", "-5"])
def test_a_session_worth_nothing_is_nobodys(
    wire: responses.RequestsMock, gateway: StripeGateway, credits: str
) -> None:
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=session(metadata={"credits": credits}))
    assert gateway.checkout("cs_test_1").credits is None


def test_ids_are_read_whether_stripe_expands_them_or_not(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    expanded = session(customer={"id": "cus_2", "object": "customer"}, payment_intent="pi_1")
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=expanded)
    checkout = gateway.checkout("cs_test_1")
    assert (checkout.customer_id, checkout.payment_intent_id) == ("cus_2", "pi_1")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"type": "invalid_request_error"}, StripeRefused),
        (400, {"type": "idempotency_error"}, StripeRefused),
        (403, {"type": "invalid_request_error"}, StripeRefused),
        (429, {"type": "invalid_request_error", "code": "rate_limit"}, StripeUnavailable),
    ],
)
def test_stripes_no_is_told_from_stripes_absence(
    wire: responses.RequestsMock,
    gateway: StripeGateway,
    status: int,
    body: dict[str, str],
    error: type[Exception],
) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", status=status, json={"error": body})
    with pytest.raises(error):
        gateway.price("price_1")


@pytest.mark.parametrize("failure", [requests.ConnectionError("refused"), requests.ReadTimeout()])
def test_no_answer_is_tried_twice_more_and_then_reported(
    wire: responses.RequestsMock, gateway: StripeGateway, failure: Exception
) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", body=failure)
    with pytest.raises(StripeUnavailable):
        gateway.price("price_1")
    assert len(wire.calls) == 3


def test_an_answer_that_is_no_json_is_reported_as_no_answer(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    wire.get(f"{BASE}/v1/prices/price_1", body="<html>")
    with pytest.raises(StripeUnavailable):
        gateway.price("price_1")


def test_a_customer_is_made_under_a_key_that_only_covers_what_cannot_change(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    wire.post(f"{BASE}/v1/customers", json={"id": "cus_1", "object": "customer"})
    assert gateway.create_customer(member_id=ADA, app="the-app", idempotency_key="k") == "cus_1"
    assert form_of(wire) == {"metadata[app]": "the-app", "metadata[member]": str(ADA)}
    assert wire.calls[0].request.headers["Idempotency-Key"] == "k"


def test_an_email_is_told_by_a_call_of_its_own(wire: responses.RequestsMock, gateway: StripeGateway) -> None:
    wire.post(f"{BASE}/v1/customers/cus_1", json={"id": "cus_1", "object": "customer"})
    gateway.set_customer_email("cus_1", "ada@example.com")
    assert form_of(wire) == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, {"id": "cus_1", "object": "customer", "email": "a@b.test"}, Customer("cus_1", "a@b.test")),
        (200, {"id": "cus_1", "object": "customer", "email": None}, Customer("cus_1", None)),
        (200, {"id": "cus_1", "object": "customer", "deleted": True}, None),
        (404, {"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id"}}, None),
    ],
    ids=["there", "without an email", "deleted", "of the other mode"],
)
def test_a_customer_is_there_or_gone(
    wire: responses.RequestsMock,
    gateway: StripeGateway,
    status: int,
    body: dict[str, Any],
    found: Customer | None,
) -> None:
    wire.get(f"{BASE}/v1/customers/cus_1", status=status, json=body)
    assert gateway.customer("cus_1") == found


def test_a_customer_that_stripe_may_not_show_is_not_taken_for_gone(
    wire: responses.RequestsMock, gateway: StripeGateway
) -> None:
    wire.get(f"{BASE}/v1/customers/cus_1", status=403, json={"error": {"type": "invalid_request_error"}})
    with pytest.raises(StripeRefused):
        gateway.customer("cus_1")


def event(**changes: Any) -> bytes:
    body = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "data": {"object": {"id": "cs_test_1"}},
    }
    return json.dumps(body | changes).encode()


def signed(body: bytes, *, secret: str = SECRET, age_s: int = 0) -> str:
    at = int(time.time()) - age_s
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at))


def test_a_signed_event_is_a_hint_and_nothing_more(gateway: StripeGateway) -> None:
    body = event()
    found = gateway.verified_event(body, signed(body))
    assert (found.type, found.object_id, found.livemode) == ("checkout.session.completed", "cs_test_1", False)


def test_while_a_secret_is_rolled_the_old_and_the_new_one_are_both_believed() -> None:
    connection = StripeConnection(secret_key="sk_test_x", api_base=BASE)
    gateway = StripeGateway(connection, webhook_secrets=["whsec_old", "whsec_new"])
    body = event()
    for secret in ("whsec_old", "whsec_new"):
        assert gateway.verified_event(body, signed(body, secret=secret)).id == "evt_1"
    with pytest.raises(BadWebhook):
        gateway.verified_event(body, signed(body, secret="whsec_older"))


def test_a_signature_by_both_secrets_is_believed_by_whoever_knows_one(gateway: StripeGateway) -> None:
    body = event()
    both = signed(body, secret="whsec_new") + "," + signed(body).partition(",")[2]
    assert gateway.verified_event(body, both).id == "evt_1"


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "No signature"),
        ("", "No signature"),
        ("t=1,v1=00", "Bad signature, or too old"),
        ("nonsense", "Bad signature, or too old"),
        (signed(event(), secret="whsec_of_another_endpoint"), "Bad signature, or too old"),
        (signed(event(), age_s=301), "Bad signature, or too old"),
        (signed(event(id="evt_2")), "Bad signature, or too old"),
    ],
    ids=["none", "empty", "forged", "malformed", "foreign", "old", "of another body"],
)
def test_an_event_that_stripe_did_not_just_sign_is_refused(
    gateway: StripeGateway, signature: str | None, reason: str
) -> None:
    with pytest.raises(BadWebhook) as raised:
        gateway.verified_event(event(), signature)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "Not JSON"),
        (b"[]", "Not an event"),
        (b'{"id": "evt_1"}', "Not an event"),
        (b"3", "Not an event"),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(gateway: StripeGateway, body: bytes, reason: str) -> None:
    with pytest.raises(BadWebhook) as raised:
        gateway.verified_event(body, signed(body))
    assert raised.value.reason == reason


def test_without_a_secret_nothing_is_believed_because_anyone_can_sign_with_an_empty_one() -> None:
    gateway = StripeGateway(StripeConnection(secret_key="sk_test_x", api_base=BASE), webhook_secrets=[""])
    with pytest.raises(BadWebhook, match="no signing secret"):
        gateway.verified_event(event(), signed(event(), secret=""))
