"""For how much less it is sold: coupons, and the promotion codes that buyers type for them.

Source: https://docs.stripe.com/api/coupons, /promotion_codes
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, catalog, listing, params, records
from sandbox.stripe.errors import ApiError, malformed
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

CREATE_COUPON: Final = Shape(
    params.EXPAND
    | {
        "amount_off": params.integer(at_least=1),
        "applies_to": Shape({"products": params.list_of(catalog.OBJECT_ID)}),
        "currency": params.currency,
        "duration": params.choice("once", "forever", "repeating"),
        "duration_in_months": params.integer(at_least=1),
        "id": catalog.OBJECT_ID,
        "max_redemptions": params.integer(at_least=1),
        "metadata": params.metadata,
        "name": params.text(max_length=40),
        "percent_off": params.percent,
        "redeem_by": params.integer(at_least=0),
    },
    unmodelled=("currency_options",),
)
UPDATE_COUPON: Final = Shape(
    params.EXPAND | {"metadata": params.metadata, "name": params.text(max_length=40)},
    unmodelled=("currency_options",),
)
LIST_COUPONS: Final = Shape(params.PAGING | {"created": params.created_range})
CREATE_CODE: Final = Shape(
    params.EXPAND
    | {
        "active": params.boolean,
        "code": params.text(max_length=500, required=True),
        "customer": catalog.OBJECT_ID,
        "expires_at": params.integer(at_least=0),
        "max_redemptions": params.integer(at_least=1),
        "metadata": params.metadata,
        "promotion": Shape(
            {"coupon": catalog.OBJECT_ID, "type": params.choice("coupon")}, required=("type",)
        ),
        "restrictions": Shape(
            {
                "first_time_transaction": params.boolean,
                "minimum_amount": params.integer(at_least=1),
                "minimum_amount_currency": params.currency,
            },
            unmodelled=("currency_options",),
        ),
    },
    required=("promotion",),
    unmodelled=("customer_account",),
)
UPDATE_CODE: Final = Shape(
    params.EXPAND | {"active": params.boolean, "metadata": params.metadata}, unmodelled=("restrictions",)
)
LIST_CODES: Final = Shape(
    params.PAGING
    | {
        "active": params.boolean,
        "code": params.text(),
        "coupon": catalog.OBJECT_ID,
        "created": params.created_range,
        "customer": catalog.OBJECT_ID,
    },
    unmodelled=("customer_account",),
)


# Coupons


def create_coupon(turn: Turn, given: Json) -> Json:
    """`POST /v1/coupons`."""
    _check_coupon(turn, given)
    object_id = records.new_id(turn, "coupon", "", given, length=8)
    body = bodies.coupon(
        object_id, records.fields_of(given, without=("applies_to",)) | {"id": object_id}, created=turn.now_s
    )
    record = turn.add("coupon", body, products=given.get("applies_to", {}).get("products"))
    if "redeem_by" in given:
        turn.store.set_timer(at=given["redeem_by"], job="retire_coupon", target=object_id)
    turn.emit("coupon.created", record)
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


def retrieve_coupon(turn: Turn, given: Json, coupon_id: str) -> Json:
    """`GET /v1/coupons/{id}`."""
    return turn.need("coupon", coupon_id).body


def update_coupon(turn: Turn, given: Json, coupon_id: str) -> Json:
    """`POST /v1/coupons/{id}`; what it takes off never changes."""
    record = records.updated(turn, turn.need("coupon", coupon_id), given)
    turn.emit("coupon.updated", record, previous={})
    return record.body


def delete_coupon(turn: Turn, given: Json, coupon_id: str) -> Json:
    """`DELETE /v1/coupons/{id}`: nobody can use it any more; what it took off stays off."""
    record = turn.need("coupon", coupon_id)
    turn.store.remove("coupon", coupon_id)
    turn.emit("coupon.deleted", record)
    return bodies.deleted("coupon", coupon_id)


def list_coupons(turn: Turn, given: Json) -> Json:
    """`GET /v1/coupons`."""
    return listing.page(turn, "coupon", given, url="/v1/coupons")


# Promotion codes


def create_code(turn: Turn, given: Json) -> Json:
    """`POST /v1/promotion_codes`."""
    if "coupon" not in given["promotion"]:
        raise malformed(
            "Missing required param: promotion[coupon].", param="promotion[coupon]", code="parameter_missing"
        )
    turn.need("coupon", given["promotion"]["coupon"], param="promotion[coupon]")
    if "customer" in given:
        turn.need("customer", given["customer"], param="customer")
    limits = given.get("restrictions", {})
    if ("minimum_amount" in limits) != ("minimum_amount_currency" in limits):
        raise malformed(
            "minimum_amount goes with minimum_amount_currency.", param="restrictions[minimum_amount]"
        )
    code = given.get("code") or turn.new_id("", 8)[1:].upper()
    if given.get("active", True) and active_code(turn, code) is not None:
        raise state_error(f"An active promotion code with `code: {code}` already exists.", param="code")
    fields = records.fields_of(given) | {"code": code}
    record = turn.add(
        "promotion_code", bodies.promotion_code(turn.new_id("promo"), fields, created=turn.now_s)
    )
    if "expires_at" in given:
        turn.store.set_timer(at=given["expires_at"], job="retire_code", target=record.id)
    turn.emit("promotion_code.created", record)
    return record.body


def active_code(turn: Turn, code: str) -> Record | None:
    """The active promotion code that a buyer means; the case of the letters does not matter."""
    spelled = ("upper(body ->> '$.code') = upper(?)", [code])
    return next(
        iter(turn.store.newest("promotion_code", [spelled, listing.equal("active", True)], limit=1)), None
    )


def retrieve_code(turn: Turn, given: Json, code_id: str) -> Json:
    """`GET /v1/promotion_codes/{id}`."""
    return turn.need("promotion_code", code_id).body


def update_code(turn: Turn, given: Json, code_id: str) -> Json:
    """`POST /v1/promotion_codes/{id}`."""
    record = turn.need("promotion_code", code_id)
    if (
        given.get("active")
        and not record.body["active"]
        and active_code(turn, record.body["code"]) is not None
    ):
        raise state_error("An active promotion code with this code already exists.", param="active")
    records.updated(turn, record, given)
    turn.emit("promotion_code.updated", record, previous={})
    return record.body


def list_codes(turn: Turn, given: Json) -> Json:
    """`GET /v1/promotion_codes`."""
    conditions = []
    if "coupon" in given:
        conditions.append(listing.equal("promotion.coupon", given["coupon"]))
    if "code" in given:
        conditions.append(("upper(body ->> '$.code') = upper(?)", [given["code"]]))
    return listing.page(
        turn,
        "promotion_code",
        given,
        url="/v1/promotion_codes",
        conditions=conditions,
        equal_to="active customer",
    )


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
    """A coupon or promotion code whose time is over."""
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
