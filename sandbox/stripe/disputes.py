"""Disputes: chargebacks, which take the money at once, and inquiries, which take none.

Source: https://docs.stripe.com/disputes/how-disputes-work, https://docs.stripe.com/testing#disputes
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import balance, bodies, fraud_warnings, params, reading, records
from sandbox.stripe.params import Shape
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

FEE: Final = 1500
ANSWER_WITHIN_S: Final = 7 * 24 * 60 * 60
OPEN: Final = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
# Texts of evidence that decide a dispute, as in Stripe's own sandbox.
DECIDING: Final = {"winning_evidence": True, "losing_evidence": False}

LIST: Final = reading.many(
    "dispute", {"charge": params.text(), "created": reading.CREATED, "payment_intent": params.text()}
)
EVIDENCE: Final = dict.fromkeys(bodies.EVIDENCE, params.text(max_length=20_000))
UPDATE: Final = params.call(
    {
        "evidence": Shape(EVIDENCE, unmodelled="enhanced_evidence"),
        "metadata": params.metadata,
        "submit": params.boolean,
    },
    unmodelled="intended_submission_method",
)
NEW_EVIDENCE: Final = {
    "enhanced_eligibility": {},
    "has_evidence": False,
    "past_due": False,
    "submission_count": 0,
    "submission_method": "not_submitted",
}


def update(turn: Turn, given: Json, dispute_id: str) -> Json:
    """`POST /v1/disputes/{id}`: metadata and evidence, which is submitted unless `submit` is false."""
    dispute = _open_one(turn, dispute_id)
    previous = {"status": dispute.body["status"]}
    records.write(turn, dispute, given, "evidence", "submit")
    evidence = given.get("evidence", {})
    if evidence:
        dispute.body["evidence"] |= evidence
        dispute.body["evidence_details"]["has_evidence"] = True
    submitted = bool(evidence) and given.get("submit", True)
    if submitted:
        dispute.body["status"] = dispute.body["status"].replace("needs_response", "under_review")
        count = dispute.body["evidence_details"]["submission_count"] + 1
        dispute.body["evidence_details"] |= {"submission_count": count, "submission_method": "manual"}
    turn.save(dispute, "charge.dispute.updated", previous=previous)
    verdict = DECIDING.get(evidence.get("uncategorized_text") or "")
    if submitted and verdict is not None:
        return decide(turn, dispute_id, won=verdict).body
    return dispute.body


def close(turn: Turn, given: Json, dispute_id: str) -> Json:
    """`POST /v1/disputes/{id}/close`: the seller accepts the dispute."""
    return decide(turn, dispute_id, won=False).body


def open_dispute(turn: Turn, charge: Record, *, inquiry: bool, amount: int | None = None) -> Record:
    """The cardholder complains about a charge; unless it is an inquiry, the money leaves at once."""
    left = charge.body["amount"] - charge.body["amount_refunded"]
    if not charge.body["paid"] or left == 0:
        raise state_error("Only a payment that was not refunded can be disputed.")
    if any(dispute.body["status"] in OPEN for dispute in _of(turn, charge)):
        raise state_error("This payment has an open dispute already.")
    if amount is not None and not 1 <= amount <= charge.body["amount"]:
        raise state_error("A dispute is for at least 1 and at most the whole charge.", param="amount")
    card = charge.body["payment_method_details"].get("card", {})
    details = {
        "brand": card.get("brand", "visa"),
        "case_type": "inquiry" if inquiry else "chargeback",
        "network": card.get("network", "visa"),
        "network_reason_code": "10.4",
    }
    fields = {
        "amount": amount or left,
        "charge": charge.id,
        "currency": charge.body["currency"],
        "evidence_details": NEW_EVIDENCE | {"due_by": turn.now_s + ANSWER_WITHIN_S},
        "is_charge_refundable": inquiry,
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": {"type": "card", "card": details},
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    dispute = turn.add("dispute", turn.new_id("dp"), fields)
    charge.body["disputed"] = True
    turn.store.save(charge)
    turn.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(turn, dispute)
    fraud_warnings.follow(turn, charge)
    return dispute


def escalate(turn: Turn, dispute_id: str) -> Record:
    """An inquiry that was not settled becomes a chargeback."""
    dispute = _open_one(turn, dispute_id)
    if not _is_inquiry(dispute):
        raise state_error("This is a chargeback already.")
    previous = {"status": dispute.body["status"], "is_charge_refundable": True}
    dispute.body |= {"status": "needs_response", "is_charge_refundable": False}
    dispute.body["payment_method_details"]["card"]["case_type"] = "chargeback"
    turn.save(dispute, "charge.dispute.updated", previous=previous)
    _withdraw(turn, dispute)
    return dispute


def decide(turn: Turn, dispute_id: str, *, won: bool) -> Record:
    """Close a dispute. An inquiry moved no money, so it closes in one way only."""
    dispute = _open_one(turn, dispute_id)
    previous = {"status": dispute.body["status"]}
    inquiry = _is_inquiry(dispute)
    dispute.body["status"] = "warning_closed" if inquiry else "won" if won else "lost"
    reinstated = won and not inquiry
    if reinstated:
        _move(turn, dispute, sign=1)
    turn.save(dispute, "charge.dispute.closed", previous=previous)
    if reinstated:
        turn.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def holds_the_money(turn: Turn, charge: Record) -> bool:
    """Whether a chargeback has taken the money of the charge, so that it cannot be refunded."""
    return any(
        dispute.body["status"] in ("needs_response", "under_review", "lost") for dispute in _of(turn, charge)
    )


def _of(turn: Turn, charge: Record) -> list[Record]:
    return turn.store.newest("dispute", [equal("charge", charge.id)])


def _open_one(turn: Turn, dispute_id: str) -> Record:
    dispute = turn.need("dispute", dispute_id)
    if dispute.body["status"] not in OPEN:
        raise state_error(f"This dispute is already closed; its status is {dispute.body['status']}.")
    return dispute


def _is_inquiry(dispute: Record) -> bool:
    return bool(dispute.body["status"].startswith("warning_"))


def _withdraw(turn: Turn, dispute: Record) -> None:
    _move(turn, dispute, sign=-1)
    turn.save(dispute, "charge.dispute.funds_withdrawn")


def _move(turn: Turn, dispute: Record, *, sign: int) -> None:
    """The disputed amount and Stripe's fee leave the seller's balance, or (`sign` 1) come back."""
    amount = sign * dispute.body["amount"]
    moved = balance.move(turn, dispute, amount=amount, fee=-sign * FEE, kind="adjustment")
    dispute.body["balance_transactions"].append(moved)
