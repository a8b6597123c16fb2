"""The JSON of every object: the keys and usual values of a new one of each kind.

Stripe sends every key each time, null where there is no value.

Source: https://docs.stripe.com/api, the "object" page of each resource, in version `API_VERSION`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sandbox.stripe.store import Json

API_VERSION: Final = "2026-10-28.endive"
ACCOUNT_ID: Final = "acct_1Sandbox000000000"


def keys(names: str, value: object = None) -> Json:
    """These keys (separated by spaces), each with the same value."""
    return dict.fromkeys(names.split(), value)


BLANK_ADDRESS: Final = keys("city country line1 line2 postal_code state")
KANA_AND_KANJI_PREFIX: Final = keys("statement_descriptor_prefix_kana statement_descriptor_prefix_kanji")
# What a seller can send in against a dispute.
EVIDENCE: Final = keys(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure"
    " cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip"
    " customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id"
    " product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation"
    " service_date service_documentation shipping_address shipping_carrier shipping_date"
    " shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
)
# The keys of a new object by its kind, without `id`, `object` and `created`.
BLANK: Final[dict[str, Json]] = {
    "balance_transaction": keys("description exchange_rate") | {"balance_type": "payments"},
    "charge": keys(
        "application application_fee application_fee_amount balance_transaction failure_balance_transaction"
        " failure_code failure_message on_behalf_of receipt_number receipt_url review shipping source"
        " source_transfer statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
    )
    | keys("disputed livemode refunded", False)
    | {"amount_refunded": 0, "calculated_statement_descriptor": "SANDBOX", "fraud_details": {}},
    "checkout.session": keys(
        "after_expiration allow_promotion_codes allowed_payment_method_types billing_address_collection"
        " cancel_url client_reference_id client_secret collected_information consent consent_collection"
        " currency_conversion customer customer_account customer_creation customer_details customer_email"
        " integration_identifier invoice locale managed_payments origin_context payment_intent payment_link"
        " payment_method_configuration_details permissions recovered_from saved_payment_method_options"
        " setup_intent shipping_address_collection shipping_cost submit_type subscription success_url"
        " wallet_options"
    )
    | keys("adaptive_pricing phone_number_collection", {"enabled": False})
    | keys("custom_fields shipping_options", [])
    | {
        "automatic_tax": keys("liability provider status") | {"enabled": False},
        "custom_text": keys("after_submit shipping_address submit terms_of_service_acceptance"),
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "unpaid",
        "status": "open",
        "ui_mode": "hosted_page",
    },
    "coupon": keys("amount_off currency duration_in_months max_redemptions name percent_off redeem_by")
    | {"duration": "once", "livemode": False, "metadata": {}, "times_redeemed": 0, "valid": True},
    "customer": keys(
        "address currency customer_account default_source description discount email name phone shipping"
        " test_clock"
    )
    | keys("delinquent livemode", False)
    | {
        "balance": 0,
        "invoice_settings": keys("custom_fields default_payment_method footer rendering_options"),
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    },
    "discount": keys("customer_account end invoice_item subscription subscription_item"),
    "dispute": keys("balance_transactions enhanced_eligibility_types", [])
    | {
        "evidence": EVIDENCE | {"enhanced_evidence": {}},
        "intended_submission_method": None,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "reason": "fraudulent",
    },
    "event": {"api_version": API_VERSION, "livemode": False},
    "invoice": keys(
        "account_tax_ids amount_paid_off_stripe application automatically_finalizes_at confirmation_secret"
        " customer_account default_payment_method default_source due_date effective_at ending_balance"
        " from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision"
        " next_payment_attempt number on_behalf_of parent receipt_number rendering shipping_cost"
        " shipping_details statement_descriptor status_details test_clock webhooks_delivered_at"
    )
    | keys("amount_overpaid amount_paid amount_shipping attempt_count starting_balance", 0)
    | keys("post_payment_credit_notes_amount pre_payment_credit_notes_amount", 0)
    | keys("attempted auto_advance livemode", False)
    | keys("customer_tax_ids default_tax_rates discounts total_discount_amounts", [])
    | keys("total_pretax_credit_amounts total_taxes", [])
    | {
        "account_country": "US",
        "account_name": "Sandbox",
        "automatic_tax": keys("disabled_reason liability provider status") | {"enabled": False},
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "issuer": {"type": "self"},
        "payment_settings": keys("default_mandate payment_method_options payment_method_types"),
        "status": "draft",
        "status_transitions": keys("finalized_at marked_uncollectible_at paid_at voided_at"),
    },
    # Not an object of Stripe's: which invoice the address of a receipt belongs to.
    "invoice_page": {},
    "invoice_payment": {"is_default": True, "livemode": False, "status": "paid"},
    "item": keys("amount_discount amount_subtotal amount_tax amount_total", 0),
    "line_item": {
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "subscription": None,
        "taxes": [],
    },
    "payment_intent": keys(
        "allowed_payment_method_types application application_fee_amount automatic_payment_methods"
        " canceled_at cancellation_reason customer customer_account description"
        " excluded_payment_method_types last_payment_error latest_charge managed_payments next_action"
        " on_behalf_of payment_method payment_method_configuration_details payment_record processing"
        " receipt_email review setup_future_usage shipping source statement_descriptor"
        " statement_descriptor_suffix transfer_data transfer_group"
    )
    | keys("amount_capturable amount_received", 0)
    | {
        "amount_details": {"tip": {}},
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "livemode": False,
        "metadata": {},
        "payment_method_options": {
            "card": keys("installments mandate_options network") | {"request_three_d_secure": "automatic"}
        },
        "status": "requires_payment_method",
    },
    "price": keys("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity")
    | {
        "active": True,
        "billing_scheme": "per_unit",
        "livemode": False,
        "metadata": {},
        "tax_behavior": "unspecified",
    },
    "product": keys(
        "default_price description package_dimensions shippable statement_descriptor tax_code tax_details"
        " unit_label url"
    )
    | keys("images marketing_features", [])
    | {"active": True, "livemode": False, "metadata": {}, "type": "service"},
    "promotion_code": keys("customer customer_account expires_at max_redemptions")
    | {"active": True, "livemode": False, "metadata": {}, "times_redeemed": 0},
    "radar.early_fraud_warning": {"livemode": False},
    "refund": keys(
        "balance_transaction customer_account reason receipt_number source_transfer_reversal status"
        " transfer_reversal"
    )
    | {"metadata": {}},
    "webhook_endpoint": keys("api_version application description")
    | {"livemode": False, "metadata": {}, "status": "enabled"},
}
# As text, because reading it is the fastest way to a copy that shares no list with another.
BLANK_TEXT: Final = {kind: json.dumps(body) for kind, body in BLANK.items()}


def new(kind: str, object_id: str, fields: Json, *, created: int | None = None) -> Json:
    """A new object with every key of its kind. A part of another object has no `created` of its own."""
    blank: Json = json.loads(BLANK_TEXT[kind])
    time = {"start" if kind == "discount" else "created": created} if created is not None else {}
    return blank | fields | {"id": object_id, "object": kind} | time


def deleted(kind: str, object_id: str) -> Json:
    """The body of a deleted object."""
    return {"id": object_id, "object": kind, "deleted": True}


def object_list(url: str, data: list[Any], *, has_more: bool = False) -> Json:
    """A page of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def address(given: Json | None) -> Json | None:
    """An address with all of its parts."""
    return None if given is None else BLANK_ADDRESS | given


def account() -> Json:
    """The one account of the stand-in."""
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": keys("mcc minority_owned_business_designation support_address support_email")
        | keys("specified_commercial_transactions_act_url support_phone support_url url")
        | {"name": "Sandbox"},
        "business_type": "company",
        "capabilities": keys("card_payments transfers", "active"),
        "country": "US",
        "default_currency": "usd",
        "email": "owner@example.com",
        "metadata": {},
        "settings": {
            "branding": keys("icon logo primary_color secondary_color"),
            "card_payments": keys("statement_descriptor_prefix") | KANA_AND_KANJI_PREFIX,
            "dashboard": {"display_name": "Sandbox", "timezone": "Etc/UTC"},
            "payments": keys("statement_descriptor_kana statement_descriptor_kanji")
            | KANA_AND_KANJI_PREFIX
            | {"statement_descriptor": "SANDBOX"},
        },
        "type": "standard",
    } | keys("charges_enabled details_submitted payouts_enabled", True)
