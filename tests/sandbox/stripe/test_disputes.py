"""Disputes: chargebacks and inquiries, won, lost and escalated."""

import pytest
import stripe

from tests.drivers.stripe_api import DISPUTED, INQUIRED, StripeDriver


def dispute_of(driver: StripeDriver, session: stripe.checkout.Session) -> stripe.Dispute:
    """The one dispute about a session's payment."""
    (dispute,) = driver.v1.disputes.list({"payment_intent": driver.again(session).payment_intent}).data
    assert isinstance(dispute, stripe.Dispute)
    return dispute


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
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert refused.value.code == "charge_disputed"


def test_an_inquiry_moves_no_money(driver: StripeDriver) -> None:
    session = driver.sold(INQUIRED)
    dispute = dispute_of(driver, session)
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert driver.events_about(dispute.id) == ["charge.dispute.created"]
    assert driver.v1.refunds.create({"payment_intent": session.payment_intent}).status == "succeeded"
    assert driver.v1.disputes.close(dispute.id).status == "warning_closed"
    assert driver.events_about(dispute.id) == ["charge.dispute.created", "charge.dispute.closed"]


def test_giving_in_loses_a_chargeback(driver: StripeDriver) -> None:
    dispute = dispute_of(driver, driver.sold(DISPUTED))
    assert driver.v1.disputes.close(dispute.id).status == "lost"
    assert driver.events_about(dispute.id)[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
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
    draft = driver.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
    assert (draft.status, draft.evidence.customer_name) == ("needs_response", "Ada")


def test_the_dashboard_wins_it_and_the_money_comes_back(driver: StripeDriver) -> None:
    session = driver.sold(DISPUTED)
    dispute = dispute_of(driver, session)
    assert driver.post(f"/dashboard/disputes/{dispute.id}/win").status_code == 303
    won = dispute_of(driver, session)
    assert (won.status, sum(moved.net for moved in won.balance_transactions)) == ("won", 0)
    assert driver.v1.refunds.create({"payment_intent": session.payment_intent}).amount == 500


def test_an_inquiry_may_become_a_chargeback(driver: StripeDriver) -> None:
    session = driver.sold(INQUIRED)
    dispute = dispute_of(driver, session)
    assert driver.post(f"/dashboard/disputes/{dispute.id}/escalate").status_code == 303
    assert dispute_of(driver, session).status == "needs_response"
    assert driver.events_about(dispute.id) == [
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]
    assert driver.post(f"/dashboard/disputes/{dispute.id}/escalate").status_code == 400
    driver.post(f"/dashboard/disputes/{dispute.id}/lose")
    assert dispute_of(driver, session).status == "lost"


def test_the_dashboard_opens_a_dispute_over_a_part(driver: StripeDriver) -> None:
    session = driver.sold()
    path = f"/dashboard/payments/{session.payment_intent}/dispute"
    assert driver.post(path, kind="fraudulent", amount="501").status_code == 400
    assert driver.post(path, kind="fraudulent", amount="200").status_code == 303
    assert dispute_of(driver, session).amount == 200
    assert driver.post(path, kind="inquiry").status_code == 400


def test_what_was_refunded_cannot_be_disputed(driver: StripeDriver) -> None:
    session = driver.sold()
    driver.v1.refunds.create({"payment_intent": session.payment_intent})
    answer = driver.post(f"/dashboard/payments/{session.payment_intent}/dispute", kind="fraudulent")
    assert (answer.status_code, driver.charge(session).disputed) == (400, False)
