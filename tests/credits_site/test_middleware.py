"""Outages and headers. Nobody answers on the address that the tests' Instant has, so it is down."""

from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from billing.errors import StripeRefused, StripeUnavailable
from credits_site.middleware import OutageMiddleware, outage_message
from instant_admin.client.errors import InstantBusy, Refusal
from instant_admin.ledger.rules import LedgerError
from tests.credits_site.people import ADA, FRAGMENT, JSON, browser_of

pytestmark = pytest.mark.django_db
OUTAGES = OutageMiddleware(lambda request: HttpResponse())


@pytest.fixture
def ada() -> Client:
    return browser_of(ADA)


def test_an_outage_is_503_as_json(ada: Client) -> None:
    response = ada.get("/history/", headers=JSON)
    assert response.status_code == 503
    assert set(response.json()) == {"error"}
    assert int(response["Retry-After"]) > 0


def test_an_outage_is_503_as_a_fragment(ada: Client) -> None:
    response = ada.get("/history/", headers=FRAGMENT)
    assert response.status_code == 503
    assert response.content.decode().startswith('<p class="notice')
    assert int(response["Retry-After"]) > 0


def test_the_page_of_an_outage_sends_the_same_request_again(ada: Client) -> None:
    request_id = str(uuid4())
    response = ada.post("/api/generate", {"topic": "<snow>", "request_id": request_id})
    page = response.content.decode()
    assert response.status_code == 503
    assert 'action="/api/generate"' in page
    assert f'name="request_id" value="{request_id}"' in page
    assert 'name="topic" value="&lt;snow&gt;"' in page
    assert "no-store" in response["Cache-Control"]


def test_an_outage_while_reading_says_nothing_of_charges(ada: Client) -> None:
    response = ada.get("/history/")
    assert response.status_code == 503
    assert "charged" not in response.content.decode()


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
    assert response["Content-Type"] == "application/json"


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
    assert "never charged twice" in outage_message(StripeUnavailable(), writing=True)
    assert "could not confirm" in outage_message(RuntimeError(), writing=True)
    refused = StripeRefused(status=400, code="x", param="y")
    for certain in (refused, LedgerError()):
        assert "nothing came of this attempt" in outage_message(certain, writing=True)


def test_pages_load_only_what_is_ours(settings: Any) -> None:
    settings.STRIPE_API_BASE = "https://api.stripe.com"
    policy = Client().get("/healthz")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert policy.endswith("form-action 'self' https://checkout.stripe.com")


def test_a_stripe_elsewhere_is_where_forms_may_lead(settings: Any) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:4242/"
    policy = Client().get("/healthz")["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' http://127.0.0.1:4242")
