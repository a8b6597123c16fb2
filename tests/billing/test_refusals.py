"""What Stripe refuses, what the site makes of it, and what a person, a fragment and a program read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client

from accounts.members import Member
from billing.models import Attention
from billing.packs import offers
from billing.reconciliation import reconcile_member
from billing.stripe_api.refusals import SELLER, TABLE
from sandbox.stripe.refusals import REFUSALS, REQUEST_ID
from tests.billing import commands
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import TEN, LoopbackSite

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]

SESSIONS = "^/v1/checkout/sessions$"
CUSTOMERS = "^/v1/customers/cus_"
CHECKOUT = "/api/stripe/checkout"
HTML: Mapping[str, str] = {}

PASSING = ("rate_limit", "lock_timeout", "idempotency_key_in_use", "key-reused")
FOR_THE_SELLER = (
    "key-unknown",
    "api_key_expired",
    "platform_api_key_expired",
    "secret_key_required",
    "key-restricted",
    "account_invalid",
    "capability_not_active",
    "country_unsupported",
    "testmode_charges_only",
    "business-name",
    "amount_too_small",
    "payment_method_unactivated",
    "invoice_no_payment_method_types",
    "customer_tax_location_invalid",
    "tax-head-office",
    "terms-address",
    "unheard-of",
)
FOR_THE_BUYER = {
    "price-archived": "no longer for sale",
    "product_inactive": "no longer for sale",
    "amount_too_large": "more than Stripe takes at once",
    "quantity": "more than Stripe takes at once",
}
MADE_GOOD = ("email_invalid", "invoice-creation", "currency", "resource_missing")

as_each = pytest.mark.parametrize("headers", [HTML, FRAGMENT, JSON], ids=["page", "fragment", "JSON"])


def told(browser: Client, answer: Any, headers: Mapping[str, str]) -> str:
    """What the answer says; that to a plain form is a redirect, and the next page says it."""
    if headers is HTML:
        assert answer.status_code == 303
        answer = browser.get(answer["Location"].partition("#")[0])
    return str(answer.content.decode())


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged for somebody to act on."""
    ours = (record for record in caplog.records if not record.name.startswith("django"))
    return [record.getMessage() for record in ours if record.levelno >= logging.ERROR]


def goes_to_stripe(answer: Any, headers: Mapping[str, str]) -> None:
    """The buyer is led to Stripe's page, as if nothing had been refused."""
    if headers is JSON:
        assert answer.status_code == 200
    assert "/c/pay/cs_test_" in (answer.json()["url"] if headers is JSON else answer["Location"])


def written(site: LoopbackSite, member: Member) -> tuple[list[Any], list[Any], list[str]]:
    """Checkouts in Stripe, entries in the ledger, and what is noted for staff."""
    kinds = [noted.kind for noted in Attention.objects.filter(closed_at=None)]
    return site.ask("/v1/checkout/sessions")["data"], site.entries(member), kinds


def test_every_refusal_that_the_stand_in_knows_is_shown_below_and_it_knows_every_code() -> None:
    assert {*PASSING, *FOR_THE_SELLER, *FOR_THE_BUYER, *MADE_GOOD} == set(REFUSALS)
    known = {error.code for error in REFUSALS.values()}
    assert [code for row in TABLE for code in row.codes if code not in known] == []


@as_each
@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_worth_another_try(
    site: LoopbackSite, ada: Member, code: str, headers: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    site.refuse("POST", SESSIONS, code)
    browser = browser_of(ada)
    answer = browser.post(CHECKOUT, headers=dict(headers))
    assert "the same request is never charged twice" in told(browser, answer, headers)
    if headers is not HTML:
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    if headers is JSON:
        assert answer.json()["retry"] is True
    assert written(site, ada) == ([], [], [])
    (line,) = errors_in(caplog)
    assert "StripeUnavailable" in line
    site.let()
    goes_to_stripe(browser.post(CHECKOUT, headers=dict(headers)), headers)


@as_each
@pytest.mark.parametrize("code", FOR_THE_SELLER)
def test_what_only_the_seller_can_mend_pauses_selling(
    site: LoopbackSite, ada: Member, code: str, headers: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    site.refuse("POST", SESSIONS, code)
    browser = browser_of(ada)
    answer = browser.post(CHECKOUT, headers=dict(headers))
    assert "Selling is paused, and nothing was charged." in told(browser, answer, headers)
    assert "Retry-After" not in answer
    if headers is not HTML:
        assert answer.status_code == 503
    if headers is JSON:
        assert answer.json()["retry"] is False
    error = REFUSALS[code]
    (line,) = errors_in(caplog)
    assert f"HTTP {error.status} {error.code or ''}".rstrip() in line
    assert REQUEST_ID in line
    assert any(row.hint in line for row in TABLE if row.follows is SELLER) or "Developers, Logs" in line
    assert error.message not in line  # which may hold what was sent
    assert written(site, ada) == ([], [], ["selling_paused"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "^/v1/customers$"), ("GET", CUSTOMERS), ("POST", CUSTOMERS), ("POST", SESSIONS)],
)
@pytest.mark.parametrize(("code", "retry"), {"key-restricted": False, "rate_limit": True}.items())
def test_each_call_on_the_way_to_pay_is_sorted_alike(
    site: LoopbackSite, ada: Member, method: str, path: str, code: str, retry: bool
) -> None:
    site.refuse(method, path, code)
    answer = browser_of(ada).post(CHECKOUT, headers=JSON)
    assert (answer.status_code, answer.json()["retry"], "Retry-After" in answer) == (503, retry, retry)
    assert ("Selling is paused" in answer.json()["error"]) is not retry


@as_each
@pytest.mark.parametrize(("code", "words"), FOR_THE_BUYER.items())
def test_what_the_buyer_can_do_something_about_is_said_beside_the_form(
    site: LoopbackSite,
    ada: Member,
    code: str,
    words: str,
    headers: Mapping[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert [offer.unit_amount for offer in offers()] == [500]
    browser = browser_of(ada)
    site.refuse("POST", SESSIONS, code)
    answer = browser.post(CHECKOUT, headers=dict(headers))
    assert words in told(browser, answer, headers)
    assert headers is HTML or answer.status_code == 422
    assert written(site, ada) == ([], [], [])
    (line,) = errors_in(caplog)
    assert TEN.price_id in line
    asked = site.asked_stripe
    offers()
    assert site.asked_stripe == asked + (headers is not HTML)  # its next page has asked already


@as_each
def test_an_email_that_stripe_does_not_take_keeps_nobody_from_buying(
    site: LoopbackSite, ada: Member, headers: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    site.refuse("POST", CUSTOMERS, "email_invalid")
    for _ in range(2):
        goes_to_stripe(browser_of(ada).post(CHECKOUT, headers=dict(headers)), headers)
    (customer,) = site.customers()
    assert customer["email"] is None
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        f"Customer {customer['id']} has no email"
    ]


@as_each
def test_where_stripe_makes_no_invoice_or_currency_fits_no_customer_the_buyer_notices_nothing(
    site: LoopbackSite, ada: Member, headers: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for code in ("invoice-creation", "currency"):
        site.refuse("POST", SESSIONS, code, times=1)
        goes_to_stripe(browser_of(ada).post(CHECKOUT, headers=dict(headers)), headers)
    assert (len(written(site, ada)[0]), errors_in(caplog)) == (2, [])


def test_where_stripe_makes_no_invoice_it_is_sold_without(
    site: LoopbackSite, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    site.refuse("POST", SESSIONS, "invoice-creation", times=1)
    checkout_id = site.buy(ada)
    assert site.session(checkout_id)["invoice"] is None
    assert ["without an invoice" in record.getMessage() for record in caplog.records] == [True]
    site.deliver_all()
    assert site.credits(ada) == 10


def test_who_pays_in_another_currency_has_one_more_customer(site: LoopbackSite, ada: Member) -> None:
    bought = []
    for _ in range(2):
        site.refuse("POST", SESSIONS, "currency", times=1)
        bought.append(site.buy(ada))
    customers = {customer["id"]: customer for customer in site.customers()}
    (first_id,) = (key for key, customer in customers.items() if "customer_usd" in customer["metadata"])
    other_id = customers[first_id]["metadata"]["customer_usd"]
    assert len(customers) == 2
    assert customers[other_id]["email"] == ada.email
    assert {site.session(each)["customer"] for each in bought} == {other_id}
    findings = reconcile_member(ada.id, customer_id=first_id)
    assert [finding.checkout_id for finding in findings] == bought[::-1]
    assert site.credits(ada) == 20


@as_each
def test_a_customer_who_is_deleted_meanwhile_is_replaced_by_the_next_try(
    site: LoopbackSite, ada: Member, headers: Mapping[str, str]
) -> None:
    site.refuse("POST", SESSIONS, "resource_missing", times=1)
    browser = browser_of(ada)
    answer = browser.post(CHECKOUT, headers=dict(headers))
    assert "the same request is never charged twice" in told(browser, answer, headers)
    assert headers is HTML or (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert headers is not JSON or answer.json()["retry"] is True
    goes_to_stripe(browser.post(CHECKOUT, headers=dict(headers)), headers)


@pytest.mark.parametrize(
    ("code", "said"), {"api_key_expired": "STRIPE_SECRET_KEY", "key-restricted": "docs/deploy.md"}.items()
)
def test_staff_and_commands_are_told_what_to_do(
    site: LoopbackSite, ada: Member, code: str, said: str
) -> None:
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.refuse("GET", "^/v1/checkout/sessions", code)
    staff = browser_of_staff("view_member", "reset_credits", "refund_unused")
    member = f"/admin/billing/member/{ada.id}"
    assert said in staff.post(f"{member}/check/", follow=True).content.decode()
    refund = staff.get(f"{member}/purchases/{checkout_id}/refund/")
    assert (refund.status_code, "Retry-After" in refund, said in refund.content.decode()) == (
        503,
        False,
        True,
    )
    assert said in (commands.run("reconcile_credits")[1] or "")


def test_a_payment_that_stripe_will_not_tell_of_is_no_loss_and_no_outage(
    site: LoopbackSite, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    checkout_id = site.buy(ada)
    site.refuse("GET", f"/sessions/{checkout_id}$", "key-restricted", times=1)
    browser = browser_of(ada)
    answers = [browser.post("/api/stripe/sync", {"session_id": checkout_id}, headers=JSON) for _ in range(2)]
    assert "you need not pay again" in answers[0].json()["error"]
    assert answers[0].json()["retry"] is False
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[1].json()["credits"] == 10
    assert len(errors_in(caplog)) == 1


@pytest.mark.parametrize(
    ("code", "status"), [("key-restricted", 503), ("resource_missing", 404), ("rate_limit", 503)]
)
def test_a_receipt_that_stripe_does_not_show(site: LoopbackSite, ada: Member, code: str, status: int) -> None:
    checkout_id = site.buy(ada)
    site.refuse("GET", "^/v1/invoices/", code)
    answer = browser_of(ada).get(f"/history/receipts/{checkout_id}/", headers=JSON)
    assert answer.status_code == status
    assert ("Retry-After" in answer) == (code == "rate_limit")


def test_with_a_revoked_key_nothing_is_for_sale_and_the_log_says_why(
    site: LoopbackSite, caplog: pytest.LogCaptureFixture
) -> None:
    site.refuse("GET", "^/v1/prices/", "api_key_expired")
    page = Client().get("/").content.decode()
    assert "Nothing is for sale right now." in page
    (line,) = errors_in(caplog)
    assert TEN.price_id in line
    assert "STRIPE_SECRET_KEY" in line


def test_one_bad_price_closes_no_shop(
    site: LoopbackSite, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CREDIT_PACKS = [{"price": TEN.price_id}, {"price": "price_mistyped", "credits": 50}]
    assert [offer.pack.price_id for offer in offers()] == [TEN.price_id]
    assert ["price_mistyped" in line for line in errors_in(caplog)] == [True]
