"""Disputes: chargebacks and inquiries, won, lost and escalated."""

import pytest
import stripe

from tests.drivers.stripe_api import DISPUTED, INQUIRED, StripeApi


def dispute_of(api: StripeApi, session: stripe.checkout.Session) -> stripe.Dispute:
    """The one dispute about a session's payment."""
    (dispute,) = api.v1.disputes.list({"payment_intent": api.again(session).payment_intent}).data
    assert isinstance(dispute, stripe.Dispute)
    return dispute


def test_a_chargeback_takes_the_money_at_once(api: StripeApi) -> None:
    session = api.sold(DISPUTED)
    dispute = dispute_of(api, session)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 500)
    assert (api.charge(session).disputed, dispute.is_charge_refundable) == (True, False)
    assert [moved.amount for moved in dispute.balance_transactions] == [-500]
    assert api.events_about(session.id, dispute.id) == [
        "checkout.session.completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert refused.value.code == "charge_disputed"


def test_an_inquiry_moves_no_money(api: StripeApi) -> None:
    session = api.sold(INQUIRED)
    dispute = dispute_of(api, session)
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert api.events_about(dispute.id) == ["charge.dispute.created"]
    assert api.v1.refunds.create({"payment_intent": session.payment_intent}).status == "succeeded"
    assert api.v1.disputes.close(dispute.id).status == "warning_closed"
    assert api.events_about(dispute.id) == ["charge.dispute.created", "charge.dispute.closed"]


def test_giving_in_loses_a_chargeback(api: StripeApi) -> None:
    dispute = dispute_of(api, api.sold(DISPUTED))
    assert api.v1.disputes.close(dispute.id).status == "lost"
    assert api.events_about(dispute.id)[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.close(dispute.id)


@pytest.mark.parametrize(
    ("evidence", "status", "last_event"),
    [
        ("winning_evidence", "won", "charge.dispute.funds_reinstated"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
        ("they drank it all", "under_review", "charge.dispute.updated"),
    ],
)
def test_evidence_may_decide_it(api: StripeApi, evidence: str, status: str, last_event: str) -> None:
    dispute = dispute_of(api, api.sold(DISPUTED))
    answered = api.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    assert (answered.status, answered.evidence_details.has_evidence) == (status, True)
    assert api.events_about(dispute.id)[-1] == last_event


def test_evidence_can_be_put_together_before_it_is_handed_in(api: StripeApi) -> None:
    dispute = dispute_of(api, api.sold(DISPUTED))
    draft = api.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
    assert (draft.status, draft.evidence.customer_name) == ("needs_response", "Ada")


def test_the_dashboard_wins_it_and_the_money_comes_back(api: StripeApi) -> None:
    session = api.sold(DISPUTED)
    dispute = dispute_of(api, session)
    assert api.post(f"/dashboard/disputes/{dispute.id}/win").status_code == 303
    won = dispute_of(api, session)
    assert (won.status, sum(moved.net for moved in won.balance_transactions)) == ("won", 0)
    assert api.v1.refunds.create({"payment_intent": session.payment_intent}).amount == 500


def test_an_inquiry_may_become_a_chargeback(api: StripeApi) -> None:
    session = api.sold(INQUIRED)
    dispute = dispute_of(api, session)
    assert api.post(f"/dashboard/disputes/{dispute.id}/escalate").status_code == 303
    assert dispute_of(api, session).status == "needs_response"
    assert api.events_about(dispute.id) == [
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]
    assert api.post(f"/dashboard/disputes/{dispute.id}/escalate").status_code == 400
    api.post(f"/dashboard/disputes/{dispute.id}/lose")
    assert dispute_of(api, session).status == "lost"


def test_the_dashboard_opens_a_dispute_over_a_part(api: StripeApi) -> None:
    session = api.sold()
    path = f"/dashboard/payments/{session.payment_intent}/dispute"
    assert api.post(path, kind="fraudulent", amount="501").status_code == 400
    assert api.post(path, kind="fraudulent", amount="200").status_code == 303
    assert dispute_of(api, session).amount == 200
    assert api.post(path, kind="inquiry").status_code == 400


def test_what_was_refunded_cannot_be_disputed(api: StripeApi) -> None:
    session = api.sold()
    api.v1.refunds.create({"payment_intent": session.payment_intent})
    answer = api.post(f"/dashboard/payments/{session.payment_intent}/dispute", kind="fraudulent")
    assert (answer.status_code, api.charge(session).disputed) == (400, False)
