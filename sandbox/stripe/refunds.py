"""Refunds: whole and partial ones, pending ones, and those that fail days after they succeeded.

More lenient than Stripe in one thing: a `pending` refund can be canceled, where Stripe wants `requires_action`,
a state that no test card here can reach.

Source: https://docs.stripe.com/api/refunds, https://docs.stripe.com/refunds
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import balance, disputes, fraud_warnings, money, params, reading, records
from sandbox.stripe.catalog import OBJECT_ID
from sandbox.stripe.errors import malformed
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

REASON: Final = params.choice("duplicate", "fraudulent", "requested_by_customer")
CREATE: Final = params.call(
    {
        "amount": params.integer(at_least=1),
        "charge": OBJECT_ID,
        "metadata": params.metadata,
        "payment_intent": OBJECT_ID,
        "reason": REASON,
    },
    unmodelled="currency customer instructions_email origin refund_application_fee reverse_transfer",
)
UPDATE: Final = params.call({"metadata": params.metadata})
LIST: Final = reading.many(
    "refund", {"charge": params.text(), "created": reading.CREATED, "payment_intent": params.text()}
)
SAME_AS_CHARGE: Final = ("currency", "customer", "payment_intent", "payment_method")
ON_CARD: Final = {
    "reference_status": "pending",
    "reference_type": "acquirer_reference_number",
    "type": "refund",
}


def create(turn: Turn, given: Json) -> Json:
    """`POST /v1/refunds`."""
    charge = _charge_of(turn, given)
    return add(turn, charge, given).body


def _charge_of(turn: Turn, given: Json) -> Record:
    if "payment_intent" not in given and "charge" not in given:
        raise malformed(
            "One of the following params should be provided for this request: payment_intent or charge.",
            param=None,
        )
    charge_id = given.get("charge")
    if "payment_intent" in given:
        intent = turn.need("payment_intent", given["payment_intent"], param="payment_intent")
        if intent.body["status"] != "succeeded":
            raise state_error(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        if charge_id not in (None, intent.body["latest_charge"]):
            raise state_error("The charge does not belong to the PaymentIntent.", param="charge")
        charge_id = intent.body["latest_charge"]
    return turn.need("charge", charge_id, param="charge")


def add(turn: Turn, charge: Record, given: Json) -> Record:
    """Give money back: all that is left, or `given["amount"]`."""
    amount = _refundable(turn, charge, given.get("amount"))
    course = charge.hidden["refund"]
    method = charge.body["payment_method_details"]["type"]
    fields = {name: charge.body[name] for name in SAME_AS_CHARGE} | {
        "amount": amount,
        "charge": charge.id,
        "destination_details": {"type": method} | ({"card": ON_CARD} if method == "card" else {}),
        "metadata": params.merged_metadata({}, given.get("metadata")),
        "reason": given.get("reason"),
        "status": "succeeded",
    }
    if course == "pending_then_succeeds":
        fields |= {"status": "pending", "pending_reason": "processing"}
    record = turn.add("refund", turn.new_id("re"), fields)
    record.body["balance_transaction"] = balance.move(turn, record, amount=-amount, kind="refund")["id"]
    previous = _move(turn, charge, amount)
    turn.save(record, "refund.created")
    turn.emit("charge.refunded", charge, previous=previous)
    fraud_warnings.follow(turn, charge)
    if course != "succeeds":
        turn.after(turn.config.refund_turns_after_s, "turn_refund", record.id)
    return record


def _refundable(turn: Turn, charge: Record, wanted: int | None) -> int:
    body = charge.body
    if not body["paid"]:
        raise state_error(
            f"Charge {charge.id} has not succeeded, so there is nothing to refund.", param="charge"
        )
    if disputes.holds_the_money(turn, charge):
        raise state_error(
            f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    left = int(body["amount"] - body["amount_refunded"])
    if left == 0:
        raise state_error(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if wanted is not None and wanted > left:
        asked, rest = money.display(wanted, body["currency"]), money.display(left, body["currency"])
        raise state_error(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", param="amount"
        )
    return left if wanted is None else wanted


def _move(turn: Turn, charge: Record, amount: int) -> Json:
    """Count `amount` more as refunded (or less, when negative); returns the old values that changed."""
    body = charge.body
    previous = {"amount_refunded": body["amount_refunded"], "refunded": body["refunded"]}
    body["amount_refunded"] += amount
    body["refunded"] = body["amount_refunded"] == body["amount"]
    turn.store.save(charge)
    return {name: value for name, value in previous.items() if body[name] != value}


def update(turn: Turn, given: Json, refund_id: str) -> Json:
    """`POST /v1/refunds/{id}`: metadata."""
    refund = turn.need("refund", refund_id)
    if "metadata" in given:
        previous = {"metadata": refund.body["metadata"]}
        records.write(turn, refund, given)
        turn.emit("refund.updated", refund, previous=previous)
    return refund.body


def cancel(turn: Turn, given: Json, refund_id: str) -> Json:
    """`POST /v1/refunds/{id}/cancel`, while it is pending."""
    refund = turn.need("refund", refund_id)
    if refund.body["status"] != "pending":
        raise state_error(f"This refund cannot be canceled; its status is {refund.body['status']}.")
    _undo(turn, refund, {"status": "canceled"})
    return refund.body


def succeed(turn: Turn, refund_id: str) -> None:
    """A pending refund has arrived."""
    refund = turn.need("refund", refund_id)
    if refund.body["status"] != "pending":
        raise state_error(f"This refund is not pending; its status is {refund.body['status']}.")
    refund.body["status"] = "succeeded"
    del refund.body["pending_reason"]
    turn.save(refund, "refund.updated", previous={"status": "pending"})


def fail(turn: Turn, refund_id: str) -> None:
    """The bank returns the money, even after the refund succeeded: the charge is as before the refund."""
    refund = turn.need("refund", refund_id)
    if refund.body["status"] not in ("pending", "succeeded"):
        raise state_error(f"This refund cannot fail any more; its status is {refund.body['status']}.")
    _undo(turn, refund, {"status": "failed", "failure_reason": "expired_or_canceled_card"})
    turn.emit("refund.failed", refund)


def _undo(turn: Turn, refund: Record, change: Json) -> None:
    previous = {"status": refund.body["status"]}
    back = balance.move(turn, refund, amount=refund.body["amount"], kind="refund_failure")
    refund.body.pop("pending_reason", None)
    refund.body |= change | {"failure_balance_transaction": back["id"]}
    turn.store.save(refund)
    charge = turn.need("charge", refund.body["charge"])
    undone = _move(turn, charge, -refund.body["amount"])
    turn.emit("refund.updated", refund, previous=previous)
    turn.emit("charge.updated", charge, previous=undone)


def turn_on_time(turn: Turn, refund_id: str) -> None:
    """The timer of a refund: end it as the test card says, if it did not end on the dashboard."""
    status = turn.need("refund", refund_id).body["status"]
    charge = turn.need("charge", turn.need("refund", refund_id).body["charge"])
    if status == "pending":
        succeed(turn, refund_id)
    elif status == "succeeded" and charge.hidden["refund"] == "succeeds_then_fails":
        fail(turn, refund_id)
