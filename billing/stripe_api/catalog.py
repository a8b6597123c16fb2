"""What is for sale in Stripe: prices and their products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.errors import NotInStripe, StripeRefused
from billing.stripe_api.client import asking_stripe
from billing.stripe_api.fields import expanded, objects, read, read_or_none

# The least that Stripe charges, in the smallest unit; in others it is what comes to that of the account's currency.
# Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
LEAST_CHARGED: Final = {
    **dict.fromkeys(("aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd", "usd"), 50),
    **dict.fromkeys(("aed", "myr", "pln", "ron"), 200),
    **dict.fromkeys(("nok", "sek"), 300),
    **{"gbp": 30, "dkk": 250, "hkd": 400, "mxn": 1000, "thb": 1000, "czk": 1500, "huf": 17500},
}


@dataclass(frozen=True, slots=True)
class Price:
    """What a pack costs, in the currency's smallest unit. `faults` say why Checkout cannot sell it, a clause each."""

    id: str
    unit_amount: int
    currency: str
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class CatalogPrice:
    """A price with its product, archived or not. Without a fixed amount `unit_amount` is None."""

    id: str
    unit_amount: int | None
    currency: str
    is_active: bool
    product_id: str
    product_name: str
    product_is_active: bool


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to be made, in the currency's smallest unit; `lookup_key` is ours to find it again."""

    lookup_key: str
    unit_amount: int
    currency: str
    product_name: str
    metadata: Mapping[str, str]


def retrieve(price_id: str) -> Price:
    """A price as it is now. That Stripe refuses to tell it is a fault like any other."""
    try:
        with asking_stripe() as v1:
            price = v1.prices.retrieve(price_id, {"expand": ["product"]})
    except StripeRefused as exc:
        fault = "Stripe has none by this id in this mode" if isinstance(exc, NotInStripe) else str(exc)
        return Price(price_id, unit_amount=0, currency="", faults=[fault])
    return Price(
        id=read(price, "id", str),
        unit_amount=read_or_none(price, "unit_amount", int) or 0,
        currency=read(price, "currency", str),
        faults=_faults(price),
    )


def find_price(lookup_key: str) -> CatalogPrice | None:
    """The price that has this lookup key, archived or not, with its product."""
    with asking_stripe() as v1:
        listed = v1.prices.list({"lookup_keys": [lookup_key], "expand": ["data.product"], "limit": 1})
    found = objects(listed)
    return _catalog_price(found[0]) if found else None


def create_price(wanted: NewPrice, *, instead_of: CatalogPrice | None) -> str:
    """Make a price, and its product unless it takes over from another price; return its id.

    Stripe never changes the amount of a price, so a new amount is a new price, to which the lookup key goes.
    """
    asked: Any = {
        "currency": wanted.currency,
        "unit_amount": wanted.unit_amount,
        "lookup_key": wanted.lookup_key,
        "metadata": wanted.metadata,
    }
    if instead_of is None:
        asked["product_data"] = {"name": wanted.product_name, "metadata": wanted.metadata}
    else:
        asked |= {"product": instead_of.product_id, "transfer_lookup_key": True}
    # No idempotency key of ours: a lookup key belongs to one price, so there is never a second one of it.
    with asking_stripe() as v1:
        made = v1.prices.create(asked)
    return read(made, "id", str)


def unarchive_price(price_id: str) -> None:
    """Have a price for sale again."""
    with asking_stripe() as v1:
        v1.prices.update(price_id, {"active": True})


def update_product(product_id: str, *, name: str) -> None:
    """Have a product for sale under this name."""
    with asking_stripe() as v1:
        v1.products.update(product_id, {"name": name, "active": True})


def _faults(price: object) -> list[str]:
    product = expanded(price, "product")
    faults = {
        "it is archived": not read(price, "active", bool),
        "it is recurring": read(price, "type", str) != "one_time",
        "it has no fixed amount": read_or_none(price, "unit_amount", int) is None,
        # Of a deleted one Stripe answers with a stub that does not say.
        "its product is archived": product is not None and not read_or_none(product, "active", bool),
    }
    return [fault for fault, is_so in faults.items() if is_so]


def _catalog_price(price: Any) -> CatalogPrice:
    product = expanded(price, "product")
    return CatalogPrice(
        id=read(price, "id", str),
        unit_amount=read_or_none(price, "unit_amount", int),
        currency=read(price, "currency", str),
        is_active=read(price, "active", bool),
        product_id=read(product, "id", str),
        # A deleted product is a stub without these.
        product_name=read_or_none(product, "name", str) or "",
        product_is_active=read_or_none(product, "active", bool) or False,
    )
