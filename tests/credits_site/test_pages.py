"""The landing page and the health checks."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from credits_site.error_pages import server_error
from tests.drivers.signed_in import ADA, JSON, browser_of


@pytest.fixture
def nothing_for_sale(settings: Any) -> None:
    settings.STRIPE_PRICE_ID = ""
    settings.CREDIT_PACKS = []


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_the_landing_page_asks_for_an_email_and_is_not_kept() -> None:
    response = Client().get("/")
    page = response.content.decode()
    assert response.status_code == 200
    assert 'action="/sign-in/"' in page
    assert 'name="email"' in page
    assert "Nothing is for sale right now" in page
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_the_landing_page_stands_when_stripe_cannot_be_reached() -> None:
    cache.clear()
    response = Client().get("/")
    assert response.status_code == 200
    assert "The prices cannot be read from Stripe right now" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_who_comes_back_from_stripe_signed_out_is_told_to_sign_in() -> None:
    page = Client().get("/?session_id=cs_test_1").content.decode()
    assert "Sign in with the same email to see what you bought" in page


def test_healthz_needs_neither_database_nor_session() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert not response.cookies


@pytest.mark.django_db
def test_readyz_names_what_does_not_answer() -> None:
    response = Client().get("/readyz")
    assert (response.status_code, response.content) == (503, b"not ready: instant")
    assert response["Retry-After"]


@pytest.mark.django_db
def test_the_counter_has_no_page_of_its_own() -> None:
    response = browser_of(ADA).get("/api/credits")
    assert (response.status_code, response["Location"]) == (302, "/")


def test_a_mistake_of_ours_has_a_page_that_needs_nothing() -> None:
    page = server_error(RequestFactory().get("/"))
    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()
    answer = server_error(RequestFactory().get("/", headers=JSON))
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/json"
