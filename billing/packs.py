"""What is for sale: how many credits a pack has is our setting, what it costs is Stripe's.

A pack in `CREDIT_PACKS` may also say what it shall cost. Only `stripe_setup` reads that, to make the price.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.errors import BadPackPlan, StripeUnavailable, UnknownPack
from billing.money import money_text, share_text
from billing.products import credits_text
from billing.stripe_api import catalog
from billing.stripe_api.catalog import Price
from credits_site import shared_cache

SINGLE_PACK_CREDITS: Final = 10
PRICES_FRESH_S: Final = 60
# How long a page waits for Stripe, and after how long another page may.
PATIENCE_S: Final = 1.0
ASKED_AGAIN_AFTER_S: Final = 60
_CURRENCY: Final = re.compile(r"[a-z]{3}")

logger = logging.getLogger(__name__)


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

    @property
    def credit_price_text(self) -> str:
        """What one of its credits costs, such as `$0.50`."""
        return share_text(self.unit_amount, self.pack.credits, self.currency)

    def total_text(self, quantity: int) -> str:
        """What so many of it come to, such as `20 credits for $10.00`."""
        credits = credits_text(quantity * self.pack.credits)
        money = money_text(quantity * self.unit_amount, self.currency)
        return _("%(credits)s for %(money)s") % {"credits": credits, "money": money}


def best_value(for_sale: Sequence[Offer]) -> Offer | None:
    """The offer whose credits cost less than those of each other; None where there is no such one."""
    if len(for_sale) < 2 or len({offer.currency for offer in for_sale}) > 1:
        return None
    best, second = sorted(for_sale, key=lambda offer: Fraction(offer.unit_amount, offer.pack.credits))[:2]
    is_tie = best.unit_amount * second.pack.credits == second.unit_amount * best.pack.credits
    return None if is_tie else best


def enough_text(missing: int) -> str:
    """Which pack has so many credits, or how many of the largest, in a sentence; empty with nothing to sell."""
    by_size = sorted(packs(), key=lambda pack: pack.credits)
    if not by_size:
        return ""
    pack = next((pack for pack in by_size if pack.credits >= missing), by_size[-1])
    number = -(-missing // pack.credits)
    enough = ngettext("One pack “%(name)s” is enough.", "%(number)s packs “%(name)s” are enough.", number)
    return enough % {"number": number, "name": pack.name}


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
    """The packs that can be bought now, with their prices as Stripe last said, five minutes ago at most.

    While Stripe does not answer they are older, and a page waits for it for a second, once a minute. A pack whose
    price Stripe cannot sell, or has never told, is left out. Raises `StripeUnavailable` when it has told none.
    """
    prices = _prices()
    if not prices and packs():
        raise StripeUnavailable("Stripe has not said what the packs cost")
    return tuple(
        Offer(pack=pack, unit_amount=price.unit_amount, currency=price.currency)
        for pack in packs()
        if (price := prices.get(pack.price_id)) and not price.faults
    )


def currency_of(pack: Pack) -> str:
    """The currency that a pack is paid in. Raises `StripeUnavailable`."""
    price = _prices().get(pack.price_id) or catalog.retrieve(pack.price_id)
    return price.currency


def forget_prices() -> None:
    """Have the next page ask Stripe for the prices."""
    shared_cache.forget(_asked(_key()))


def _pack(raw: Mapping[str, Any]) -> Pack:
    credits = _whole(raw.get("credits", SINGLE_PACK_CREDITS))
    return Pack(price_id=str(raw["price"]), credits=credits, name=_name(raw, credits))


def _name(raw: Mapping[str, Any], credits: int) -> str:
    return str(raw.get("name") or credits_text(credits))


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


def _key() -> str:
    """One key for all: they are read together, and a new pack makes a new key."""
    read = [settings.STRIPE_API_BASE, *(pack.price_id for pack in packs())]
    return "prices:" + hashlib.sha256(repr(read).encode()).hexdigest()


def _asked(key: str) -> str:
    return f"{key}:asked"


def _prices() -> dict[str, Price]:
    """The prices that are known, by their ids."""
    key = _key()
    # Whoever adds this first asks; everybody else goes on with what is known.
    if shared_cache.is_first(_asked(key), seconds=ASKED_AGAIN_AFTER_S):
        # In a thread, which may take its time when Stripe does: the next page shows what it finds.
        asking = threading.Thread(
            target=copy_context().run, args=(_read_prices, key), name="prices", daemon=True
        )
        asking.start()
        asking.join(PATIENCE_S)
    return shared_cache.recall(key) or {}


def _read_prices(key: str) -> None:
    """Read the price of each pack; one that cannot be read, or sold, stands in no other's way."""
    prices: dict[str, Price] = shared_cache.recall(key) or {}
    fresh_s = PRICES_FRESH_S
    for pack in packs():
        try:
            price = prices[pack.price_id] = catalog.retrieve(pack.price_id)
        except StripeUnavailable as exc:
            logger.warning("The price %s cannot be read: %s", pack.price_id, exc)
            fresh_s = ASKED_AGAIN_AFTER_S
        else:
            if price.faults:
                logger.error("%s (%s) cannot be sold: %s", pack.price_id, pack.name, ", ".join(price.faults))
    shared_cache.remember(key, prices, seconds=None)
    shared_cache.remember(_asked(key), True, seconds=fresh_s)
