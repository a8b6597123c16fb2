"""Which address does what, and with which parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sandbox.stripe import (
    balance,
    bodies,
    catalog,
    checkout,
    coupons,
    customers,
    disputes,
    events,
    invoices,
    params,
    payments,
    refunds,
)
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json
from sandbox.stripe.turn import Turn

RETRIEVE: Final = Shape(params.EXPAND)
NOTHING: Final = Shape({})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API: the parameters that it takes and the function that does it."""

    takes: Shape
    run: Callable[..., Json]


def _account(turn: Turn, given: Json) -> Json:
    """`GET /v1/account`."""
    return bodies.account()


# `*` stands for an id.
ENDPOINTS: Final[dict[str, Endpoint]] = {
    "GET account": Endpoint(RETRIEVE, _account),
    "GET balance_transactions/*": Endpoint(balance.RETRIEVE, balance.retrieve),
    "GET charges": Endpoint(payments.LIST_CHARGES, payments.list_charges),
    "GET charges/*": Endpoint(payments.RETRIEVE, payments.retrieve_charge),
    "POST checkout/sessions": Endpoint(checkout.CREATE, checkout.create),
    "GET checkout/sessions": Endpoint(checkout.LIST, checkout.list_all),
    "GET checkout/sessions/*": Endpoint(checkout.RETRIEVE, checkout.retrieve),
    "POST checkout/sessions/*": Endpoint(checkout.UPDATE, checkout.update),
    "POST checkout/sessions/*/expire": Endpoint(checkout.EXPIRE, checkout.expire),
    "GET checkout/sessions/*/line_items": Endpoint(checkout.LINE_ITEMS, checkout.line_items),
    "POST coupons": Endpoint(coupons.CREATE_COUPON, coupons.create_coupon),
    "GET coupons": Endpoint(coupons.LIST_COUPONS, coupons.list_coupons),
    "GET coupons/*": Endpoint(RETRIEVE, coupons.retrieve_coupon),
    "POST coupons/*": Endpoint(coupons.UPDATE_COUPON, coupons.update_coupon),
    "DELETE coupons/*": Endpoint(NOTHING, coupons.delete_coupon),
    "POST customers": Endpoint(customers.WRITE, customers.create),
    "GET customers": Endpoint(customers.LIST, customers.list_all),
    "GET customers/*": Endpoint(RETRIEVE, customers.retrieve),
    "POST customers/*": Endpoint(customers.WRITE, customers.update),
    "DELETE customers/*": Endpoint(NOTHING, customers.delete),
    "GET disputes": Endpoint(disputes.LIST, disputes.list_all),
    "GET disputes/*": Endpoint(disputes.RETRIEVE, disputes.retrieve),
    "POST disputes/*": Endpoint(disputes.UPDATE, disputes.update),
    "POST disputes/*/close": Endpoint(disputes.CLOSE, disputes.close),
    "GET events": Endpoint(events.LIST, events.list_all),
    "GET events/*": Endpoint(events.RETRIEVE, events.retrieve),
    "GET invoices": Endpoint(invoices.LIST, invoices.list_all),
    "GET invoices/*": Endpoint(RETRIEVE, invoices.retrieve),
    "GET invoices/*/lines": Endpoint(invoices.LINES, invoices.lines),
    "GET payment_intents": Endpoint(payments.LIST_INTENTS, payments.list_intents),
    "GET payment_intents/*": Endpoint(payments.RETRIEVE, payments.retrieve_intent),
    "POST prices": Endpoint(catalog.CREATE_PRICE, catalog.create_price),
    "GET prices": Endpoint(catalog.LIST_PRICES, catalog.list_prices),
    "GET prices/*": Endpoint(RETRIEVE, catalog.retrieve_price),
    "POST prices/*": Endpoint(catalog.UPDATE_PRICE, catalog.update_price),
    "POST products": Endpoint(catalog.CREATE_PRODUCT, catalog.create_product),
    "GET products": Endpoint(catalog.LIST_PRODUCTS, catalog.list_products),
    "GET products/*": Endpoint(RETRIEVE, catalog.retrieve_product),
    "POST products/*": Endpoint(catalog.UPDATE_PRODUCT, catalog.update_product),
    "POST promotion_codes": Endpoint(coupons.CREATE_CODE, coupons.create_code),
    "GET promotion_codes": Endpoint(coupons.LIST_CODES, coupons.list_codes),
    "GET promotion_codes/*": Endpoint(RETRIEVE, coupons.retrieve_code),
    "POST promotion_codes/*": Endpoint(coupons.UPDATE_CODE, coupons.update_code),
    "POST refunds": Endpoint(refunds.CREATE, refunds.create),
    "GET refunds": Endpoint(refunds.LIST, refunds.list_all),
    "GET refunds/*": Endpoint(refunds.RETRIEVE, refunds.retrieve),
    "POST refunds/*": Endpoint(refunds.UPDATE, refunds.update),
    "POST refunds/*/cancel": Endpoint(RETRIEVE, refunds.cancel),
    "POST webhook_endpoints": Endpoint(events.CREATE_ENDPOINT, events.create_endpoint),
    "GET webhook_endpoints": Endpoint(events.LIST_ENDPOINTS, events.list_endpoints),
    "GET webhook_endpoints/*": Endpoint(RETRIEVE, events.retrieve_endpoint),
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
