"""The JSON of every object, with each key that Stripe always sends, null where there is nothing to say.

Source: https://docs.stripe.com/api, the "object" page of each resource, in version `API_VERSION`.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.stripe.store import Json

API_VERSION: Final = "2026-10-28.endive"
ACCOUNT_ID: Final = "acct_1Sandbox000000000"
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
