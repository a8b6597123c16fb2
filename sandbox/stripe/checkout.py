"""Checkout Sessions as the API sees them: created, read, marked, expired. Paying is in `payments.py`.

Source: https://docs.stripe.com/api/checkout/sessions
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import bodies, invoicing, orders, params, payments, reading, records, tax
from sandbox.stripe.catalog import OBJECT_ID
from sandbox.stripe.errors import either_or, malformed, missing, not_modelled
from sandbox.stripe.params import Shape
from sandbox.stripe.reading import Filter, equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

SHORTEST_LIFE_S: Final = 30 * 60
LONGEST_LIFE_S: Final = 24 * 60 * 60
# Methods beside cards, by currency: the bank debit that settles later.
BANK_DEBITS: Final = {"usd": "us_bank_account", "eur": "sepa_debit", "gbp": "bacs_debit"}

FLAG: Final = Shape({"enabled": params.boolean}, required="enabled")
MESSAGE: Final = params.or_cleared(
    Shape({"message": params.text(max_length=1200, required=True)}, required="message")
)
AUTO_OR_NEVER: Final = params.choice("auto", "never")
METHODS: Final = params.list_of(params.text(required=True))
INTENT_UPDATE_FIELDS: Final = {
    "description": params.text(max_length=1000),
    "metadata": params.metadata,
    "setup_future_usage": params.choice("off_session", "on_session"),
    "statement_descriptor": params.text(max_length=22),
    "statement_descriptor_suffix": params.text(max_length=22),
}
INTENT_DATA: Final = Shape(
    INTENT_UPDATE_FIELDS
    | {
        "capture_method": params.choice("automatic", "automatic_async"),
        "receipt_email": params.email,
    },
    unmodelled="application_fee_amount on_behalf_of shipping transfer_data transfer_group",
)
CREATE: Final = params.call(
    {
        "adaptive_pricing": FLAG,
        "allow_promotion_codes": params.boolean,
        "allowed_payment_method_types": METHODS,
        "automatic_tax": Shape({"enabled": params.boolean}, required="enabled", unmodelled="liability"),
        "billing_address_collection": params.choice("auto", "required"),
        "cancel_url": params.web_address,
        "client_reference_id": params.text(max_length=200),
        "consent_collection": Shape(
            {
                "promotions": params.choice("auto", "none"),
                "terms_of_service": params.choice("none", "required"),
            },
            unmodelled="payment_method_reuse_agreement",
        ),
        "currency": params.currency,
        "custom_text": Shape(dict.fromkeys(bodies.BLANK["checkout.session"]["custom_text"], MESSAGE)),
        "customer": OBJECT_ID,
        "customer_creation": params.choice("always", "if_required"),
        "customer_email": params.email,
        "customer_update": Shape(dict.fromkeys(("address", "name", "shipping"), AUTO_OR_NEVER)),
        "discounts": params.list_of(orders.DISCOUNT),
        "excluded_payment_method_types": METHODS,
        "expires_at": params.integer(at_least=0),
        "integration_identifier": params.text(),
        "invoice_creation": invoicing.CREATION,
        "line_items": params.list_of(orders.LINE_ITEM),
        "locale": params.text(max_length=10),
        "metadata": params.metadata,
        "mode": params.choice("payment", "setup", "subscription"),
        "origin_context": params.choice("mobile_app", "web"),
        "payment_intent_data": INTENT_DATA,
        "phone_number_collection": FLAG,
        "submit_type": params.choice("auto", "book", "donate", "pay", "subscribe"),
        "success_url": params.web_address,
        "tax_id_collection": Shape(
            {"enabled": params.boolean, "required": params.choice("if_supported", "never")},
            required="enabled",
        ),
        "ui_mode": params.choice("hosted_page", "embedded_page", "elements", "form"),
    },
    required="mode line_items success_url",
    unmodelled="after_expiration branding_settings custom_fields"
    " customer_account managed_payments name_collection optional_items payment_method_collection"
    " payment_method_configuration payment_method_data payment_method_options permissions"
    " redirect_on_completion return_url saved_payment_method_options setup_intent_data"
    " shipping_address_collection shipping_options subscription_data wallet_options",
)
UPDATE: Final = params.call(
    {"metadata": params.metadata, "payment_intent_data": Shape(INTENT_UPDATE_FIELDS)},
    unmodelled="collected_information line_items shipping_options",
)
BUYER: Final = Shape({"email": params.text(required=True)}, required="email")
LIST: Final = reading.many(
    "checkout.session",
    {
        "created": reading.CREATED,
        "customer": params.text(),
        "customer_account": params.text(),
        "customer_details": Filter(BUYER, lambda buyer: [equal("customer_details.email", buyer["email"])]),
        "payment_intent": params.text(),
        "payment_link": params.text(),
        "status": params.choice("complete", "expired", "open"),
        "subscription": params.text(),
    },
)


def create(turn: Turn, given: Json) -> Json:
    """`POST /v1/checkout/sessions`."""
    _check_modelled(given)
    _check_customer(turn, given)
    tax.check(turn, given)
    if "discounts" in given and "allow_promotion_codes" in given:
        raise either_or("allow_promotion_codes", "discounts")
    expires_at = given.get("expires_at", turn.now_s + LONGEST_LIFE_S)
    _check_life(turn.now_s, expires_at)
    items = orders.build_items(turn, given["line_items"])
    if not items:
        raise missing("line_items")
    if given.get("currency", items[0]["currency"]) != items[0]["currency"]:
        raise state_error("currency is not that of the line items.", param="currency")
    discount = orders.chosen_discount(turn, given.get("discounts", []), customer=given.get("customer"))
    session_id = turn.new_id("cs_test", 58)
    # The session shows every other parameter as it was given.
    not_shown = ("automatic_tax", "customer_update", "line_items", "payment_intent_data")
    usual = {"customer_creation": None if given.get("customer") else "if_required"}
    fields = (
        usual
        | records.fields_of(given, *not_shown)
        | _collected(given)
        | {
            "discounts": [] if discount is None else [discount],
            "expires_at": expires_at,
            "invoice_creation": invoicing.creation(given.get("invoice_creation", {})),
            "payment_method_types": _methods(given, items[0]["currency"]),
            "url": f"{turn.config.public_url}/c/pay/{session_id}",
        }
    )
    hidden = {"items": items, "intent_data": given.get("payment_intent_data", {}), "awaiting": None}
    session = turn.add("checkout.session", session_id, fields, **hidden)
    orders.reprice(turn, session)
    turn.store.save(session)
    turn.store.set_timer(at=expires_at, job="expire_session", target=session_id)
    return session.body


def _collected(given: Json) -> Json:
    """What a session shows of what its page asks for. Only the terms are really asked for here."""
    asked: Json = {}
    if given.get("automatic_tax", {}).get("enabled"):
        asked["automatic_tax"] = {
            "enabled": True,
            "liability": {"type": "self"},
            "provider": "stripe",
            "status": "requires_location_inputs",
        }
    if "consent_collection" in given:
        usual = bodies.keys("payment_method_reuse_agreement promotions terms_of_service")
        asked["consent_collection"] = usual | given["consent_collection"]
    if "custom_text" in given:
        asked["custom_text"] = bodies.BLANK["checkout.session"]["custom_text"] | given["custom_text"]
    if "tax_id_collection" in given:
        asked["tax_id_collection"] = {"required": "never"} | given["tax_id_collection"]
    return asked


def _check_modelled(given: Json) -> None:
    if given["mode"] != "payment":
        raise not_modelled("mode", given["mode"])
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_modelled("ui_mode", given["ui_mode"])


def _check_customer(turn: Turn, given: Json) -> None:
    for other in ("customer_email", "customer_creation"):
        if "customer" in given and other in given:
            raise either_or("customer", other)
    if "customer" in given:
        turn.need("customer", given["customer"], param="customer")
    elif "customer_update" in given:
        raise malformed("customer_update goes with customer, and only with it.", param="customer_update")


def _check_life(now_s: int, expires_at: int) -> None:
    if not SHORTEST_LIFE_S <= expires_at - now_s <= LONGEST_LIFE_S:
        raise malformed(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _methods(given: Json, currency: str) -> list[str]:
    offered = ["card", *([BANK_DEBITS[currency]] if currency in BANK_DEBITS else [])]
    allowed = given.get("allowed_payment_method_types") or offered
    excluded = given.get("excluded_payment_method_types", [])
    methods = [method for method in offered if method in allowed and method not in excluded]
    if not methods:
        raise state_error("No payment method is left for this session.", param="allowed_payment_method_types")
    return methods


def update(turn: Turn, given: Json, session_id: str) -> Json:
    """`POST /v1/checkout/sessions/{id}`: metadata, in any state.

    Stripe takes `payment_intent_data` only for `ui_mode: elements`. Every session here has the hosted page, so it is
    always refused.
    """
    session = turn.need("checkout.session", session_id)
    if "payment_intent_data" in given:
        raise state_error(
            "You can only update `payment_intent_data` when `ui_mode` is `elements`.",
            param="payment_intent_data",
        )
    return records.write(turn, session, given)


def expire(turn: Turn, given: Json, session_id: str) -> Json:
    """`POST /v1/checkout/sessions/{id}/expire`, while it is open."""
    session = turn.need("checkout.session", session_id)
    if session.body["status"] != "open":
        raise state_error(
            'Only Checkout Sessions with a status in ["open"] can be expired.'
            f" This Checkout Session has a status of `{session.body['status']}`."
        )
    return end(turn, session).body


def end(turn: Turn, session: Record) -> Record:
    """Expire a session, so that nobody can pay it any more."""
    session.body |= {"status": "expired", "url": None}
    session.hidden["awaiting"] = None
    payments.abandon_intent(turn, session)
    turn.save(session, "checkout.session.expired")
    return session


def expire_on_time(turn: Turn, session_id: str) -> None:
    """The timer of a session: expire it if it is still open."""
    session = turn.need("checkout.session", session_id)
    if session.body["status"] == "open":
        end(turn, session)


def line_items(turn: Turn, given: Json, session_id: str) -> Json:
    """`GET /v1/checkout/sessions/{id}/line_items`."""
    session = turn.need("checkout.session", session_id)
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return reading.slice_of(session.hidden["items"], given, url=url)
