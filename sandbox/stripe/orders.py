"""The order of a Checkout Session: its lines, its discount and its total."""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, catalog, coupons, money, params, tax
from sandbox.stripe.catalog import OBJECT_ID
from sandbox.stripe.errors import ApiError, either_or, malformed, missing
from sandbox.stripe.params import Shape, within
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

ADJUSTABLE: Final = Shape(
    {
        "enabled": params.boolean,
        "maximum": params.integer(at_least=1, at_most=999_999),
        "minimum": params.integer(at_least=0, at_most=999_999),
    },
    required="enabled",
)
PRICE_DATA: Final = Shape(
    {
        "currency": params.currency,
        "product": OBJECT_ID,
        "product_data": catalog.PRODUCT_DATA,
        "recurring": catalog.RECURRING,
        "tax_behavior": catalog.TAX_BEHAVIOR,
        "unit_amount": catalog.AMOUNT,
    },
    required="currency unit_amount",
    unmodelled="unit_amount_decimal",
)
LINE_ITEM: Final = Shape(
    {
        "adjustable_quantity": ADJUSTABLE,
        "metadata": params.metadata,
        "price": OBJECT_ID,
        "price_data": PRICE_DATA,
        "quantity": params.integer(at_least=1, at_most=999_999),
    },
    required="quantity",
    unmodelled="tax_rates",
)
DISCOUNT: Final = Shape({"coupon": OBJECT_ID, "promotion_code": OBJECT_ID})
USUAL_ADJUSTABLE: Final = {"maximum": 99, "minimum": 0}


def build_items(turn: Turn, wanted: list[Json]) -> list[Json]:
    """The line items of an order, each with the price as it is now."""
    items = []
    for position, given in enumerate(wanted):
        name = within("line_items", str(position))
        price = _price_of(turn, given, name)
        inline = "price_data" in given
        product = catalog.product_for_sale(turn, price, param=within(name, "price"), inline=inline)
        adjustable = given.get("adjustable_quantity")
        fields = {
            "adjustable_quantity": None if adjustable is None else USUAL_ADJUSTABLE | adjustable,
            "currency": price["currency"],
            "description": product["name"],
            "metadata": params.merged_metadata({}, given.get("metadata")),
            "price": price,
            "quantity": given["quantity"],
        }
        items.append(bodies.new("item", turn.new_id("li"), fields))
    if len({item["currency"] for item in items}) > 1:
        raise state_error("All line items must have the same currency.", param="line_items")
    return items


def _price_of(turn: Turn, given: Json, name: str) -> Json:
    if "price" in given and "price_data" in given:
        raise either_or(within(name, "price"), within(name, "price_data"))
    if "price" in given:
        return turn.need("price", given["price"], param=within(name, "price")).body
    if "price_data" not in given:
        raise missing(within(name, "price"))
    data, data_name = given["price_data"], within(name, "price_data")
    if ("product" in data) == ("product_data" in data):
        raise either_or(within(data_name, "product"), within(data_name, "product_data"))
    if "product" in data:
        product_id = turn.need("product", data["product"], param=within(data_name, "product")).id
    else:
        product_id = catalog.add_product(turn, data["product_data"]).id
    # A price made for one order is not for sale in any other.
    return catalog.add_price(turn, data | {"active": False}, product_id=product_id).body


def chosen_discount(turn: Turn, wanted: list[Json], *, customer: str | None) -> Json | None:
    """The one discount that a session is created with, as the session shows it."""
    if not wanted:
        return None
    if len(wanted) > 1:
        raise malformed("You can apply at most one discount.", param="discounts")
    given, name = wanted[0], "discounts[0]"
    if len(given) != 1:
        raise either_or(within(name, "coupon"), within(name, "promotion_code"))
    if "coupon" in given:
        coupons.usable_coupon(turn, given["coupon"], param=within(name, "coupon"))
        return {"coupon": given["coupon"], "promotion_code": None}
    code = turn.need("promotion_code", given["promotion_code"], param=within(name, "promotion_code"))
    problem = code_problem(turn, code.body, customer=customer)
    if problem is not None:
        raise state_error(problem, param=within(name, "promotion_code"))
    return {"coupon": None, "promotion_code": code.id}


def code_problem(turn: Turn, code: Json, *, customer: str | None) -> str | None:
    """Why a promotion code cannot be used now and by this customer, or None."""
    coupon = turn.store.find("coupon", code["promotion"]["coupon"])
    if not code["active"] or coupon is None or not coupon.body["valid"]:
        return "This promotion code is no longer valid."
    if code["customer"] is not None and code["customer"] != customer:
        return "This promotion code belongs to another customer."
    if code["restrictions"]["first_time_transaction"] and _has_paid(turn, customer):
        return "This promotion code is for a first purchase only."
    return None


def _has_paid(turn: Turn, customer: str | None) -> bool:
    if customer is None:
        return False
    paid = equal("status", "succeeded")
    return turn.store.first("payment_intent", equal("customer", customer), paid) is not None


def reprice(turn: Turn, session: Record) -> None:
    """Set every amount of an open session from its lines and its discount.

    Raises `ApiError` when the discount does not fit the order, or the total is too small to be charged.
    """
    items = session.hidden["items"]
    currency = items[0]["currency"]
    # A 3D Secure that is under way was for the old amount.
    session.hidden["awaiting"] = None
    discount = next(iter(session.body["discounts"]), None)
    lines = [
        money.Line(item["price"]["unit_amount"], item["quantity"], item["price"]["product"]) for item in items
    ]
    shares = _shares(turn, discount, lines, currency=currency)
    for item, line, share in zip(items, lines, shares, strict=True):
        item["amount_subtotal"] = line.subtotal
        item["amount_discount"] = share
        item["amount_tax"] = tax.on(line.subtotal - share, session.body["automatic_tax"])
        item["amount_total"] = line.subtotal - share + item["amount_tax"]
    subtotal, added = sum(line.subtotal for line in lines), sum(item["amount_tax"] for item in items)
    total = subtotal - sum(shares) + added
    if 0 < total < money.minimum_charge(currency):
        least = money.display(money.minimum_charge(currency), currency)
        raise state_error(
            f"The Checkout Session's total amount must be zero or at least {least}.", code="amount_too_small"
        )
    session.body |= {
        "currency": currency,
        "amount_subtotal": subtotal,
        "amount_total": total,
        "total_details": {"amount_discount": sum(shares), "amount_shipping": 0, "amount_tax": added},
    }


def _shares(turn: Turn, discount: Json | None, lines: list[money.Line], *, currency: str) -> list[int]:
    if discount is None:
        return [0] * len(lines)
    if discount["promotion_code"] is not None:
        code = turn.need("promotion_code", discount["promotion_code"]).body
        _check_minimum(code["restrictions"], sum(line.subtotal for line in lines), currency)
    coupon = turn.store.find("coupon", coupon_of(turn, discount))
    if coupon is None:
        raise state_error("The coupon of this discount has been deleted.", code="coupon_expired")
    if coupon.body["amount_off"] is not None and coupon.body["currency"] != currency:
        raise state_error("This discount is in another currency than the order.", param="discounts")
    shares = money.discounts(
        lines,
        percent_off=coupon.body["percent_off"],
        amount_off=coupon.body["amount_off"],
        products=coupon.hidden["products"],
    )
    if not any(shares) and any(line.subtotal for line in lines):
        raise state_error("This discount does not apply to anything in the order.", param="discounts")
    return shares


def coupon_of(turn: Turn, discount: Json) -> str:
    """The id of the coupon behind a session's discount, which may by now be deleted."""
    if discount["promotion_code"] is None:
        return str(discount["coupon"])
    return str(turn.need("promotion_code", discount["promotion_code"]).body["promotion"]["coupon"])


def _check_minimum(restrictions: Json, subtotal: int, currency: str) -> None:
    least = restrictions["minimum_amount"]
    if least is None:
        return
    if restrictions["minimum_amount_currency"] != currency or subtotal < least:
        shown = money.display(least, restrictions["minimum_amount_currency"])
        raise state_error(f"This promotion code is for orders from {shown}.", param="discounts")


def apply_code(turn: Turn, session_id: str, typed: str) -> Record | str:
    """The open session with the promotion code that a buyer typed, or why it cannot be used."""
    session = turn.need("checkout.session", session_id)
    if not session.body["allow_promotion_codes"]:
        return "This order takes no promotion codes."
    code = coupons.active_code(turn, typed.strip())
    if code is None:
        return "This promotion code is not valid."
    problem = code_problem(turn, code.body, customer=session.body["customer"])
    if problem is not None:
        return problem
    session.body["discounts"] = [{"coupon": None, "promotion_code": code.id}]
    try:
        reprice(turn, session)
    except ApiError as refusal:
        return refusal.message
    turn.store.save(session)
    return session


def remove_discount(turn: Turn, session: Record) -> None:
    """Take the discount off the order."""
    session.body["discounts"] = []
    reprice(turn, session)
    turn.store.save(session)


def discount_problem(turn: Turn, session: Record) -> str | None:
    """Why the session's discount, good when it was applied, cannot be used any more."""
    for discount in session.body["discounts"]:
        if discount["promotion_code"] is not None:
            code = turn.need("promotion_code", discount["promotion_code"]).body
            return code_problem(turn, code, customer=session.body["customer"])
        coupon = turn.store.find("coupon", discount["coupon"])
        if coupon is None or not coupon.body["valid"]:
            return "This discount is no longer valid."
    return None


def set_quantities(turn: Turn, session: Record, wanted: dict[str, str]) -> None:
    """The quantities that the buyer chose, by line item id; only adjustable ones may change."""
    for item in session.hidden["items"]:
        bounds = item["adjustable_quantity"]
        if item["id"] in wanted and bounds is not None and bounds["enabled"]:
            within_bounds = params.integer(at_least=bounds["minimum"], at_most=bounds["maximum"])
            item["quantity"] = within_bounds(wanted[item["id"]], "quantity")
    if not any(item["quantity"] for item in session.hidden["items"]):
        raise state_error("An order has at least one item.")
    reprice(turn, session)
    turn.store.save(session)


def redeem_discount(turn: Turn, session: Record) -> None:
    """Count the use of the session's discount, once it is sold."""
    for discount in session.body["discounts"]:
        if discount["promotion_code"] is not None:
            coupons.redeem(turn, "promotion_code", discount["promotion_code"])
        coupons.redeem(turn, "coupon", coupon_of(turn, discount))
