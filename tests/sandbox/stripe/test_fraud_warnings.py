"""Early fraud warnings: raised by a card or on the dashboard, and what refunds and disputes make of them."""

from typing import Any

import pytest

from tests.drivers.stripe_api import DISPUTED, INQUIRED, WARNED, StripeDriver
from tests.sandbox.stripe.harness import press, refund, refused


def warning_of(driver: StripeDriver, session: Any) -> Any:
    (warning,) = driver.v1.radar.early_fraud_warnings.list({"payment_intent": session.payment_intent}).data
    assert driver.v1.radar.early_fraud_warnings.retrieve(warning.id) == warning
    return warning


def told(driver: StripeDriver, warning: Any) -> list[str]:
    return [kind.removeprefix("radar.early_fraud_warning.") for kind in driver.events_about(warning.id)]


def test_a_card_pays_and_is_warned_of_and_no_money_moves(driver: StripeDriver) -> None:
    session = driver.sold(WARNED)
    charge, warning = driver.charge(session), warning_of(driver, session)
    assert (warning.charge, warning.payment_intent) == (charge.id, session.payment_intent)
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")
    assert (charge.paid, charge.disputed, charge.amount_refunded) == (True, False, 0)
    assert told(driver, warning) == ["created"]


def test_only_a_full_refund_leaves_nothing_to_act_upon(driver: StripeDriver) -> None:
    session = driver.sold(WARNED)
    refund(driver, session, amount=200)
    assert warning_of(driver, session).actionable
    refund(driver, session)
    warning = warning_of(driver, session)
    assert (warning.actionable, told(driver, warning)) == (False, ["created", "updated"])


def test_a_dispute_leaves_nothing_to_act_upon(driver: StripeDriver) -> None:
    session = driver.sold(WARNED)
    press(driver, f"payments/{session.payment_intent}/dispute", kind="inquiry")
    warning = warning_of(driver, session)
    assert (warning.actionable, told(driver, warning)) == (False, ["created", "updated"])


@pytest.mark.parametrize("card", [DISPUTED, INQUIRED])
def test_what_is_disputed_already_is_warned_of_too_late(driver: StripeDriver, card: str) -> None:
    session = driver.sold(card)
    press(driver, f"payments/{session.payment_intent}/warn", fraud_type="misc")
    warning = warning_of(driver, session)
    assert (warning.actionable, warning.fraud_type) == (False, "misc")


def test_the_dashboard_refuses_what_no_bank_says(driver: StripeDriver) -> None:
    session = driver.sold()
    press(driver, f"payments/{session.payment_intent}/warn", 400, fraud_type="bad_mood")
    assert driver.v1.radar.early_fraud_warnings.list({"payment_intent": session.payment_intent}).data == []


def test_there_is_no_warning_of_that_id(driver: StripeDriver) -> None:
    with refused("resource_missing", status=404):
        driver.v1.radar.early_fraud_warnings.retrieve("issfr_unknown")
