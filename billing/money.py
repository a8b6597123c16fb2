"""Amounts of money as people read them. Stripe's amounts are whole numbers of a currency's smallest unit."""

from __future__ import annotations

import functools
from copy import copy
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.numbers import get_currency_precision, get_currency_symbol, parse_pattern
from django.utils.translation import get_language, to_locale

# How many of an amount's digits stand behind the point, where that is not two. It is Stripe's own table, not the
# currency's: the króna has no cents, and travels with two zeros all the same.
# Source: https://docs.stripe.com/currencies#zero-decimal
_DECIMALS: Final = dict.fromkeys(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"],
    0,
) | dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3)
_CODE_BEFORE_NUMBER: Final = parse_pattern("¤\N{NO-BREAK SPACE}#,##0.00")


def money_text(amount: int, currency: str) -> str:
    """An amount in the currency's smallest unit as text, such as `$5.00`, without a float in between."""
    return _text(Decimal(amount), currency, more_places=0, language=get_language() or "en")


def share_text(amount: int, parts: int, currency: str) -> str:
    """What one of `parts` is worth, such as `$0.50`: to a hundredth of the smallest unit where it must be."""
    share = Decimal(amount) / parts
    more_places = 0 if share == share.to_integral_value() else 2
    return _text(share, currency, more_places=more_places, language=get_language() or "en")


@functools.lru_cache(maxsize=1_000)  # every page with the packs says the same thirty
def _text(amount: Decimal, currency: str, *, more_places: int, language: str) -> str:
    places = _DECIMALS.get(currency.lower(), 2)
    exact = amount.scaleb(-places).quantize(Decimal(1).scaleb(-places - more_places))
    places += more_places
    code, locale = currency.upper(), Locale.parse(to_locale(language))
    if exact == exact.to_integral_value():
        # Of a currency whose cents nobody uses any more, none are written unless they are charged.
        places = min(places, get_currency_precision(code))
    standard = locale.currency_formats["standard"]
    # "CHF 9.99", but "$9.99".
    apart = standard.pattern.startswith("¤#") and get_currency_symbol(code, locale=locale)[-1:].isalpha()
    pattern = copy(_CODE_BEFORE_NUMBER if apart else standard)
    pattern.frac_prec = (places, places)
    text: str = pattern.apply(exact, locale, currency=code, currency_digits=False)
    return text
