"""Refunds: whole, partial, pending, failing, canceled."""

import pytest
import stripe

from tests.drivers.stripe_api import REFUND_FAILS, REFUND_PENDING, StripeDriver


def test_a_refund_gives_everything_back(driver: StripeDriver) -> None:
    session = driver.sold()
    refund = driver.v1.refunds.create(
        {"payment_intent": session.payment_intent, "reason": "requested_by_customer"}
    )
    assert (refund.status, refund.amount, refund.reason) == ("succeeded", 500, "requested_by_customer")
    charge = driver.charge(session)
    assert (charge.amount_refunded, charge.refunded) == (500, True)
    assert driver.events_about(charge.id, refund.id) == [
        "charge.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    # The session knows nothing of it.
    assert (driver.again(session).status, driver.again(session).payment_status) == ("complete", "paid")


def test_partial_refunds_add_up(driver: StripeDriver) -> None:
    session = driver.sold()
    amounts = [
        driver.v1.refunds.create({"charge": driver.charge(session).id, **wanted}).amount
        for wanted in ({"amount": 150}, {"amount": 100}, {})
    ]
    assert amounts == [150, 100, 250]
    told = driver.v1.events.list({"type": "charge.refunded", "limit": 3}).data
    assert [event.data.object["amount_refunded"] for event in told] == [500, 250, 150]
    assert [event.data.object["refunded"] for event in told] == [True, False, False]
    assert told[1].data.previous_attributes.to_dict() == {"amount_refunded": 150}
    found = driver.v1.refunds.list({"payment_intent": session.payment_intent}).data
    assert sum(refund.amount for refund in found) == 500
    expanded = driver.v1.charges.retrieve(driver.charge(session).id, {"expand": ["refunds"]})
    assert [refund.id for refund in expanded.refunds] == [refund.id for refund in found]


def test_nothing_is_refunded_twice(driver: StripeDriver) -> None:
    session = driver.sold()
    driver.v1.refunds.create({"payment_intent": session.payment_intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert (refused.value.http_status, refused.value.code) == (400, "charge_already_refunded")


def test_no_more_is_refunded_than_is_left(driver: StripeDriver) -> None:
    session = driver.sold()
    driver.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 400})
    with pytest.raises(
        stripe.InvalidRequestError, match=r"\(\$1.01\) is greater than .* \(\$1.00\)"
    ) as refused:
        driver.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 101})
    assert refused.value.param == "amount"


def test_only_what_was_paid_is_refunded(driver: StripeDriver) -> None:
    session = driver.session()
    driver.pay(session, None, payment_method="bank_debit_ok")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        driver.v1.refunds.create({"payment_intent": driver.again(session).payment_intent})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        driver.v1.refunds.create({})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.refunds.create({"payment_intent": "pi_none"})
    assert (refused.value.http_status, refused.value.param) == (400, "payment_intent")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.refunds.create({"charge": "ch_none", "amount": 0})
    assert refused.value.code == "parameter_invalid_integer"


def test_a_refund_may_stay_pending_and_then_arrive(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_PENDING)
    refund = driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert (refund.status, driver.charge(session).refunded) == ("pending", True)
    driver.clock.advance(5)
    assert driver.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert driver.events_about(refund.id) == ["refund.created", "refund.updated"]


def test_a_refund_that_succeeded_may_fail_later(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_FAILS)
    refund = driver.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 200})
    assert (refund.status, driver.charge(session).amount_refunded) == ("succeeded", 200)
    driver.clock.advance(5)
    failed = driver.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (driver.charge(session).amount_refunded, driver.charge(session).refunded) == (0, False)
    assert driver.events_about(refund.id) == ["refund.created", "refund.updated", "refund.failed"]
    # What came back can be refunded again.
    assert driver.v1.refunds.create({"payment_intent": session.payment_intent}).amount == 500


def test_the_dashboard_fails_any_refund_once(driver: StripeDriver) -> None:
    session = driver.sold()
    refund = driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert driver.post(f"/dashboard/refunds/{refund.id}/fail").status_code == 303
    assert driver.v1.refunds.retrieve(refund.id).status == "failed"
    assert driver.post(f"/dashboard/refunds/{refund.id}/fail").status_code == 400
    assert driver.charge(session).amount_refunded == 0


def test_a_pending_refund_can_be_canceled_and_a_finished_one_cannot(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_PENDING)
    refund = driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert driver.v1.refunds.cancel(refund.id).status == "canceled"
    assert driver.charge(session).amount_refunded == 0
    driver.clock.advance(5)
    assert driver.v1.refunds.retrieve(refund.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status is canceled"):
        driver.v1.refunds.cancel(refund.id)


def test_a_refund_carries_its_own_metadata(driver: StripeDriver) -> None:
    session = driver.sold(payment_intent_data={"metadata": {"order": "9"}})
    refund = driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert refund.metadata.to_dict() == {}
    assert driver.v1.refunds.update(refund.id, {"metadata": {"why": "asked"}}).metadata.to_dict() == {
        "why": "asked"
    }


def test_the_balance_tells_what_moved(driver: StripeDriver) -> None:
    session = driver.sold()
    refund = driver.v1.refunds.create(
        {"payment_intent": session.payment_intent, "expand": ["balance_transaction"]}
    )
    assert (refund.balance_transaction.amount, refund.balance_transaction.type) == (-500, "refund")
    paid = driver.v1.charges.retrieve(
        driver.charge(session).id, {"expand": ["balance_transaction"]}
    ).balance_transaction
    assert (paid.amount, paid.fee, paid.net) == (500, 44, 456)
