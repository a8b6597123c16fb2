"""What is for sale and for how much less: products, prices, coupons and promotion codes.

Source: https://docs.stripe.com/api/products, /prices, /coupons, /promotion_codes
"""

from __future__ import annotations

import json
from typing import Final

from sandbox.stripe import bodies, listing, params
from sandbox.stripe.errors import ApiError, either_or, malformed
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

OBJECT_ID: Final = params.text(max_length=200, required=True)
RECURRING: Final = Shape(
    {
        "interval": params.choice("day", "week", "month", "year"),
        "interval_count": params.integer(at_least=1, at_most=156),
    },
    required=("interval",),
    unmodelled=("meter", "trial_period_days", "usage_type"),
)
TAX_BEHAVIOR: Final = params.choice("exclusive", "inclusive", "unspecified")
AMOUNT: Final = params.integer(at_least=0, at_most=params.LARGEST_AMOUNT)
PRODUCT_FIELDS: Final = {
    "active": params.boolean,
    "description": params.text(max_length=40_000),
    "images": params.list_of(params.web_address, at_most=8),
    "metadata": params.metadata,
    "name": params.text(required=True),
    "shippable": params.boolean,
    "statement_descriptor": params.text(max_length=22),
    "tax_code": params.text(),
    "unit_label": params.text(max_length=12),
    "url": params.web_address,
}
UNMODELLED_PRODUCT: Final = ("default_price_data", "marketing_features", "package_dimensions", "tax_details")
CREATE_PRODUCT: Final = Shape(
    params.EXPAND | PRODUCT_FIELDS | {"id": OBJECT_ID, "type": params.choice("good", "service")},
    required=("name",),
    unmodelled=UNMODELLED_PRODUCT,
)
UPDATE_PRODUCT: Final = Shape(
    params.EXPAND | PRODUCT_FIELDS, unmodelled=(*UNMODELLED_PRODUCT, "default_price")
)
LIST_PRODUCTS: Final = Shape(
    params.PAGING
    | {
        "active": params.boolean,
        "created": params.created_range,
        "ids": params.list_of(OBJECT_ID),
        "url": params.text(),
    },
    unmodelled=("shippable", "type"),
)
# Also what a Checkout line item may say of a product that does not exist yet.
PRODUCT_DATA: Final = Shape(
    {name: PRODUCT_FIELDS[name] for name in ("description", "images", "metadata", "name", "tax_code")}
    | {"unit_label": PRODUCT_FIELDS["unit_label"]},
    required=("name",),
    unmodelled=("tax_details",),
)
PRICE_UPDATE_FIELDS: Final = {
    "active": params.boolean,
    "lookup_key": params.text(max_length=200),
    "metadata": params.metadata,
    "nickname": params.text(),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": params.boolean,
}
CREATE_PRICE: Final = Shape(
    params.EXPAND
    | PRICE_UPDATE_FIELDS
    | {
        "billing_scheme": params.choice("per_unit"),
        "currency": params.currency,
        "product": OBJECT_ID,
        "product_data": Shape(
            dict(PRODUCT_DATA.fields)
            | {"active": params.boolean, "id": OBJECT_ID, "statement_descriptor": params.text(max_length=22)},
            required=("name",),
            unmodelled=("tax_details",),
        ),
        "recurring": RECURRING,
        "unit_amount": AMOUNT,
    },
    required=("currency", "unit_amount"),
    unmodelled=(
        *("currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transform_quantity"),
        "unit_amount_decimal",
    ),
)
UPDATE_PRICE: Final = Shape(params.EXPAND | PRICE_UPDATE_FIELDS, unmodelled=("currency_options",))
LIST_PRICES: Final = Shape(
    params.PAGING
    | {
        "active": params.boolean,
        "created": params.created_range,
        "currency": params.currency,
        "lookup_keys": params.list_of(params.text(), at_most=10),
        "product": OBJECT_ID,
        "type": params.choice("one_time", "recurring"),
    },
    unmodelled=("recurring",),
)
CREATE_COUPON: Final = Shape(
    params.EXPAND
    | {
        "amount_off": params.integer(at_least=1),
        "applies_to": Shape({"products": params.list_of(OBJECT_ID)}),
        "currency": params.currency,
        "duration": params.choice("once", "forever", "repeating"),
        "duration_in_months": params.integer(at_least=1),
        "id": OBJECT_ID,
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
        "customer": OBJECT_ID,
        "expires_at": params.integer(at_least=0),
        "max_redemptions": params.integer(at_least=1),
        "metadata": params.metadata,
        "promotion": Shape({"coupon": OBJECT_ID, "type": params.choice("coupon")}, required=("type",)),
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
        "coupon": OBJECT_ID,
        "created": params.created_range,
        "customer": OBJECT_ID,
    },
    unmodelled=("customer_account",),
)


def _fields(given: Json, *, without: tuple[str, ...] = (), old_metadata: Json | None = None) -> Json:
    fields = {name: value for name, value in given.items() if name not in ("expand", *without)}
    if "metadata" in fields:
        fields["metadata"] = params.merged_metadata(old_metadata or {}, fields["metadata"])
    return fields


def _updated(turn: Turn, record: Record, given: Json) -> Record:
    record.body |= _fields(given, old_metadata=record.body["metadata"])
    turn.store.save(record)
    return record


def _new_id(turn: Turn, kind: str, prefix: str, given: Json, *, length: int) -> str:
    """The id that the caller chose, if it is free, or a fresh one."""
    if "id" not in given:
        return turn.new_id(prefix, length) if prefix else turn.new_id("", length)[1:]
    if turn.store.find(kind, given["id"]) is not None:
        raise state_error(f"{kind.capitalize()} already exists.", code="resource_already_exists", param="id")
    return str(given["id"])


# Products


def create_product(turn: Turn, given: Json) -> Json:
    """`POST /v1/products`."""
    return add_product(turn, given).body


def add_product(turn: Turn, given: Json) -> Record:
    """A new Product with its event."""
    object_id = _new_id(turn, "product", "prod", given, length=14)
    record = turn.add(
        "product", bodies.product(object_id, _fields(given) | {"id": object_id}, created=turn.now_s)
    )
    turn.emit("product.created", record)
    return record


def retrieve_product(turn: Turn, given: Json, product_id: str) -> Json:
    """`GET /v1/products/{id}`."""
    return turn.need("product", product_id).body


def update_product(turn: Turn, given: Json, product_id: str) -> Json:
    """`POST /v1/products/{id}`."""
    record = turn.need("product", product_id)
    record.body["updated"] = turn.now_s
    turn.emit("product.updated", _updated(turn, record, given), previous={})
    return record.body


def list_products(turn: Turn, given: Json) -> Json:
    """`GET /v1/products`."""
    conditions = (
        [("id IN (SELECT value FROM json_each(?))", [json.dumps(given["ids"])])] if "ids" in given else []
    )
    return listing.page(
        turn, "product", given, url="/v1/products", conditions=conditions, equal_to="active url"
    )


# Prices


def create_price(turn: Turn, given: Json) -> Json:
    """`POST /v1/prices`."""
    if "product" in given and "product_data" in given:
        raise either_or("product", "product_data")
    if "product_data" in given:
        product_id = add_product(turn, given["product_data"]).id
    elif "product" in given:
        product_id = turn.need("product", given["product"], param="product").id
    else:
        raise malformed("Missing required param: product.", param="product", code="parameter_missing")
    return add_price(turn, given, product_id=product_id).body


def add_price(turn: Turn, given: Json, *, product_id: str) -> Record:
    """A new Price of a product, with its event."""
    _take_lookup_key(turn, given)
    fields = _fields(given, without=("product_data", "product", "transfer_lookup_key"))
    fields["product"] = product_id
    if "recurring" in fields:
        usual = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}
        fields["recurring"] = usual | fields["recurring"]
    record = turn.add("price", bodies.price(turn.new_id("price"), fields, created=turn.now_s))
    turn.emit("price.created", record)
    return record


def retrieve_price(turn: Turn, given: Json, price_id: str) -> Json:
    """`GET /v1/prices/{id}`."""
    return turn.need("price", price_id).body


def update_price(turn: Turn, given: Json, price_id: str) -> Json:
    """`POST /v1/prices/{id}`; an amount never changes."""
    price = turn.need("price", price_id)
    _take_lookup_key(turn, given, owner=price_id)
    changes = {name: value for name, value in given.items() if name != "transfer_lookup_key"}
    turn.emit("price.updated", _updated(turn, price, changes), previous={})
    return price.body


def _take_lookup_key(turn: Turn, given: Json, *, owner: str | None = None) -> None:
    """Free the lookup key that is wanted for `owner`. A price keeps its own even while it is not for sale.

    Raises 400 when another price has it and `transfer_lookup_key` does not allow to take it.

    Source: https://docs.stripe.com/products-prices/manage-prices#lookup-keys
    """
    key = given.get("lookup_key")
    if key is None:
        return
    holder = next(iter(turn.store.newest("price", [listing.equal("lookup_key", key)], limit=1)), None)
    if holder is None or holder.id == owner:
        return
    if not given.get("transfer_lookup_key"):
        raise state_error(f"A price (`{holder.id}`) already uses that lookup key.", param="lookup_key")
    holder.body["lookup_key"] = None
    turn.store.save(holder)
    turn.emit("price.updated", holder, previous={"lookup_key": key})


def list_prices(turn: Turn, given: Json) -> Json:
    """`GET /v1/prices`."""
    conditions = []
    if "lookup_keys" in given:
        keys = [json.dumps(given["lookup_keys"])]
        conditions.append(("body ->> '$.lookup_key' IN (SELECT value FROM json_each(?))", keys))
    return listing.page(
        turn,
        "price",
        given,
        url="/v1/prices",
        conditions=conditions,
        equal_to="active currency product type",
    )


# Coupons


def create_coupon(turn: Turn, given: Json) -> Json:
    """`POST /v1/coupons`."""
    _check_coupon(turn, given)
    object_id = _new_id(turn, "coupon", "", given, length=8)
    body = bodies.coupon(
        object_id, _fields(given, without=("applies_to",)) | {"id": object_id}, created=turn.now_s
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
    record = _updated(turn, turn.need("coupon", coupon_id), given)
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
    fields = _fields(given) | {"code": code}
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
    _updated(turn, record, given)
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


def product_for_sale(turn: Turn, price: Json, *, param: str, inline: bool) -> Json:
    """The product of a price, when both can be sold once; a price made `inline` is for this sale only."""
    if not price["active"] and not inline:
        raise state_error(
            "The price specified is inactive. This field only accepts active prices.", param=param
        )
    if price["recurring"] is not None:
        raise state_error(
            "You specified `payment` mode but passed a recurring price. Use only one-time prices.",
            param=param,
        )
    product = turn.need("product", price["product"]).body
    if not product["active"]:
        raise state_error("The product of this price is not active, so it cannot be sold.", param=param)
    return product


def usable_coupon(turn: Turn, coupon_id: str, *, param: str) -> Json:
    """A coupon that can still be redeemed."""
    coupon = turn.need("coupon", coupon_id, param=param).body
    if not coupon["valid"]:
        raise ApiError(f"Coupon {coupon_id} is expired or used up.", code="coupon_expired", param=param)
    return coupon
