"""Paying a Checkout Session: PaymentIntents and Charges, by card, by bank debit, or with nothing to pay.

Every function here works on an open session; the pages see to that. A declined payment is an outcome, not an
error, because what was tried is written down.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import (
    bodies,
    cards,
    customers,
    disputes,
    fraud_warnings,
    invoicing,
    orders,
    params,
    reading,
)
from sandbox.stripe.balance import move
from sandbox.stripe.cards import BankAccount, Card, DebitPlan, Decline
from sandbox.stripe.payment_bodies import bank_details, card_details, charge_fields, outcome
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

# From a payment until the seller can have it. Source: https://docs.stripe.com/payouts#payout-speed
FUNDS_AFTER_S: Final = 2 * 24 * 60 * 60

LIST_INTENTS: Final = reading.many(
    "payment_intent",
    {"created": reading.CREATED, "customer": params.text()},
    unmodelled="customer_account",
)
LIST_CHARGES: Final = reading.many(
    "charge",
    {"created": reading.CREATED, "customer": params.text(), "payment_intent": params.text()},
    unmodelled="transfer_group",
)


# Paying


def pay_nothing(turn: Turn, session: Record, buyer: Json) -> None:
    """Complete an order that comes to zero: no PaymentIntent, but always a customer.

    Source: https://docs.stripe.com/payments/checkout/no-cost-orders
    """
    abandon_intent(turn, session)
    session.body["payment_intent"] = None
    if session.body["customer"] is None:
        session.body["customer"] = customers.add(turn, buyer).id
    _complete(turn, session, buyer, payment_status="no_payment_required")


def pay_by_card(turn: Turn, session: Record, card: Card, buyer: Json) -> Decline | None:
    """Charge a card that need not, or did already, pass 3D Secure. Returns why it was declined, if it was."""
    intent = _intent(turn, session)
    session.hidden["awaiting"] = None
    method = card_details(card, amount=intent.body["amount"])
    if card.decline is not None:
        _fail(turn, intent, card.decline, method)
        turn.store.save(session)
        return card.decline
    _make_customer(turn, session, intent, buyer)
    charge = _charge(turn, intent, buyer, method, status="succeeded", refund=card.refund)
    _succeed(turn, intent, charge, available_after_s=0 if card.funds_at_once else FUNDS_AFTER_S)
    _complete(turn, session, buyer, payment_status="paid")
    if card.complaint == "warning":
        fraud_warnings.warn(turn, charge)
    elif card.complaint is not None:
        disputes.open_dispute(turn, charge, inquiry=card.complaint == "inquiry")
    return None


def ask_for_authentication(turn: Turn, session: Record, card: Card, buyer: Json) -> None:
    """The bank asks for 3D Secure: the PaymentIntent and the session wait for it."""
    intent = _intent(turn, session)
    intent.body["status"] = "requires_action"
    back = {"return_url": session.body["success_url"], "url": f"{session.body['url']}/authenticate"}
    intent.body["next_action"] = {"type": "redirect_to_url", "redirect_to_url": back}
    session.hidden["awaiting"] = {"card": card.number, "buyer": buyer}
    turn.store.save(session)
    turn.save(intent, "payment_intent.requires_action")


def finish_authentication(turn: Turn, session: Record, *, passed: bool) -> Decline | None:
    """The end of 3D Secure; charges the card if it was passed."""
    awaiting = session.hidden["awaiting"]
    if awaiting is None:
        raise state_error("This session does not wait for authentication.")
    if passed:
        return pay_by_card(turn, session, cards.BY_NUMBER[awaiting["card"]], awaiting["buyer"])
    session.hidden["awaiting"] = None
    turn.store.save(session)
    _refuse(turn, turn.need("payment_intent", session.body["payment_intent"]), cards.AUTHENTICATION_FAILED)
    return cards.AUTHENTICATION_FAILED


def pay_by_debit(
    turn: Turn, session: Record, plan: DebitPlan, buyer: Json, *, account: BankAccount | None = None
) -> None:
    """Start a bank debit: the session completes unpaid, and `settle_debit` tells how it ended.

    `account` is the one that was named, for a method that asks for an IBAN; its own plan is then the `plan`.
    """
    method = session.body["payment_method_types"][-1]
    if method == "card":
        raise state_error("This session takes cards only.")
    intent = _intent(turn, session)
    _make_customer(turn, session, intent, buyer)
    details = bank_details(method, iban=None if account is None else account.iban)
    charge = _charge(turn, intent, buyer, details, status="pending", refund="pending_then_succeeds")
    intent.body |= {"status": "processing", "latest_charge": charge.id}
    intent.hidden["debit"] = plan
    turn.save(intent, "payment_intent.processing")
    turn.emit("charge.pending", charge)
    _complete(turn, session, buyer, payment_status="unpaid")
    turn.after(turn.config.debit_settles_after_s, "settle_debit", intent.id)


def settle_debit(turn: Turn, intent_id: str, *, paid: bool | None = None) -> None:
    """End a bank debit; `paid` None means as the buyer chose on the payment page."""
    intent = turn.need("payment_intent", intent_id)
    if intent.body["status"] != "processing":
        raise state_error(f"This payment is not processing; its status is {intent.body['status']}.")
    charge = turn.need("charge", intent.body["latest_charge"])
    session = session_of(turn, intent_id)
    if paid if paid is not None else intent.hidden["debit"] == "ok":
        charge.body |= {"status": "succeeded", "paid": True, "outcome": outcome(None)}
        _succeed(turn, intent, charge)
        session.body["payment_status"] = "paid"
        invoicing.issue(turn, session)
        turn.save(session, "checkout.session.async_payment_succeeded")
        return
    charge.body |= {"status": "failed", "captured": False, "amount_captured": 0}
    _write_failure(turn, charge, cards.DEBIT_FAILED)
    _refuse(turn, intent, cards.DEBIT_FAILED)
    turn.emit("checkout.session.async_payment_failed", session)


def settle_on_time(turn: Turn, intent_id: str) -> None:
    """The timer of a bank debit: settle it if it was not settled on the dashboard."""
    if turn.need("payment_intent", intent_id).body["status"] == "processing":
        settle_debit(turn, intent_id)


def abandon_intent(turn: Turn, session: Record) -> None:
    """Cancel the PaymentIntent of an earlier, declined attempt."""
    if session.body["payment_intent"] is None:
        return
    intent = turn.need("payment_intent", session.body["payment_intent"])
    intent.body |= {"status": "canceled", "canceled_at": turn.now_s, "cancellation_reason": "automatic"}
    intent.body["next_action"] = None
    turn.save(intent, "payment_intent.canceled")


def session_of(turn: Turn, intent_id: str) -> Record:
    """The Checkout Session that a PaymentIntent belongs to."""
    return turn.store.newest("checkout.session", [equal("payment_intent", intent_id)], limit=1)[0]


def _intent(turn: Turn, session: Record) -> Record:
    """The session's PaymentIntent, made at the first attempt and used again at the next."""
    asked = session.hidden["intent_data"]
    terms = {
        "amount": session.body["amount_total"],
        "customer": session.body["customer"],
        "last_payment_error": None,
        "payment_method": turn.new_id("pm"),
        "next_action": None,
    }
    if session.body["payment_intent"] is not None:
        intent = turn.need("payment_intent", session.body["payment_intent"])
        intent.body |= terms
        turn.store.save(intent)
        return intent
    intent_id = turn.new_id("pi")
    fields = {
        "client_secret": f"{intent_id}_secret_{turn.characters(24)}",
        "currency": session.body["currency"],
        "metadata": params.merged_metadata({}, asked.get("metadata")),
        "payment_method_types": session.body["payment_method_types"],
    }
    intent = turn.create("payment_intent", intent_id, asked | terms | fields)
    session.body["payment_intent"] = intent.id
    return intent


def _make_customer(turn: Turn, session: Record, intent: Record, buyer: Json) -> None:
    needed = session.body["customer_creation"] == "always" or invoicing.wanted_for(session)
    if session.body["customer"] is None and needed:
        session.body["customer"] = intent.body["customer"] = customers.add(turn, buyer).id


def _charge(
    turn: Turn, intent: Record, buyer: Json, method: Json, *, status: str, refund: str = "succeeds"
) -> Record:
    fields = charge_fields(intent.body, buyer=buyer, method=method, status=status)
    return turn.add("charge", turn.new_id("ch"), fields, refund=refund)


def _succeed(turn: Turn, intent: Record, charge: Record, *, available_after_s: int = FUNDS_AFTER_S) -> None:
    amount = charge.body["amount"]
    fee = amount * 29 // 1000 + 30
    moved = move(turn, charge, amount=amount, fee=fee, kind="charge", available_after_s=available_after_s)
    charge.body["balance_transaction"] = moved["id"]
    intent.body |= {"status": "succeeded", "amount_received": amount, "latest_charge": charge.id}
    turn.save(charge, "charge.succeeded")
    turn.save(intent, "payment_intent.succeeded")


def _fail(turn: Turn, intent: Record, decline: Decline, method: Json) -> None:
    charge = _charge(turn, intent, {}, method, status="failed")
    intent.body["latest_charge"] = charge.id
    _write_failure(turn, charge, decline)
    _refuse(turn, intent, decline)


def _write_failure(turn: Turn, charge: Record, decline: Decline) -> None:
    charge.body |= {"failure_code": decline.code, "failure_message": decline.message}
    charge.body["outcome"] = outcome(decline)
    turn.save(charge, "charge.failed")


def _refuse(turn: Turn, intent: Record, decline: Decline) -> None:
    error = decline.as_error()
    if intent.body["latest_charge"] is not None:
        error["charge"] = intent.body["latest_charge"]
    intent.body |= {"status": "requires_payment_method", "last_payment_error": error}
    intent.body |= {"payment_method": None, "next_action": None}
    turn.save(intent, "payment_intent.payment_failed")


def _complete(turn: Turn, session: Record, buyer: Json, *, payment_status: str) -> None:
    orders.redeem_discount(turn, session)
    details: Json = {"address": bodies.address({}), "tax_exempt": "none", "tax_ids": []}
    session.body |= {
        "status": "complete",
        "payment_status": payment_status,
        "customer_details": bodies.keys("business_name individual_name phone") | details | buyer,
        "url": None,
    }
    if session.body["automatic_tax"]["enabled"]:
        session.body["automatic_tax"]["status"] = "complete"
    if (session.body["consent_collection"] or {}).get("terms_of_service") == "required":
        session.body["consent"] = {"promotions": None, "terms_of_service": "accepted"}
    if payment_status != "unpaid":
        invoicing.issue(turn, session)
    turn.save(session, "checkout.session.completed")
