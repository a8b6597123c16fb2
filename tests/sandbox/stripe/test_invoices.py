"""Invoices of paid orders: written when the money has arrived, listed, and shown to the buyer as a receipt."""

from typing import Any

import pytest

from tests.drivers.stripe_api import DECLINED, PRICE, REFUND_FAILS, StripeDriver
from tests.sandbox.stripe.harness import TESTING100, items_of, newest_event, packs, press, refund, refused

WANTED: dict[str, Any] = {"invoice_creation": {"enabled": True}}
TOLD = ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]
ADA = {"email": "ada@example.com", "name": "Ada"}


def wanted_with(**data: Any) -> dict[str, Any]:
    """A wish for an invoice on which this stands."""
    return {"invoice_creation": {"enabled": True, "invoice_data": data}}


def invoice_of(driver: StripeDriver, session: Any, *expand: str) -> Any:
    """The invoice that a session ended with."""
    return driver.v1.invoices.retrieve(driver.again(session).invoice, {"expand": list(expand)})


def receipt(driver: StripeDriver, session: Any) -> str:
    """The text of the buyer's page, without the spaces between its tags."""
    page = driver.get(invoice_of(driver, session).hosted_invoice_url)
    assert page.status_code == 200
    return " ".join(page.text.split())


def test_a_paid_order_ends_with_a_paid_invoice(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create(ADA).id
    invoice = invoice_of(driver, driver.sold(customer=customer, line_items=packs(2), **WANTED))
    assert invoice.id.startswith("in_")
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 1000, 1000)
    assert (invoice.amount_remaining, invoice.currency, invoice.livemode) == (0, "usd", False)
    assert (invoice.customer, invoice.customer_email) == (customer, "ada@example.com")
    assert invoice.customer_name == "Ada"
    steps = invoice.status_transitions
    assert invoice.created == steps.paid_at == steps.finalized_at == driver.clock.now
    assert (invoice.invoice_pdf, invoice.parent, invoice.metadata.to_dict()) == (None, None, {})
    (line,) = driver.v1.invoices.line_items.list(invoice.id)
    assert (line.description, line.quantity, line.amount, line.subtotal) == ("10 credits", 2, 1000, 1000)
    assert (line.pricing.price_details.price, line.invoice, line.discount_amounts) == (PRICE, invoice.id, [])
    assert [each.id for each in invoice.lines] == [line.id]


def test_a_line_that_was_set_to_nothing_is_none(driver: StripeDriver) -> None:
    session = driver.session(line_items=packs() + packs(adjustable_quantity={"enabled": True}), **WANTED)
    second = items_of(driver, session)[1]
    driver.post(str(session.url), action="quantity", **{f"quantity_{second.id}": "0"})
    driver.pay(session)
    assert len(invoice_of(driver, session).lines) == 1


def test_what_the_shop_wants_on_it_is_on_it(driver: StripeDriver) -> None:
    wanted = {
        "custom_fields": [{"name": "Order", "value": "9"}],
        "description": "Thank you",
        "footer": "Ada Ltd.",
        "metadata": {"order": "9"},
    }
    session = driver.sold(**wanted_with(**wanted))
    unset = dict.fromkeys(("account_tax_ids", "issuer", "rendering_options"))
    assert session.invoice_creation.invoice_data.to_dict() == wanted | unset
    invoice = invoice_of(driver, session).to_dict()
    assert {name: invoice[name] for name in wanted} == wanted
    # Metadata of the session and of the payment is not copied.
    assert driver.intent(session).metadata.to_dict() == {}


def test_each_step_is_told_before_the_checkout_completes(driver: StripeDriver) -> None:
    session = driver.sold(**WANTED)
    invoice = session.invoice
    assert driver.events_about(session.id, invoice, driver.intent(session).id) == [
        "payment_intent.created",
        "payment_intent.succeeded",
        *TOLD,
        "checkout.session.completed",
    ]
    told = [event.data.object for event in driver.v1.events.list({"types": TOLD[:3], "limit": 3}).data]
    assert [each["status"] for each in told] == ["paid", "open", "draft"]
    assert [each["number"] is None for each in told] == [False, False, True]
    assert newest_event(driver, type="checkout.session.completed").data.object["invoice"] == invoice


def test_it_knows_the_payment(driver: StripeDriver) -> None:
    session = driver.sold(**WANTED)
    invoice = invoice_of(driver, session, "payments.data.payment.payment_intent")
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid, payment.invoice) == ("paid", 500, invoice.id)
    assert payment.payment.payment_intent.status == "succeeded"
    assert "payments" not in invoice_of(driver, session)


def test_a_discount_is_on_it(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 20}).id
    session = driver.sold(discounts=[{"coupon": coupon}], line_items=packs(1) + packs(2), **WANTED)
    invoice = invoice_of(driver, session, "discounts.source.coupon", "total_discount_amounts.discount")
    assert (invoice.subtotal, invoice.total) == (1500, 1200)
    (discount,) = invoice.discounts
    assert (discount.source.coupon.percent_off, discount.checkout_session) == (20, session.id)
    assert [(off.amount, off.discount.id) for off in invoice.total_discount_amounts] == [(300, discount.id)]
    assert [off.amount for line in invoice.lines for off in line.discount_amounts] == [100, 200]


def test_an_order_of_nothing_has_one_without_a_payment(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True, **WANTED)
    driver.pay(session, None, promotion_code=TESTING100)
    invoice = invoice_of(driver, session, "payments", "discounts.promotion_code")
    assert (invoice.status, invoice.subtotal, invoice.total, invoice.amount_paid) == ("paid", 500, 0, 0)
    assert (invoice.attempt_count, invoice.payments.data) == (0, [])
    assert [discount.promotion_code.code for discount in invoice.discounts] == [TESTING100]


def test_whoever_gets_one_becomes_a_customer(driver: StripeDriver) -> None:
    session = driver.session(**WANTED)
    driver.pay(session, **ADA)
    customer = driver.v1.customers.retrieve(str(driver.again(session).customer))
    assert {"email": customer.email, "name": customer.name} == ADA
    assert invoice_of(driver, session).customer == driver.intent(session).customer == customer.id


def test_a_debit_has_one_when_it_has_settled_even_if_the_customer_has_left(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create(ADA).id
    session = driver.session(customer=customer, **WANTED)
    driver.pay(session, None, payment_method="bank_debit_ok")
    waiting = driver.again(session)
    assert (waiting.status, waiting.invoice) == ("complete", None)
    driver.v1.customers.delete(customer)
    press(driver, f"payments/{waiting.payment_intent}/settle")
    invoice = invoice_of(driver, session)
    assert (invoice.customer, invoice.customer_email, invoice.status) == (customer, ADA["email"], "paid")
    assert driver.v1.customers.retrieve(customer).deleted
    assert driver.events_about(session.id, invoice.id) == [
        "checkout.session.completed",
        *TOLD,
        "checkout.session.async_payment_succeeded",
    ]
    assert "us bank account ending in 6789" in receipt(driver, session)


@pytest.mark.parametrize("end", ["declined", "expired", "bounced"])
def test_what_was_not_paid_has_none(driver: StripeDriver, end: str) -> None:
    before = driver.v1.invoices.list({"limit": 100}).data
    session = driver.session(**WANTED)
    if end == "declined":
        driver.pay(session, DECLINED)
    elif end == "expired":
        driver.v1.checkout.sessions.expire(session.id)
    else:
        driver.pay(session, None, payment_method="bank_debit_fails")
        press(driver, f"payments/{driver.again(session).payment_intent}/fail")
    assert driver.again(session).invoice is None
    assert len(driver.v1.invoices.list({"limit": 100}).data) == len(before)


def test_who_did_not_ask_for_one_has_none(driver: StripeDriver) -> None:
    assert driver.sold().invoice is None
    assert driver.sold(invoice_creation={"enabled": False}).invoice is None


def test_the_numbers_of_a_customer_follow_each_other(driver: StripeDriver) -> None:
    ada, bob = (driver.v1.customers.create({"name": name}) for name in ("Ada", "Bob"))
    sold = [driver.sold(customer=customer.id, **WANTED) for customer in (ada, ada, bob)]
    expected = [f"{ada.invoice_prefix}-0001", f"{ada.invoice_prefix}-0002", f"{bob.invoice_prefix}-0001"]
    assert [invoice_of(driver, session).number for session in sold] == expected
    assert driver.v1.customers.retrieve(ada.id).next_invoice_sequence == 3


def test_they_are_listed_newest_first_and_filtered(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    first, second = (driver.sold(customer=customer, **WANTED).invoice for _ in range(2))

    def found(**wanted: Any) -> list[str]:
        return [invoice.id for invoice in driver.v1.invoices.list({"customer": customer, **wanted})]

    assert found() == found(status="paid") == [second, first]
    assert found(limit=1) == [second]
    assert found(starting_after=second) == [first]
    assert found(status="open") == found(subscription="sub_1") == []
    assert found(created={"gt": int(driver.clock.now)}) == []
    with refused(param="status", said="must be one of draft, open, paid"):
        found(status="lost")


# The receipt


def test_the_buyer_reads_what_was_bought_and_paid(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"amount_off": 100, "currency": "usd"}).id
    customer = driver.v1.customers.create(ADA).id
    wanted = wanted_with(footer="<script>alert(1)</script>", description="Thank you")
    session = driver.sold(customer=customer, discounts=[{"coupon": coupon}], line_items=packs(2), **wanted)
    text = receipt(driver, session)
    number = invoice_of(driver, session).number
    bought = ("Receipt", number, "10 credits", "$5.00", "$10.00", "-$1.00", "$9.00", "Paid")
    for shown in (*bought, *ADA.values(), "visa ending in 4242", "Thank you", "no money moves"):
        assert shown in text
    assert "Refunded" not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_receipt_shows_what_was_given_back(driver: StripeDriver) -> None:
    session = driver.sold(**WANTED)
    refund(driver, session, amount=150)
    text = receipt(driver, session)
    for shown in ("Refunded on", "-$1.50", "Paid after refunds</dt><dd>$3.50"):
        assert shown in text
    # The invoice itself stays what it was.
    assert invoice_of(driver, session).amount_paid == 500


def test_a_refund_that_failed_is_not_on_the_receipt(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_FAILS, **WANTED)
    refund(driver, session)
    assert "-$5.00" in receipt(driver, session)
    driver.clock.advance(5)
    assert "Refunded" not in receipt(driver, session)


def test_a_receipt_is_only_for_whoever_knows_its_address(driver: StripeDriver) -> None:
    invoice = invoice_of(driver, driver.sold(**WANTED))
    assert len(invoice.hosted_invoice_url.rpartition("/")[2]) > 60
    for path in ("/i/", "/i/test_none", f"/i/{invoice.id}", f"/i/{invoice.number}"):
        assert driver.get(path).status_code == 404
    assert driver.post(invoice.hosted_invoice_url).status_code == 404
