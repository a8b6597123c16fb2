"""Invoices of paid orders: written when the money has arrived, listed, and shown to the buyer as a receipt."""

from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import DECLINED, PRICE, REFUND_FAILS, Clock, StripeDriver, make_standin

WANTED: dict[str, Any] = {"invoice_creation": {"enabled": True}}
TOLD = ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]


def invoice_of(driver: StripeDriver, session: Any) -> Any:
    """The invoice that a session ended with."""
    invoice = driver.again(session, "invoice").invoice
    assert isinstance(invoice, stripe.Invoice)
    return invoice


def receipt(driver: StripeDriver, session: Any) -> str:
    """The text of the buyer's page, without the spaces between its tags."""
    page = driver.get(invoice_of(driver, session).hosted_invoice_url)
    assert page.status_code == 200
    return " ".join(page.text.split())


def test_a_paid_order_ends_with_a_paid_invoice(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    session = driver.sold(customer=customer.id, line_items=[{"price": PRICE, "quantity": 2}], **WANTED)
    invoice = invoice_of(driver, session)
    assert invoice.id.startswith("in_")
    assert (invoice.status, invoice.total, invoice.amount_paid, invoice.amount_remaining) == (
        "paid",
        1000,
        1000,
        0,
    )
    assert (invoice.currency, invoice.livemode, invoice.created) == ("usd", False, driver.clock.now)
    assert (invoice.customer, invoice.customer_email, invoice.customer_name) == (
        customer.id,
        "ada@example.com",
        "Ada",
    )
    assert invoice.status_transitions.paid_at == invoice.status_transitions.finalized_at == driver.clock.now
    assert (invoice.invoice_pdf, invoice.parent, invoice.metadata.to_dict()) == (None, None, {})


def test_its_lines_are_those_of_the_order(driver: StripeDriver) -> None:
    session = driver.sold(line_items=[{"price": PRICE, "quantity": 2}], **WANTED)
    invoice = invoice_of(driver, session)
    (line,) = driver.v1.invoices.line_items.list(invoice.id)
    assert (line.description, line.quantity, line.amount, line.subtotal) == ("10 credits", 2, 1000, 1000)
    assert (line.pricing.price_details.price, line.invoice, line.discount_amounts) == (PRICE, invoice.id, [])
    assert [each.id for each in invoice.lines] == [line.id]


def test_a_line_that_was_set_to_nothing_is_none(driver: StripeDriver) -> None:
    adjustable = {"enabled": True}
    items = [
        {"price": PRICE, "quantity": 1},
        {"price": PRICE, "quantity": 1, "adjustable_quantity": adjustable},
    ]
    session = driver.session(line_items=items, **WANTED)
    second = driver.v1.checkout.sessions.line_items.list(session.id).data[1]
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
    session = driver.session(invoice_creation={"enabled": True, "invoice_data": wanted})
    assert session.invoice_creation.invoice_data.to_dict() == wanted | dict.fromkeys(
        ("account_tax_ids", "issuer", "rendering_options")
    )
    driver.pay(session)
    invoice = invoice_of(driver, session)
    assert (invoice.description, invoice.footer, invoice.metadata.to_dict()) == (
        "Thank you",
        "Ada Ltd.",
        {"order": "9"},
    )
    assert [field.to_dict() for field in invoice.custom_fields] == wanted["custom_fields"]
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
    told = driver.v1.events.list({"types": TOLD[:3], "limit": 3}).data
    assert [event.data.object["status"] for event in told] == ["paid", "open", "draft"]
    assert [event.data.object["number"] is None for event in told] == [False, False, True]
    completed = driver.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data[0]
    assert completed.data.object["invoice"] == invoice


def test_it_knows_the_payment(driver: StripeDriver) -> None:
    session = driver.sold(**WANTED)
    path = ["payments.data.payment.payment_intent"]
    invoice = driver.v1.invoices.retrieve(str(session.invoice), {"expand": path})
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid, payment.invoice) == ("paid", 500, invoice.id)
    assert payment.payment.payment_intent.status == "succeeded"
    assert "payments" not in driver.v1.invoices.retrieve(str(session.invoice))


def test_a_discount_is_on_it(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"percent_off": 20})
    items = [{"price": PRICE, "quantity": 1}, {"price": PRICE, "quantity": 2}]
    session = driver.sold(discounts=[{"coupon": coupon.id}], line_items=items, **WANTED)
    path = ["discounts.source.coupon", "total_discount_amounts.discount"]
    invoice = driver.v1.invoices.retrieve(str(session.invoice), {"expand": path})
    assert (invoice.subtotal, invoice.total) == (1500, 1200)
    (discount,) = invoice.discounts
    assert (discount.source.coupon.percent_off, discount.checkout_session) == (20, session.id)
    assert [(off.amount, off.discount.id) for off in invoice.total_discount_amounts] == [(300, discount.id)]
    shares = [off.amount for line in invoice.lines for off in line.discount_amounts]
    assert shares == [100, 200]


def test_an_order_of_nothing_has_one_without_a_payment(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True, **WANTED)
    driver.pay(session, None, promotion_code="TESTING100")
    invoice = driver.v1.invoices.retrieve(invoice_of(driver, session).id, {"expand": ["payments"]})
    assert (invoice.status, invoice.subtotal, invoice.total, invoice.amount_paid) == ("paid", 500, 0, 0)
    assert (invoice.attempt_count, invoice.payments.data) == (0, [])
    (discount,) = driver.v1.invoices.retrieve(invoice.id, {"expand": ["discounts.promotion_code"]}).discounts
    assert discount.promotion_code.code == "TESTING100"


def test_whoever_gets_one_becomes_a_customer(driver: StripeDriver) -> None:
    session = driver.session(**WANTED)
    driver.pay(session, email="ada@example.com", name="Ada")
    paid = driver.again(session)
    customer = driver.v1.customers.retrieve(str(paid.customer))
    assert (customer.email, customer.name) == ("ada@example.com", "Ada")
    assert invoice_of(driver, paid).customer == driver.intent(paid).customer == customer.id


def test_a_debit_has_one_when_it_has_settled(driver: StripeDriver) -> None:
    session = driver.session(**WANTED)
    driver.pay(session, None, payment_method="bank_debit_ok")
    waiting = driver.again(session)
    assert (waiting.status, waiting.invoice) == ("complete", None)
    driver.post(f"/dashboard/payments/{waiting.payment_intent}/settle")
    settled = driver.again(session)
    assert driver.events_about(session.id, settled.invoice) == [
        "checkout.session.completed",
        *TOLD,
        "checkout.session.async_payment_succeeded",
    ]
    assert "us bank account ending in 6789" in receipt(driver, session)


def test_a_customer_who_left_while_the_bank_took_its_time_still_gets_one(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com"})
    session = driver.session(customer=customer.id, **WANTED)
    driver.pay(session, None, payment_method="bank_debit_ok")
    driver.v1.customers.delete(customer.id)
    driver.post(f"/dashboard/payments/{driver.again(session).payment_intent}/settle")
    invoice = invoice_of(driver, session)
    assert (invoice.customer, invoice.customer_email, invoice.status) == (
        customer.id,
        "ada@example.com",
        "paid",
    )
    assert driver.v1.customers.retrieve(customer.id).deleted


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
        driver.post(f"/dashboard/payments/{driver.again(session).payment_intent}/fail")
    assert driver.again(session).invoice is None
    assert len(driver.v1.invoices.list({"limit": 100}).data) == len(before)


def test_who_did_not_ask_for_one_has_none(driver: StripeDriver) -> None:
    assert driver.sold().invoice is None
    assert driver.sold(invoice_creation={"enabled": False}).invoice is None


def test_the_numbers_of_a_customer_follow_each_other(driver: StripeDriver) -> None:
    ada, bob = (driver.v1.customers.create({"name": name}) for name in ("Ada", "Bob"))
    numbers = [
        invoice_of(driver, driver.sold(customer=customer.id, **WANTED)).number for customer in (ada, ada, bob)
    ]
    assert numbers == [
        f"{ada.invoice_prefix}-0001",
        f"{ada.invoice_prefix}-0002",
        f"{bob.invoice_prefix}-0001",
    ]
    assert driver.v1.customers.retrieve(ada.id).next_invoice_sequence == 3


def test_they_are_listed_newest_first_and_filtered(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({}).id
    first, second = (driver.sold(customer=customer, **WANTED).invoice for _ in range(2))

    def found(**wanted: Any) -> list[str]:
        return [invoice.id for invoice in driver.v1.invoices.list({"customer": customer, **wanted})]

    assert found() == [second, first]
    assert found(limit=1) == [second]
    assert found(starting_after=second) == [first]
    assert found(status="paid") == [second, first]
    assert (
        found(status="open")
        == found(subscription="sub_1")
        == found(created={"gt": int(driver.clock.now)})
        == []
    )
    with pytest.raises(stripe.InvalidRequestError, match="must be one of draft, open, paid"):
        found(status="lost")


# The receipt


def test_the_buyer_reads_what_was_bought_and_paid(driver: StripeDriver) -> None:
    coupon = driver.v1.coupons.create({"amount_off": 100, "currency": "usd"})
    customer = driver.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    wanted = {"enabled": True, "invoice_data": {"footer": "Ada Ltd.", "description": "Thank you"}}
    items = [{"price": PRICE, "quantity": 2}]
    session = driver.sold(
        customer=customer.id, discounts=[{"coupon": coupon.id}], line_items=items, invoice_creation=wanted
    )
    text = receipt(driver, session)
    number = invoice_of(driver, session).number
    bought = ("Receipt", number, "10 credits", "$5.00", "$10.00", "-$1.00", "$9.00", "Paid")
    for shown in (*bought, "Ada", "ada@example.com", "visa ending in 4242", "Ada Ltd.", "Thank you"):
        assert shown in text
    assert "no money moves" in text
    assert "Refunded" not in text


def test_the_receipt_shows_what_was_given_back(driver: StripeDriver) -> None:
    session = driver.sold(**WANTED)
    driver.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 150})
    text = receipt(driver, session)
    assert "Refunded on" in text
    assert "-$1.50" in text
    assert "Paid after refunds</dt><dd>$3.50" in text
    # The invoice itself stays what it was.
    assert invoice_of(driver, session).amount_paid == 500


def test_a_refund_that_failed_is_not_on_the_receipt(driver: StripeDriver) -> None:
    session = driver.sold(REFUND_FAILS, **WANTED)
    driver.v1.refunds.create({"payment_intent": session.payment_intent})
    assert "-$5.00" in receipt(driver, session)
    driver.clock.advance(5)
    assert "Refunded" not in receipt(driver, session)


def test_what_a_shop_writes_on_it_is_shown_as_text(driver: StripeDriver) -> None:
    wanted = {"enabled": True, "invoice_data": {"footer": "<script>alert(1)</script>"}}
    text = receipt(driver, driver.sold(invoice_creation=wanted))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_receipt_is_only_for_whoever_knows_its_address(driver: StripeDriver) -> None:
    invoice = invoice_of(driver, driver.sold(**WANTED))
    assert len(invoice.hosted_invoice_url.rpartition("/")[2]) > 60
    for path in ("/i/", "/i/test_none", f"/i/{invoice.id}", f"/i/{invoice.number}"):
        assert driver.get(path).status_code == 404
    assert driver.post(invoice.hosted_invoice_url).status_code == 404


def test_two_receipts_of_one_moment_have_addresses_of_their_own() -> None:
    standin = make_standin(Clock())
    with standin._turn() as turn:
        assert len({turn.new_id("test", 60) for _ in range(1000)}) == 1000
    standin.close()
