"""What buying refuses before it asks Stripe; the rest is in the journeys."""

from typing import Any

import pytest
from django.test import Client

from billing.forms import CheckoutForm, ResetForm, SyncForm
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, JSON, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return browser_of(ADA)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        *(({"quantity": few}, "Choose at least one pack.") for few in ("0", "-1")),
        ({"quantity": "11"}, "Choose at most 10 packs at once."),
        *(({"quantity": odd}, "Choose a whole number of packs.") for odd in ("1.5", "many", "1e1")),
        ({"pack": "price_of_another_site"}, "Choose one of the packs."),
        ({"request_id": "7"}, "This form is out of date. Press the button again."),
    ],
)
def test_what_is_not_for_sale_is_422(ada: Client, form: dict[str, str], said: str) -> None:
    response = ada.post("/api/stripe/checkout", form, headers=JSON)
    assert problem_in(response) == (422, said)


def test_a_pack_must_be_named_when_there_are_several(ada: Client, settings: Any) -> None:
    settings.CREDIT_PACKS = [{"price": "price_ten"}, {"price": "price_fifty", "credits": 50}]
    assert ada.post("/api/stripe/checkout", headers=JSON).status_code == 422


def test_a_plain_form_with_a_fault_goes_back_to_the_packs_with_what_was_chosen(ada: Client) -> None:
    response = ada.post("/api/stripe/checkout", {"pack": "price_ten", "quantity": "99"})
    assert (response.status_code, response["Location"]) == (303, "/#buy")
    kept = ada.session["checkout form"]
    assert kept["typed"] == {"pack": "price_ten", "quantity": "99"}
    assert "at most 10" in kept["wrong"]["quantity"][0]


def test_what_was_chosen_stands_again_after_an_outage(ada: Client) -> None:
    response = ada.post("/api/stripe/checkout", {"pack": "price_ten", "quantity": "3"})
    assert (response.status_code, response["Location"]) == (303, "/")
    assert CheckoutForm.recall(ada.session)["quantity"].value() == "3"


def test_one_pack_is_bought_unless_told_otherwise() -> None:
    form = CheckoutForm({})
    assert form.is_valid()
    assert form.cleaned_data == {"pack": "", "quantity": 1, "request_id": None}


def test_every_form_to_buy_has_an_id_of_its_own() -> None:
    assert CheckoutForm.fresh() != CheckoutForm.fresh()


def test_a_sync_of_nothing_is_422(ada: Client) -> None:
    assert ada.post("/api/stripe/sync", headers=JSON).status_code == 422


@pytest.mark.parametrize("session_id", ["../customers/cus_1", "cs_test_1/line_items", "7", "cs_test_ä"])
def test_what_is_no_id_of_a_checkout_is_404_without_asking_stripe(ada: Client, session_id: str) -> None:
    response = ada.post("/api/stripe/sync", {"session_id": session_id}, headers=JSON)
    assert problem_in(response) == (404, "You have no such checkout")


@pytest.mark.parametrize("attempt", ["-1", "x", "1001"])
def test_a_page_cannot_make_up_how_often_it_has_asked(attempt: str) -> None:
    assert not SyncForm({"session_id": "cs_test_1", "attempt": attempt}).is_valid()


@pytest.mark.parametrize(
    "wrong", [{"credits": "-1"}, {"credits": ""}, {"credits": "1.5"}, {"reason": "  "}, {"request_id": "x"}]
)
def test_a_reset_needs_a_number_a_reason_and_an_id(wrong: dict[str, str]) -> None:
    right = {"credits": "0", "reason": "Goodwill", "request_id": "aaaaaaaa-1111-4111-8111-111111111111"}
    assert ResetForm(right).is_valid()
    assert not ResetForm(right | wrong).is_valid()
