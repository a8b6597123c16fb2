"""Amounts of money as people read them. Stripe's amounts are whole numbers of a currency's smallest unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from babel.numbers import format_currency, get_currency_symbol
from django.utils.translation import get_language, to_locale

# How many of an amount's digits stand behind the point, where that is not two. It is Stripe's own table, not the
# currency's: the króna has no cents, and travels with two zeros all the same.
# Source: https://docs.stripe.com/currencies#zero-decimal
_DECIMALS: Final = dict.fromkeys(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"],
    0,
) | dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3)
_CODE_BEFORE_NUMBER: Final = "¤\N{NO-BREAK SPACE}#,##0.00"


def money_text(amount: int, currency: str) -> str:
    """An amount in the currency's smallest unit as text, such as `$5.00`, without a float in between."""
    exact = Decimal(amount).scaleb(-_DECIMALS.get(currency.lower(), 2))
    code, locale = currency.upper(), to_locale(get_language() or "en")
    # "CHF 9.99", but "$9.99".
    apart = get_currency_symbol(code, locale=locale)[-1:].isalpha()
    # Not quantized: a currency whose cents nobody uses any more must not lose the ones that are charged.
    return format_currency(
        exact,
        code,
        format=_CODE_BEFORE_NUMBER if apart else None,
        locale=locale,
        decimal_quantization=False,
    )
