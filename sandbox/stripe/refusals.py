"""Refusals of Stripe that a fault rule can ask for by their code, as Stripe words them.

What Stripe refuses without a code has a name of ours, with a hyphen.
Source: https://docs.stripe.com/error-codes, and for restricted keys https://docs.stripe.com/keys
"""

from __future__ import annotations

from typing import Final

from sandbox.serving import Response
from sandbox.stripe.errors import ApiError
from sandbox.stripe.tax import NO_HEAD_OFFICE

REQUEST_ID: Final = "req_refused0000000"

_UNNAMED: Final = {
    "key-unknown": ApiError("Invalid API Key provided: sk_test_********0000", status=401),
    "key-restricted": ApiError("The provided key does not have the required permissions.", status=403),
    "price-archived": ApiError("The price specified is inactive.", param="line_items[0][price]"),
    "quantity": ApiError("Invalid quantity.", param="line_items[0][quantity]"),
    "invoice-creation": ApiError("Invoices cannot be created here.", param="invoice_creation[enabled]"),
    "currency": ApiError(
        "You cannot combine currencies on a single customer. This customer has had an invoice item in usd."
    ),
    "tax-head-office": NO_HEAD_OFFICE,
    "terms-address": ApiError(
        "You cannot collect consent to your terms of service unless a URL is set in the Stripe Dashboard.",
        param="consent_collection[terms_of_service]",
    ),
    "key-reused": ApiError(
        "Keys for idempotent requests can only be used with the same parameters they were first used with.",
        kind="idempotency_error",
    ),
    "unheard-of": ApiError("Something that nobody has heard of."),
    "business-name": ApiError("In order to use Checkout, you must set an account or business name."),
}
_CODED: Final = (
    ApiError("This account is not active.", code="account_invalid", status=403),
    ApiError("The total amount due must be no more than $999,999.99 usd.", code="amount_too_large"),
    ApiError("The total amount due must add up to at least $0.50 usd.", code="amount_too_small"),
    ApiError("Expired API Key provided.", code="api_key_expired", status=401),
    ApiError("The card_payments capability is not active.", code="capability_not_active"),
    ApiError("Your platform cannot create charges in this country.", code="country_unsupported"),
    ApiError("The customer's location isn't recognized.", code="customer_tax_location_invalid"),
    ApiError("Invalid email address.", code="email_invalid", param="email"),
    ApiError("The key is in use.", code="idempotency_key_in_use", status=409, kind="idempotency_error"),
    ApiError("No payment method type can pay it.", code="invoice_no_payment_method_types"),
    ApiError("This object cannot be accessed right now.", code="lock_timeout", status=429),
    ApiError("This way to pay is not activated.", code="payment_method_unactivated"),
    ApiError("The API key of the platform has expired.", code="platform_api_key_expired", status=401),
    ApiError("The product is not available for purchase.", code="product_inactive"),
    ApiError("Too many requests.", code="rate_limit", status=429),
    ApiError("No such customer: 'cus_gone'", code="resource_missing", param="customer"),
    ApiError("A secret key is required.", code="secret_key_required", status=401),
    ApiError("Your account can only make test charges.", code="testmode_charges_only", status=402),
)
REFUSALS: Final = _UNNAMED | {error.code or "": error for error in _CODED}


def refusal(code: str) -> Response:
    """The answer with which Stripe refuses for this reason. Raises `KeyError` when it is none of these."""
    error = REFUSALS[code]
    return Response.json(error.as_json(), status=error.status, headers={"request-id": REQUEST_ID})
