"""What a Charge says of how it was paid.

Source: https://docs.stripe.com/api/charges/object
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe.bodies import keys
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.store import Json

# All test cards have the same date; it only has to lie in the future.
CARD_EXPIRY: Final = {"exp_month": 12, "exp_year": 2034}
SAME_AS_INTENT: Final = ("amount", "currency", "customer", "description", "payment_method", "receipt_email")
BANK_DETAILS: Final[dict[str, Json]] = {
    "us_bank_account": {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "SANDBOX BANK",
        "payment_reference": None,
        "routing_number": "110000000",
    },
    "sepa_debit": {"bank_code": "37040044", "branch_code": "", "country": "DE", "mandate": None},
    "bacs_debit": {"mandate": None, "sort_code": "108800"},
}


def charge_fields(intent: Json, *, buyer: Json, method: Json, status: str) -> Json:
    """The fields of a Charge for a PaymentIntent; `method` is how it was paid."""
    failed = status == "failed"
    return {name: intent[name] for name in SAME_AS_INTENT} | {
        "amount_captured": 0 if failed else intent["amount"],
        "billing_details": keys("address email name phone tax_id") | buyer,
        "captured": not failed,
        "metadata": dict(intent["metadata"]),
        "outcome": outcome(None) if status == "succeeded" else None,
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method_details": method,
        "status": status,
    }


def outcome(decline: Decline | None) -> Json:
    """What the bank answered; or Radar, which does not send what it blocks to the bank."""
    said: Json = {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
    said |= {"risk_level": "normal", "seller_message": "Payment complete."}
    if decline is not None:
        reason = decline.decline_code or decline.code
        said |= {"network_status": "declined_by_network", "reason": reason, "type": decline.outcome}
        said["seller_message"] = decline.message
    if said["type"] == "blocked":
        said |= {"network_status": "not_sent_to_network", "reason": "highest_risk_level"}
        said |= {"risk_level": "highest", "seller_message": "Stripe blocked this payment as too risky."}
    return keys("advice_code network_advice_code network_decline_code") | said


def card_details(card: Card, *, amount: int) -> Json:
    """How a card paid."""
    absent = "authorization_code electronic_commerce_indicator installments mandate network_transaction_id"
    details = {
        "amount_authorized": amount,
        "brand": card.brand,
        "checks": keys("address_line1_check address_postal_code_check") | {"cvc_check": "pass"},
        "country": "US",
        "fingerprint": f"fp{card.number[:4]}{card.number[-4:]}",
        "funding": "credit",
        "last4": card.number[-4:],
        "network": card.brand,
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if card.asks_3ds else None,
    }
    return {"type": "card", "card": keys(f"{absent} transaction_link_id wallet") | details | CARD_EXPIRY}


def _three_d_secure() -> Json:
    absent = keys("electronic_commerce_indicator exemption_indicator result_reason transaction_id")
    return absent | {"authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0"}


def bank_details(method: str, *, iban: str | None = None) -> Json:
    """How a bank debit paid; `iban` is the account's, for a method that has one."""
    known = BANK_DETAILS[method] | {"fingerprint": "fpbank", "last4": "6789"}
    if iban is not None:
        known |= {"bank_code": iban[4:9], "country": iban[:2], "last4": iban[-4:]}
    return {"type": method, method: known}
