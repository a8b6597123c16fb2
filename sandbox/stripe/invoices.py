"""Invoices of Checkout Sessions that asked for one, and the page that shows them to the buyer as a receipt.

An invoice here is born paid: its payment came first, so it is drafted, finalised and settled in one breath, and a
shop hears of each step. There is none for an order that was never paid.

Source: https://docs.stripe.com/receipts#paid-invoices, https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sandbox.serving import Request, Response
from sandbox.stripe import catalog, html, invoice_bodies, listing, orders, params
from sandbox.stripe.errors import ApiError
from sandbox.stripe.listing import equal
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn

PREFIX: Final = "/i/"
MOST_CUSTOM_FIELDS: Final = 4
CREATION: Final = Shape(
    {
        "enabled": params.boolean,
        "invoice_data": Shape(
            {
                "custom_fields": params.list_of(
                    Shape(
                        {
                            "name": params.text(max_length=40, required=True),
                            "value": params.text(max_length=140, required=True),
                        },
                        required=("name", "value"),
                    ),
                    at_most=MOST_CUSTOM_FIELDS,
                ),
                "description": params.text(max_length=1500),
                "footer": params.text(),
                "metadata": params.metadata,
            },
            unmodelled=("account_tax_ids", "issuer", "rendering_options"),
        ),
    },
    required=("enabled",),
)
LIST: Final = Shape(
    params.PAGING
    | {
        "collection_method": params.choice("charge_automatically", "send_invoice"),
        "created": params.created_range,
        "customer": catalog.OBJECT_ID,
        "customer_account": params.text(),
        "status": params.choice("draft", "open", "paid", "uncollectible", "void"),
        "subscription": params.text(),
    },
    unmodelled=("due_date",),
)
LINES: Final = Shape(params.PAGING)


def creation(given: Json) -> Json:
    """`invoice_creation` as a session shows it, from how it was asked for."""
    wanted = dict(given.get("invoice_data", {}))
    wanted["metadata"] = params.merged_metadata({}, wanted.get("metadata"))
    wanted["custom_fields"] = wanted.get("custom_fields") or None
    return invoice_bodies.invoice_creation(wanted, enabled=given.get("enabled", False))


def retrieve(turn: Turn, given: Json, invoice_id: str) -> Json:
    """`GET /v1/invoices/{id}`."""
    return turn.need("invoice", invoice_id).body


def list_all(turn: Turn, given: Json) -> Json:
    """`GET /v1/invoices`."""
    filters = "collection_method customer customer_account status subscription"
    return listing.page(turn, "invoice", given, url="/v1/invoices", equal_to=filters)


def lines(turn: Turn, given: Json, invoice_id: str) -> Json:
    """`GET /v1/invoices/{id}/lines`."""
    return _lines_page(turn.need("invoice", invoice_id), given)


def _lines_page(invoice: Record, given: Json) -> Json:
    return listing.slice_of(invoice.hidden["lines"], given, url=f"/v1/invoices/{invoice.id}/lines")


# Issuing one


def wanted_for(session: Record) -> bool:
    """Whether the session ends with an invoice; then it also ends with a customer, because an invoice needs one."""
    return bool(session.body["invoice_creation"]["enabled"])


def issue(turn: Turn, session: Record) -> None:
    """Write the invoice of a session that was just paid, and tell of each of its states. Saves no session."""
    if not wanted_for(session):
        return
    customer = turn.need("customer", session.body["customer"])
    body = invoice_bodies.invoice(turn.new_id("in"), session.body, customer.body, created=turn.now_s)
    invoice = Record("invoice", body["id"], body, {"lines": [], "payments": []})
    _write_lines(turn, session, invoice)
    turn.emit("invoice.created", invoice)
    _finalise(turn, invoice, customer)
    turn.emit("invoice.finalized", invoice)
    _settle(turn, invoice, payment_intent=session.body["payment_intent"])
    turn.store.add(invoice)
    turn.emit("invoice.paid", invoice)
    turn.emit("invoice.payment_succeeded", invoice)
    session.body["invoice"] = invoice.id


def _write_lines(turn: Turn, session: Record, invoice: Record) -> None:
    discount = _write_discount(turn, session, invoice)
    invoice.hidden["lines"] = [
        invoice_bodies.invoice_line(
            turn.new_id("il"), item, invoice=invoice.body, invoice_item=turn.new_id("ii"), discount=discount
        )
        for item in session.hidden["items"]
        if item["quantity"]
    ]
    invoice.body["lines"] = _lines_page(invoice, {})


def _write_discount(turn: Turn, session: Record, invoice: Record) -> str | None:
    for discount in session.body["discounts"]:
        coupon_id = orders.coupon_of(turn, discount)
        body = invoice_bodies.discount(
            turn.new_id("di"), session=session.body, invoice_body=invoice.body, coupon_id=coupon_id
        )
        off = {"amount": session.body["total_details"]["amount_discount"], "discount": body["id"]}
        invoice.body |= {
            "discounts": [body["id"]],
            "total_discount_amounts": [off],
            "total_pretax_credit_amounts": [{"type": "discount"} | off],
        }
        return turn.add("discount", body).id
    return None


def _finalise(turn: Turn, invoice: Record, customer: Record) -> None:
    """Number the invoice, one after the other for each customer, and give it a page that cannot be guessed."""
    secret = turn.new_id("test", 60)
    turn.add("invoice_page", {"id": secret, "created": turn.now_s, "invoice": invoice.id})
    # A customer who was deleted while their bank took its time has no prefix any more.
    prefix = customer.body.get("invoice_prefix") or turn.new_id("", 8)[1:].upper()
    sequence = customer.body.get("next_invoice_sequence", 1)
    if "next_invoice_sequence" in customer.body:
        customer.body["next_invoice_sequence"] = sequence + 1
        turn.store.save(customer)
    invoice.body |= {
        "effective_at": turn.now_s,
        "ending_balance": 0,
        "hosted_invoice_url": f"{turn.config.public_url}{PREFIX}{secret}",
        "number": f"{prefix}-{sequence:04d}",
        "status": "open",
    }
    invoice.body["status_transitions"]["finalized_at"] = turn.now_s


def _settle(turn: Turn, invoice: Record, *, payment_intent: str | None) -> None:
    invoice.body |= {
        "amount_paid": invoice.body["amount_due"],
        "amount_remaining": 0,
        "attempt_count": 0 if payment_intent is None else 1,
        "attempted": True,
        "status": "paid",
    }
    invoice.body["status_transitions"]["paid_at"] = turn.now_s
    if payment_intent is not None:
        payment = invoice_bodies.invoice_payment(
            turn.new_id("inpay"), invoice.body, payment_intent=payment_intent
        )
        invoice.hidden["payments"] = [payment]


# The page


def respond(turn: Turn, request: Request) -> Response:
    """`GET /i/<secret>`: the receipt, for whoever was given the address. Raises 404 for any other."""
    page = turn.store.find("invoice_page", request.path.removeprefix(PREFIX))
    if page is None or request.method != "GET":
        raise ApiError("There is no receipt at this address.", status=404)
    invoice = turn.need("invoice", page.body["invoice"])
    refunds = _refunds(turn, invoice)
    return html.page(
        "invoice.html",
        invoice=invoice.body,
        lines=invoice.hidden["lines"],
        discount=sum(off["amount"] for off in invoice.body["total_discount_amounts"]),
        issued=_day(invoice.body["effective_at"]),
        method=_method(turn, invoice),
        refunds=[(_day(refund.body["created"]), refund.body["amount"]) for refund in refunds],
        kept=invoice.body["amount_paid"] - sum(refund.body["amount"] for refund in refunds),
    )


def _refunds(turn: Turn, invoice: Record) -> list[Record]:
    """What was given back so far and did not come back itself."""
    return [
        refund
        for payment in invoice.hidden["payments"]
        for refund in turn.store.newest(
            "refund", [equal("payment_intent", payment["payment"]["payment_intent"])], oldest_first=True
        )
        if refund.body["status"] in ("pending", "succeeded")
    ]


def _method(turn: Turn, invoice: Record) -> str | None:
    """How it was paid, such as `visa ending in 4242`."""
    for payment in invoice.hidden["payments"]:
        intent = turn.need("payment_intent", payment["payment"]["payment_intent"])
        details = turn.need("charge", intent.body["latest_charge"]).body["payment_method_details"]
        kind = details["type"]
        return f"{details[kind].get('brand', kind).replace('_', ' ')} ending in {details[kind]['last4']}"
    return None


def _day(seconds: int) -> str:
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day.day} {day:%B %Y}"
