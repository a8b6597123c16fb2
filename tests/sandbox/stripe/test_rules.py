"""What is decided on plain values: money, cards, forms."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.stripe import cards, money, params
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.errors import ApiError

LINES = st.lists(
    st.builds(
        money.Line,
        unit_amount=st.integers(0, 100_000),
        quantity=st.integers(1, 20),
        product=st.sampled_from(["prod_a", "prod_b"]),
    ),
    min_size=1,
    max_size=6,
)


@given(LINES, st.integers(1, 10_000))
def test_a_percentage_is_rounded_once_and_no_cent_is_lost(lines: list[money.Line], hundredths: int) -> None:
    shares = money.discounts(lines, percent_off=hundredths / 100)
    whole = sum(line.subtotal for line in lines)
    assert 2 * abs(sum(shares) * 10_000 - whole * hundredths) <= 10_000
    assert all(0 <= share <= line.subtotal for share, line in zip(shares, lines, strict=True))


@given(LINES, st.integers(1, 3_000_000))
def test_an_amount_off_never_goes_below_nothing(lines: list[money.Line], amount_off: int) -> None:
    shares = money.discounts(lines, amount_off=amount_off, products=["prod_a"])
    covered = [line.subtotal if line.product == "prod_a" else 0 for line in lines]
    assert sum(shares) == min(amount_off, sum(covered))
    assert all(0 <= share <= most for share, most in zip(shares, covered, strict=True))


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (500, "usd", "$5.00"),
        (123_456_789, "eur", "€1,234,567.89"),
        (500, "jpy", "¥500"),
        (1500, "kwd", "KWD 1.500"),
        (-150, "usd", "-$1.50"),
        (5, "chf", "CHF 0.05"),
        (-5, "chf", "-CHF 0.05"),
        (999_999_999_999_999_99, "usd", "$999,999,999,999,999.99"),
        # No cents in the country, two decimals on the wire.
        (150_000, "isk", "ISK 1,500"),
        (150_000, "ugx", "UGX 1,500"),
        # Lek and its like: CLDR has no coins for them, Stripe has.
        (550, "all", "ALL 5.50"),
    ],
)
def test_money_is_shown_as_people_write_it(amount: int, currency: str, shown: str) -> None:
    assert money.display(amount, currency) == shown


@given(st.integers(-(10**12), 10**12), st.sampled_from(["usd", "jpy", "kwd", "isk", "all", "mga"]))
def test_no_digit_of_an_amount_is_lost(amount: int, currency: str) -> None:
    shown = money.display(amount, currency)
    number = Decimal(re.sub(r"[^0-9.-]", "", shown))
    assert number.scaleb(money.exponent(currency)) == amount


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("AT61 1904 3002 3457 3201", "ok"),
        ("at611904300234573201", "ok"),
        ("AT861904300235473202", "fails"),
        ("", cards.INVALID_IBAN),
        ("AT61", cards.INVALID_IBAN),
        ("AT611904300234573202", cards.INVALID_IBAN),
        ("AT61 1904 3002 3457 320\uff11", cards.INVALID_IBAN),
        ("DE89370400440532013000", cards.NOT_A_TEST_IBAN),
    ],
)
def test_a_test_iban_says_how_its_debit_ends_and_any_other_is_refused(
    typed: str, expected: str | Decline
) -> None:
    account = cards.read_iban(typed)
    assert (account.plan if isinstance(account, cards.BankAccount) else account) == expected


def test_every_test_card_has_a_valid_number() -> None:
    assert all(cards.passes_luhn(card.number) for card in cards.CARDS)
    assert all(cards.read_number(card.grouped) is card for card in cards.CARDS)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_accepted_or_refused_with_a_reason(typed: str) -> None:
    assert isinstance(cards.read_iban(typed), cards.BankAccount | Decline)
    assert isinstance(cards.read_number(typed), Card | Decline)
    assert cards.check_details(expiry=typed, cvc=typed, now_year_month=(2027, 1)) in (
        *(None, cards.INVALID_CVC, cards.INCOMPLETE_EXPIRY),
        cards.INVALID_EXPIRY,
    )


@pytest.mark.parametrize(
    ("expiry", "problem"),
    [
        ("", None),
        ("01/27", None),
        ("1 / 2027", None),
        ("12 / 26", cards.INVALID_EXPIRY),
        ("00 / 30", cards.INCOMPLETE_EXPIRY),
        ("1227", cards.INCOMPLETE_EXPIRY),
    ],
)
def test_a_card_expires_after_its_month(expiry: str, problem: Decline | None) -> None:
    assert cards.check_details(expiry=expiry, cvc="", now_year_month=(2027, 1)) is problem


@pytest.mark.parametrize(
    ("form", "decoded"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[0][b]=1&a[0][c]=2&a[1][b]=3", {"a": {"0": {"b": "1", "c": "2"}, "1": {"b": "3"}}}),
        ("created%5Bgte%5D=5", {"created": {"gte": "5"}}),
        ("expand[]=a&expand[]=b", {"expand": {"0": "a", "1": "b"}}),
        ("name=a%20b+c", {"name": "a b c"}),
    ],
)
def test_brackets_are_nesting(form: str, decoded: dict[str, Any]) -> None:
    assert params.decode(form) == decoded


def test_a_list_keeps_the_order_of_its_numbers() -> None:
    raw = params.decode("".join(f"&a[{n}]={n}" for n in reversed(range(12))))
    assert params.list_of(params.integer())(raw["a"], "a") == list(range(12))


@given(st.text(max_size=200))
def test_no_form_breaks_the_reader(form: str) -> None:
    try:
        decoded = params.decode(form)
    except ApiError:
        return
    assert isinstance(decoded, dict)


@given(
    st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
)
def test_metadata_is_laid_over_what_was_there(old: dict[str, str], new: dict[str, str]) -> None:
    merged = params.merged_metadata(old, new)
    assert "" not in merged.values()
    assert all(merged[key] == value for key, value in new.items() if value)
    assert set(merged) <= set(old) | set(new)
