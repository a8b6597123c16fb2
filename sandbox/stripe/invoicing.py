"""Writing the invoice of a Checkout Session that asked for one.

An invoice here is written after its payment, so it is drafted, finalised and paid in one step, with an event for
each state. An order that was never paid has none.

Source: https://docs.stripe.com/receipts#paid-invoices, https://docs.stripe.com/api/invoices/object
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, orders, params, reading, tax
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn

# Where a buyer finds the page of an invoice.
PREFIX: Final = "/i/"
CUSTOM_FIELD: Final = Shape(
    {
        "name": params.text(max_length=40, required=True),
        "value": params.text(max_length=140, required=True),
    },
    required="name value",
)
INVOICE_DATA: Final = Shape(
    {
        "custom_fields": params.list_of(CUSTOM_FIELD, at_most=4),
        "description": params.text(max_length=1500),
        "footer": params.text(),
        "metadata": params.metadata,
    },
    unmodelled="account_tax_ids issuer rendering_options",
)
CREATION: Final = Shape({"enabled": params.boolean, "invoice_data": INVOICE_DATA}, required="enabled")
NO_DATA: Final = bodies.keys("account_tax_ids custom_fields description footer issuer rendering_options")


def creation(given: Json) -> Json:
    """`invoice_creation` as a session shows it."""
    data = NO_DATA | given.get("invoice_data", {})
    data["metadata"] = params.merged_metadata({}, data.get("metadata"))
    data["custom_fields"] = data["custom_fields"] or None
    return {"enabled": given.get("enabled", False), "invoice_data": data}


def wanted_for(session: Record) -> bool:
    """Whether the session ends with an invoice; then it also ends with a customer, because an invoice needs one."""
    return bool(session.body["invoice_creation"]["enabled"])


def lines_of(invoice: Record, given: Json) -> Json:
    """A page of an invoice's lines."""
    return reading.slice_of(invoice.hidden["lines"], given, url=f"/v1/invoices/{invoice.id}/lines")


def issue(turn: Turn, session: Record) -> None:
    """Write the invoice of a session that was just paid, and an event for each of its states. Saves no session."""
    if not wanted_for(session):
        return
    customer = turn.need("customer", session.body["customer"])
    fields = _draft(session.body, customer.body, created=turn.now_s)
    fields["total_taxes"] = tax.in_total(fields, session.body["total_details"]["amount_tax"])
    invoice = turn.add("invoice", turn.new_id("in"), fields, lines=[], payments=[])
    discount = _write_discount(turn, session, invoice)
    invoice.hidden["lines"] = [
        _line(turn, item, invoice.body, discount) for item in session.hidden["items"] if item["quantity"]
    ]
    invoice.body["lines"] = lines_of(invoice, {})
    turn.emit("invoice.created", invoice)
    _finalise(turn, invoice, customer)
    turn.emit("invoice.finalized", invoice)
    _settle(turn, invoice, payment_intent=session.body["payment_intent"])
    turn.save(invoice, "invoice.paid")
    turn.emit("invoice.payment_succeeded", invoice)
    session.body["invoice"] = invoice.id


def _draft(session: Json, customer: Json, *, created: int) -> Json:
    """`customer` may be deleted by now, and then has no more than its id."""
    wanted = session["invoice_creation"]["invoice_data"]
    details = session["customer_details"]
    return {name: wanted[name] for name in ("custom_fields", "description", "footer", "metadata")} | {
        "amount_due": session["amount_total"],
        "amount_remaining": session["amount_total"],
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_address": customer.get("address"),
        "customer_email": customer.get("email") or details["email"],
        "customer_name": customer.get("name") or details["name"],
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer.get("shipping"),
        "customer_tax_exempt": customer.get("tax_exempt", "none"),
        "period_end": created,
        "period_start": created,
        "subtotal": session["amount_subtotal"],
        "subtotal_excluding_tax": session["amount_subtotal"],
        "total": session["amount_total"],
        "total_excluding_tax": session["amount_total"] - session["total_details"]["amount_tax"],
    }


def _line(turn: Turn, item: Json, invoice: Json, discount: str | None) -> Json:
    """One line, for one line of the session; its amount is that before any discount."""
    share = [] if discount is None else [{"amount": item["amount_discount"], "discount": discount}]
    price = item["price"]
    line_id = turn.new_id("il")
    origin = {
        "invoice_item": turn.new_id("ii"),
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": None,
    }
    fields = {name: item[name] for name in ("currency", "description", "metadata", "quantity")} | {
        "amount": item["amount_subtotal"],
        "discount_amounts": share,
        "invoice": invoice["id"],
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": origin,
            "subscription_item_details": None,
        },
        "period": {"end": invoice["created"], "start": invoice["created"]},
        "pretax_credit_amounts": [{"type": "discount"} | given for given in share],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity_decimal": str(item["quantity"]),
        "subtotal": item["amount_subtotal"],
    }
    return bodies.new("line_item", line_id, fields)


def _write_discount(turn: Turn, session: Record, invoice: Record) -> str | None:
    for discount in session.body["discounts"]:
        fields = {
            "checkout_session": session.id,
            "customer": session.body["customer"],
            "invoice": invoice.id,
            "promotion_code": discount["promotion_code"],
            "source": {"coupon": orders.coupon_of(turn, discount), "type": "coupon"},
        }
        written = turn.add("discount", turn.new_id("di"), fields)
        off = {"amount": session.body["total_details"]["amount_discount"], "discount": written.id}
        invoice.body |= {
            "discounts": [written.id],
            "total_discount_amounts": [off],
            "total_pretax_credit_amounts": [{"type": "discount"} | off],
        }
        return written.id
    return None


def _finalise(turn: Turn, invoice: Record, customer: Record) -> None:
    """Number the invoice, one after the other for each customer, and give it a page that cannot be guessed."""
    secret = turn.new_id("test", 60)
    turn.add("invoice_page", secret, {"invoice": invoice.id})
    # A customer that was deleted before the payment arrived has no prefix any more.
    prefix = customer.body.get("invoice_prefix") or turn.characters(8).upper()
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
    due = invoice.body["amount_due"]
    invoice.body |= {
        "amount_paid": due,
        "amount_remaining": 0,
        "attempt_count": 0 if payment_intent is None else 1,
        "attempted": True,
        "status": "paid",
    }
    invoice.body["status_transitions"]["paid_at"] = turn.now_s
    if payment_intent is not None:
        fields = {
            "amount_paid": due,
            "amount_requested": due,
            "currency": invoice.body["currency"],
            "invoice": invoice.id,
            "payment": {"type": "payment_intent", "payment_intent": payment_intent},
            "status_transitions": {"canceled_at": None, "paid_at": turn.now_s},
        }
        payment = bodies.new("invoice_payment", turn.new_id("inpay"), fields, created=turn.now_s)
        invoice.hidden["payments"] = [payment]
