"""The JSON of money that comes, goes back and is argued about.

Source: https://docs.stripe.com/api/payment_intents, /charges, /refunds, /disputes
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe.bodies import nothing
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.store import Json

CARD_COUNTRY: Final = "US"
# The far end of every test card: what it is does not matter, only that it lies ahead.
CARD_EXPIRY: Final = (12, 2034)


def payment_intent(object_id: str, given: Json, *, created: int, secret: str) -> Json:
    """A PaymentIntent that waits for a payment method; `given` has amount, currency and the methods."""
    body = {
        "id": object_id,
        "object": "payment_intent",
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{object_id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": created,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {
            "card": nothing("installments", "mandate_options", "network")
            | {"request_three_d_secure": "automatic"}
        },
        "status": "requires_payment_method",
    }
    return body | nothing(*NULL_IN_INTENT) | given


NULL_IN_INTENT: Final = (
    *("allowed_payment_method_types", "application", "application_fee_amount", "automatic_payment_methods"),
    *("canceled_at", "cancellation_reason", "customer", "customer_account", "description"),
    *("excluded_payment_method_types", "last_payment_error", "latest_charge", "managed_payments"),
    *("next_action", "on_behalf_of", "payment_method", "payment_method_configuration_details"),
    *("payment_record", "processing", "receipt_email", "review", "setup_future_usage", "shipping", "source"),
    *("statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group"),
)


def charge(object_id: str, intent: Json, *, created: int, details: Json, method: Json, status: str) -> Json:
    """A Charge for a PaymentIntent; `details` are the customer's, `method` is how it was paid."""
    billing = {"address": details.get("address"), "email": details.get("email"), "name": details.get("name")}
    body = {
        "id": object_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if status == "failed" else intent["amount"],
        "amount_refunded": 0,
        "billing_details": billing | nothing("phone", "tax_id"),
        "calculated_statement_descriptor": "SANDBOX",
        "captured": status != "failed",
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": outcome(None) if status == "succeeded" else None,
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": method,
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": status,
    }
    return nothing(*NULL_IN_CHARGE) | body


NULL_IN_CHARGE: Final = (
    *("application", "application_fee", "application_fee_amount", "balance_transaction", "failure_code"),
    *("failure_balance_transaction", "failure_message", "on_behalf_of", "receipt_number", "receipt_url"),
    *("review", "shipping", "source", "source_transfer", "statement_descriptor"),
    *("statement_descriptor_suffix", "transfer_data", "transfer_group"),
)


def outcome(decline: Decline | None) -> Json:
    """What the banks said of a Charge, or Radar, which lets no bank see what it blocks."""
    said: Json = nothing("advice_code", "network_advice_code", "network_decline_code")
    if decline is None:
        said |= {"network_status": "approved_by_network", "reason": None, "risk_level": "normal"}
        return said | {"seller_message": "Payment complete.", "type": "authorized"}
    if decline.outcome == "blocked":
        said |= {"network_status": "not_sent_to_network", "reason": "highest_risk_level"}
        said |= {"risk_level": "highest", "seller_message": "Stripe blocked this payment as too risky."}
        return said | {"type": "blocked"}
    return said | {
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "risk_level": "normal",
        "seller_message": decline.message,
        "type": decline.outcome,
    }


def card_details(card: Card, *, amount: int) -> Json:
    """How a card paid."""
    month, year = CARD_EXPIRY
    absent = ("authorization_code", "electronic_commerce_indicator", "installments", "mandate")
    return {
        "type": "card",
        "card": nothing(*absent, "network_transaction_id", "transaction_link_id", "wallet")
        | {
            "amount_authorized": amount,
            "brand": card.brand,
            "checks": nothing("address_line1_check", "address_postal_code_check") | {"cvc_check": "pass"},
            "country": CARD_COUNTRY,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": f"fp{card.number[:4]}{card.number[-4:]}",
            "funding": "credit",
            "last4": card.number[-4:],
            "network": card.brand,
            "regulated_status": "unregulated",
            "three_d_secure": _three_d_secure() if card.asks_3ds else None,
        },
    }


def _three_d_secure() -> Json:
    known = {"authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0"}
    absent = nothing("electronic_commerce_indicator", "exemption_indicator", "result_reason")
    return known | absent | {"transaction_id": None}


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


def bank_details(method: str, *, iban: str | None = None) -> Json:
    """How a bank debit paid; `iban` is the account's, for a method that has one."""
    known = BANK_DETAILS[method] | {"fingerprint": "fpbank", "last4": "6789"}
    if iban is not None:
        known |= {"bank_code": iban[4:9], "country": iban[:2], "last4": iban[-4:]}
    return {"type": method, method: known}


def balance_transaction(
    object_id: str,
    *,
    amount: int,
    fee: int,
    currency: str,
    kind: str,
    source: str,
    created: int,
    available_on: int,
) -> Json:
    """What moved on the seller's balance: `amount` came in (or went out), `fee` is Stripe's share."""
    part = {"amount": fee, "application": None, "currency": currency, "description": "Stripe fees"}
    return {
        "id": object_id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [part | {"type": "stripe_fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute" if kind == "adjustment" else kind,
        "source": source,
        "status": "available" if available_on <= created else "pending",
        "type": kind,
    }


def refund(object_id: str, charge_body: Json, *, amount: int, given: Json, created: int) -> Json:
    """A Refund; its status is set by what the card does."""
    method = charge_body["payment_method_details"]["type"]
    destination: Json = {"type": method}
    if method == "card":
        destination["card"] = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
    body = {
        "id": object_id,
        "object": "refund",
        "amount": amount,
        "charge": charge_body["id"],
        "created": created,
        "currency": charge_body["currency"],
        "customer": charge_body["customer"],
        "destination_details": destination,
        "metadata": {},
        "payment_intent": charge_body["payment_intent"],
        "payment_method": charge_body["payment_method"],
    }
    absent = ("balance_transaction", "customer_account", "reason", "receipt_number")
    return body | nothing(*absent, "source_transfer_reversal", "status", "transfer_reversal") | given


def dispute(object_id: str, charge_body: Json, *, amount: int, inquiry: bool, created: int) -> Json:
    """A Dispute that waits for the seller's answer; an inquiry moves no money."""
    card = charge_body["payment_method_details"].get("card", {})
    network = {"brand": card.get("brand", "visa"), "network": card.get("network", "visa")}
    return {
        "id": object_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge_body["id"],
        "created": created,
        "currency": charge_body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": nothing(*EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + 7 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge_body["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": network
            | {"case_type": "inquiry" if inquiry else "chargeback", "network_reason_code": "10.4"},
        },
        "reason": "fraudulent",
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


EVIDENCE: Final = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt"),
    *("refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
    *("service_documentation", "shipping_address", "shipping_carrier", "shipping_date"),
    *("shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)
