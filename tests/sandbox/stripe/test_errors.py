"""Refusals: always JSON, always with the right status, always with headers."""

import base64
import inspect
import random
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.stripe import cards, errors
from tests.drivers.stripe_api import SECRET_KEY, Clock, StripeDriver, make_standin, new_driver
from tests.sandbox.stripe.harness import refused

LIVE_KEY = "sk_live_" + "x" * 24


@pytest.mark.parametrize("key", ["sk_test_not_the_right_key", LIVE_KEY])
def test_a_wrong_key_is_401_and_not_repeated_in_full(driver: StripeDriver, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        driver.client_with(key).v1.customers.list()
    assert caught.value.http_status == 401
    assert key[8:-4] not in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "said"),
    [({"secret_key": LIVE_KEY}, "never a live one"), ({"webhook_secret": ""}, "empty one")],
)
def test_a_stand_in_takes_no_live_key_and_no_empty_secret(secret: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_standin(Clock(), **secret)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Basic " + base64.b64encode(f"{SECRET_KEY}:".encode()).decode(), 200),
        ("Basic ???", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_a_key_comes_as_bearer_or_basic(driver: StripeDriver, authorization: str, status: int) -> None:
    answer = driver.call("GET", "/v1/customers", headers={"Authorization": authorization})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/foo"), ("PUT", "/v1/customers"), ("POST", "/v1/events"), ("GET", "/v1/")],
)
def test_an_address_that_nobody_knows_is_json_too(driver: StripeDriver, method: str, path: str) -> None:
    answer = driver.call(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json()["error"]["message"] == f"Unrecognized request URL ({method}: {path})."


@pytest.mark.parametrize(
    ("service", "kind", "param"),
    [
        ("checkout.sessions", "checkout.session", "session"),
        ("customers", "customer", "id"),
        ("disputes", "dispute", "dispute"),
        ("invoices", "invoice", "invoice"),
        ("payment_intents", "payment_intent", "intent"),
        ("prices", "price", "price"),
        ("products", "product", "id"),
        ("promotion_codes", "promotion code", "promotion_code"),
        ("refunds", "refund", "refund"),
    ],
)
def test_a_missing_object_is_404_and_named(driver: StripeDriver, service: str, kind: str, param: str) -> None:
    with refused("resource_missing", param, status=404) as caught:
        attrgetter(service)(driver.v1).retrieve("none_such")
    assert caught.value.user_message == f"No such {kind}: 'none_such'"


def test_a_refusal_leads_to_its_explanation_and_to_the_request_in_the_dashboard(driver: StripeDriver) -> None:
    with refused("resource_missing", status=404) as caught:
        driver.v1.customers.retrieve("cus_none")
    error: Any = caught.value.error
    assert error.doc_url == "https://stripe.com/docs/error-codes/resource-missing"
    assert str(caught.value.request_id) in error.request_log_url
    assert driver.get(error.request_log_url).status_code == 200


def test_a_stranger_is_led_nowhere(driver: StripeDriver) -> None:
    answer = driver.call("GET", "/v1/customers", key=None)
    assert set(answer.json()["error"]) == {"type", "message"}


def test_a_closed_set_is_named_as_stripe_names_it(driver: StripeDriver) -> None:
    with refused(param="tax_exempt", said="Invalid tax_exempt: must be one of none, exempt, or reverse$"):
        driver.v1.customers.create({"tax_exempt": "never"})
    with refused(param="customer_creation", said="must be one of always or if_required"):
        driver.session(customer_creation="never")


def test_every_code_is_one_of_stripes() -> None:
    """Codes of the API; those that only the payment page shows are not counted."""
    annotation = inspect.getsource(stripe.Invoice.LastFinalizationError)
    source = "".join(path.read_text() for path in Path(errors.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'\bcode="([a-z_]+)"', source))
    codes |= {card.decline.code for card in cards.CARDS if card.decline}
    codes |= {cards.AUTHENTICATION_FAILED.code, cards.DEBIT_FAILED.code}
    assert len(codes) > 15
    assert {code for code in codes if f'"{code}"' not in annotation} == set()


def test_unknown_parameters_are_named(driver: StripeDriver) -> None:
    with refused("parameter_unknown", said="unknown parameters: colour, size"):
        driver.v1.customers.create({"colour": "red", "size": "XL", "name": "Ada"})
    with refused("parameter_unknown", "colour"):
        driver.v1.checkout.sessions.list({"colour": "red"})


def test_every_answer_names_its_request(driver: StripeDriver) -> None:
    version = "2026-10-28.endive"
    paths = {"/v1/account": 200, "/v1/customers/none": 404, "/v1/nothing": 404}
    answers = [driver.call("GET", path, headers={"Stripe-Version": version}) for path in paths]
    assert [answer.status_code for answer in answers] == [*paths.values()]
    ids = {answer.headers["Request-Id"] for answer in answers}
    assert len(ids) == 3
    assert all(request_id.startswith("req_") for request_id in ids)
    assert {answer.headers["Stripe-Version"] for answer in answers} == {version}


def test_an_api_version_has_a_form(driver: StripeDriver) -> None:
    assert driver.call("GET", "/v1/account", headers={"Stripe-Version": "latest"}).status_code == 400


def test_another_account_is_out_of_reach(driver: StripeDriver) -> None:
    with pytest.raises(stripe.PermissionError):
        driver.v1.customers.list({}, {"stripe_account": "acct_other"})


@pytest.mark.parametrize(
    "form",
    [
        "metadata=text",
        "metadata[a][b]=1",
        "metadata[a]=1&metadata[a][b]=2",
        "metadata[a][b]=2&metadata[a]=1",
        "name[0]=Ada",
        "expand[x]=1",
        "expand[99999999999999999999]=1",
        "a" + "[b]" * 5000 + "=1",
        "address=here",
        "preferred_locales[0][x]=1",
    ],
)
def test_a_form_that_makes_no_sense_is_a_400(driver: StripeDriver, form: str) -> None:
    answer = driver.call("POST", "/v1/customers", data=form)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_bytes_that_are_no_text_break_nothing(driver: StripeDriver) -> None:
    answer = driver.call("POST", "/v1/customers", data=b"name=\xff\x00%ff")
    assert (answer.status_code, answer.json()["name"]) == (200, "\ufffd\x00\ufffd")


def test_a_null_reference_stays_null_when_expanded_and_what_is_none_is_named(driver: StripeDriver) -> None:
    session = driver.again(driver.session(), "customer", "payment_intent.latest_charge")
    assert (session.customer, session.payment_intent) == (None, None)
    for path in ("nonsense", "id", "metadata", "customer.nonsense.more.and.more", "payment_method_types.x"):
        with refused(said="expand"):
            driver.again(session, path)


def test_ids_from_one_seed_do_not_repeat() -> None:
    with new_driver(rng=random.Random(1)) as driver, driver.standin._turn() as turn:
        assert len({turn.new_id("cus", 14) for _ in range(10_000)}) == 10_000
