"""Customers.

Source: https://docs.stripe.com/api/customers
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, params, reading, records
from sandbox.stripe.errors import no_such
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn

ADDRESS: Final = Shape(dict.fromkeys(bodies.BLANK_ADDRESS, params.text()))
SHIPPING: Final = Shape(
    {"address": ADDRESS, "name": params.text(), "phone": params.text()}, required="address name"
)
WRITE: Final = params.call(
    {
        "address": params.or_cleared(ADDRESS),
        "business_name": params.text(max_length=150),
        "description": params.text(),
        "email": params.email,
        "individual_name": params.text(max_length=150),
        "metadata": params.metadata,
        "name": params.text(max_length=256),
        "phone": params.text(max_length=20),
        "preferred_locales": params.list_of(params.text(required=True)),
        "shipping": params.or_cleared(SHIPPING),
        "tax_exempt": params.choice("none", "exempt", "reverse"),
    },
    unmodelled="balance cash_balance default_source invoice_prefix invoice_settings next_invoice_sequence"
    " payment_method source tax tax_id_data test_clock validate",
)
# A deleted customer is in no list.
LIST: Final = reading.many(
    "customer",
    {"created": reading.CREATED, "email": params.text()},
    unmodelled="test_clock",
    always=[("body ->> '$.deleted' IS NULL", ())],
)


def create(turn: Turn, given: Json) -> Json:
    """`POST /v1/customers`."""
    return add(turn, given).body


def add(turn: Turn, given: Json) -> Record:
    """A new Customer with its event."""
    fields = _fields(given, {})
    customer_id, prefix = turn.new_id("cus", 14), turn.characters(8).upper()
    return turn.create("customer", customer_id, {"invoice_prefix": prefix} | fields)


def update(turn: Turn, given: Json, customer_id: str) -> Json:
    """`POST /v1/customers/{id}`."""
    record = _living(turn, customer_id)
    fields = _fields(given, record.body["metadata"])
    previous = {name: record.body.get(name) for name in fields if record.body.get(name) != fields[name]}
    record.body |= fields
    if previous:
        turn.save(record, "customer.updated", previous=previous)
    return record.body


def delete(turn: Turn, given: Json, customer_id: str) -> Json:
    """`DELETE /v1/customers/{id}`: cannot be undone; their payments stay."""
    record = _living(turn, customer_id)
    turn.emit("customer.deleted", record)
    record.body = bodies.deleted("customer", customer_id)
    turn.store.save(record)
    return record.body


def _living(turn: Turn, customer_id: str) -> Record:
    record = turn.need("customer", customer_id)
    if record.body.get("deleted"):
        raise no_such("customer", customer_id)
    return record


def _fields(given: Json, old_metadata: dict[str, str]) -> Json:
    fields = records.fields_of(given, old_metadata=old_metadata)
    if "address" in fields:
        fields["address"] = bodies.address(fields["address"])
    if fields.get("shipping"):
        shipping = fields["shipping"]
        fields["shipping"] = {"phone": None} | shipping | {"address": bodies.address(shipping["address"])}
    return fields
