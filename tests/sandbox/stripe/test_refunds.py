"""Refunds: whole, partial, pending, failing, canceled."""

import pytest
import stripe

from tests.drivers.stripe_api import REFUND_FAILS, REFUND_PENDING, StripeApi


def test_a_refund_gives_everything_back(api: StripeApi) -> None:
    session = api.sold()
    refund = api.v1.refunds.create(
        {"payment_intent": session.payment_intent, "reason": "requested_by_customer"}
    )
    assert (refund.status, refund.amount, refund.reason) == ("succeeded", 500, "requested_by_customer")
    charge = api.charge(session)
    assert (charge.amount_refunded, charge.refunded) == (500, True)
    assert api.events_about(charge.id, refund.id) == [
        "charge.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    # The session knows nothing of it.
    assert (api.again(session).status, api.again(session).payment_status) == ("complete", "paid")


def test_partial_refunds_add_up(api: StripeApi) -> None:
    session = api.sold()
    amounts = [
        api.v1.refunds.create({"charge": api.charge(session).id, **wanted}).amount
        for wanted in ({"amount": 150}, {"amount": 100}, {})
    ]
    assert amounts == [150, 100, 250]
    told = api.v1.events.list({"type": "charge.refunded", "limit": 3}).data
    assert [event.data.object["amount_refunded"] for event in told] == [500, 250, 150]
    assert [event.data.object["refunded"] for event in told] == [True, False, False]
    assert told[1].data.previous_attributes.to_dict() == {"amount_refunded": 150}
    found = api.v1.refunds.list({"payment_intent": session.payment_intent}).data
    assert sum(refund.amount for refund in found) == 500
    expanded = api.v1.charges.retrieve(api.charge(session).id, {"expand": ["refunds"]})
    assert [refund.id for refund in expanded.refunds] == [refund.id for refund in found]


def test_nothing_is_refunded_twice(api: StripeApi) -> None:
    session = api.sold()
    api.v1.refunds.create({"payment_intent": session.payment_intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert (refused.value.http_status, refused.value.code) == (400, "charge_already_refunded")


def test_no_more_is_refunded_than_is_left(api: StripeApi) -> None:
    session = api.sold()
    api.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 400})
    with pytest.raises(
        stripe.InvalidRequestError, match=r"\(\$1.01\) is greater than .* \(\$1.00\)"
    ) as refused:
        api.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 101})
    assert refused.value.param == "amount"


def test_only_what_was_paid_is_refunded(api: StripeApi) -> None:
    session = api.session()
    api.pay(session, None, payment_method="bank_debit_ok")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        api.v1.refunds.create({"payment_intent": api.again(session).payment_intent})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        api.v1.refunds.create({})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"payment_intent": "pi_none"})
    assert (refused.value.http_status, refused.value.param) == (400, "payment_intent")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"charge": "ch_none", "amount": 0})
    assert refused.value.code == "parameter_invalid_integer"


def test_a_refund_may_stay_pending_and_then_arrive(api: StripeApi) -> None:
    session = api.sold(REFUND_PENDING)
    refund = api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert (refund.status, api.charge(session).refunded) == ("pending", True)
    api.clock.advance(5)
    assert api.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert api.events_about(refund.id) == ["refund.created", "refund.updated"]


def test_a_refund_that_succeeded_may_fail_later(api: StripeApi) -> None:
    session = api.sold(REFUND_FAILS)
    refund = api.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 200})
    assert (refund.status, api.charge(session).amount_refunded) == ("succeeded", 200)
    api.clock.advance(5)
    failed = api.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (api.charge(session).amount_refunded, api.charge(session).refunded) == (0, False)
    assert api.events_about(refund.id) == ["refund.created", "refund.updated", "refund.failed"]
    # What came back can be refunded again.
    assert api.v1.refunds.create({"payment_intent": session.payment_intent}).amount == 500


def test_the_dashboard_fails_any_refund_once(api: StripeApi) -> None:
    session = api.sold()
    refund = api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert api.post(f"/dashboard/refunds/{refund.id}/fail").status_code == 303
    assert api.v1.refunds.retrieve(refund.id).status == "failed"
    assert api.post(f"/dashboard/refunds/{refund.id}/fail").status_code == 400
    assert api.charge(session).amount_refunded == 0


def test_a_pending_refund_can_be_canceled_and_a_finished_one_cannot(api: StripeApi) -> None:
    session = api.sold(REFUND_PENDING)
    refund = api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert api.v1.refunds.cancel(refund.id).status == "canceled"
    assert api.charge(session).amount_refunded == 0
    api.clock.advance(5)
    assert api.v1.refunds.retrieve(refund.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status is canceled"):
        api.v1.refunds.cancel(refund.id)


def test_a_refund_carries_its_own_metadata(api: StripeApi) -> None:
    session = api.sold(payment_intent_data={"metadata": {"order": "9"}})
    refund = api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert refund.metadata.to_dict() == {}
    assert api.v1.refunds.update(refund.id, {"metadata": {"why": "asked"}}).metadata.to_dict() == {
        "why": "asked"
    }


def test_the_balance_tells_what_moved(api: StripeApi) -> None:
    session = api.sold()
    refund = api.v1.refunds.create(
        {"payment_intent": session.payment_intent, "expand": ["balance_transaction"]}
    )
    assert (refund.balance_transaction.amount, refund.balance_transaction.type) == (-500, "refund")
    paid = api.v1.charges.retrieve(
        api.charge(session).id, {"expand": ["balance_transaction"]}
    ).balance_transaction
    assert (paid.amount, paid.fee, paid.net) == (500, 44, 456)
