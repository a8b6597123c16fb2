"""Refusals: always JSON, always with the right status, always with headers."""

import base64
import inspect
import random
import re
from operator import attrgetter
from pathlib import Path

import pytest
import stripe

from sandbox.stripe import cards, errors
from tests.drivers.stripe_api import SECRET_KEY, Clock, StripeDriver, make_standin


def test_a_wrong_key_is_401_and_not_repeated_in_full(driver: StripeDriver) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        driver.client_with("sk_test_not_the_right_key").v1.customers.list()
    assert refused.value.http_status == 401
    assert "not_the_right" not in str(refused.value)


def test_a_live_key_is_refused(driver: StripeDriver) -> None:
    with pytest.raises(stripe.AuthenticationError):
        driver.client_with("sk_live_" + "x" * 24).v1.customers.list()
    with pytest.raises(ValueError, match="never a live one"):
        make_standin(Clock(), secret_key="sk_live_" + "x" * 24)
    with pytest.raises(ValueError, match="empty one"):
        make_standin(Clock(), webhook_secret="")


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
def test_a_missing_object_is_404_with_its_id(
    driver: StripeDriver, service: str, kind: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        attrgetter(service)(driver.v1).retrieve("none_such")
    error = refused.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", param)
    assert error.user_message == f"No such {kind}: 'none_such'"


def test_a_code_leads_to_its_explanation(driver: StripeDriver) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.customers.retrieve("cus_none")
    error = refused.value.error
    assert error is not None
    assert error.doc_url == "https://stripe.com/docs/error-codes/resource-missing"


def test_a_refusal_leads_to_the_request_in_the_dashboard(driver: StripeDriver) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.customers.retrieve("cus_none")
    error = refused.value.error
    assert error is not None
    assert str(refused.value.request_id) in str(error.request_log_url)
    assert driver.get(str(error.request_log_url)).status_code == 200


def test_a_stranger_is_led_nowhere(driver: StripeDriver) -> None:
    answer = driver.call("GET", "/v1/customers", key=None)
    assert set(answer.json()["error"]) == {"type", "message"}


def test_a_closed_set_is_named_as_stripe_names_it(driver: StripeDriver) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.customers.create({"tax_exempt": "never"})
    assert refused.value.user_message == "Invalid tax_exempt: must be one of none, exempt, or reverse"
    with pytest.raises(stripe.InvalidRequestError, match="must be one of always or if_required"):
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
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameters: colour, size"):
        driver.v1.customers.create({"colour": "red", "size": "XL", "name": "Ada"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.checkout.sessions.list({"colour": "red"})
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "colour")


def test_every_answer_names_its_request(driver: StripeDriver) -> None:
    answers = [
        driver.call("GET", path, headers={"Stripe-Version": "2026-10-28.endive"})
        for path in ("/v1/account", "/v1/customers/none", "/v1/nothing")
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404]
    ids = {answer.headers["Request-Id"] for answer in answers}
    assert len(ids) == 3
    assert all(request_id.startswith("req_") for request_id in ids)
    assert {answer.headers["Stripe-Version"] for answer in answers} == {"2026-10-28.endive"}


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
    assert answer.status_code == 200
    customer = driver.v1.customers.retrieve(answer.json()["id"])
    assert customer.name == "\ufffd\x00\ufffd"


def test_what_cannot_be_expanded_is_named(driver: StripeDriver) -> None:
    session = driver.session()
    for path in ("nonsense", "id", "metadata", "customer.nonsense.more.and.more", "payment_method_types.x"):
        with pytest.raises(stripe.InvalidRequestError, match="expand"):
            driver.again(session, path)


def test_a_null_reference_stays_null_when_expanded(driver: StripeDriver) -> None:
    session = driver.again(driver.session(), "customer", "payment_intent.latest_charge")
    assert (session.customer, session.payment_intent) == (None, None)


def test_ids_from_one_seed_do_not_repeat() -> None:
    standin = make_standin(Clock(), rng=random.Random(1))
    with standin._turn() as turn:
        ids = {turn.new_id("cus", 14) for _ in range(10_000)}
    assert len(ids) == 10_000
    standin.close()
