"""Refunds: whole, partial, pending, failing, canceled."""

from tests.drivers.stripe_api import REFUND_FAILS, REFUND_PENDING, StripeDriver
from tests.sandbox.stripe.harness import press, refund, refused


def test_a_refund_gives_everything_back_once(driver: StripeDriver) -> None:
    session = driver.sold()
    made = refund(driver, session, reason="requested_by_customer")
    assert (made.status, made.amount, made.reason) == ("succeeded", 500, "requested_by_customer")
    charge = driver.charge(session)
    assert (charge.amount_refunded, charge.refunded) == (500, True)
    told = ["charge.succeeded", "refund.created", "charge.refunded"]
    assert driver.events_about(charge.id, made.id) == told
    # The session knows nothing of it.
    assert (driver.again(session).status, driver.again(session).payment_status) == ("complete", "paid")
    with refused("charge_already_refunded"):
        refund(driver, session)
    driver.clock.advance(5)
    assert driver.v1.refunds.retrieve(made.id).status == "succeeded"


def test_partial_refunds_add_up(driver: StripeDriver) -> None:
    session = driver.sold()
    charge = driver.charge(session).id
    wanted: list[dict[str, int]] = [{"amount": 150}, {"amount": 100}, {}]
    amounts = [driver.v1.refunds.create({"charge": charge, **each}).amount for each in wanted]
    assert amounts == [150, 100, 250]
    told = driver.v1.events.list({"type": "charge.refunded", "limit": 3}).data
    assert [event.data.object["amount_refunded"] for event in told] == [500, 250, 150]
    assert [event.data.object["refunded"] for event in told] == [True, False, False]
    assert told[1].data.previous_attributes.to_dict() == {"amount_refunded": 150}
    found = driver.v1.refunds.list({"payment_intent": session.payment_intent}).data
    assert sum(each.amount for each in found) == 500
    expanded = driver.v1.charges.retrieve(charge, {"expand": ["refunds"]})
    assert [each.id for each in expanded.refunds] == [each.id for each in found]


def test_no_more_is_refunded_than_is_left(driver: StripeDriver) -> None:
    session = driver.sold()
    refund(driver, session, amount=400)
    with refused(param="amount", said=r"\(\$1.01\) is greater than .* \(\$1.00\)"):
        refund(driver, session, amount=101)


def test_only_what_was_paid_is_refunded(driver: StripeDriver) -> None:
    session = driver.session()
    driver.pay(session, None, payment_method="bank_debit_ok")
    with refused(said="does not have a successful charge"):
        refund(driver, driver.again(session))
    with refused(said="payment_intent or charge"):
        driver.v1.refunds.create({})
    with refused("resource_missing", "payment_intent"):
        driver.v1.refunds.create({"payment_intent": "pi_none"})
    with refused("parameter_invalid_integer", "amount"):
        driver.v1.refunds.create({"charge": "ch_none", "amount": 0})


def test_a_refund_may_stay_pending_and_then_arrive(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_PENDING)
    made = refund(driver, session)
    assert (made.status, driver.charge(session).refunded) == ("pending", True)
    driver.clock.advance(5)
    assert driver.v1.refunds.retrieve(made.id).status == "succeeded"
    assert driver.events_about(made.id) == ["refund.created", "refund.updated"]


def test_a_refund_that_succeeded_may_fail_later(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_FAILS)
    made = refund(driver, session, amount=200)
    assert (made.status, driver.charge(session).amount_refunded) == ("succeeded", 200)
    driver.clock.advance(5)
    failed = driver.v1.refunds.retrieve(made.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (driver.charge(session).amount_refunded, driver.charge(session).refunded) == (0, False)
    assert driver.events_about(made.id) == ["refund.created", "refund.updated", "refund.failed"]
    # What came back can be refunded again.
    assert refund(driver, session).amount == 500


def test_the_dashboard_fails_any_refund_once(driver: StripeDriver) -> None:
    session = driver.sold()
    made = refund(driver, session)
    press(driver, f"refunds/{made.id}/fail")
    assert driver.v1.refunds.retrieve(made.id).status == "failed"
    press(driver, f"refunds/{made.id}/fail", 400)
    assert driver.charge(session).amount_refunded == 0


def test_a_pending_refund_can_be_canceled_and_a_finished_one_cannot(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_PENDING)
    made = refund(driver, session)
    assert driver.v1.refunds.cancel(made.id).status == "canceled"
    assert driver.charge(session).amount_refunded == 0
    driver.clock.advance(5)
    assert driver.v1.refunds.retrieve(made.id).status == "canceled"
    with refused(said="status is canceled"):
        driver.v1.refunds.cancel(made.id)


def test_a_refund_carries_its_own_metadata(driver: StripeDriver) -> None:
    made = refund(driver, driver.sold(payment_intent_data={"metadata": {"order": "9"}}))
    assert made.metadata.to_dict() == {}
    updated = driver.v1.refunds.update(made.id, {"metadata": {"why": "asked"}})
    assert updated.metadata.to_dict() == {"why": "asked"}


def test_the_balance_tells_what_moved(driver: StripeDriver) -> None:
    session = driver.sold()
    back = refund(driver, session, expand=["balance_transaction"]).balance_transaction
    assert (back.amount, back.type) == (-500, "refund")
    paid = driver.v1.balance_transactions.retrieve(driver.charge(session).balance_transaction)
    assert (paid.amount, paid.fee, paid.net) == (500, 44, 456)
