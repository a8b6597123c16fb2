"""Stripe's test cards and test bank accounts, and what each of them does.

Source: https://docs.stripe.com/testing
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from sandbox.stripe.errors import doc_url

Complaint = Literal["fraudulent", "inquiry", "warning"]
RefundCourse = Literal["succeeds", "pending_then_succeeds", "succeeds_then_fails"]
# How a bank debit ends, days after it was started.
DebitPlan = Literal["ok", "fails"]


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment did not happen."""

    code: str
    message: str
    decline_code: str | None = None
    outcome: str = "issuer_declined"

    def as_error(self) -> dict[str, Any]:
        """As it stands in a PaymentIntent's `last_payment_error`."""
        error = {"type": "card_error", "code": self.code, "message": self.message}
        error["doc_url"] = doc_url(self.code)
        return error if self.decline_code is None else error | {"decline_code": self.decline_code}


@dataclass(frozen=True, slots=True)
class Card:
    """One test card."""

    number: str
    label: str
    brand: str = "visa"
    decline: Decline | None = None
    asks_3ds: bool = False
    complaint: Complaint | None = None
    refund: RefundCourse = "succeeds"
    funds_at_once: bool = False

    @property
    def grouped(self) -> str:
        """The number as it is printed on the card."""
        sizes = (4, 6, 5) if len(self.number) == 15 else (4, 4, 4, 4)
        digits = iter(self.number)
        return " ".join("".join(islice(digits, size)) for size in sizes)


def _declined(decline_code: str, message: str = "Your card was declined.", **more: Any) -> Decline:
    return Decline("card_declined", message, decline_code, **more)


INSUFFICIENT_FUNDS: Final = _declined("insufficient_funds", "Your card has insufficient funds.")
INCORRECT_NUMBER: Final = Decline("incorrect_number", "Your card number is incorrect.")
INCOMPLETE_NUMBER: Final = Decline("incomplete_number", "Your card number is incomplete.")
INVALID_EXPIRY: Final = Decline("invalid_expiry_year", "Your card's expiry date is in the past.")
INCOMPLETE_EXPIRY: Final = Decline("incomplete_expiry", "Your card's expiry date is incomplete.")
INVALID_CVC: Final = Decline("invalid_cvc", "Your card's security code is invalid.")
NOT_A_TEST_CARD: Final = _declined(
    "test_mode_live_card",
    "Your card was declined. This is a sandbox; use one of the test cards.",
)
INVALID_IBAN: Final = Decline("invalid_iban", "The IBAN you entered is invalid.")
NOT_A_TEST_IBAN: Final = Decline(
    "payment_method_provider_decline", "This is a sandbox; use one of the test IBANs."
)
AUTHENTICATION_FAILED: Final = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different one and try again.",
)
DEBIT_FAILED: Final = Decline("payment_method_provider_decline", "The bank refused the debit.")

CARDS: Final = (
    Card("4242424242424242", "Pays"),
    Card("5555555555554444", "Pays (Mastercard)", brand="mastercard"),
    Card("378282246310005", "Pays (American Express)", brand="amex"),
    Card("4000000000000077", "Pays, funds available at once", funds_at_once=True),
    Card("4000000000000002", "Declined", decline=_declined("generic_decline")),
    Card("4000000000009995", "Insufficient funds", decline=INSUFFICIENT_FUNDS),
    Card("4000000000009987", "Lost card", decline=_declined("lost_card")),
    Card("4000000000009979", "Stolen card", decline=_declined("stolen_card")),
    Card("4000000000000069", "Expired", decline=Decline("expired_card", "Your card has expired.")),
    Card(
        "4000000000000127",
        "Wrong security code",
        decline=Decline("incorrect_cvc", "Your card's security code is incorrect."),
    ),
    Card(
        "4000000000000119",
        "Processing error",
        decline=Decline("processing_error", "An error occurred while processing your card. Try again later."),
    ),
    Card("4100000000000019", "Blocked as fraud", decline=_declined("fraudulent", outcome="blocked")),
    Card("4000002500003155", "Asks for 3D Secure", asks_3ds=True),
    Card("4000002760003184", "Always asks for 3D Secure", asks_3ds=True),
    Card("4000008260003178", "3D Secure, then declined", asks_3ds=True, decline=INSUFFICIENT_FUNDS),
    Card("4000000000000259", "Pays, then disputed", complaint="fraudulent"),
    Card("4000000000001976", "Pays, then an inquiry", complaint="inquiry"),
    Card("4000000000005423", "Pays, then an early fraud warning", complaint="warning"),
    Card("4000000000007726", "Refund starts pending", refund="pending_then_succeeds"),
    Card("4000000000005126", "Refund fails later", refund="succeeds_then_fails"),
)
BY_NUMBER: Final = {card.number: card for card in CARDS}


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One test account for SEPA debits."""

    iban: str
    label: str
    plan: DebitPlan

    @property
    def grouped(self) -> str:
        """The IBAN as it is printed on paper."""
        return " ".join(self.iban[start : start + 4] for start in range(0, len(self.iban), 4))


BANK_ACCOUNTS: Final = (
    BankAccount("AT611904300234573201", "Pays, some days later", "ok"),
    BankAccount("AT861904300235473202", "Bounces, some days later", "fails"),
)
BY_IBAN: Final = {account.iban: account for account in BANK_ACCOUNTS}
CVC: Final = re.compile(r"[0-9]{3,4}")
EXPIRY: Final = re.compile(r"\s*([0-9]{1,2})\s*/\s*([0-9]{4}|[0-9]{2})\s*")
IBAN_FORM: Final = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")


def read_number(typed: str) -> Card | Decline:
    """The card of a number as somebody typed it, or what is wrong with the number. Spaces do not matter."""
    number = "".join(typed.split()).replace("-", "")
    if not number.isascii() or not number.isdecimal() or not 13 <= len(number) <= 19:
        return INCOMPLETE_NUMBER
    if not passes_luhn(number):
        return INCORRECT_NUMBER
    return BY_NUMBER.get(number, NOT_A_TEST_CARD)


def passes_luhn(number: str) -> bool:
    """Whether the last digit is the right check digit for the others."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def read_iban(typed: str) -> BankAccount | Decline:
    """The test account of an IBAN as somebody typed it, or what is wrong with it, without asking a bank.

    Source: https://docs.stripe.com/testing#sepa-direct-debit
    """
    iban = "".join(typed.split()).upper()
    if not IBAN_FORM.fullmatch(iban) or not _passes_mod_97(iban):
        return INVALID_IBAN
    return BY_IBAN.get(iban, NOT_A_TEST_IBAN)


def _passes_mod_97(iban: str) -> bool:
    # A letter counts as the two digits of its place after 9, and the first four characters come last.
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def check_details(*, expiry: str, cvc: str, now_year_month: tuple[int, int]) -> Decline | None:
    """What is wrong with the other fields of the form. An empty field is accepted."""
    if cvc.strip() and not CVC.fullmatch(cvc.strip()):
        return INVALID_CVC
    if not expiry.strip():
        return None
    typed = EXPIRY.fullmatch(expiry)
    if typed is None or not 1 <= int(typed[1]) <= 12:
        return INCOMPLETE_EXPIRY
    year = int(typed[2]) if len(typed[2]) == 4 else 2000 + int(typed[2])
    return INVALID_EXPIRY if (year, int(typed[1])) < now_year_month else None
