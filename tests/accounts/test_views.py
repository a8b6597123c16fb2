"""Signing in, as far as it goes without Instant; the rest is in the journeys."""

from typing import Any

import pytest
from django.test import Client

from accounts.members import recall
from tests.credits_site.people import ADA, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_for_sale(settings: Any) -> None:
    settings.STRIPE_PRICE_ID = ""
    settings.CREDIT_PACKS = []


def test_a_bad_email_brings_the_form_back_as_it_was_typed() -> None:
    response = Client().post("/sign-in/", {"email": "<ada>"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "does not look like an email address" in page
    assert 'value="&lt;ada&gt;"' in page


def test_no_email_at_all_is_422() -> None:
    response = Client().post("/sign-in/")
    assert response.status_code == 422
    assert "Enter your email address" in response.content.decode()


def test_a_code_that_is_none_is_422_without_asking_instant() -> None:
    response = Client().post("/sign-in/code/", {"email": "ada@example.com", "code": "12"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "The code is six digits" in page
    assert 'name="email" value="ada@example.com"' in page


def test_a_code_for_no_email_starts_over() -> None:
    response = Client().post("/sign-in/code/", {"code": "123456"})
    assert response.status_code == 422
    assert 'action="/sign-in/"' in response.content.decode()


def test_no_code_is_sent_while_instant_is_down() -> None:
    response = Client().post("/sign-in/", {"email": "ada@example.com"})
    assert response.status_code == 503


def test_signing_out_works_while_instant_is_down() -> None:
    client = browser_of(ADA)
    assert recall(client.session) == ADA
    response = client.post("/sign-out/")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert recall(client.session) is None


def test_signing_out_twice_is_no_mistake() -> None:
    assert Client().post("/sign-out/").status_code == 302
