"""What is for sale: products and their prices.

Source: https://docs.stripe.com/api/products, /prices
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import params, reading, records
from sandbox.stripe.errors import either_or, missing
from sandbox.stripe.params import Shape
from sandbox.stripe.reading import CREATED, equal, one_of
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

OBJECT_ID: Final = params.text(max_length=200, required=True)
RECURRING: Final = Shape(
    {
        "interval": params.choice("day", "week", "month", "year"),
        "interval_count": params.integer(at_least=1, at_most=156),
    },
    required="interval",
    unmodelled="meter trial_period_days usage_type",
)
TAX_BEHAVIOR: Final = params.choice("exclusive", "inclusive", "unspecified")
AMOUNT: Final = params.integer(at_least=0, at_most=params.LARGEST_AMOUNT)
# What a price or a Checkout line item may say of a product that does not exist yet.
PRODUCT_DATA_FIELDS: Final = {
    "description": params.text(max_length=40_000),
    "images": params.list_of(params.web_address, at_most=8),
    "metadata": params.metadata,
    "name": params.text(required=True),
    "tax_code": params.text(),
    "unit_label": params.text(max_length=12),
}
PRODUCT_DATA: Final = Shape(PRODUCT_DATA_FIELDS, required="name", unmodelled="tax_details")
PRICE_PRODUCT_DATA: Final = Shape(
    PRODUCT_DATA_FIELDS
    | {"active": params.boolean, "id": OBJECT_ID, "statement_descriptor": params.text(max_length=22)},
    required="name",
    unmodelled="tax_details",
)
PRODUCT_FIELDS: Final = PRODUCT_DATA_FIELDS | {
    "active": params.boolean,
    "shippable": params.boolean,
    "statement_descriptor": params.text(max_length=22),
    "url": params.web_address,
}
UNMODELLED_PRODUCT: Final = "default_price_data marketing_features package_dimensions tax_details"
CREATE_PRODUCT: Final = params.call(
    PRODUCT_FIELDS | {"id": OBJECT_ID, "type": params.choice("good", "service")},
    required="name",
    unmodelled=UNMODELLED_PRODUCT,
)
UPDATE_PRODUCT: Final = params.call(PRODUCT_FIELDS, unmodelled=f"{UNMODELLED_PRODUCT} default_price")
LIST_PRODUCTS: Final = reading.many(
    "product",
    {
        "active": params.boolean,
        "created": CREATED,
        "ids": one_of("id", params.list_of(OBJECT_ID)),
        "url": params.text(),
    },
    unmodelled="shippable type",
)
PRICE_UPDATE_FIELDS: Final = {
    "active": params.boolean,
    "lookup_key": params.text(max_length=200),
    "metadata": params.metadata,
    "nickname": params.text(),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": params.boolean,
}
CREATE_PRICE: Final = params.call(
    PRICE_UPDATE_FIELDS
    | {
        "billing_scheme": params.choice("per_unit"),
        "currency": params.currency,
        "product": OBJECT_ID,
        "product_data": PRICE_PRODUCT_DATA,
        "recurring": RECURRING,
        "unit_amount": AMOUNT,
    },
    required="currency unit_amount",
    unmodelled="currency_options custom_unit_amount tiers tiers_mode transform_quantity unit_amount_decimal",
)
UPDATE_PRICE: Final = params.call(PRICE_UPDATE_FIELDS, unmodelled="currency_options")
LIST_PRICES: Final = reading.many(
    "price",
    {
        "active": params.boolean,
        "created": CREATED,
        "currency": params.currency,
        "lookup_keys": one_of("body ->> '$.lookup_key'", params.list_of(params.text(), at_most=10)),
        "product": OBJECT_ID,
        "type": params.choice("one_time", "recurring"),
    },
    unmodelled="recurring",
)
USUAL_RECURRING: Final = {
    "interval_count": 1,
    "meter": None,
    "trial_period_days": None,
    "usage_type": "licensed",
}


# Products


def create_product(turn: Turn, given: Json) -> Json:
    """`POST /v1/products`."""
    return add_product(turn, given).body


def add_product(turn: Turn, given: Json) -> Record:
    """A new Product with its event."""
    object_id = records.chosen_id(turn, "product", given) or turn.new_id("prod", 14)
    fields = {"updated": turn.now_s} | records.fields_of(given)
    return turn.create("product", object_id, fields)


def update_product(turn: Turn, given: Json, product_id: str) -> Json:
    """`POST /v1/products/{id}`."""
    record = turn.need("product", product_id)
    record.body["updated"] = turn.now_s
    return records.update(turn, record, given)


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
        raise missing("product")
    return add_price(turn, given, product_id=product_id).body


def add_price(turn: Turn, given: Json, *, product_id: str) -> Record:
    """A new Price of a product, with its event."""
    _take_lookup_key(turn, given)
    fields = records.fields_of(given, "product_data", "transfer_lookup_key")
    fields |= {"product": product_id, "type": "recurring" if "recurring" in given else "one_time"}
    if "recurring" in given:
        fields["recurring"] = USUAL_RECURRING | given["recurring"]
    return turn.create("price", turn.new_id("price"), fields | terms(given["unit_amount"], given["currency"]))


def terms(unit_amount: int, currency: str) -> Json:
    """What one unit costs, in both spellings of a Price."""
    return {"unit_amount": unit_amount, "unit_amount_decimal": str(unit_amount), "currency": currency}


def update_price(turn: Turn, given: Json, price_id: str) -> Json:
    """`POST /v1/prices/{id}`; an amount never changes."""
    price = turn.need("price", price_id)
    _take_lookup_key(turn, given, owner=price_id)
    return records.update(turn, price, given, "transfer_lookup_key")


def _take_lookup_key(turn: Turn, given: Json, *, owner: str | None = None) -> None:
    """Free the lookup key that is wanted for `owner`. A price keeps its own even while it is not for sale.

    Raises 400 when another price has it and `transfer_lookup_key` does not allow to take it.

    Source: https://docs.stripe.com/products-prices/manage-prices#lookup-keys
    """
    key = given.get("lookup_key")
    if key is None:
        return
    holder = turn.store.first("price", equal("lookup_key", key))
    if holder is None or holder.id == owner:
        return
    if not given.get("transfer_lookup_key"):
        raise state_error(f"A price (`{holder.id}`) already uses that lookup key.", param="lookup_key")
    holder.body["lookup_key"] = None
    turn.save(holder, "price.updated", previous={"lookup_key": key})


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


def ensure_price(turn: Turn, price_id: str, unit_amount: int, currency: str, product_name: str) -> None:
    """Have this price, active and for one payment; writes no events, and changes an amount that differs."""
    price = turn.store.find("price", price_id)
    if price is None:
        product = turn.add("product", turn.new_id("prod", 14), {"updated": turn.now_s})
        price = turn.add("price", price_id, {"product": product.id, "type": "one_time"})
    else:
        product = turn.need("product", price.body["product"])
    price.body |= terms(unit_amount, currency) | {"active": True}
    product.body |= {"name": product_name, "active": True}
    turn.store.save(price)
    turn.store.save(product)
