"""Disputes: chargebacks and inquiries, won, lost and escalated."""

import pytest

from tests.drivers.stripe_api import DISPUTED, INQUIRED, StripeDriver
from tests.sandbox.stripe.harness import dispute_of, press, refund, refused


def test_a_chargeback_takes_the_money_at_once(driver: StripeDriver) -> None:
    session = driver.sold(DISPUTED)
    dispute = dispute_of(driver, session)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 500)
    assert (driver.charge(session).disputed, dispute.is_charge_refundable) == (True, False)
    assert [(moved.amount, moved.fee) for moved in dispute.balance_transactions] == [(-500, 1500)]
    assert driver.events_about(session.id, dispute.id) == [
        "checkout.session.completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    with refused("charge_disputed"):
        refund(driver, session)


def test_an_inquiry_moves_no_money(driver: StripeDriver) -> None:
    session = driver.sold(INQUIRED)
    dispute = dispute_of(driver, session)
    assert (dispute.status, dispute.reason) == ("warning_needs_response", "fraudulent")
    assert (driver.charge(session).disputed, dispute.balance_transactions) == (True, [])
    assert refund(driver, session).status == "succeeded"
    assert driver.v1.disputes.close(dispute.id).status == "warning_closed"
    assert driver.events_about(dispute.id) == ["charge.dispute.created", "charge.dispute.closed"]


def test_giving_in_loses_a_chargeback(driver: StripeDriver) -> None:
    dispute = dispute_of(driver, driver.sold(DISPUTED))
    assert driver.v1.disputes.close(dispute.id).status == "lost"
    assert driver.events_about(dispute.id)[-1] == "charge.dispute.closed"
    with refused(said="already closed"):
        driver.v1.disputes.close(dispute.id)


@pytest.mark.parametrize(
    ("evidence", "status", "last_event"),
    [
        ("winning_evidence", "won", "charge.dispute.funds_reinstated"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
        ("they drank it all", "under_review", "charge.dispute.updated"),
    ],
)
def test_evidence_may_decide_it(driver: StripeDriver, evidence: str, status: str, last_event: str) -> None:
    dispute = dispute_of(driver, driver.sold(DISPUTED))
    answered = driver.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    assert (answered.status, answered.evidence_details.has_evidence) == (status, True)
    assert driver.events_about(dispute.id)[-1] == last_event


def test_evidence_can_be_put_together_before_it_is_handed_in(driver: StripeDriver) -> None:
    dispute = dispute_of(driver, driver.sold(DISPUTED))
    noted = driver.v1.disputes.update(dispute.id, {"metadata": {"seen": "yes"}})
    assert (noted.status, noted.metadata["seen"]) == ("needs_response", "yes")
    draft = driver.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
    assert (draft.status, draft.evidence.customer_name) == ("needs_response", "Ada")


def test_the_dashboard_wins_it_and_the_money_comes_back(driver: StripeDriver) -> None:
    session = driver.sold(DISPUTED)
    press(driver, f"disputes/{dispute_of(driver, session).id}/win")
    won = dispute_of(driver, session)
    assert (won.status, sum(moved.net for moved in won.balance_transactions)) == ("won", 0)
    assert refund(driver, session).amount == 500


def test_an_inquiry_may_become_a_chargeback_once(driver: StripeDriver) -> None:
    session = driver.sold(INQUIRED)
    dispute = dispute_of(driver, session).id
    press(driver, f"disputes/{dispute}/escalate")
    assert dispute_of(driver, session).status == "needs_response"
    assert driver.events_about(dispute) == [
        f"charge.dispute.{told}" for told in ("created", "updated", "funds_withdrawn")
    ]
    press(driver, f"disputes/{dispute}/escalate", 400)
    press(driver, f"disputes/{dispute}/lose")
    assert dispute_of(driver, session).status == "lost"


@pytest.mark.parametrize("typed", [{"kind": "fraudulent", "amount": "200"}, {"money": "2.00"}])
def test_the_dashboard_opens_one_dispute_over_a_part(driver: StripeDriver, typed: dict[str, str]) -> None:
    session = driver.sold()
    button = f"payments/{session.payment_intent}/dispute"
    press(driver, button, 400, kind="fraudulent", amount="501")
    press(driver, button, **typed)
    dispute = dispute_of(driver, session)
    assert (dispute.amount, dispute.status) == (200, "needs_response")
    press(driver, button, 400, kind="inquiry")


def test_what_was_refunded_cannot_be_disputed(driver: StripeDriver) -> None:
    session = driver.sold()
    refund(driver, session)
    press(driver, f"payments/{session.payment_intent}/dispute", 400, kind="fraudulent")
    assert driver.charge(session).disputed is False
