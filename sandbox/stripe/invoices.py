"""Invoices as the API lists them, and the page that shows one to its buyer as a receipt.

Source: https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sandbox.serving import Request, Response
from sandbox.stripe import html, params, reading
from sandbox.stripe.catalog import OBJECT_ID
from sandbox.stripe.errors import ApiError
from sandbox.stripe.invoicing import PREFIX, lines_of
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn

LIST: Final = reading.many(
    "invoice",
    {
        "collection_method": params.choice("charge_automatically", "send_invoice"),
        "created": reading.CREATED,
        "customer": OBJECT_ID,
        "customer_account": params.text(),
        "status": params.choice("draft", "open", "paid", "uncollectible", "void"),
        "subscription": params.text(),
    },
    unmodelled="due_date",
)


def lines(turn: Turn, given: Json, invoice_id: str) -> Json:
    """`GET /v1/invoices/{id}/lines`."""
    return lines_of(turn.need("invoice", invoice_id), given)


def respond(turn: Turn, request: Request) -> Response:
    """`GET /i/<secret>`: the receipt at an address that only its buyer has. Raises 404 for any other."""
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
    """The refunds that did not fail."""
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
