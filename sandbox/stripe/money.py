"""Sums of money, in whole cents (or whatever the currency's smallest unit is) and without rounding twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ZERO_DECIMAL: Final = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL: Final = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
# What a card payment must come to at least. Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM: Final = {"gbp": 30, "dkk": 250, "nok": 300, "sek": 300, "hkd": 400, "mxn": 1000, "czk": 1500}
USUAL_MINIMUM: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an order."""

    unit_amount: int
    quantity: int
    product: str

    @property
    def subtotal(self) -> int:
        """Before any discount."""
        return self.unit_amount * self.quantity


def minimum_charge(currency: str) -> int:
    """The smallest total above zero that can be charged."""
    return MINIMUM.get(currency, USUAL_MINIMUM)


def discounts(
    lines: list[Line],
    *,
    percent_off: float | None = None,
    amount_off: int | None = None,
    products: list[str] | None = None,
) -> list[int]:
    """What comes off each line. The whole is rounded once (half up) and then shared out; no cent is lost."""
    covered = [line.subtotal if products is None or line.product in products else 0 for line in lines]
    whole = sum(covered)
    if percent_off is not None:
        # Two decimals at most, so that hundredths of a percent are whole.
        off = (whole * round(percent_off * 100) + 5_000) // 10_000
    else:
        off = min(amount_off or 0, whole)
    shares: list[int] = []
    seen = 0
    for subtotal in covered:
        before = off * seen // whole if whole else 0
        seen += subtotal
        shares.append((off * seen // whole if whole else 0) - before)
    return shares


def display(amount: int, currency: str) -> str:
    """For people: `$5.00`, `¥500`, `CHF 5.00`."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    whole, part = divmod(abs(amount), 10**digits)
    number = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    sign = "-" if amount < 0 else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency.upper()} {number}"
