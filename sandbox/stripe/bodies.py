"""The JSON of every object, with each key that Stripe always sends, null where there is nothing to say.

Source: https://docs.stripe.com/api, the "object" page of each resource, in version `API_VERSION`.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.store import Json

API_VERSION: Final = "2026-10-28.endive"
ACCOUNT_ID: Final = "acct_1Sandbox000000000"
CARD_COUNTRY: Final = "US"
# The far end of every test card: what it is does not matter, only that it lies ahead.
CARD_EXPIRY: Final = (12, 2034)
BLANK_ADDRESS: Final[Json] = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def nothing(*names: str) -> Json:
    """These keys, all null."""
    return dict.fromkeys(names)


def address(given: Json | None) -> Json | None:
    """An address with all of its parts."""
    return None if given is None else BLANK_ADDRESS | given


def object_list(url: str, data: list[Any], *, has_more: bool = False) -> Json:
    """A page of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def customer(object_id: str, given: Json, *, created: int, invoice_prefix: str) -> Json:
    """A Customer; `given` holds checked parameters."""
    body = {
        "id": object_id,
        "object": "customer",
        "balance": 0,
        "created": created,
        "delinquent": False,
        "invoice_prefix": invoice_prefix,
        "invoice_settings": nothing("custom_fields", "default_payment_method", "footer", "rendering_options"),
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    }
    absent = ("address", "currency", "customer_account", "default_source", "description", "discount", "email")
    return body | nothing(*absent, "name", "phone", "shipping", "test_clock") | given


def deleted(kind: str, object_id: str) -> Json:
    """All that is left of a deleted object."""
    return {"id": object_id, "object": kind, "deleted": True}


def product(object_id: str, given: Json, *, created: int) -> Json:
    """A Product."""
    body = {
        "id": object_id,
        "object": "product",
        "active": True,
        "created": created,
        "default_price": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "type": "service",
        "updated": created,
    }
    absent = ("description", "package_dimensions", "shippable", "statement_descriptor", "tax_code")
    return body | nothing(*absent, "tax_details", "unit_label", "url") | given


def price(object_id: str, given: Json, *, created: int) -> Json:
    """A Price; `given` has `product`, `currency` and `unit_amount`."""
    body = {
        "id": object_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "livemode": False,
        "metadata": {},
        "tax_behavior": "unspecified",
        "type": "recurring" if given.get("recurring") else "one_time",
        "unit_amount_decimal": str(given["unit_amount"]),
    }
    absent = ("custom_unit_amount", "lookup_key", "nickname", "recurring", "tiers_mode", "transform_quantity")
    return body | nothing(*absent) | given


def coupon(object_id: str, given: Json, *, created: int) -> Json:
    """A Coupon."""
    body = {
        "id": object_id,
        "object": "coupon",
        "created": created,
        "duration": "once",
        "livemode": False,
        "metadata": {},
        "times_redeemed": 0,
        "valid": True,
    }
    absent = ("amount_off", "currency", "duration_in_months", "max_redemptions", "name", "percent_off")
    return body | nothing(*absent, "redeem_by") | given


def promotion_code(object_id: str, given: Json, *, created: int) -> Json:
    """A PromotionCode; `given` has `code` and `promotion`."""
    body = {
        "id": object_id,
        "object": "promotion_code",
        "active": True,
        "created": created,
        "livemode": False,
        "metadata": {},
        "times_redeemed": 0,
    }
    limits = {"first_time_transaction": False} | nothing("minimum_amount", "minimum_amount_currency")
    limits |= given.get("restrictions", {})
    absent = nothing("customer", "customer_account", "expires_at", "max_redemptions")
    return body | absent | given | {"restrictions": limits}


def line_item(object_id: str, *, price_body: Json, name: str, quantity: int, given: Json) -> Json:
    """One position of a Checkout Session; its amounts are set when the order is priced."""
    return {
        "id": object_id,
        "object": "item",
        "adjustable_quantity": given.get("adjustable_quantity"),
        "amount_discount": 0,
        "amount_subtotal": 0,
        "amount_tax": 0,
        "amount_total": 0,
        "currency": price_body["currency"],
        "description": name,
        "metadata": given.get("metadata") or {},
        "price": price_body,
        "quantity": quantity,
    }


def checkout_session(object_id: str, given: Json, *, created: int, url: str) -> Json:
    """A Checkout Session as it is born: open and unpaid."""
    body = {
        "id": object_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": created,
        "custom_fields": [],
        "custom_text": nothing("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"),
        "customer_creation": None if given.get("customer") else "if_required",
        "invoice_creation": {
            "enabled": False,
            "invoice_data": nothing("account_tax_ids", "custom_fields", "description", "footer", "issuer")
            | {"metadata": {}, "rendering_options": None},
        },
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
        "url": url,
    }
    return body | nothing(*NULL_IN_SESSION) | given


NULL_IN_SESSION: Final = (
    *("after_expiration", "allow_promotion_codes", "allowed_payment_method_types"),
    *("billing_address_collection", "cancel_url", "client_reference_id", "client_secret"),
    *("collected_information", "consent", "consent_collection", "currency_conversion", "customer"),
    *("customer_account", "customer_details", "customer_email", "integration_identifier", "invoice"),
    *("locale", "managed_payments", "origin_context", "payment_intent", "payment_link"),
    *("payment_method_configuration_details", "permissions", "recovered_from"),
    *("saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost"),
    *("submit_type", "subscription", "success_url", "wallet_options"),
)


def customer_details(*, email: str | None, name: str | None) -> Json:
    """Who bought, as they told the payment page."""
    known: Json = {
        "address": dict(BLANK_ADDRESS),
        "email": email,
        "name": name,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    return known | nothing("business_name", "individual_name", "phone")


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
    """What the banks said of a Charge."""
    said: Json = nothing("advice_code", "network_advice_code", "network_decline_code")
    if decline is None:
        said |= {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
        return said | {"seller_message": "Payment complete."}
    blocked = decline.outcome == "blocked"
    return said | {
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": decline.decline_code or decline.code,
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


def bank_details(method: str) -> Json:
    """How a bank debit paid."""
    return {"type": method, method: BANK_DETAILS[method] | {"fingerprint": "fpbank", "last4": "6789"}}


def balance_transaction(
    object_id: str, *, amount: int, fee: int, currency: str, kind: str, source: str, created: int
) -> Json:
    """What moved on the seller's balance: `amount` came in (or went out), `fee` is Stripe's share."""
    part = {"amount": fee, "application": None, "currency": currency, "description": "Stripe fees"}
    return {
        "id": object_id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created,
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
        "status": "available",
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


def event(
    object_id: str,
    event_type: str,
    about: Json,
    *,
    previous: Json | None,
    created: int,
    pending: int,
    request_id: str | None,
    idempotency_key: str | None,
) -> Json:
    """An Event about an object as it is now; `previous` only for those that tell what changed."""
    told: Json = {"object": about}
    if previous is not None:
        told["previous_attributes"] = previous
    return {
        "id": object_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": told,
        "livemode": False,
        "pending_webhooks": pending,
        "request": {"id": request_id, "idempotency_key": idempotency_key},
        "type": event_type,
    }


def webhook_endpoint(object_id: str, given: Json, *, created: int) -> Json:
    """A WebhookEndpoint, without its secret."""
    body = {
        "id": object_id,
        "object": "webhook_endpoint",
        "created": created,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
    }
    return body | nothing("api_version", "application", "description") | given


def account() -> Json:
    """The one account of the stand-in."""
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": nothing("mcc", "minority_owned_business_designation", "support_address", "url")
        | nothing(
            "support_email", "support_phone", "support_url", "specified_commercial_transactions_act_url"
        )
        | {"name": "Sandbox"},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": nothing("icon", "logo", "primary_color", "secondary_color"),
            "card_payments": nothing(
                "statement_descriptor_prefix",
                "statement_descriptor_prefix_kana",
                "statement_descriptor_prefix_kanji",
            ),
            "dashboard": {"display_name": "Sandbox", "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": "SANDBOX"}
            | nothing("statement_descriptor_kana", "statement_descriptor_kanji")
            | nothing("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji"),
        },
        "type": "standard",
    }
