"""Every test card and test account of Stripe's, by its number: the payment, the charge and the money.

Source: https://docs.stripe.com/testing
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stripe import cards
from tests.drivers.stripe_api import StripeDriver, new_driver

PAY = {
    "4242 4242 4242 4242": "visa",
    "5555 5555 5555 4444": "mastercard",
    "3782 822463 10005": "amex",
    "4000 0000 0000 0077": "visa",
    "4000 0000 0000 0259": "visa",
    "4000 0000 0000 1976": "visa",
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
ASK_FIRST = {
    "4000 0025 0000 3155": None,
    "4000 0027 6000 3184": None,
    "4000 0082 6000 3178": ("card_declined", "insufficient_funds"),
}
DISPUTED = {
    "4000 0000 0000 0259": ("needs_response", -500),
    "4000 0000 0000 1976": ("warning_needs_response", 0),
}
# The status of a refund at first, and in the end.
REFUNDED = {
    "4242 4242 4242 4242": ("succeeded", "succeeded"),
    "4000 0000 0000 7726": ("pending", "succeeded"),
    "4000 0000 0000 5126": ("succeeded", "failed"),
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
    session = driver.session()
    answer = driver.pay(session, number)
    assert (answer.status_code, why[2] in answer.text) == (402, True)
    assert driver.events_about(session.id) == []
    intent = driver.intent(session)
    assert (driver.again(session).status, intent.status) == ("open", "requires_payment_method")
    assert reason(intent.last_payment_error) == why[:2]
    assert intent.last_payment_error.charge == intent.latest_charge.id
    charge = intent.latest_charge
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, why[0])
    assert charge.failure_message == intent.last_payment_error.message


@pytest.mark.parametrize("number", [number for number in DECLINED if number != "4100 0000 0000 0019"])
def test_the_bank_is_who_declines(driver: StripeDriver, number: str) -> None:
    session = driver.session()
    driver.pay(session, number)
    outcome = driver.charge(session).outcome
    code, decline_code, _ = DECLINED[number]
    assert (outcome.type, outcome.network_status) == ("issuer_declined", "declined_by_network")
    assert outcome.reason == (decline_code or code)


def test_a_blocked_card_is_never_shown_to_its_bank(driver: StripeDriver) -> None:
    session = driver.session()
    driver.pay(session, "4100 0000 0000 0019")
    outcome = driver.charge(session).outcome
    assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
    assert (outcome.reason, outcome.risk_level) == ("highest_risk_level", "highest")


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
    driver.post(driver.pay(session, number).headers["Location"], outcome="fail")
    intent = driver.intent(session)
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    assert reason(intent.last_payment_error) == ("payment_intent_authentication_failure", None)


@pytest.mark.parametrize(("number", "expected"), DISPUTED.items())
def test_a_cardholder_complains(driver: StripeDriver, number: str, expected: tuple[str, int]) -> None:
    session = driver.sold(number)
    (dispute,) = driver.v1.disputes.list({"payment_intent": session.payment_intent}).data
    moved = sum(transaction.amount for transaction in dispute.balance_transactions)
    assert (dispute.status, moved, dispute.reason) == (*expected, "fraudulent")
    assert driver.charge(session).disputed


@pytest.mark.parametrize(("number", "statuses"), REFUNDED.items())
def test_a_refund_takes_its_course(driver: StripeDriver, number: str, statuses: tuple[str, str]) -> None:
    refund = driver.v1.refunds.create({"payment_intent": driver.sold(number).payment_intent})
    driver.clock.advance(5)
    assert (refund.status, driver.v1.refunds.retrieve(refund.id).status) == statuses


@pytest.mark.parametrize(
    ("number", "status", "wait_s"),
    [("4000 0000 0000 0077", "available", 0), ("4242 4242 4242 4242", "pending", 2 * 86_400)],
)
def test_the_money_is_there_at_once_or_later(
    driver: StripeDriver, number: str, status: str, wait_s: int
) -> None:
    charge = driver.charge(driver.sold(number))
    transaction = driver.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (transaction.status, transaction.available_on - transaction.created) == (status, wait_s)


@pytest.mark.parametrize(
    ("iban", "intent_status", "payment_status", "told"),
    [
        ("AT611904300234573201", "succeeded", "paid", "checkout.session.async_payment_succeeded"),
        (
            "at86 1904 3002 3547 3202",
            "requires_payment_method",
            "unpaid",
            "checkout.session.async_payment_failed",
        ),
    ],
)
def test_a_sepa_debit_ends_as_its_account_says(
    iban: str, intent_status: str, payment_status: str, told: str
) -> None:
    data = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "abroad"}}
    with new_driver(debit_settles_after_s=60) as driver:
        session = driver.session(line_items=[{"price_data": data, "quantity": 1}])
        assert driver.pay(session, None, payment_method="sepa_debit", iban=iban).status_code == 303
        waiting, intent = driver.again(session), driver.intent(session)
        assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
        details = intent.latest_charge.payment_method_details.sepa_debit
        assert (intent.status, details.country, details.last4) == ("processing", "AT", iban[-4:])
        driver.clock.advance(60)
        ended = (driver.intent(session).status, driver.again(session).payment_status)
        assert ended == (intent_status, payment_status)
        assert driver.events_about(session.id) == ["checkout.session.completed", told]
