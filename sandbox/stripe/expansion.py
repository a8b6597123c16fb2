"""`expand[]`: ids replaced by the objects that they name.

Source: https://docs.stripe.com/api/expanding_objects
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sandbox.stripe import bodies
from sandbox.stripe.errors import ApiError, malformed
from sandbox.stripe.reading import equal, slice_of
from sandbox.stripe.store import Json
from sandbox.stripe.turn import Turn

MAX_DEPTH: Final = 4
# Field name to the kind of object that its id names.
REFERENCES: Final = {
    "balance_transaction": "balance_transaction",
    "charge": "charge",
    "coupon": "coupon",
    "customer": "customer",
    "default_price": "price",
    "discount": "discount",
    "failure_balance_transaction": "balance_transaction",
    "invoice": "invoice",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "price": "price",
    "product": "product",
    "promotion_code": "promotion_code",
}
# Fields that hold a list of ids, by the object that they are in.
LISTS: Final = {("invoice", "discounts"): "discount"}
# References that an object has only after something went wrong.
SOMETIMES: Final = ("failure_balance_transaction",)


def expand(turn: Turn, body: Json, paths: list[str]) -> Json:
    """`body` with every path expanded, such as `payment_intent.latest_charge` or `data.line_items`."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise malformed(f"You cannot expand more than {MAX_DEPTH} levels of a property.", param="expand")
        _open(turn, body, steps, path=path)
    return body


def line_items(turn: Turn, session: Json) -> Json:
    """The first page of a Checkout Session's line items."""
    record = turn.need("checkout.session", session["id"])
    return slice_of(record.hidden["items"], {}, url=f"/v1/checkout/sessions/{record.id}/line_items")


def _payments(turn: Turn, invoice: Json) -> Json:
    record = turn.need("invoice", invoice["id"])
    return bodies.object_list("/v1/invoice_payments", record.hidden["payments"])


def _refunds(turn: Turn, charge: Json) -> Json:
    found = turn.store.newest("refund", [equal("charge", charge["id"])])
    return bodies.object_list(f"/v1/charges/{charge['id']}/refunds", [record.body for record in found])


# Fields that are there only when asked for.
INCLUDED: Final[dict[tuple[str, str], Callable[[Turn, Json], Json]]] = {
    ("checkout.session", "line_items"): line_items,
    ("charge", "refunds"): _refunds,
    ("invoice", "payments"): _payments,
}


def _open(turn: Turn, node: Any, steps: list[str], *, path: str) -> None:
    if isinstance(node, list):
        for each in node:
            _open(turn, each, steps, path=path)
    elif steps and node is not None:
        if not isinstance(node, dict):
            raise _cannot(path)
        _open(turn, _step(turn, node, steps, path=path), steps[1:], path=path)


def _step(turn: Turn, node: Json, steps: list[str], *, path: str) -> Any:
    """The value at the first step; an id is replaced by its object."""
    head, *rest = steps
    place = (node.get("object", ""), head)
    included = INCLUDED.get(place)
    if included is not None and head not in node:
        node[head] = included(turn, node)
    elif head in REFERENCES and isinstance(node.get(head), str):
        node[head] = _fetched(turn, REFERENCES[head], node[head])
    elif place in LISTS:
        fetched = [_fetched(turn, LISTS[place], each) for each in node[head] if isinstance(each, str)]
        node[head] = fetched or node[head]
    elif head in SOMETIMES and head not in node:
        return None
    elif head not in node or not (rest or included or head in REFERENCES or _is_object(node[head])):
        raise _cannot(path)
    return node[head]


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and "object" in value


def _fetched(turn: Turn, kind: str, object_id: str) -> Json:
    record = turn.store.find(kind, object_id)
    # A deleted coupon has no row any more, but other objects still have its id.
    return bodies.deleted(kind, object_id) if record is None else record.body


def _cannot(path: str) -> ApiError:
    return malformed(f"This property cannot be expanded ({path}).", param="expand")
