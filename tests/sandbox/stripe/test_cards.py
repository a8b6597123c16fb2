"""Every test card and test account of Stripe's, by its number: the payment, the charge and the money.

Refunds and disputes of such payments are in `test_refunds.py` and `test_disputes.py`.
Source: https://docs.stripe.com/testing
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stripe import cards
from tests.drivers.stripe_api import StripeDriver, new_driver
from tests.sandbox.stripe.harness import priced

PAY = {
    "4242 4242 4242 4242": "visa",
    "5555 5555 5555 4444": "mastercard",
    "3782 822463 10005": "amex",
    "4000 0000 0000 0077": "visa",
    "4000 0000 0000 0259": "visa",
    "4000 0000 0000 1976": "visa",
    "4000 0000 0000 5423": "visa",
    "4000 0000 0000 7726": "visa",
    "4000 0000 0000 5126": "visa",
}
# The code, the bank's own reason, and what the buyer reads.
DECLINED = {
    "4000 0000 0000 0002": ("card_declined", "generic_decline", "Your card was declined."),
    "4000 0000 0000 9995": ("card_declined", "insufficient_funds", "insufficient funds"),
    "4000 0000 0000 9987": ("card_declined", "lost_card", "declined"),
    "4000 0000 0000 9979": ("card_declined", "stolen_card", "declined"),
    "4000 0000 0000 0069": ("expired_card", None, "expired"),
    "4000 0000 0000 0127": ("incorrect_cvc", None, "security code is incorrect"),
    "4000 0000 0000 0119": ("processing_error", None, "error occurred"),
    "4100 0000 0000 0019": ("card_declined", "fraudulent", "declined"),
}
BLOCKED = "4100 0000 0000 0019"
ASK_FIRST = {
    "4000 0025 0000 3155": None,
    "4000 0027 6000 3184": None,
    "4000 0082 6000 3178": ("card_declined", "insufficient_funds"),
}


def reason(error: Any) -> tuple[str, str | None]:
    """Why a payment failed, as a PaymentIntent says it."""
    assert error.type == "card_error"
    return error.code, getattr(error, "decline_code", None)


def test_every_card_has_its_case() -> None:
    told = PAY.keys() | DECLINED.keys() | ASK_FIRST.keys()
    assert {number.replace(" ", "") for number in told} == cards.BY_NUMBER.keys()


@pytest.mark.parametrize(("number", "brand"), PAY.items())
def test_a_card_pays(driver: StripeDriver, number: str, brand: str) -> None:
    session = driver.sold(number)
    intent = driver.intent(session)
    assert (session.payment_status, intent.status, intent.last_payment_error) == ("paid", "succeeded", None)
    charge = intent.latest_charge
    assert (charge.paid, charge.outcome.type, charge.outcome.risk_level) == (True, "authorized", "normal")
    card = charge.payment_method_details.card
    assert (card.brand, card.last4, card.three_d_secure) == (brand, number.replace(" ", "")[-4:], None)


@pytest.mark.parametrize(("number", "why"), DECLINED.items())
def test_a_declined_card_leaves_the_session_open(
    driver: StripeDriver, number: str, why: tuple[str, str | None, str]
) -> None:
    code, decline_code, said = why
    session = driver.session()
    answer = driver.pay(session, number)
    assert (answer.status_code, said in answer.text) == (402, True)
    assert driver.events_about(session.id) == []
    intent = driver.intent(session)
    assert (driver.again(session).status, intent.status) == ("open", "requires_payment_method")
    assert reason(intent.last_payment_error) == (code, decline_code)
    charge = intent.latest_charge
    assert charge.id == intent.last_payment_error.charge
    assert charge.failure_message == intent.last_payment_error.message
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    outcome = charge.outcome
    if number == BLOCKED:
        assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
        assert (outcome.reason, outcome.risk_level) == ("highest_risk_level", "highest")
    else:
        assert (outcome.type, outcome.network_status) == ("issuer_declined", "declined_by_network")
        assert outcome.reason == (decline_code or code)


@pytest.mark.parametrize(("number", "why"), ASK_FIRST.items())
def test_a_card_asks_for_3d_secure_and_goes_on_from_there(
    driver: StripeDriver, number: str, why: tuple[str, str | None] | None
) -> None:
    session = driver.session()
    page = driver.pay(session, number).headers["Location"]
    waiting = driver.intent(session)
    assert (waiting.status, waiting.next_action.type) == ("requires_action", "redirect_to_url")
    assert (waiting.latest_charge, waiting.next_action.redirect_to_url.url) == (None, page)
    answer = driver.post(page, outcome="complete")
    intent = driver.intent(session)
    assert intent.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    if why is None:
        assert (intent.status, driver.again(session).payment_status) == ("succeeded", "paid")
    else:
        assert (answer.status_code, "insufficient funds" in answer.text) == (402, True)
        assert reason(intent.last_payment_error) == why
        assert driver.again(session).status == "open"


@pytest.mark.parametrize("number", ASK_FIRST)
def test_3d_secure_that_fails_charges_nothing(driver: StripeDriver, number: str) -> None:
    session = driver.session()
    page = driver.pay(session, number).headers["Location"]
    answer = driver.post(page, outcome="fail")
    assert (answer.status_code, "unable to authenticate" in answer.text) == (402, True)
    intent = driver.intent(session)
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    assert reason(intent.last_payment_error) == ("payment_intent_authentication_failure", None)
    # There is nothing left to authenticate; the page leads back to the form.
    assert driver.post(page, outcome="complete").headers["Location"] == session.url
    assert driver.pay(session).status_code == 303


@pytest.mark.parametrize(
    ("number", "status", "wait_s"),
    [("4000 0000 0000 0077", "available", 0), ("4242 4242 4242 4242", "pending", 2 * 86_400)],
)
def test_the_money_is_there_now_or_later(driver: StripeDriver, number: str, status: str, wait_s: int) -> None:
    charge = driver.charge(driver.sold(number))
    transaction = driver.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (transaction.status, transaction.available_on - transaction.created) == (status, wait_s)


@pytest.mark.parametrize(
    ("iban", "ended", "told"),
    [
        ("AT611904300234573201", ("succeeded", "paid"), "succeeded"),
        ("at86 1904 3002 3547 3202", ("requires_payment_method", "unpaid"), "failed"),
    ],
)
def test_a_sepa_debit_ends_as_its_account_says(iban: str, ended: tuple[str, str], told: str) -> None:
    with new_driver(debit_settles_after_s=60) as driver:
        session = driver.session(line_items=priced(500, "eur"))
        assert driver.pay(session, None, payment_method="sepa_debit", iban=iban).status_code == 303
        waiting, intent = driver.again(session), driver.intent(session)
        assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
        details = intent.latest_charge.payment_method_details.sepa_debit
        assert (intent.status, details.country, details.last4) == ("processing", "AT", iban[-4:])
        driver.clock.advance(60)
        assert (driver.intent(session).status, driver.again(session).payment_status) == ended
        events = ["checkout.session.completed", f"checkout.session.async_payment_{told}"]
        assert driver.events_about(session.id) == events
