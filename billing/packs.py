"""What is for sale: how many credits a pack has is our setting, what it costs is Stripe's.

A pack in `CREDIT_PACKS` may also say what it shall cost. Only `stripe_setup` reads that, to make the price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache

from billing.errors import BadPackPlan, UnknownPack
from billing.money import money_text
from billing.stripe_api import catalog
from billing.stripe_api.catalog import Price

SINGLE_PACK_CREDITS: Final = 10
PRICE_CACHE_S: Final = 300
_CURRENCY: Final = re.compile(r"[a-z]{3}")


@dataclass(frozen=True, slots=True)
class Pack:
    """So many credits for one Stripe price."""

    price_id: str
    credits: int
    name: str


@dataclass(frozen=True, slots=True)
class PackPlan:
    """A pack as it shall be sold, whether Stripe has a price for it yet or not."""

    credits: int
    name: str
    unit_amount: int
    currency: str


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
    """The packs of `CREDIT_PACKS`, or the one of `STRIPE_PRICE_ID`; checked by `manage.py check`.

    A pack without a price is not for sale yet.
    """
    configured: list[Mapping[str, Any]] = settings.CREDIT_PACKS
    if not configured and settings.STRIPE_PRICE_ID:
        configured = [{"price": settings.STRIPE_PRICE_ID}]
    return tuple(_pack(raw) for raw in configured if raw.get("price"))


def pack_plans() -> tuple[PackPlan, ...]:
    """The packs of `CREDIT_PACKS` with what they shall cost. Raises `BadPackPlan`, which names the pack."""
    if not isinstance(settings.CREDIT_PACKS, list):
        raise BadPackPlan(1)
    return tuple(_plan(number, raw) for number, raw in enumerate(settings.CREDIT_PACKS, start=1))


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


def _pack(raw: Mapping[str, Any]) -> Pack:
    credits = _whole(raw.get("credits", SINGLE_PACK_CREDITS))
    return Pack(price_id=str(raw["price"]), credits=credits, name=_name(raw, credits))


def _name(raw: Mapping[str, Any], credits: int) -> str:
    return str(raw.get("name") or f"{credits} credits")


def _whole(value: object) -> int:
    """A whole number; `int` alone would make 5 of 5.50."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a whole number")
    return int(value)


def _plan(number: int, raw: Mapping[str, Any]) -> PackPlan:
    try:
        credits, unit_amount = _whole(raw["credits"]), _whole(raw["unit_amount"])
        plan = PackPlan(credits, _name(raw, credits), unit_amount, str(raw["currency"]).lower())
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise BadPackPlan(number) from exc
    if plan.credits < 1 or plan.unit_amount < 0 or not _CURRENCY.fullmatch(plan.currency):
        raise BadPackPlan(number)
    return plan


def _price(price_id: str) -> Price:
    key = f"catalog:{settings.STRIPE_API_BASE}:{price_id}"
    price: Price | None = cache.get(key)
    if price is None:
        price = catalog.retrieve(price_id)
        cache.set(key, price, timeout=PRICE_CACHE_S)
    return price
