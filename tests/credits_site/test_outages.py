"""Outages and headers. Nobody answers on the address that the tests' Instant has, so it is down."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from billing.errors import StripeRefused, StripeUnavailable
from credits_site.outages import OutageMiddleware, outage_message
from instant_admin.client.errors import InstantBusy, InstantRejected, NoSuchRoute, Refusal
from instant_admin.ledger.entries import LedgerCorrupt, NoSuchAccount
from instant_admin.ledger.retries import OutcomeUnknown
from instant_admin.ledger.rules import KeyReused
from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of

pytestmark = pytest.mark.django_db
OUTAGES = OutageMiddleware(lambda request: HttpResponse())


@pytest.fixture
def ada() -> Client:
    return browser_of(ADA)


@pytest.mark.parametrize(
    ("headers", "shown"), [(JSON, '"retry": true'), (FRAGMENT, '<p class="notice'), ({}, "<!doctype html>")]
)
def test_an_outage_while_reading_is_503_and_says_nothing_of_charges(
    ada: Client, headers: dict[str, str], shown: str
) -> None:
    response = ada.get("/history/", headers=headers)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert shown in response.content.decode()
    # The head of a page has what its script says when nobody can be reached.
    assert "charged" not in response.content.decode().rpartition("</head>")[2]


def test_a_plain_form_in_an_outage_goes_back_to_its_page_with_the_same_request(ada: Client) -> None:
    request_id = str(uuid4())
    response = ada.post("/api/generate", {"topic": "<snow>", "request_id": request_id})
    assert (response.status_code, response["Location"]) == (303, "/")
    assert "no-store" in response["Cache-Control"]
    assert ada.session["draft"]["typed"] == {"topic": "<snow>", "request_id": request_id}


def test_nobody_keeps_the_token_or_the_email_in_the_log(
    ada: Client, caplog: pytest.LogCaptureFixture
) -> None:
    ada.get("/history/")
    assert "InstantUnreachable" in caplog.text
    assert ADA.refresh_token not in caplog.text
    assert ADA.email not in caplog.text


def test_a_webhook_in_an_outage_is_answered_in_json() -> None:
    request = RequestFactory().post("/api/stripe/webhook", b"{}", content_type="application/json")
    response = OUTAGES.process_exception(request, StripeUnavailable("no answer"))
    assert response is not None
    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"


def test_a_mistake_is_not_taken_for_an_outage() -> None:
    request = RequestFactory().get("/")
    assert OUTAGES.process_exception(request, ValueError()) is None


def test_what_instant_asks_for_is_passed_on() -> None:
    request = RequestFactory().get("/", headers=JSON)
    busy = InstantBusy(Refusal(status=429, retry_after_s=77))
    response = OUTAGES.process_exception(request, busy)
    assert response is not None
    assert response["Retry-After"] == "77"


def test_only_what_is_certain_is_said() -> None:
    assert "could not confirm" in outage_message(StripeUnavailable(), writing=True)
    unknown = OutcomeUnknown(key="k", may_have_been_written=False)
    assert "nothing came of this attempt" in outage_message(unknown, writing=True)


@pytest.mark.parametrize(
    ("refusal", "status", "said"),
    [
        (StripeRefused(status=400, code="x", param="y"), 503, "Nothing came of this attempt"),
        (LedgerCorrupt(), 503, "Your history shows what was done"),
        (NoSuchAccount(), 503, "Nothing came of this attempt"),
        (KeyReused(), 409, "Nothing came of this attempt"),
        (InstantRejected(Refusal(status=400, type="permission-denied")), 503, "Nothing came of this attempt"),
        (NoSuchRoute("no such route"), 503, "Nothing came of this attempt"),
    ],
)
def test_a_refusal_that_is_final_is_no_outage(refusal: Exception, status: int, said: str) -> None:
    response = OUTAGES.process_exception(RequestFactory().post("/", headers=JSON), refusal)
    assert response is not None
    assert (response.status_code, "Retry-After" in response) == (status, False)
    answer = json.loads(response.content)
    assert answer["retry"] is False
    assert said in answer["error"]
    assert "Try again" not in answer["error"]


@pytest.mark.parametrize(
    ("api", "configured", "expected"),
    [
        ("https://api.stripe.com", [], "https://checkout.stripe.com"),
        ("https://api.stripe.com", ["https://pay.example.com/"], "https://pay.example.com"),
        ("http://127.0.0.1:4242/", [], "http://localhost:4242 http://127.0.0.1:4242"),
        ("http://localhost:4242", [], "http://localhost:4242 http://127.0.0.1:4242"),
        ("https://stripe.example", [], "https://stripe.example"),
    ],
)
def test_pages_load_only_what_is_ours_and_forms_lead_to_where_one_pays(
    settings: Any, api: str, configured: list[str], expected: str
) -> None:
    settings.STRIPE_API_BASE, settings.CHECKOUT_ORIGINS = api, configured
    policy = Client().get("/nothing/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert policy.endswith(f"form-action 'self' {expected}")
