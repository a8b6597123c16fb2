"""Which address does what, and with which parameters."""

from __future__ import annotations

from typing import Any, Final

from sandbox.stripe import (
    bodies,
    catalog,
    checkout,
    coupons,
    customers,
    disputes,
    events,
    fraud_warnings,
    invoices,
    payments,
    refunds,
    tax,
)
from sandbox.stripe.params import PAGING, Shape, call
from sandbox.stripe.reading import Endpoint, many, one
from sandbox.stripe.store import Json
from sandbox.stripe.turn import Turn

NOTHING: Final = Shape({})


def _account(turn: Turn, given: Json) -> Json:
    """`GET /v1/account`."""
    return bodies.account()


# `*` stands for an id.
ENDPOINTS: Final[dict[str, Endpoint]] = {
    "GET account": Endpoint(call({}), _account),
    "GET balance_transactions/*": one("balance_transaction"),
    "GET charges": payments.LIST_CHARGES,
    "GET charges/*": one("charge"),
    "POST checkout/sessions": Endpoint(checkout.CREATE, checkout.create),
    "GET checkout/sessions": checkout.LIST,
    "GET checkout/sessions/*": one("checkout.session"),
    "POST checkout/sessions/*": Endpoint(checkout.UPDATE, checkout.update),
    "POST checkout/sessions/*/expire": Endpoint(call({}), checkout.expire),
    "GET checkout/sessions/*/line_items": Endpoint(call(PAGING), checkout.line_items),
    "POST coupons": Endpoint(coupons.CREATE_COUPON, coupons.create_coupon),
    "GET coupons": coupons.LIST_COUPONS,
    "GET coupons/*": one("coupon"),
    "POST coupons/*": Endpoint(coupons.UPDATE_COUPON, coupons.update_coupon),
    "DELETE coupons/*": Endpoint(NOTHING, coupons.delete_coupon),
    "POST customers": Endpoint(customers.WRITE, customers.create),
    "GET customers": customers.LIST,
    "GET customers/*": one("customer"),
    "POST customers/*": Endpoint(customers.WRITE, customers.update),
    "DELETE customers/*": Endpoint(NOTHING, customers.delete),
    "GET disputes": disputes.LIST,
    "GET disputes/*": one("dispute"),
    "POST disputes/*": Endpoint(disputes.UPDATE, disputes.update),
    "POST disputes/*/close": Endpoint(call({}), disputes.close),
    "GET events": Endpoint(events.LIST.takes, events.list_all),
    "GET events/*": one("event"),
    "GET invoices": invoices.LIST,
    "GET invoices/*": one("invoice"),
    "GET invoices/*/lines": Endpoint(call(PAGING), invoices.lines),
    "GET payment_intents": payments.LIST_INTENTS,
    "GET payment_intents/*": one("payment_intent"),
    "POST prices": Endpoint(catalog.CREATE_PRICE, catalog.create_price),
    "GET prices": catalog.LIST_PRICES,
    "GET prices/*": one("price"),
    "POST prices/*": Endpoint(catalog.UPDATE_PRICE, catalog.update_price),
    "POST products": Endpoint(catalog.CREATE_PRODUCT, catalog.create_product),
    "GET products": catalog.LIST_PRODUCTS,
    "GET products/*": one("product"),
    "POST products/*": Endpoint(catalog.UPDATE_PRODUCT, catalog.update_product),
    "POST promotion_codes": Endpoint(coupons.CREATE_CODE, coupons.create_code),
    "GET promotion_codes": coupons.LIST_CODES,
    "GET promotion_codes/*": one("promotion_code"),
    "POST promotion_codes/*": Endpoint(coupons.UPDATE_CODE, coupons.update_code),
    "GET radar/early_fraud_warnings": fraud_warnings.LIST,
    "GET radar/early_fraud_warnings/*": one(fraud_warnings.KIND),
    "POST refunds": Endpoint(refunds.CREATE, refunds.create),
    "GET refunds": refunds.LIST,
    "GET refunds/*": one("refund"),
    "POST refunds/*": Endpoint(refunds.UPDATE, refunds.update),
    "POST refunds/*/cancel": Endpoint(call({}), refunds.cancel),
    "GET tax/settings": Endpoint(call({}), tax.settings),
    "POST tax/settings": Endpoint(tax.UPDATE, tax.update),
    "POST webhook_endpoints": Endpoint(events.CREATE_ENDPOINT, events.create_endpoint),
    "GET webhook_endpoints": many("webhook_endpoint", {}),
    "GET webhook_endpoints/*": one("webhook_endpoint"),
    "POST webhook_endpoints/*": Endpoint(events.UPDATE_ENDPOINT, events.update_endpoint),
    "DELETE webhook_endpoints/*": Endpoint(NOTHING, events.delete_endpoint),
}


def _tree() -> dict[str, Any]:
    root: dict[str, Any] = {}
    for address, endpoint in ENDPOINTS.items():
        method, path = address.split()
        node = root.setdefault(method, {})
        for part in path.split("/"):
            node = node.setdefault(part, {})
        node[""] = endpoint
    return root


TREE: Final = _tree()


def find(method: str, path: str) -> tuple[Endpoint, list[str]] | None:
    """The endpoint of an address below `/v1/`, and the ids in it."""
    node = TREE.get(method, {})
    ids = []
    for part in path.split("/"):
        if part in node and part:
            node = node[part]
        elif "*" in node and part:
            node = node["*"]
            ids.append(part)
        else:
            return None
    return None if "" not in node else (node[""], ids)
