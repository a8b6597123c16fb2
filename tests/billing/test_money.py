"""How amounts of money read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import money_text

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (500, "usd", "$5.00"),
        (5, "usd", "$0.05"),
        (0, "usd", "$0.00"),
        (123456, "eur", "€1,234.56"),
        (-250, "gbp", "-£2.50"),
        (999, "chf", f"CHF{NBSP}9.99"),
    ],
)
def test_money_is_written_in_its_currency(amount: int, currency: str, text: str) -> None:
    assert money_text(amount, currency) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1000, "jpy", "¥1,000"),
        (1000, "krw", "₩1,000"),
        (1000, "clp", f"CLP{NBSP}1,000"),
        (1234, "kwd", f"KWD{NBSP}1.234"),
    ],
)
def test_a_currency_without_cents_or_with_three_digits_is_not_divided_by_a_hundred(
    amount: int, currency: str, text: str
) -> None:
    assert money_text(amount, currency) == text


def test_a_currency_that_stripe_sends_with_two_zeros_is_shown_without_them() -> None:
    assert money_text(50_000, "isk") == f"ISK{NBSP}500"
    assert money_text(50_000, "ugx") == f"UGX{NBSP}500"


def test_cents_that_are_charged_are_shown_though_nobody_uses_them() -> None:
    assert money_text(12_345, "lak") == f"LAK{NBSP}123.45"


def test_a_currency_that_nobody_knows_keeps_its_code() -> None:
    assert money_text(500, "xyz") == f"XYZ{NBSP}5.00"


@given(st.integers(min_value=-(10**14), max_value=10**14), st.sampled_from(["usd", "jpy", "kwd", "huf"]))
def test_no_digit_is_lost(amount: int, currency: str) -> None:
    shown = "".join(character for character in money_text(amount, currency) if character.isdigit())
    assert int(shown) == abs(amount)
