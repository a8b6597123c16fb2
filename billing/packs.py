"""What is for sale: how many credits a pack has is our setting, what it costs is Stripe's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache

from billing.errors import UnknownPack
from billing.stripe_gateway import gateway
from billing.stripe_objects import Price

SINGLE_PACK_CREDITS: Final = 10
PRICE_CACHE_S: Final = 300

# Currencies whose smallest unit is not a hundredth. Source: Stripe's page on zero-decimal currencies.
_DECIMALS: Final = dict.fromkeys(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"],
    0,
) | dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3)
_SIGNS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "krw": "₩"}


@dataclass(frozen=True, slots=True)
class Pack:
    """So many credits for one Stripe price."""

    price_id: str
    credits: int
    name: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack with what it costs, in the currency's smallest unit."""

    pack: Pack
    unit_amount: int
    currency: str

    @property
    def price_text(self) -> str:
        """The price as a person reads it, such as `$5.00`."""
        return money_text(self.unit_amount, self.currency)


def packs() -> tuple[Pack, ...]:
    """The packs of `CREDIT_PACKS`, or the one of `STRIPE_PRICE_ID`; checked by `manage.py check`."""
    configured: list[Mapping[str, Any]] = settings.CREDIT_PACKS
    if not configured and settings.STRIPE_PRICE_ID:
        configured = [{"price": settings.STRIPE_PRICE_ID}]
    return tuple(_pack(raw) for raw in configured)


def pack_of(price_id: str | None) -> Pack:
    """The pack of a price id; with one pack, it need not be named. Raises `UnknownPack`."""
    for_sale = packs()
    if not price_id and len(for_sale) == 1:
        return for_sale[0]
    for pack in for_sale:
        if pack.price_id == price_id:
            return pack
    raise UnknownPack("no such pack")


def offers() -> tuple[Offer, ...]:
    """The packs that can be bought now, with their prices as Stripe has them (kept for five minutes).

    A pack whose price is archived, recurring or without an amount is left out. Raises `StripeError`.
    """
    return tuple(
        Offer(pack=pack, unit_amount=price.unit_amount, currency=price.currency)
        for pack in packs()
        if (price := _price(pack.price_id)).is_for_sale
    )


def money_text(amount: int, currency: str) -> str:
    """An amount in the currency's smallest unit as text, without a float in between."""
    decimals = _DECIMALS.get(currency, 2)
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(decimals + 1, "0")
    whole = f"{int(digits[: len(digits) - decimals]):,}"
    number = f"{whole}.{digits[-decimals:]}" if decimals else whole
    symbol = _SIGNS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency.upper()}"


def _pack(raw: Mapping[str, Any]) -> Pack:
    credits = int(raw.get("credits", SINGLE_PACK_CREDITS))
    return Pack(
        price_id=str(raw["price"]), credits=credits, name=str(raw.get("name") or f"{credits} credits")
    )


def _price(price_id: str) -> Price:
    key = f"stripe-price:{settings.STRIPE_API_BASE}:{price_id}"
    price: Price | None = cache.get(key)
    if price is None:
        price = gateway().price(price_id)
        cache.set(key, price, timeout=PRICE_CACHE_S)
    return price
