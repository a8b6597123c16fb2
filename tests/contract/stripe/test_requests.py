"""Every request of ours, sent for real once, is one that Stripe takes: by its description, and by stripe-mock.

Each function of `billing/stripe_api` is driven against the stand-in, and what it sent is then held against
both. A new one fails `test_every_function_is_driven` until `DRIVEN` has it.
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

from billing.packs import PackPlan
from billing.stripe_api import catalog, checkouts, payments, setup, webhooks
from billing.stripe_api.catalog import CatalogPrice, NewPrice
from billing.stripe_api.checkouts import CheckoutOptions, CheckoutRequest
from billing.stripe_api.client import using
from sandbox.recording import address_of
from sandbox.serving import Request, Response
from tests.contract.stripe import mock
from tests.contract.stripe.description import Description, older_path, read, slice_path
from tests.drivers.site import stripe_client
from tests.drivers.stripe_api import PRICE, SECRET_KEY, VISA, Clock, make_standin

SLICE, OLDER = slice_path(), older_path()
ADA: Final = UUID("aaaaaaaa-0000-4000-8000-000000000001")
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: Final = ("charge.refunded", "checkout.session.completed")
NEW_PRICE: Final = NewPrice(
    lookup_key="ten", unit_amount=500, currency="usd", product_name="Ten credits", metadata={"credits": "10"}
)
EVERY_OPTION: Final = CheckoutOptions(
    automatic_tax=True, tax_ids=True, billing_address="auto", terms=True, terms_text="Agreed?", locale="de"
)
PLAN: Final = PackPlan(credits=10, name="Ten credits", unit_amount=500, currency="usd")


class Account:
    """A Stripe account in which a pack was just bought, and all that we asked it since."""

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.standin = make_standin(Clock())
        self.client = stripe_client(self.standin.handle, self._carry, secret_key=SECRET_KEY)

    def _carry(self, request: Request, work: Callable[[], Response]) -> Response:
        self.sent.append(request)
        return work()

    def buy(self) -> None:
        """Pay for two packs, with tax."""
        office = {"head_office[address][country]": "US", "defaults[tax_behavior]": "exclusive"}
        self._post("/v1/tax/settings", **office)
        self.customer_id = checkouts.create_customer(member_id=ADA, app="the-app", idempotency_key="ada")
        self.checkout_id = checkouts.create(self.wanted(), idempotency_key="form").id
        self._post(f"/c/pay/{self.checkout_id}", card_number=VISA, terms_of_service="accepted")
        bought = checkouts.retrieve(self.checkout_id)
        self.payment_id, self.invoice_id = str(bought.payment_intent_id), str(bought.invoice_id)
        self.sent.clear()

    def _post(self, path: str, **form: str) -> None:
        """What somebody else does in the account."""
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "authorization": f"Bearer {SECRET_KEY}",
        }
        answer = self.standin.handle(Request("POST", path, headers=headers, body=urlencode(form).encode()))
        assert answer.status in (200, 303), answer.body

    def wanted(self) -> CheckoutRequest:
        """Two packs of ten."""
        return CheckoutRequest(
            app="the-app",
            member_id=ADA,
            customer_id=self.customer_id,
            price_id=PRICE,
            quantity=2,
            pack_credits=10,
            success_url="http://site.test/?session_id={CHECKOUT_SESSION_ID}",
            cancel_url="http://site.test/?checkout=cancelled",
            options=EVERY_OPTION,
        )

    def priced(self) -> CatalogPrice:
        """The price with our lookup key, made unless it is there."""
        found = catalog.find_price(NEW_PRICE.lookup_key)
        if found is None:
            catalog.create_price(NEW_PRICE, instead_of=None)
            found = catalog.find_price(NEW_PRICE.lookup_key)
        assert found is not None
        return found

    def reprice(self) -> None:
        """Make a price, and another that takes over from it."""
        catalog.create_price(replace(NEW_PRICE, unit_amount=600), instead_of=self.priced())

    def endpoint(self) -> str:
        """A new webhook endpoint."""
        webhooks.create_endpoint("https://site.test/hook", TYPES, description="Ours")
        return next(each.id for each in webhooks.endpoints() if each.url == "https://site.test/hook")


DRIVEN: Final[dict[str, Callable[[Account], object]]] = {
    "catalog.retrieve": lambda a: catalog.retrieve(PRICE),
    "catalog.find_price": lambda a: catalog.find_price(NEW_PRICE.lookup_key),
    "catalog.create_price": Account.reprice,
    "catalog.unarchive_price": lambda a: catalog.unarchive_price(PRICE),
    "catalog.update_product": lambda a: catalog.update_product(a.priced().product_id, name="Ten"),
    "checkouts.find_customer": lambda a: checkouts.find_customer(a.customer_id),
    "checkouts.create_customer": lambda a: checkouts.create_customer(
        member_id=ADA, app="the-app", idempotency_key="ada again"
    ),
    "checkouts.customers_of_buyer": lambda a: checkouts.customers_of_buyer(a.customer_id),
    "checkouts.note_other_customer": lambda a: checkouts.note_other_customer(a.customer_id, "eur", "cus_2"),
    "checkouts.set_customer_email": lambda a: checkouts.set_customer_email(a.customer_id, "ada@example.com"),
    "checkouts.create": lambda a: checkouts.create(a.wanted(), idempotency_key="form again"),
    "checkouts.retrieve": lambda a: checkouts.retrieve(a.checkout_id),
    "checkouts.list_all": lambda a: list(checkouts.list_all(since=LONG_AGO, customer_id=a.customer_id)),
    "checkouts.newest": lambda a: checkouts.newest(a.customer_id, limit=30),
    "checkouts.of_payment": lambda a: checkouts.of_payment(a.payment_id),
    "checkouts.mark_fulfilled": lambda a: checkouts.mark_fulfilled(a.checkout_id),
    "payments.retrieve": lambda a: payments.retrieve(a.payment_id),
    "payments.refunded_or_disputed": lambda a: list(payments.refunded_or_disputed(since=LONG_AGO)),
    "payments.fraud_warnings": lambda a: payments.fraud_warnings(a.payment_id),
    "payments.warned_of": lambda a: list(payments.warned_of(since=LONG_AGO)),
    "payments.refund_withdrawal": lambda a: payments.refund_withdrawal(
        a.payment_id, amount=1, key="withdraw:1"
    ),
    "payments.invoice_page": lambda a: payments.invoice_page(a.invoice_id),
    "setup.astray": lambda a: setup.astray("https://credits.test"),
    "setup.tax_is_set_up": lambda a: setup.tax_is_set_up(),
    "setup.unreadable": lambda a: setup.unreadable(),
    "setup.account": lambda a: setup.account(),
    "setup.set_up_packs": lambda a: list(setup.set_up_packs([PLAN], dry_run=False)),
    "setup.set_up_endpoint": lambda a: setup.set_up_endpoint("https://site.test", dry_run=False),
    "webhooks.events": lambda a: list(webhooks.events(TYPES, since=LONG_AGO)),
    "webhooks.endpoints": lambda a: webhooks.endpoints(),
    "webhooks.create_endpoint": lambda a: a.endpoint(),
    "webhooks.update_endpoint": lambda a: webhooks.update_endpoint(a.endpoint(), TYPES),
    # Last, as the others need one.
    "checkouts.delete_customer": lambda a: checkouts.delete_customer(a.customer_id),
}
SILENT: Final = {"setup.lookup_key", "webhooks.verified"}
# What stripe-mock, whose description is a year older than the version we speak, does not take yet.
NEWER: Final = {("POST webhook_endpoints", "api_version"): "our version came after stripe-mock's"}


def call_of(request: Request) -> str:
    """`POST prices/*`."""
    return f"{request.method} {address_of(request)}"


def without(request: Request, exceptions: Collection[tuple[str, str]]) -> Request:
    """A request less those of its parameters that are exceptions."""
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
    with using(account.client):
        account.buy()
        yield account
    account.standin.close()


@pytest.fixture(scope="module")
def stripe_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = mock.binary()
    if program is None:
        pytest.skip("stripe-mock is not here")
    with mock.running(program, tmp_path_factory.mktemp("stripe_mock") / "log") as url:
        yield url


def test_every_function_is_driven() -> None:
    functions = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (catalog, checkouts, payments, setup, webhooks)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert functions == DRIVEN.keys() | SILENT


@pytest.mark.parametrize("function", DRIVEN)
def test_stripe_mock_takes_what_we_ask(account: Account, stripe_mock: str, function: str) -> None:
    DRIVEN[function](account)
    assert account.sent
    refusals = [
        (call_of(request), mock.refusal(stripe_mock, without(request, NEWER))) for request in account.sent
    ]
    assert [(call, why) for call, why in refusals if why is not None] == []


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
    checkouts.set_customer_email(account.customer_id, "ada@example.com")
    (request,) = account.sent
    assert mock.refusal(stripe_mock, replace(request, body=request.body + b"&colour=red")) is not None


@pytest.mark.skipif(SLICE is None, reason="Stripe's OpenAPI slice is not here")
@pytest.mark.parametrize("function", DRIVEN)
def test_stripes_own_description_takes_what_we_ask(account: Account, function: str) -> None:
    assert SLICE is not None
    descriptions = [read(path) for path in (SLICE, OLDER) if path is not None]
    DRIVEN[function](account)
    assert [problem for request in account.sent for problem in problems_of(request, descriptions)] == []


def problems_of(request: Request, descriptions: list[Description]) -> list[str]:
    """What the first description that knows the call has to say about it."""
    for description in descriptions:
        operation = description.operation(request.method, address_of(request))
        if operation is not None:
            return operation.request_problems(request.query or request.body.decode())
    return []
