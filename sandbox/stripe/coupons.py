"""Discounts: coupons, and the promotion codes that buyers type for them.

Source: https://docs.stripe.com/api/coupons, /promotion_codes
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, params, reading, records
from sandbox.stripe.catalog import OBJECT_ID
from sandbox.stripe.errors import ApiError, malformed, missing
from sandbox.stripe.params import Shape
from sandbox.stripe.reading import CREATED, Filter, equal
from sandbox.stripe.store import Condition, Json, Record
from sandbox.stripe.turn import Turn, state_error

UPDATE_FIELDS: Final = {"metadata": params.metadata, "name": params.text(max_length=40)}
CREATE_COUPON: Final = params.call(
    UPDATE_FIELDS
    | {
        "amount_off": params.integer(at_least=1),
        "applies_to": Shape({"products": params.list_of(OBJECT_ID)}),
        "currency": params.currency,
        "duration": params.choice("once", "forever", "repeating"),
        "duration_in_months": params.integer(at_least=1),
        "id": OBJECT_ID,
        "max_redemptions": params.integer(at_least=1),
        "percent_off": params.percent,
        "redeem_by": params.integer(at_least=0),
    },
    unmodelled="currency_options",
)
UPDATE_COUPON: Final = params.call(UPDATE_FIELDS, unmodelled="currency_options")
LIST_COUPONS: Final = reading.many("coupon", {"created": CREATED})
RESTRICTIONS: Final = Shape(
    {
        "first_time_transaction": params.boolean,
        "minimum_amount": params.integer(at_least=1),
        "minimum_amount_currency": params.currency,
    },
    unmodelled="currency_options",
)
CREATE_CODE: Final = params.call(
    {
        "active": params.boolean,
        "code": params.text(max_length=500, required=True),
        "customer": OBJECT_ID,
        "expires_at": params.integer(at_least=0),
        "max_redemptions": params.integer(at_least=1),
        "metadata": params.metadata,
        "promotion": Shape({"coupon": OBJECT_ID, "type": params.choice("coupon")}, required="type"),
        "restrictions": RESTRICTIONS,
    },
    required="promotion",
    unmodelled="customer_account",
)
UPDATE_CODE: Final = params.call(
    {"active": params.boolean, "metadata": params.metadata}, unmodelled="restrictions"
)


def spelled(code: str) -> Condition:
    """Promotion codes with this spelling; the case of the letters does not matter."""
    return "upper(body ->> '$.code') = upper(?)", [code]


LIST_CODES: Final = reading.many(
    "promotion_code",
    {
        "active": params.boolean,
        "code": Filter(params.text(), lambda code: [spelled(code)]),
        "coupon": Filter(OBJECT_ID, lambda coupon_id: [equal("promotion.coupon", coupon_id)]),
        "created": CREATED,
        "customer": OBJECT_ID,
    },
    unmodelled="customer_account",
)
# The restrictions of a promotion code that was created with none.
NO_RESTRICTIONS: Final = {
    "first_time_transaction": False,
    "minimum_amount": None,
    "minimum_amount_currency": None,
}


# Coupons


def create_coupon(turn: Turn, given: Json) -> Json:
    """`POST /v1/coupons`."""
    _check_coupon(turn, given)
    object_id = records.chosen_id(turn, "coupon", given) or turn.characters(8)
    products = given.get("applies_to", {}).get("products")
    fields = records.fields_of(given, "applies_to")
    record = turn.create("coupon", object_id, fields, products=products)
    if "redeem_by" in given:
        turn.store.set_timer(at=given["redeem_by"], job="retire_coupon", target=object_id)
    return record.body


def _check_coupon(turn: Turn, given: Json) -> None:
    if ("percent_off" in given) == ("amount_off" in given):
        raise malformed("You must pass exactly one of percent_off and amount_off.", param="percent_off")
    if "amount_off" in given and "currency" not in given:
        raise malformed(
            "You must pass currency when passing amount_off.", param="currency", code="parameter_missing"
        )
    if (given.get("duration") == "repeating") != ("duration_in_months" in given):
        raise malformed(
            "duration_in_months goes with a duration of repeating, and only with it.",
            param="duration_in_months",
        )
    if given.get("redeem_by", turn.now_s + 1) <= turn.now_s:
        raise malformed("redeem_by must be in the future.", param="redeem_by")
    for position, product_id in enumerate(given.get("applies_to", {}).get("products", [])):
        turn.need("product", product_id, param=f"applies_to[products][{position}]")


def update_coupon(turn: Turn, given: Json, coupon_id: str) -> Json:
    """`POST /v1/coupons/{id}`; what it takes off never changes."""
    return records.update(turn, turn.need("coupon", coupon_id), given)


def delete_coupon(turn: Turn, given: Json, coupon_id: str) -> Json:
    """`DELETE /v1/coupons/{id}`: nobody can use it any more; orders that used it keep their discount."""
    record = turn.need("coupon", coupon_id)
    turn.store.remove("coupon", coupon_id)
    turn.emit("coupon.deleted", record)
    return bodies.deleted("coupon", coupon_id)


# Promotion codes


def create_code(turn: Turn, given: Json) -> Json:
    """`POST /v1/promotion_codes`."""
    if "coupon" not in given["promotion"]:
        raise missing("promotion[coupon]")
    turn.need("coupon", given["promotion"]["coupon"], param="promotion[coupon]")
    if "customer" in given:
        turn.need("customer", given["customer"], param="customer")
    limits = given.get("restrictions", {})
    if ("minimum_amount" in limits) != ("minimum_amount_currency" in limits):
        raise malformed(
            "minimum_amount goes with minimum_amount_currency.", param="restrictions[minimum_amount]"
        )
    code = given.get("code") or turn.characters(8).upper()
    if given.get("active", True) and active_code(turn, code) is not None:
        raise state_error(f"An active promotion code with `code: {code}` already exists.", param="code")
    fields = records.fields_of(given) | {"code": code, "restrictions": NO_RESTRICTIONS | limits}
    record = turn.create("promotion_code", turn.new_id("promo"), fields)
    if "expires_at" in given:
        turn.store.set_timer(at=given["expires_at"], job="retire_code", target=record.id)
    return record.body


def active_code(turn: Turn, code: str) -> Record | None:
    """The active promotion code that a buyer means."""
    return turn.store.first("promotion_code", spelled(code), equal("active", True))


def update_code(turn: Turn, given: Json, code_id: str) -> Json:
    """`POST /v1/promotion_codes/{id}`."""
    record = turn.need("promotion_code", code_id)
    activates = given.get("active") and not record.body["active"]
    if activates and active_code(turn, record.body["code"]) is not None:
        raise state_error("An active promotion code with this code already exists.", param="active")
    return records.update(turn, record, given)


# Using them


def redeem(turn: Turn, kind: str, object_id: str | None) -> None:
    """Count one use of a coupon or promotion code, and retire it when that was the last one allowed."""
    record = turn.store.find(kind, object_id or "")
    if record is None:
        return
    record.body["times_redeemed"] += 1
    if record.body["times_redeemed"] == record.body["max_redemptions"]:
        record.body["valid" if kind == "coupon" else "active"] = False
    turn.store.save(record)


def retire(turn: Turn, kind: str, object_id: str) -> None:
    """Make a coupon or promotion code invalid because its time is over."""
    record = turn.store.find(kind, object_id)
    if record is not None:
        record.body["valid" if kind == "coupon" else "active"] = False
        turn.store.save(record)


def usable_coupon(turn: Turn, coupon_id: str, *, param: str) -> Json:
    """A coupon that can still be redeemed."""
    coupon = turn.need("coupon", coupon_id, param=param).body
    if not coupon["valid"]:
        raise ApiError(f"Coupon {coupon_id} is expired or used up.", code="coupon_expired", param=param)
    return coupon
