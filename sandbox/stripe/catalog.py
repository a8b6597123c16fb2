"""What is for sale: products and their prices.

Source: https://docs.stripe.com/api/products, /prices
"""

from __future__ import annotations

import json
from typing import Final

from sandbox.stripe import bodies, listing, params, records
from sandbox.stripe.errors import either_or, malformed
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


# Products


def create_product(turn: Turn, given: Json) -> Json:
    """`POST /v1/products`."""
    return add_product(turn, given).body


def add_product(turn: Turn, given: Json) -> Record:
    """A new Product with its event."""
    object_id = records.new_id(turn, "product", "prod", given, length=14)
    record = turn.add(
        "product", bodies.product(object_id, records.fields_of(given) | {"id": object_id}, created=turn.now_s)
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
    turn.emit("product.updated", records.updated(turn, record, given), previous={})
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
    fields = records.fields_of(given, without=("product_data", "product", "transfer_lookup_key"))
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
    turn.emit("price.updated", records.updated(turn, price, changes), previous={})
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
