"""Stripe Tax: whether the account has it set up, and what it adds to an order.

More lenient than Stripe: `RATE_PERCENT` is added to every order wherever the buyer lives, from the start and not only
once they have typed an address; and nobody has to register anywhere.

Source: https://docs.stripe.com/api/tax/settings, https://docs.stripe.com/tax/checkout
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.stripe import params
from sandbox.stripe.customers import ADDRESS
from sandbox.stripe.errors import ApiError
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

RATE_PERCENT: Final = 20
KIND: Final = "tax.settings"
# There is one of it, which has no id.
_ID: Final = "tax_settings"
UPDATE: Final = params.call(
    {
        "defaults": Shape(
            {
                "tax_behavior": params.choice("exclusive", "inclusive", "inferred_by_currency"),
                "tax_code": params.text(),
            }
        ),
        "head_office": Shape({"address": ADDRESS}, required="address"),
    }
)


def settings(turn: Turn, given: Json) -> Json:
    """`GET /v1/tax/settings`."""
    return _record(turn).body


def update(turn: Turn, given: Json) -> Json:
    """`POST /v1/tax/settings`: with a head office and a behaviour, tax is calculated."""
    record = _record(turn)
    record.body["defaults"] |= given.get("defaults", {})
    record.body["head_office"] = given.get("head_office", record.body["head_office"])
    missing = _missing(record.body)
    record.body["status"] = "pending" if missing else "active"
    record.body["status_details"] = {"pending": {"missing_fields": missing}} if missing else {"active": {}}
    turn.store.save(record)
    return record.body


def check(turn: Turn, given: Json) -> None:
    """Refuse a session for which no tax can be calculated, or whose customer cannot be written to."""
    customer = turn.need("customer", given["customer"]).body if "customer" in given else {"address": {}}
    may_write = given.get("customer_update", {})
    if given.get("automatic_tax", {}).get("enabled"):
        if settings(turn, {})["status"] != "active":
            raise NO_HEAD_OFFICE
        if customer["address"] is None and may_write.get("address") != "auto":
            raise state_error(
                "Automatic tax calculation in Checkout requires a valid address on the Customer.",
                code="customer_tax_location_invalid",
            )
    wants_id = "customer" in given and given.get("tax_id_collection", {}).get("enabled")
    if wants_id and may_write.get("name") != "auto":
        raise state_error(
            "Tax ID collection requires updating business name on the customer. To enable it for an"
            " existing customer, please set `customer_update[name]` to `auto`.",
            param="tax_id_collection",
        )


NO_HEAD_OFFICE: Final = ApiError(
    "You must have a valid head office address to enable automatic tax calculation in test mode.",
    param="automatic_tax[enabled]",
)


def on(amount: int, automatic_tax: Json) -> int:
    """The tax on an amount, rounded half up."""
    return (amount * RATE_PERCENT + 50) // 100 if automatic_tax["enabled"] else 0


def in_total(invoice: Json, tax: int) -> list[dict[str, Any]]:
    """The tax of an invoice as it shows it."""
    if not tax:
        return []
    return [
        {
            "amount": tax,
            "tax_behavior": "exclusive",
            "tax_rate_details": None,
            "taxability_reason": "standard_rated",
            "taxable_amount": invoice["total_excluding_tax"],
            "type": "tax_rate_details",
        }
    ]


def _missing(body: Json) -> list[str]:
    found = {"head_office": body["head_office"], "defaults.tax_behavior": body["defaults"]["tax_behavior"]}
    return [name for name, value in found.items() if value is None]


def _record(turn: Turn) -> Record:
    record = turn.store.find(KIND, _ID)
    if record is None:
        body: Json = {
            "object": KIND,
            "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": None},
            "head_office": None,
            "livemode": False,
            "status": "pending",
        }
        body["status_details"] = {"pending": {"missing_fields": _missing(body)}}
        record = Record(KIND, _ID, body)
        turn.store.add(record, created=turn.now_s)
    return record
