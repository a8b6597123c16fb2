"""Invoices of paid orders: written once the money is there, listed, and shown to the buyer as a receipt."""

from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import DECLINED, PRICE, REFUND_FAILS, Clock, StripeApi, make_standin

WANTED: dict[str, Any] = {"invoice_creation": {"enabled": True}}
TOLD = ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]


def invoice_of(api: StripeApi, session: Any) -> Any:
    """The invoice that a session ended with."""
    invoice = api.again(session, "invoice").invoice
    assert isinstance(invoice, stripe.Invoice)
    return invoice


def receipt(api: StripeApi, session: Any) -> str:
    """The text of the buyer's page, without the spaces between its tags."""
    page = api.get(invoice_of(api, session).hosted_invoice_url)
    assert page.status_code == 200
    return " ".join(page.text.split())


def test_a_paid_order_ends_with_a_paid_invoice(api: StripeApi) -> None:
    customer = api.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    session = api.sold(customer=customer.id, line_items=[{"price": PRICE, "quantity": 2}], **WANTED)
    invoice = invoice_of(api, session)
    assert invoice.id.startswith("in_")
    assert (invoice.status, invoice.total, invoice.amount_paid, invoice.amount_remaining) == (
        "paid",
        1000,
        1000,
        0,
    )
    assert (invoice.currency, invoice.livemode, invoice.created) == ("usd", False, api.clock.now)
    assert (invoice.customer, invoice.customer_email, invoice.customer_name) == (
        customer.id,
        "ada@example.com",
        "Ada",
    )
    assert invoice.status_transitions.paid_at == invoice.status_transitions.finalized_at == api.clock.now
    assert (invoice.invoice_pdf, invoice.parent, invoice.metadata.to_dict()) == (None, None, {})


def test_its_lines_are_those_of_the_order(api: StripeApi) -> None:
    session = api.sold(line_items=[{"price": PRICE, "quantity": 2}], **WANTED)
    invoice = invoice_of(api, session)
    (line,) = api.v1.invoices.line_items.list(invoice.id)
    assert (line.description, line.quantity, line.amount, line.subtotal) == ("10 credits", 2, 1000, 1000)
    assert (line.pricing.price_details.price, line.invoice, line.discount_amounts) == (PRICE, invoice.id, [])
    assert [each.id for each in invoice.lines] == [line.id]


def test_a_line_that_was_set_to_nothing_is_none(api: StripeApi) -> None:
    adjustable = {"enabled": True}
    items = [
        {"price": PRICE, "quantity": 1},
        {"price": PRICE, "quantity": 1, "adjustable_quantity": adjustable},
    ]
    session = api.session(line_items=items, **WANTED)
    second = api.v1.checkout.sessions.line_items.list(session.id).data[1]
    api.post(str(session.url), action="quantity", **{f"quantity_{second.id}": "0"})
    api.pay(session)
    assert len(invoice_of(api, session).lines) == 1


def test_what_the_shop_wants_on_it_is_on_it(api: StripeApi) -> None:
    wanted = {
        "custom_fields": [{"name": "Order", "value": "9"}],
        "description": "Thank you",
        "footer": "Ada Ltd.",
        "metadata": {"order": "9"},
    }
    session = api.session(invoice_creation={"enabled": True, "invoice_data": wanted})
    assert session.invoice_creation.invoice_data.to_dict() == wanted | dict.fromkeys(
        ("account_tax_ids", "issuer", "rendering_options")
    )
    api.pay(session)
    invoice = invoice_of(api, session)
    assert (invoice.description, invoice.footer, invoice.metadata.to_dict()) == (
        "Thank you",
        "Ada Ltd.",
        {"order": "9"},
    )
    assert [field.to_dict() for field in invoice.custom_fields] == wanted["custom_fields"]
    # What was said of the session and of the payment stays there.
    assert api.intent(session).metadata.to_dict() == {}


def test_each_step_is_told_before_the_checkout_completes(api: StripeApi) -> None:
    session = api.sold(**WANTED)
    invoice = session.invoice
    assert api.events_about(session.id, invoice, api.intent(session).id) == [
        "payment_intent.created",
        "payment_intent.succeeded",
        *TOLD,
        "checkout.session.completed",
    ]
    told = api.v1.events.list({"types": TOLD[:3], "limit": 3}).data
    assert [event.data.object["status"] for event in told] == ["paid", "open", "draft"]
    assert [event.data.object["number"] is None for event in told] == [False, False, True]
    completed = api.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data[0]
    assert completed.data.object["invoice"] == invoice


def test_it_knows_the_payment(api: StripeApi) -> None:
    session = api.sold(**WANTED)
    path = ["payments.data.payment.payment_intent"]
    invoice = api.v1.invoices.retrieve(str(session.invoice), {"expand": path})
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid, payment.invoice) == ("paid", 500, invoice.id)
    assert payment.payment.payment_intent.status == "succeeded"
    assert "payments" not in api.v1.invoices.retrieve(str(session.invoice))


def test_a_discount_is_on_it(api: StripeApi) -> None:
    coupon = api.v1.coupons.create({"percent_off": 20})
    items = [{"price": PRICE, "quantity": 1}, {"price": PRICE, "quantity": 2}]
    session = api.sold(discounts=[{"coupon": coupon.id}], line_items=items, **WANTED)
    path = ["discounts.source.coupon", "total_discount_amounts.discount"]
    invoice = api.v1.invoices.retrieve(str(session.invoice), {"expand": path})
    assert (invoice.subtotal, invoice.total) == (1500, 1200)
    (discount,) = invoice.discounts
    assert (discount.source.coupon.percent_off, discount.checkout_session) == (20, session.id)
    assert [(off.amount, off.discount.id) for off in invoice.total_discount_amounts] == [(300, discount.id)]
    shares = [off.amount for line in invoice.lines for off in line.discount_amounts]
    assert shares == [100, 200]


def test_an_order_of_nothing_has_one_without_a_payment(api: StripeApi) -> None:
    session = api.session(allow_promotion_codes=True, **WANTED)
    api.pay(session, None, promotion_code="TESTING100")
    invoice = api.v1.invoices.retrieve(invoice_of(api, session).id, {"expand": ["payments"]})
    assert (invoice.status, invoice.subtotal, invoice.total, invoice.amount_paid) == ("paid", 500, 0, 0)
    assert (invoice.attempt_count, invoice.payments.data) == (0, [])
    (discount,) = api.v1.invoices.retrieve(invoice.id, {"expand": ["discounts.promotion_code"]}).discounts
    assert discount.promotion_code.code == "TESTING100"


def test_whoever_gets_one_becomes_a_customer(api: StripeApi) -> None:
    session = api.session(**WANTED)
    api.pay(session, email="ada@example.com", name="Ada")
    paid = api.again(session)
    customer = api.v1.customers.retrieve(str(paid.customer))
    assert (customer.email, customer.name) == ("ada@example.com", "Ada")
    assert invoice_of(api, paid).customer == api.intent(paid).customer == customer.id


def test_a_debit_has_one_when_it_has_settled(api: StripeApi) -> None:
    session = api.session(**WANTED)
    api.pay(session, None, payment_method="bank_debit_ok")
    waiting = api.again(session)
    assert (waiting.status, waiting.invoice) == ("complete", None)
    api.post(f"/dashboard/payments/{waiting.payment_intent}/settle")
    settled = api.again(session)
    assert api.events_about(session.id, settled.invoice) == [
        "checkout.session.completed",
        *TOLD,
        "checkout.session.async_payment_succeeded",
    ]
    assert "us bank account ending in 6789" in receipt(api, session)


def test_a_customer_who_left_while_the_bank_took_its_time_still_gets_one(api: StripeApi) -> None:
    customer = api.v1.customers.create({"email": "ada@example.com"})
    session = api.session(customer=customer.id, **WANTED)
    api.pay(session, None, payment_method="bank_debit_ok")
    api.v1.customers.delete(customer.id)
    api.post(f"/dashboard/payments/{api.again(session).payment_intent}/settle")
    invoice = invoice_of(api, session)
    assert (invoice.customer, invoice.customer_email, invoice.status) == (
        customer.id,
        "ada@example.com",
        "paid",
    )
    assert api.v1.customers.retrieve(customer.id).deleted


@pytest.mark.parametrize("end", ["declined", "expired", "bounced"])
def test_what_was_not_paid_has_none(api: StripeApi, end: str) -> None:
    before = api.v1.invoices.list({"limit": 100}).data
    session = api.session(**WANTED)
    if end == "declined":
        api.pay(session, DECLINED)
    elif end == "expired":
        api.v1.checkout.sessions.expire(session.id)
    else:
        api.pay(session, None, payment_method="bank_debit_fails")
        api.post(f"/dashboard/payments/{api.again(session).payment_intent}/fail")
    assert api.again(session).invoice is None
    assert len(api.v1.invoices.list({"limit": 100}).data) == len(before)


def test_who_did_not_ask_for_one_has_none(api: StripeApi) -> None:
    assert api.sold().invoice is None
    assert api.sold(invoice_creation={"enabled": False}).invoice is None


def test_the_numbers_of_a_customer_follow_each_other(api: StripeApi) -> None:
    ada, bob = (api.v1.customers.create({"name": name}) for name in ("Ada", "Bob"))
    numbers = [
        invoice_of(api, api.sold(customer=customer.id, **WANTED)).number for customer in (ada, ada, bob)
    ]
    assert numbers == [
        f"{ada.invoice_prefix}-0001",
        f"{ada.invoice_prefix}-0002",
        f"{bob.invoice_prefix}-0001",
    ]
    assert api.v1.customers.retrieve(ada.id).next_invoice_sequence == 3


def test_they_are_listed_newest_first_and_filtered(api: StripeApi) -> None:
    customer = api.v1.customers.create({}).id
    first, second = (api.sold(customer=customer, **WANTED).invoice for _ in range(2))

    def found(**wanted: Any) -> list[str]:
        return [invoice.id for invoice in api.v1.invoices.list({"customer": customer, **wanted})]

    assert found() == [second, first]
    assert found(limit=1) == [second]
    assert found(starting_after=second) == [first]
    assert found(status="paid") == [second, first]
    assert (
        found(status="open") == found(subscription="sub_1") == found(created={"gt": int(api.clock.now)}) == []
    )
    with pytest.raises(stripe.InvalidRequestError, match="must be one of draft, open, paid"):
        found(status="lost")


# The receipt


def test_the_buyer_reads_what_was_bought_and_paid(api: StripeApi) -> None:
    coupon = api.v1.coupons.create({"amount_off": 100, "currency": "usd"})
    customer = api.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    wanted = {"enabled": True, "invoice_data": {"footer": "Ada Ltd.", "description": "Thank you"}}
    items = [{"price": PRICE, "quantity": 2}]
    session = api.sold(
        customer=customer.id, discounts=[{"coupon": coupon.id}], line_items=items, invoice_creation=wanted
    )
    text = receipt(api, session)
    number = invoice_of(api, session).number
    bought = ("Receipt", number, "10 credits", "$5.00", "$10.00", "-$1.00", "$9.00", "Paid")
    for shown in (*bought, "Ada", "ada@example.com", "visa ending in 4242", "Ada Ltd.", "Thank you"):
        assert shown in text
    assert "no money moves" in text
    assert "Refunded" not in text


def test_the_receipt_shows_what_was_given_back(api: StripeApi) -> None:
    session = api.sold(**WANTED)
    api.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 150})
    text = receipt(api, session)
    assert "Refunded on" in text
    assert "-$1.50" in text
    assert "Paid after refunds</dt><dd>$3.50" in text
    # The invoice itself stays what it was.
    assert invoice_of(api, session).amount_paid == 500


def test_a_refund_that_failed_is_not_on_the_receipt(api: StripeApi) -> None:
    session = api.sold(REFUND_FAILS, **WANTED)
    api.v1.refunds.create({"payment_intent": session.payment_intent})
    assert "-$5.00" in receipt(api, session)
    api.clock.advance(5)
    assert "Refunded" not in receipt(api, session)


def test_what_a_shop_writes_on_it_is_shown_as_text(api: StripeApi) -> None:
    wanted = {"enabled": True, "invoice_data": {"footer": "<script>alert(1)</script>"}}
    text = receipt(api, api.sold(invoice_creation=wanted))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_receipt_is_only_for_whoever_knows_its_address(api: StripeApi) -> None:
    invoice = invoice_of(api, api.sold(**WANTED))
    assert len(invoice.hosted_invoice_url.rpartition("/")[2]) > 60
    for path in ("/i/", "/i/test_none", f"/i/{invoice.id}", f"/i/{invoice.number}"):
        assert api.get(path).status_code == 404
    assert api.post(invoice.hosted_invoice_url).status_code == 404


def test_two_receipts_of_one_moment_have_addresses_of_their_own() -> None:
    standin = make_standin(Clock())
    with standin._turn() as turn:
        assert len({turn.new_id("test", 60) for _ in range(1000)}) == 1000
    standin.close()
