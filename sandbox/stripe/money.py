"""Amounts of money, in whole cents or the currency's smallest unit, rounded at most once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from babel.numbers import format_currency, get_currency_symbol

# Source: https://docs.stripe.com/currencies#zero-decimal, #three-decimal, #special-cases
ZERO_DECIMAL: Final = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL: Final = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
# The API has two decimals for them, which are always 00.
WHOLE_ON_PAPER: Final = frozenset(("isk", "ugx"))
LOCALE: Final = "en_US"
# What a card payment must come to at least. Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM: Final = {"gbp": 30, "dkk": 250, "nok": 300, "sek": 300, "hkd": 400, "mxn": 1000, "czk": 1500}
USUAL_MINIMUM: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order."""

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
    """The discount of each line. The sum is rounded once (half up) and then divided, so no cent is lost."""
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


def exponent(currency: str) -> int:
    """How many decimals an amount has in the API."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """For people: `$5.00`, `¥500`, `CHF 5.00`."""
    exact = Decimal(amount).scaleb(-exponent(currency))
    code = currency.upper()
    digits = 0 if currency in WHOLE_ON_PAPER else exponent(currency)
    apart = " " if get_currency_symbol(code, LOCALE)[-1].isalpha() else ""
    pattern = f"¤{apart}#,##0" + ("." + "0" * digits if digits else "")
    # The number of decimals is Stripe's, not Babel's, and none is dropped.
    return format_currency(
        exact, code, format=pattern, locale=LOCALE, currency_digits=False, decimal_quantization=False
    )
