"""Every request of ours is one that Stripe takes: by its description, and by stripe-mock.

Each method of ours that talks to Stripe is driven against the stand-in, and what it sent is checked against
both. A new method fails `test_every_method_is_driven` until `DRIVEN` has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import pytest
import requests
import stripe

from billing.stripe_api.client import StripeConnection
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.objects import CheckoutRequest, NewPrice, ShelfPrice
from billing.stripe_api.seller import SellerAccount
from sandbox.recording import address_of
from sandbox.serving import Request, Response
from tests.contract.stripe import mock
from tests.contract.stripe.description import Description, older_path, read, slice_path
from tests.loopback import HandlerAdapter
from tests.sandbox.stripe.driver import PRICE, SECRET_KEY, WEBHOOK_SECRET, Clock, make_standin

SLICE, OLDER = slice_path(), older_path()
ADA: Final = UUID("aaaaaaaa-0000-4000-8000-000000000001")
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: Final = ("charge.refunded", "checkout.session.completed")
NEW_PRICE: Final = NewPrice(
    lookup_key="ten", unit_amount=500, currency="usd", product_name="Ten credits", metadata={"credits": "10"}
)


class Account:
    """A Stripe account in which a pack was just bought, and the requests since."""

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.standin = make_standin(Clock())
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", HandlerAdapter(self.standin.handle, self._carry))
        connection = StripeConnection(
            secret_key=SECRET_KEY,
            api_base="http://stripe.test",
            http_client=stripe.RequestsClient(session=session),
        )
        self.gateway = StripeGateway(connection, webhook_secrets=[WEBHOOK_SECRET])
        self.seller = SellerAccount(connection)
        self._buy()
        self.sent.clear()

    def _carry(self, request: Request, work: Callable[[], Response]) -> Response:
        self.sent.append(request)
        return work()

    def _buy(self) -> None:
        self.customer_id = self.gateway.create_customer(member_id=ADA, app="the-app", idempotency_key="ada")
        self.checkout_id = self.gateway.create_checkout(self.wanted(), idempotency_key="form").id
        form = urlencode({"card_number": "4242424242424242", "email": "ada@example.com"})
        paid = Request("POST", f"/c/pay/{self.checkout_id}", body=form.encode())
        assert self.standin.handle(paid).status == 303
        bought = self.gateway.checkout(self.checkout_id)
        self.payment_id, self.invoice_id = str(bought.payment_intent_id), str(bought.invoice_id)

    def wanted(self) -> CheckoutRequest:
        """Two packs of ten."""
        return CheckoutRequest(
            app="the-app",
            member_id=ADA,
            customer_id=self.customer_id,
            price_id=PRICE,
            quantity=2,
            credits=20,
            success_url="http://site.test/?session_id={CHECKOUT_SESSION_ID}",
            cancel_url="http://site.test/?checkout=cancelled",
        )

    def priced(self) -> ShelfPrice:
        """The price with our lookup key, made unless it is there."""
        found = self.seller.price_called(NEW_PRICE.lookup_key)
        if found is None:
            self.seller.create_price(NEW_PRICE, instead_of=None)
            found = self.seller.price_called(NEW_PRICE.lookup_key)
        assert found is not None
        return found

    def reprice(self) -> None:
        """Make a price, and another that takes over from it."""
        self.seller.create_price(replace(NEW_PRICE, unit_amount=600), instead_of=self.priced())

    def endpoint(self) -> str:
        """A new webhook endpoint."""
        return self.seller.create_webhook_endpoint("https://site.test/hook", TYPES, description="Ours").id


DRIVEN: Final[dict[str, Callable[[Account], object]]] = {
    "StripeGateway.price": lambda a: a.gateway.price(PRICE),
    "StripeGateway.customer": lambda a: a.gateway.customer(a.customer_id),
    "StripeGateway.create_customer": lambda a: a.gateway.create_customer(
        member_id=ADA, app="the-app", idempotency_key="ada again"
    ),
    "StripeGateway.set_customer_email": lambda a: a.gateway.set_customer_email(
        a.customer_id, "ada@example.com"
    ),
    "StripeGateway.create_checkout": lambda a: a.gateway.create_checkout(
        a.wanted(), idempotency_key="form again"
    ),
    "StripeGateway.checkout": lambda a: a.gateway.checkout(a.checkout_id),
    "StripeGateway.checkouts": lambda a: list(a.gateway.checkouts(since=LONG_AGO, customer_id=a.customer_id)),
    "StripeGateway.latest_checkouts": lambda a: a.gateway.latest_checkouts(a.customer_id, limit=30),
    "StripeGateway.checkout_of_payment": lambda a: a.gateway.checkout_of_payment(a.payment_id),
    "StripeGateway.invoice_page": lambda a: a.gateway.invoice_page(a.invoice_id),
    "StripeGateway.payments_that_went_back": lambda a: list(
        a.gateway.payments_that_went_back(since=LONG_AGO)
    ),
    "StripeGateway.events": lambda a: list(a.gateway.events(TYPES, since=LONG_AGO)),
    "StripeGateway.payment": lambda a: a.gateway.payment(a.payment_id),
    "StripeGateway.note_fulfilled": lambda a: a.gateway.note_fulfilled(a.checkout_id),
    "SellerAccount.account": lambda a: a.seller.account(),
    "SellerAccount.price_faults": lambda a: a.seller.price_faults(PRICE),
    "SellerAccount.price_called": lambda a: a.seller.price_called(NEW_PRICE.lookup_key),
    "SellerAccount.create_price": Account.reprice,
    "SellerAccount.unarchive_price": lambda a: a.seller.unarchive_price(PRICE),
    "SellerAccount.update_product": lambda a: a.seller.update_product(a.priced().product_id, name="Ten"),
    "SellerAccount.webhook_endpoints": lambda a: a.seller.webhook_endpoints(),
    "SellerAccount.create_webhook_endpoint": Account.endpoint,
    "SellerAccount.update_webhook_endpoint": lambda a: a.seller.update_webhook_endpoint(a.endpoint(), TYPES),
}
SILENT: Final = {"StripeGateway.verified_event"}
# What stripe-mock, whose description is a year older than the version we speak, does not take yet.
NEWER: Final = {
    ("POST webhook_endpoints", "api_version"): "our version came after stripe-mock's",
}


def call_of(request: Request) -> str:
    """`POST prices/*`."""
    return f"{request.method} {address_of(request)}"


def without(request: Request, exceptions: Collection[tuple[str, str]]) -> Request:
    """A request without the parameters that are exceptions."""
    call = call_of(request)
    known = [
        (name, value)
        for name, value in parse_qsl(request.body.decode(), keep_blank_values=True)
        if (call, name.partition("[")[0]) not in exceptions
    ]
    return replace(request, body=urlencode(known).encode())


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.standin.close()


@pytest.fixture(scope="module")
def stripe_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = mock.binary()
    if program is None:
        pytest.skip("stripe-mock is not here")
    with mock.running(program, tmp_path_factory.mktemp("stripe_mock") / "log") as url:
        yield url


def test_every_method_is_driven() -> None:
    methods = {
        f"{kind.__name__}.{name}"
        for kind in (StripeGateway, SellerAccount)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == DRIVEN.keys() | SILENT


@pytest.mark.parametrize("method", DRIVEN)
def test_stripe_mock_takes_what_we_ask(account: Account, stripe_mock: str, method: str) -> None:
    DRIVEN[method](account)
    assert account.sent
    refusals = {
        call_of(request): mock.refusal(stripe_mock, without(request, NEWER)) for request in account.sent
    }
    assert set(refusals.values()) == {None}, refusals


@pytest.mark.parametrize("exception", NEWER, ids=" ".join)
def test_stripe_mock_is_still_too_old_for_what_is_kept_from_it(
    account: Account, stripe_mock: str, exception: tuple[str, str]
) -> None:
    for drive in DRIVEN.values():
        drive(account)
    others = NEWER.keys() - {exception}
    calls = [without(request, others) for request in account.sent if call_of(request) == exception[0]]
    assert [call for call in calls if mock.refusal(stripe_mock, call) is not None]


def test_stripe_mock_refuses_what_stripe_does_not_know(account: Account, stripe_mock: str) -> None:
    account.gateway.set_customer_email(account.customer_id, "ada@example.com")
    (request,) = account.sent
    assert mock.refusal(stripe_mock, replace(request, body=request.body + b"&colour=red")) is not None


@pytest.mark.skipif(SLICE is None, reason="Stripe's OpenAPI slice is not here")
@pytest.mark.parametrize("method", DRIVEN)
def test_stripes_own_description_takes_what_we_ask(account: Account, method: str) -> None:
    assert SLICE is not None
    descriptions = [read(path) for path in (SLICE, OLDER) if path is not None]
    DRIVEN[method](account)
    assert [problem for request in account.sent for problem in problems_of(request, descriptions)] == []


def problems_of(request: Request, descriptions: list[Description]) -> list[str]:
    """The problems of a request by the first description that has the call."""
    for description in descriptions:
        operation = description.operation(request.method, address_of(request))
        if operation is not None:
            return operation.request_problems(request.query or request.body.decode())
    return []
