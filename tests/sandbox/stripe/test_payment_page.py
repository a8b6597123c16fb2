"""The hosted page: paying by card, being declined, and what stays behind."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from tests.drivers.stripe_api import CANCEL_URL, DECLINED, NEEDS_3DS, VISA, StripeApi

PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


def test_the_page_shows_the_order_and_a_way_back(api: StripeApi) -> None:
    session = api.session(customer_email="ada@example.com")
    page = api.get(str(session.url))
    assert page.status_code == 200
    for text in ("$5.00", "10 credits", "ada@example.com", "no money moves", "4242 4242 4242 4242"):
        assert text in page.text
    # The placeholder is for the success URL alone.
    assert f'href="{CANCEL_URL}"' in page.text


def problems(answer: requests.Response) -> dict[str, str]:
    """What a page says is wrong, by the field beside which it says so."""
    said = re.findall(r'id="(\w+)-problem" role="alert">([^<]+)<', answer.text)
    return dict(said)


def test_the_page_reckons_the_order_up(api: StripeApi) -> None:
    page = api.get(str(api.session(line_items=[{"price": "price_ten", "quantity": 3}]).url)).text
    assert "3 \N{MULTIPLICATION SIGN} $5.00" in page
    assert re.findall(r"<dt>(?:Subtotal|Total due)</dt><dd>([^<]+)</dd>", page) == ["$15.00", "$15.00"]
    assert "Pay $15.00" in page


def test_the_page_runs_no_script_but_its_own(api: StripeApi) -> None:
    page = api.get(str(api.session().url))
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>", page.text) == ['<script src="/assets/pay.js" defer>']


def test_a_test_card_can_be_clicked_in(api: StripeApi) -> None:
    page = api.get(f"{api.session().url}?card={DECLINED}")
    assert 'value="4000 0000 0000 0002"' in page.text


def test_what_a_shop_wrote_is_shown_as_text(api: StripeApi) -> None:
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
    page = api.get(str(api.session(line_items=[{"price_data": data, "quantity": 1}]).url))
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_paying_leads_back_to_the_shop(api: StripeApi) -> None:
    session = api.session(metadata={"credits": "10"}, payment_intent_data={"metadata": {"order": "9"}})
    answer = api.pay(session, email="ada@example.com", name="Ada L")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://shop.test/?session_id={session.id}"
    paid = api.again(session, "payment_intent.latest_charge")
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (paid.customer_details.email, paid.customer_details.name) == ("ada@example.com", "Ada L")
    intent = paid.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata.to_dict()) == (
        "succeeded",
        500,
        {"order": "9"},
    )
    charge = intent.latest_charge
    assert (charge.paid, charge.amount, charge.refunded, charge.metadata.to_dict()) == (
        True,
        500,
        False,
        {"order": "9"},
    )
    assert charge.payment_method_details.card.last4 == "4242"
    assert api.events_about(session.id, intent.id, charge.id) == PAID


def test_a_guest_stays_a_guest_unless_the_shop_wants_a_customer(api: StripeApi) -> None:
    assert api.sold().customer is None
    session = api.sold(customer_creation="always", customer_email="ada@example.com")
    assert api.v1.customers.retrieve(str(session.customer)).email == "ada@example.com"
    assert api.intent(session).customer == api.charge(session).customer == session.customer


def test_a_customer_pays_under_their_own_email(api: StripeApi) -> None:
    customer = api.v1.customers.create({"email": "ada@example.com"})
    session = api.session(customer=customer.id)
    api.pay(session, email="other@example.com")
    details = api.again(session).customer_details
    assert details.email == "ada@example.com"


@pytest.mark.parametrize(
    ("card", "said", "code", "decline_code"),
    [
        (DECLINED, "Your card was declined.", "card_declined", "generic_decline"),
        ("4000 0000 0000 9995", "insufficient funds", "card_declined", "insufficient_funds"),
        ("4000000000009987", "declined", "card_declined", "lost_card"),
        ("4000000000009979", "declined", "card_declined", "stolen_card"),
        ("4000000000000069", "expired", "expired_card", None),
        ("4000000000000127", "security code is incorrect", "incorrect_cvc", None),
        ("4000000000000119", "error occurred", "processing_error", None),
        ("4100000000000019", "declined", "card_declined", "fraudulent"),
    ],
)
def test_a_declined_card_leaves_the_session_open(
    api: StripeApi, card: str, said: str, code: str, decline_code: str | None
) -> None:
    session = api.session()
    answer = api.pay(session, card)
    assert answer.status_code == 402
    assert said in answer.text
    intent = api.intent(session)
    assert (intent.status, api.again(session).status) == ("requires_payment_method", "open")
    error = intent.last_payment_error
    assert (error.code, getattr(error, "decline_code", None)) == (code, decline_code)
    assert api.charge(session).failure_code == code
    assert api.events_about(session.id) == []


def test_after_a_decline_another_card_pays_the_same_payment(api: StripeApi) -> None:
    session = api.session()
    api.pay(session, DECLINED)
    first = api.intent(session).id
    assert api.pay(session).status_code == 303
    intent = api.intent(session)
    assert (intent.id, intent.status, intent.last_payment_error) == (first, "succeeded", None)
    assert len(api.v1.charges.list({"payment_intent": first}).data) == 2


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
    api: StripeApi, form: dict[str, str], field: str, said: str
) -> None:
    session = api.session()
    answer = api.pay(session, None, **form)
    assert answer.status_code == 402
    assert [*problems(answer)] == [field]
    assert said in problems(answer)[field]
    assert api.again(session).payment_intent is None


@pytest.mark.parametrize(
    ("card", "field"),
    [(DECLINED, "card_number"), ("4000000000000069", "expiry"), ("4000000000000127", "cvc")],
)
def test_what_the_bank_refused_is_said_beside_the_field(api: StripeApi, card: str, field: str) -> None:
    assert [*problems(api.pay(api.session(), card))] == [field]


def test_a_form_that_was_refused_comes_back_as_it_was_filled_in(api: StripeApi) -> None:
    answer = api.pay(
        api.session(), DECLINED, expiry="11 / 40", cvc="321", name="Ada L", email="ada@example.com"
    )
    for value in ("4000 0000 0000 0002", "11 / 40", "321", "Ada L", "ada@example.com"):
        assert f'value="{value}"' in answer.text


def test_an_email_that_is_none_is_refused_before_anything_is_paid(api: StripeApi) -> None:
    session = api.session()
    answer = api.pay(session, email="ada at home")
    assert (answer.status_code, [*problems(answer)]) == (422, ["email"])
    assert api.again(session).payment_intent is None


@pytest.mark.parametrize("card", ["5555 5555 5555 4444", "3782 822463 10005", "4000000000000077"])
def test_other_cards_pay_too(api: StripeApi, card: str) -> None:
    assert api.sold(card).payment_status == "paid"


def test_paying_twice_at_once_pays_once(api: StripeApi) -> None:
    session = api.session()
    at_once = Barrier(8)

    def press_pay(_: int) -> str:
        at_once.wait()
        return api.pay(session).headers["Location"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press_pay, range(8))) == {f"http://shop.test/?session_id={session.id}"}
    charge = api.charge(session)
    assert api.events_about(session.id, charge.id, str(charge.payment_intent)) == PAID
    assert len(api.v1.charges.list({"payment_intent": str(charge.payment_intent)}).data) == 1


def test_a_finished_session_says_so(api: StripeApi) -> None:
    paid = api.session()
    api.pay(paid)
    page = api.get(str(paid.url))
    assert (page.status_code, "order is complete" in page.text) == (200, True)
    assert f'href="http://shop.test/?session_id={paid.id}"' in page.text

    expired = api.session()
    api.v1.checkout.sessions.expire(expired.id)
    page = api.get(str(expired.url))
    assert (page.status_code, "expired" in page.text) == (200, True)
    answer = api.pay(expired)
    assert (answer.status_code, api.again(expired).payment_intent) == (410, None)


def test_an_expired_session_cancels_its_failed_payment(api: StripeApi) -> None:
    session = api.session()
    api.pay(session, DECLINED)
    api.v1.checkout.sessions.expire(session.id)
    assert api.intent(session).status == "canceled"


def test_a_page_that_is_not_there_is_404(api: StripeApi) -> None:
    assert api.get("/c/pay/cs_test_none").status_code == 404
    assert api.post("/c/pay/cs_test_none", card_number=VISA).status_code == 404
    assert api.get("/nothing/here").json()["error"]["type"] == "invalid_request_error"


# 3D Secure


def test_3d_secure_passed_pays(api: StripeApi) -> None:
    session = api.session()
    answer = api.pay(session, NEEDS_3DS)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{session.url}/authenticate")
    intent = api.intent(session)
    assert (intent.status, api.again(session).status) == ("requires_action", "open")
    assert "Complete authentication" in api.get(answer.headers["Location"]).text
    passed = api.post(answer.headers["Location"], outcome="complete")
    assert passed.headers["Location"] == f"http://shop.test/?session_id={session.id}"
    assert api.again(session).payment_status == "paid"
    # Pressing it again changes nothing.
    assert api.post(answer.headers["Location"], outcome="complete").status_code == 303
    assert api.intent(session).amount_received == 500


def test_3d_secure_failed_leaves_the_session_open(api: StripeApi) -> None:
    session = api.session()
    page = api.pay(session, "4000002500003155").headers["Location"]
    answer = api.post(page, outcome="fail")
    assert (answer.status_code, "unable to authenticate" in answer.text) == (402, True)
    error = api.intent(session).last_payment_error
    assert error.code == "payment_intent_authentication_failure"
    # There is nothing left to authenticate; the page leads back to the form.
    assert api.post(page, outcome="complete").headers["Location"] == session.url
    assert api.pay(session).status_code == 303


def test_3d_secure_passed_and_declined_all_the_same(api: StripeApi) -> None:
    session = api.session()
    page = api.pay(session, "4000008260003178").headers["Location"]
    answer = api.post(page, outcome="complete")
    assert (answer.status_code, "insufficient funds" in answer.text) == (402, True)
    assert api.again(session).status == "open"


def test_a_price_that_changed_meanwhile_is_not_what_the_bank_confirmed(api: StripeApi) -> None:
    session = api.session(allow_promotion_codes=True)
    page = api.pay(session, NEEDS_3DS).headers["Location"]
    api.post(str(session.url), action="apply", promotion_code="TESTING100")
    assert api.post(page, outcome="complete").headers["Location"] == session.url
    assert api.again(session).status == "open"


# Bank debits


def test_a_bank_debit_completes_unpaid_and_settles_later(api: StripeApi) -> None:
    session = api.session()
    assert api.pay(session, None, payment_method="bank_debit_ok").status_code == 303
    waiting = api.again(session)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert api.intent(session).status == "processing"
    assert api.post(f"/dashboard/payments/{waiting.payment_intent}/settle").status_code == 303
    assert api.again(session).payment_status == "paid"
    assert api.intent(session).amount_received == 500
    assert api.events_about(session.id) == [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ]
    completed = api.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data[0]
    assert completed.data.object["payment_status"] == "unpaid"
    assert api.post(f"/dashboard/payments/{waiting.payment_intent}/settle").status_code == 400


def test_a_bank_debit_may_bounce(api: StripeApi) -> None:
    session = api.session()
    api.pay(session, None, payment_method="bank_debit_fails")
    intent = api.again(session).payment_intent
    api.post(f"/dashboard/payments/{intent}/fail")
    failed = api.again(session)
    assert (failed.status, failed.payment_status) == ("complete", "unpaid")
    assert api.intent(session).status == "requires_payment_method"
    assert api.events_about(session.id)[-1] == "checkout.session.async_payment_failed"


def test_a_session_for_cards_takes_no_bank_debit(api: StripeApi) -> None:
    session = api.session(allowed_payment_method_types=["card"])
    assert session.payment_method_types == ["card"]
    assert "Bank debit" not in api.get(str(session.url)).text
    assert api.pay(session, None, payment_method="bank_debit_ok").status_code == 400
    assert api.again(session).payment_intent is None


# SEPA debits


def euros(api: StripeApi, **params: Any) -> Any:
    """A session that a European bank account may pay."""
    data = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "10 credits"}}
    return api.session(line_items=[{"price_data": data, "quantity": 1}], **params)


@pytest.mark.parametrize(
    ("iban", "ends"),
    [("AT611904300234573201", "paid"), ("at86 1904 3002 3547 3202", "unpaid")],
)
def test_an_iban_starts_a_debit_that_ends_later(api: StripeApi, iban: str, ends: str) -> None:
    session = euros(api)
    assert api.pay(session, None, payment_method="sepa_debit", iban=iban).status_code == 303
    waiting = api.again(session)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert api.charge(session).payment_method_details.sepa_debit.last4 == iban[-4:]
    plan = "settle" if ends == "paid" else "fail"
    api.post(f"/dashboard/payments/{waiting.payment_intent}/{plan}")
    assert api.again(session).payment_status == ends


def test_an_iban_alone_says_how_to_pay(api: StripeApi) -> None:
    session = euros(api)
    assert api.pay(session, None, iban="AT611904300234573201").status_code == 303
    assert api.intent(session).status == "processing"


@pytest.mark.parametrize("iban", ["", "AT61", "AT611904300234573202", "DE89370400440532013000"])
def test_a_wrong_iban_is_refused_beside_its_field(api: StripeApi, iban: str) -> None:
    session = euros(api)
    answer = api.pay(session, None, payment_method="sepa_debit", iban=iban)
    assert (answer.status_code, [*problems(answer)]) == (402, ["iban"])
    assert f'value="{iban}"' in answer.text
    assert api.again(session).payment_intent is None


def test_a_test_account_can_be_clicked_in(api: StripeApi) -> None:
    page = api.get(f"{euros(api).url}?iban=AT611904300234573201").text
    assert 'value="AT611904300234573201"' in page
    assert 'value="sepa_debit" checked' in page


def test_dollars_are_not_paid_by_iban(api: StripeApi) -> None:
    session = api.session()
    assert 'name="iban"' not in api.get(str(session.url)).text
    answer = api.pay(session, None, payment_method="sepa_debit", iban="AT611904300234573201")
    assert answer.status_code == 400
    assert api.again(session).payment_intent is None


# Quantities


def test_the_buyer_may_choose_the_quantity_when_the_shop_lets_them(api: StripeApi) -> None:
    adjustable = {"enabled": True, "maximum": 5}
    session = api.session(
        line_items=[{"price": "price_ten", "quantity": 1, "adjustable_quantity": adjustable}]
    )
    item = api.v1.checkout.sessions.line_items.list(session.id).data[0]
    chosen = {f"quantity_{item.id}": "3", "action": "quantity"}
    assert api.post(str(session.url), **chosen).status_code == 303
    assert api.again(session).amount_total == 1500
    for wrong in ("6", "0", "-1", "many"):
        assert api.post(str(session.url), **(chosen | {f"quantity_{item.id}": wrong})).status_code == 400
    api.pay(session)
    assert api.intent(session).amount_received == 1500


def test_a_fixed_quantity_stays(api: StripeApi) -> None:
    session = api.session()
    item = api.v1.checkout.sessions.line_items.list(session.id).data[0]
    api.post(str(session.url), action="quantity", **{f"quantity_{item.id}": "9"})
    assert api.again(session).amount_total == 500
