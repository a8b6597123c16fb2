"""How amounts of money read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import money_text, share_text

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
        (1000, "jpy", "¥1,000"),  # no cents
        (1000, "krw", "₩1,000"),
        (1000, "clp", f"CLP{NBSP}1,000"),
        (1234, "kwd", f"KWD{NBSP}1.234"),  # three digits
        (50_000, "isk", f"ISK{NBSP}500"),  # Stripe sends two zeros that nobody writes
        (50_000, "ugx", f"UGX{NBSP}500"),
        (12_345, "lak", f"LAK{NBSP}123.45"),  # nobody uses cents, but they are charged
        (12_340, "lak", f"LAK{NBSP}123.40"),
        (500, "xyz", f"XYZ{NBSP}5.00"),  # nobody knows it
    ],
)
def test_money_is_written_in_its_currency(amount: int, currency: str, text: str) -> None:
    assert money_text(amount, currency) == text


@given(st.integers(min_value=-(10**14), max_value=10**14), st.sampled_from(["usd", "jpy", "kwd", "huf"]))
def test_no_digit_is_lost(amount: int, currency: str) -> None:
    shown = "".join(character for character in money_text(amount, currency) if character.isdigit())
    # Cents that nobody uses are not written unless they are there; whose those are, Babel's versions do not agree.
    written = [abs(amount)] if amount % 100 or currency == "jpy" else [abs(amount), abs(amount) // 100]
    assert int(shown) in written


@pytest.mark.parametrize(
    ("amount", "parts", "currency", "text"),
    [
        (500, 10, "usd", "$0.50"),
        (997, 7, "usd", "$1.4243"),
        (5, 10, "usd", "$0.0050"),
        (100, 8, "jpy", "¥12.50"),
        (0, 5, "usd", "$0.00"),
    ],
)
def test_a_part_of_a_price_is_told_to_a_hundredth_of_the_smallest_unit_where_it_must(
    amount: int, parts: int, currency: str, text: str
) -> None:
    assert share_text(amount, parts, currency) == text
