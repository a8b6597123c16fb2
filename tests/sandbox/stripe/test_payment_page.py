"""The hosted page: paying by card, being declined, and what stays behind."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from tests.drivers.stripe_api import CANCEL_URL, DECLINED, NEEDS_3DS, VISA, StripeDriver
from tests.sandbox.stripe.harness import TESTING100, items_of, newest_event, packs, press, priced

PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]
IBAN = "AT611904300234573201"


def shown(driver: StripeDriver, session: Any, query: str = "") -> str:
    answer = driver.get(f"{session.url}{query}")
    assert answer.status_code == 200
    return answer.text


def problems(answer: requests.Response) -> dict[str, str]:
    """What a page says is wrong, by the field beside which it says so."""
    said = re.findall(r'id="(\w+)-problem" role="alert">([^<]+)<', answer.text)
    return dict(said)


def success_url(session: Any) -> str:
    return f"http://shop.test/?session_id={session.id}"


def test_the_page_shows_the_order_and_a_way_back(driver: StripeDriver) -> None:
    page = shown(driver, driver.session(customer_email="ada@example.com", line_items=packs(3)))
    for text in ("10 credits", "ada@example.com", "no money moves", "4242 4242 4242 4242"):
        assert text in page
    assert "3 \N{MULTIPLICATION SIGN} $5.00" in page
    assert re.findall(r"<dt>(?:Subtotal|Total due)</dt><dd>([^<]+)</dd>", page) == ["$15.00", "$15.00"]
    assert "Pay $15.00" in page
    # The placeholder is for the success URL alone.
    assert f'href="{CANCEL_URL}"' in page


def test_the_page_runs_no_script_but_its_own(driver: StripeDriver) -> None:
    page = driver.get(str(driver.session(line_items=priced(500, name="<script>alert(1)</script>")).url))
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>", page.text) == ['<script src="/assets/pay.js" defer>']
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_a_test_card_can_be_clicked_in(driver: StripeDriver) -> None:
    assert 'value="4000 0000 0000 0002"' in shown(driver, driver.session(), f"?card={DECLINED}")


def test_paying_leads_back_to_the_shop(driver: StripeDriver) -> None:
    session = driver.session(metadata={"credits": "10"}, payment_intent_data={"metadata": {"order": "9"}})
    answer = driver.pay(session, email="ada@example.com", name="Ada L")
    assert (answer.status_code, answer.headers["Location"]) == (303, success_url(session))
    paid = driver.again(session, "payment_intent.latest_charge")
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (paid.customer, paid.customer_details.email) == (None, "ada@example.com")
    assert paid.customer_details.name == "Ada L"
    intent = paid.payment_intent
    charge = intent.latest_charge
    assert (intent.status, intent.amount_received) == ("succeeded", 500)
    assert (charge.paid, charge.amount, charge.refunded) == (True, 500, False)
    assert intent.metadata.to_dict() == charge.metadata.to_dict() == {"order": "9"}
    assert charge.payment_method_details.card.last4 == "4242"
    assert driver.events_about(session.id, intent.id, charge.id) == PAID


def test_a_guest_becomes_a_customer_when_the_shop_wants_one(driver: StripeDriver) -> None:
    session = driver.sold(customer_creation="always", customer_email="ada@example.com")
    assert driver.v1.customers.retrieve(str(session.customer)).email == "ada@example.com"
    assert driver.intent(session).customer == driver.charge(session).customer == session.customer


def test_a_customer_pays_under_their_own_email(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com"})
    session = driver.session(customer=customer.id)
    driver.pay(session, email="other@example.com")
    assert driver.again(session).customer_details.email == "ada@example.com"


def test_after_a_decline_another_card_pays_the_same_payment(driver: StripeDriver) -> None:
    session = driver.session()
    driver.pay(session, DECLINED)
    first = driver.intent(session).id
    assert driver.pay(session).status_code == 303
    intent = driver.intent(session)
    assert (intent.id, intent.status, intent.last_payment_error) == (first, "succeeded", None)
    assert len(driver.v1.charges.list({"payment_intent": first}).data) == 2


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"card_number": "4242 4242 4242 4241"}, "card_number", "number is incorrect"),
        ({"card_number": "4242"}, "card_number", "number is incomplete"),
        ({"card_number": ""}, "card_number", "number is incomplete"),
        ({"card_number": "\uff14\uff12" * 8}, "card_number", "number is incomplete"),
        ({"card_number": "4111111111111111"}, "card_number", "use one of the test cards"),
        ({"card_number": VISA, "expiry": "01 / 20"}, "expiry", "in the past"),
        ({"card_number": VISA, "expiry": "13 / 40"}, "expiry", "expiry date is incomplete"),
        ({"card_number": VISA, "cvc": "12"}, "cvc", "security code is invalid"),
    ],
)
def test_a_form_filled_in_wrongly_tries_no_payment(
    driver: StripeDriver, form: dict[str, str], field: str, said: str
) -> None:
    session = driver.session()
    answer = driver.pay(session, None, **form)
    assert (answer.status_code, [*problems(answer)]) == (402, [field])
    assert said in problems(answer)[field]
    assert driver.again(session).payment_intent is None


@pytest.mark.parametrize(
    ("card", "field"),
    [(DECLINED, "card_number"), ("4000000000000069", "expiry"), ("4000000000000127", "cvc")],
)
def test_what_the_bank_refused_is_said_beside_the_field(driver: StripeDriver, card: str, field: str) -> None:
    assert [*problems(driver.pay(driver.session(), card))] == [field]


def test_a_form_that_was_refused_comes_back_as_it_was_filled_in(driver: StripeDriver) -> None:
    filled = {"expiry": "11 / 40", "cvc": "321", "name": "Ada L", "email": "ada@example.com"}
    answer = driver.pay(driver.session(), DECLINED, **filled)
    for value in ("4000 0000 0000 0002", *filled.values()):
        assert f'value="{value}"' in answer.text


def test_an_email_that_is_none_is_refused_before_anything_is_paid(driver: StripeDriver) -> None:
    session = driver.session()
    answer = driver.pay(session, email="ada at home")
    assert (answer.status_code, [*problems(answer)]) == (422, ["email"])
    assert driver.again(session).payment_intent is None


def test_paying_twice_at_once_pays_once(driver: StripeDriver) -> None:
    session = driver.session()
    at_once = Barrier(8)

    def press_pay(_: int) -> str:
        at_once.wait()
        return driver.pay(session).headers["Location"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press_pay, range(8))) == {success_url(session)}
    charge = driver.charge(session)
    assert driver.events_about(session.id, charge.id, str(charge.payment_intent)) == PAID
    assert len(driver.v1.charges.list({"payment_intent": str(charge.payment_intent)}).data) == 1


def test_a_finished_session_says_so(driver: StripeDriver) -> None:
    paid, expired = driver.session(), driver.session()
    driver.pay(paid)
    page = shown(driver, paid)
    assert "order is complete" in page
    assert f'href="{success_url(paid)}"' in page
    driver.v1.checkout.sessions.expire(expired.id)
    assert "expired" in shown(driver, expired)
    assert (driver.pay(expired).status_code, driver.again(expired).payment_intent) == (410, None)


def test_an_expired_session_cancels_its_failed_payment(driver: StripeDriver) -> None:
    session = driver.session()
    driver.pay(session, DECLINED)
    driver.v1.checkout.sessions.expire(session.id)
    assert driver.intent(session).status == "canceled"


def test_a_page_that_is_not_there_is_404(driver: StripeDriver) -> None:
    assert driver.get("/c/pay/cs_test_none").status_code == 404
    assert driver.post("/c/pay/cs_test_none", card_number=VISA).status_code == 404
    assert driver.get("/nothing/here").json()["error"]["type"] == "invalid_request_error"


# 3D Secure; each card's own way through it is in `test_cards.py`.


def test_3d_secure_passed_pays_once(driver: StripeDriver) -> None:
    session = driver.session()
    answer = driver.pay(session, NEEDS_3DS)
    page = answer.headers["Location"]
    assert (answer.status_code, page) == (303, f"{session.url}/authenticate")
    assert driver.again(session).status == "open"
    assert "Complete authentication" in driver.get(page).text
    assert driver.post(page, outcome="complete").headers["Location"] == success_url(session)
    # Pressing it again changes nothing.
    assert driver.post(page, outcome="complete").status_code == 303
    assert driver.intent(session).amount_received == 500


def test_a_price_that_changed_meanwhile_is_not_what_the_bank_confirmed(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True)
    page = driver.pay(session, NEEDS_3DS).headers["Location"]
    driver.post(str(session.url), action="apply", promotion_code=TESTING100)
    assert driver.post(page, outcome="complete").headers["Location"] == session.url
    assert driver.again(session).status == "open"


# Bank debits


@pytest.mark.parametrize(
    ("method", "button", "ended", "told"),
    [
        ("bank_debit_ok", "settle", ("succeeded", 500, "paid"), "succeeded"),
        ("bank_debit_fails", "fail", ("requires_payment_method", 0, "unpaid"), "failed"),
    ],
)
def test_a_bank_debit_completes_unpaid_and_ends_later_once(
    driver: StripeDriver, method: str, button: str, ended: tuple[str, int, str], told: str
) -> None:
    session = driver.session()
    assert driver.pay(session, None, payment_method=method).status_code == 303
    waiting, intent = driver.again(session), driver.intent(session)
    assert (waiting.status, waiting.payment_status, intent.status) == ("complete", "unpaid", "processing")
    press(driver, f"payments/{intent.id}/{button}")
    over, intent = driver.again(session), driver.intent(session)
    assert (over.status, intent.status, intent.amount_received, over.payment_status) == ("complete", *ended)
    completed = newest_event(driver, type="checkout.session.completed")
    assert completed.data.object["payment_status"] == "unpaid"
    assert driver.events_about(session.id) == [completed.type, f"checkout.session.async_payment_{told}"]
    press(driver, f"payments/{intent.id}/{button}", 400)


def test_a_session_for_cards_takes_no_bank_debit(driver: StripeDriver) -> None:
    session = driver.session(allowed_payment_method_types=["card"])
    assert session.payment_method_types == ["card"]
    assert "Bank debit" not in shown(driver, session)
    assert driver.pay(session, None, payment_method="bank_debit_ok").status_code == 400
    assert driver.again(session).payment_intent is None


# SEPA debits


@pytest.fixture
def in_euros(driver: StripeDriver) -> Any:
    """A session that a European bank account may pay."""
    return driver.session(line_items=priced(500, "eur"))


def test_an_iban_alone_says_how_to_pay(driver: StripeDriver, in_euros: Any) -> None:
    assert driver.pay(in_euros, None, iban=IBAN).status_code == 303
    assert driver.intent(in_euros).status == "processing"


@pytest.mark.parametrize("iban", ["", "AT61", "AT611904300234573202", "DE89370400440532013000"])
def test_a_wrong_iban_is_refused_beside_its_field(driver: StripeDriver, in_euros: Any, iban: str) -> None:
    answer = driver.pay(in_euros, None, payment_method="sepa_debit", iban=iban)
    assert (answer.status_code, [*problems(answer)]) == (402, ["iban"])
    assert f'value="{iban}"' in answer.text
    assert driver.again(in_euros).payment_intent is None


def test_a_test_account_can_be_clicked_in(driver: StripeDriver, in_euros: Any) -> None:
    page = shown(driver, in_euros, f"?iban={IBAN}")
    assert f'value="{IBAN}"' in page
    assert 'value="sepa_debit" checked' in page


def test_dollars_are_not_paid_by_iban(driver: StripeDriver) -> None:
    session = driver.session()
    assert 'name="iban"' not in shown(driver, session)
    assert driver.pay(session, None, payment_method="sepa_debit", iban=IBAN).status_code == 400
    assert driver.again(session).payment_intent is None


# Quantities


def choose(driver: StripeDriver, session: Any, quantity: str) -> int:
    """Choose the quantity of a session's one line item; the answer's status."""
    (item,) = items_of(driver, session)
    form = {"action": "quantity", f"quantity_{item.id}": quantity}
    return driver.post(str(session.url), **form).status_code


def test_the_buyer_may_choose_the_quantity_when_the_shop_lets_them(driver: StripeDriver) -> None:
    session = driver.session(line_items=packs(adjustable_quantity={"enabled": True, "maximum": 5}))
    assert choose(driver, session, "3") == 303
    assert driver.again(session).amount_total == 1500
    for wrong in ("6", "0", "-1", "many"):
        assert choose(driver, session, wrong) == 400
    driver.pay(session)
    assert driver.intent(session).amount_received == 1500


def test_a_fixed_quantity_stays(driver: StripeDriver) -> None:
    session = driver.session()
    choose(driver, session, "9")
    assert driver.again(session).amount_total == 500
