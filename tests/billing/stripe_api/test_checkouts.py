"""Customers and checkouts on the wire: what is sent to Stripe, and what is made of the answers."""

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
import responses

from billing.errors import StripeRefused, UnknownCheckout
from billing.seals import SEALED, Seal, seal_of
from billing.stripe_api import checkouts
from billing.stripe_api.checkouts import CheckoutRequest, Customer
from tests.billing.stripe_api.conftest import BASE

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
CUSTOMER = {"id": "cus_1", "object": "customer"}
MISSING = {"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id"}}


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
        "client_reference_id": wanted().reference,
        "metadata": wanted().metadata,
    } | changes


def wanted() -> CheckoutRequest:
    return CheckoutRequest(
        app="the-app",
        member_id=ADA,
        customer_id="cus_1",
        price_id="price_ten",
        quantity=2,
        pack_credits=10,
        success_url="http://site.test/?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="http://site.test/?checkout=cancelled",
    )


def form_of(wire: responses.RequestsMock) -> dict[str, str]:
    body = wire.calls[-1].request.body
    return {name: values[0] for name, values in parse_qs(str(body)).items()}


def test_a_checkout_carries_what_it_is_worth_in_its_own_metadata(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/v1/checkout/sessions", json=session())
    checkout = checkouts.create(wanted(), idempotency_key="once")
    assert (checkout.id, checkout.url) == ("cs_test_1", "http://pay.test/1")
    assert (checkout.credits, checkout.member_id, checkout.seal) == (20, ADA, Seal.INTACT)
    form = form_of(wire)
    sent = {name: form[f"metadata[{name}]"] for name in SEALED}
    assert sent == {
        "app": "the-app",
        "member": str(ADA),
        "pack": "10",
        "price": "price_ten",
        "quantity": "2",
        "credits": "20",
    }
    assert seal_of(form["client_reference_id"], sent) is Seal.INTACT
    assert form.items() >= {
        ("payment_intent_data[metadata][app]", "the-app"),
        ("line_items[0][quantity]", "2"),
        ("invoice_creation[enabled]", "true"),
        ("invoice_creation[invoice_data][metadata][app]", "the-app"),
        ("success_url", "http://site.test/?session_id={CHECKOUT_SESSION_ID}"),
    }
    assert wire.calls[0].request.headers["Idempotency-Key"] == "once"
    assert wire.calls[0].request.req_kwargs["timeout"] == 10  # type: ignore[attr-defined]


def test_a_replayed_checkout_is_read_again_because_it_may_be_paid_since(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/v1/checkout/sessions", json=session(), headers={"Idempotent-Replayed": "true"})
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=session(status="complete", url=None))
    assert checkouts.create(wanted(), idempotency_key="once").url is None


@pytest.mark.parametrize(
    "checkout_id",
    ["", "..", "cs_test_", "cs_test_a/b", "cs_test_1?x", "pi_1", "cs_prod_1", "cs_test_é", "cs_test_1\n"],
)
def test_what_is_no_checkout_id_is_never_sent(wire: responses.RequestsMock, checkout_id: str) -> None:
    with pytest.raises(UnknownCheckout):
        checkouts.retrieve(checkout_id)


def test_a_checkout_that_stripe_does_not_have_is_unknown(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", status=404, json=MISSING)
    with pytest.raises(UnknownCheckout):
        checkouts.retrieve("cs_test_1")


@pytest.mark.parametrize("reference", [None, "", "order 7", ":", "member:seal"])
@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"member": str(ADA), "credits": "ten"}, {"credits": ""}, {"credits": "0"}, {"credits": "-5"}],
)
def test_a_session_that_we_did_not_make_has_neither_member_nor_credits(
    wire: responses.RequestsMock, metadata: dict[str, str] | None, reference: str | None
) -> None:
    foreign = session(metadata=metadata, client_reference_id=reference)
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=foreign)
    checkout = checkouts.retrieve("cs_test_1")
    assert (checkout.member_id, checkout.credits) == (None, None)
    assert checkout.seal is not Seal.INTACT


def test_ids_are_read_whether_stripe_expands_them_or_not(wire: responses.RequestsMock) -> None:
    expanded = session(customer={"id": "cus_2", "object": "customer"}, payment_intent="pi_1")
    wire.get(f"{BASE}/v1/checkout/sessions/cs_test_1", json=expanded)
    checkout = checkouts.retrieve("cs_test_1")
    assert (checkout.customer_id, checkout.payment_intent_id) == ("cus_2", "pi_1")


def test_a_customer_is_made_under_a_key_for_what_cannot_change(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/v1/customers", json=CUSTOMER)
    assert checkouts.create_customer(member_id=ADA, app="the-app", idempotency_key="k") == "cus_1"
    assert form_of(wire) == {"metadata[app]": "the-app", "metadata[member]": str(ADA)}
    assert wire.calls[0].request.headers["Idempotency-Key"] == "k"


def test_an_email_is_told_by_a_call_of_its_own(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/v1/customers/cus_1", json=CUSTOMER)
    checkouts.set_customer_email("cus_1", "ada@example.com")
    assert form_of(wire) == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, CUSTOMER | {"email": "a@b.test"}, Customer("cus_1", "a@b.test")),
        (200, CUSTOMER | {"email": None}, Customer("cus_1", None)),
        (200, CUSTOMER | {"deleted": True}, None),
        (404, MISSING, None),
    ],
    ids=["there", "without an email", "deleted", "of the other mode"],
)
def test_a_customer_is_there_or_gone(
    wire: responses.RequestsMock, status: int, body: dict[str, Any], found: Customer | None
) -> None:
    wire.get(f"{BASE}/v1/customers/cus_1", status=status, json=body)
    assert checkouts.find_customer("cus_1") == found


def test_a_customer_that_stripe_may_not_show_is_not_taken_for_gone(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/v1/customers/cus_1", status=403, json={"error": {"type": "invalid_request_error"}})
    with pytest.raises(StripeRefused):
        checkouts.find_customer("cus_1")
