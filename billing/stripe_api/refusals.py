"""What each refusal of Stripe means here: one table for every call. `docs/operations.md` shows it.

Some refusals have no code; those are known by the parameter that they are about, or by the words of the message.
Source: https://docs.stripe.com/error-codes
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import stripe

from billing.errors import (
    CurrencyRefused,
    EmailRefused,
    InvoiceRefused,
    NotInStripe,
    OrderTooLarge,
    PackNotForSale,
    StripeError,
    StripeRefused,
    StripeUnavailable,
)

_NUMBER: Final = re.compile(r"\[\d+\]")

# What the site does about a refusal. `docs/operations.md` explains each.
PASSES: Final = "passes"
GOES_ON: Final = "goes on without"
MADE_GOOD: Final = "made good"
BUYER: Final = "the buyer's"
SELLER: Final = "the seller's"


@dataclass(frozen=True, slots=True)
class Row:
    """One meaning, and what gives it away: any of these codes or statuses, the parameter, or words of the message.

    `param` covers those inside it, and `[]` stands for any number. `hint` is what the seller can do.
    """

    error: type[StripeError]
    follows: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    param: str = ""
    words: tuple[str, ...] = ()
    hint: str = ""

    def fits(self, *, code: str, status: int | None, param: str, message: str) -> bool:
        """Whether a refusal is one of these."""
        return (
            code in self.codes
            or status in self.statuses
            or bool(self.param and f"{_NUMBER.sub('[]', param)}[".startswith(f"{self.param}["))
            or any(words in message.lower() for words in self.words)
        )


OTHERS: Final = Row(
    StripeRefused, SELLER, hint="Look for the request in Stripe's dashboard, Developers, Logs."
)
# The first that fits decides, and if none does, `OTHERS`.
TABLE: Final = (
    Row(
        StripeUnavailable,
        PASSES,
        codes=("rate_limit", "lock_timeout", "idempotency_key_in_use"),
        statuses=(409, 429),
        # Something else was asked under the key, and nobody knows what came of it.
        words=("keys for idempotent requests",),
    ),
    Row(
        StripeRefused,
        SELLER,
        codes=("api_key_expired", "platform_api_key_expired", "secret_key_required"),
        statuses=(401,),
        hint="Copy the secret key from Stripe's dashboard, Developers, API keys, into `STRIPE_SECRET_KEY`.",
    ),
    Row(
        StripeRefused,
        SELLER,
        codes=("testmode_charges_only", "account_invalid", "capability_not_active", "country_unsupported"),
        words=("account or business name",),
        hint="Finish the account's activation in Stripe's dashboard, with the name of the business.",
    ),
    Row(
        StripeRefused,
        SELLER,
        statuses=(403,),
        hint="Give the restricted key the permissions that `docs/deploy.md` lists, or use a secret key.",
    ),
    Row(
        StripeRefused,
        SELLER,
        codes=("amount_too_small",),
        hint="Raise the price of the pack above the smallest amount that Stripe charges in its currency.",
    ),
    Row(
        StripeRefused,
        SELLER,
        codes=("payment_method_unactivated", "invoice_no_payment_method_types"),
        words=("no valid payment method types",),
        hint="Turn on a way to pay in this currency in Stripe's dashboard, Settings, Payment methods.",
    ),
    Row(
        StripeRefused,
        SELLER,
        codes=("customer_tax_location_invalid",),
        param="automatic_tax",
        words=("head office address",),
        hint="Set up Stripe Tax in Stripe's dashboard, Settings, Tax, or turn `CHECKOUT_AUTOMATIC_TAX` off.",
    ),
    Row(
        StripeRefused,
        SELLER,
        param="consent_collection",
        words=("terms of service",),
        hint="Set the address of your terms in Stripe's dashboard, Public details, or turn `CHECKOUT_TERMS` off.",
    ),
    Row(
        OrderTooLarge,
        BUYER,
        codes=("amount_too_large",),
        param="line_items[][quantity]",
        hint="Lower the price of the pack, or sell fewer at once.",
    ),
    Row(
        EmailRefused,
        GOES_ON,
        codes=("email_invalid",),
        param="email",
        hint="The customer has no email in Stripe, and gets no receipt by mail.",
    ),
    Row(
        InvoiceRefused,
        GOES_ON,
        param="invoice_creation",
        hint="The purchase has no invoice, and the history shows no receipt of it.",
    ),
    Row(
        CurrencyRefused,
        MADE_GOOD,
        words=("combine currencies",),
        hint="The buyer has a second customer, for this currency.",
    ),
    Row(
        PackNotForSale,
        BUYER,
        codes=("product_inactive",),
        param="line_items",
        hint="Unarchive the price or its product in Stripe's dashboard, or name another in `CREDIT_PACKS`.",
    ),
    Row(
        NotInStripe,
        MADE_GOOD,
        codes=("resource_missing",),
        statuses=(404,),
        param="payment_intent",
        hint="Look whether it was deleted in Stripe, or made with the keys of the other mode.",
    ),
)


def meaning(exc: stripe.StripeError) -> StripeError:
    """What Stripe's error is here. What Stripe says in words is not passed on: it can hold what was sent."""
    # The library itself tells the code of a 400 only.
    code, param, message = (_text(exc.error, name) for name in ("code", "param", "message"))
    status = exc.http_status
    fitting = (row for row in TABLE if row.fits(code=code, status=status, param=param, message=message))
    row = next(fitting, OTHERS)
    if not issubclass(row.error, StripeRefused):
        return row.error(f"No usable answer from Stripe (HTTP {status} {code})")
    return row.error(
        status=status,
        code=code or type(exc).__name__,
        param=param,
        request_id=exc.request_id or "",
        hint=row.hint,
    )


def _text(error: object, name: str) -> str:
    found = getattr(error, name, None)
    return found if isinstance(found, str) else ""
