"""The JSON of invoices and what is in them.

Source: https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe.bodies import nothing
from sandbox.stripe.store import Json


def invoice_creation(given: Json, *, enabled: bool) -> Json:
    """Whether a Checkout Session ends with an Invoice, and what the shop wants to have on it."""
    absent = nothing(
        "account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options"
    )
    return {"enabled": enabled, "invoice_data": absent | {"metadata": {}} | given}


def invoice(object_id: str, session: Json, buyer: Json, *, created: int) -> Json:
    """The draft of an Invoice for a Checkout Session that was just paid; `buyer` is the customer, or what is left.

    `invoice_pdf` stays null: the stand-in prints pages and no PDF.
    """
    wanted = session["invoice_creation"]["invoice_data"]
    details = session["customer_details"]
    body = {
        "id": object_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "amount_due": session["amount_total"],
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": session["amount_total"],
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": nothing("disabled_reason", "liability", "provider", "status") | {"enabled": False},
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": created,
        "currency": session["currency"],
        "custom_fields": wanted["custom_fields"],
        "customer": session["customer"],
        "customer_address": buyer.get("address"),
        "customer_email": buyer.get("email") or details["email"],
        "customer_name": buyer.get("name") or details["name"],
        "customer_phone": buyer.get("phone"),
        "customer_shipping": buyer.get("shipping"),
        "customer_tax_exempt": buyer.get("tax_exempt", "none"),
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "description": wanted["description"],
        "discounts": [],
        "footer": wanted["footer"],
        "issuer": {"type": "self"},
        "livemode": False,
        "metadata": wanted["metadata"],
        "payment_settings": nothing("default_mandate", "payment_method_options", "payment_method_types"),
        "period_end": created,
        "period_start": created,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": nothing("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"),
        "subtotal": session["amount_subtotal"],
        "subtotal_excluding_tax": session["amount_subtotal"],
        "total": session["amount_total"],
        "total_discount_amounts": [],
        "total_excluding_tax": session["amount_total"],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }
    return nothing(*NULL_IN_INVOICE) | body


NULL_IN_INVOICE: Final = (
    *("account_tax_ids", "amount_paid_off_stripe", "application", "automatically_finalizes_at"),
    *("confirmation_secret", "customer_account", "default_payment_method", "default_source", "due_date"),
    *("effective_at", "ending_balance", "from_invoice", "hosted_invoice_url", "invoice_pdf"),
    *("last_finalization_error", "latest_revision", "next_payment_attempt", "number", "on_behalf_of"),
    *("parent", "receipt_number", "rendering", "shipping_cost", "shipping_details"),
    *("statement_descriptor", "status_details", "test_clock", "webhooks_delivered_at"),
)


def invoice_line(
    object_id: str, item: Json, *, invoice: Json, invoice_item: str, discount: str | None
) -> Json:
    """One line of an Invoice, for one position of its Checkout Session; its amount is that before any discount."""
    share = [] if discount is None else [{"amount": item["amount_discount"], "discount": discount}]
    price_body = item["price"]
    return {
        "id": object_id,
        "object": "line_item",
        "amount": item["amount_subtotal"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": share,
        "discountable": True,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": invoice_item,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
        },
        "period": {"end": invoice["created"], "start": invoice["created"]},
        "pretax_credit_amounts": [{"type": "discount"} | given for given in share],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price_body["id"], "product": price_body["product"]},
            "unit_amount_decimal": price_body["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": None,
        "subtotal": item["amount_subtotal"],
        "taxes": [],
    }


def invoice_payment(object_id: str, invoice_body: Json, *, payment_intent: str) -> Json:
    """That an Invoice was paid, and by which PaymentIntent."""
    paid_at = invoice_body["status_transitions"]["paid_at"]
    return {
        "id": object_id,
        "object": "invoice_payment",
        "amount_paid": invoice_body["amount_paid"],
        "amount_requested": invoice_body["amount_due"],
        "created": paid_at,
        "currency": invoice_body["currency"],
        "invoice": invoice_body["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": paid_at},
    }


def discount(object_id: str, *, session: Json, invoice_body: Json, coupon_id: str) -> Json:
    """The Discount that an Invoice has from its Checkout Session."""
    absent = nothing("customer_account", "end", "invoice_item", "subscription", "subscription_item")
    return absent | {
        "id": object_id,
        "object": "discount",
        "checkout_session": session["id"],
        "customer": session["customer"],
        "invoice": invoice_body["id"],
        "promotion_code": session["discounts"][0]["promotion_code"],
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": invoice_body["created"],
    }
