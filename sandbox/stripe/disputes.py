"""Disputes: chargebacks, which take the money at once, and inquiries, which only ask.

Source: https://docs.stripe.com/disputes/how-disputes-work, https://docs.stripe.com/testing#disputes
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import balance, listing, params, payment_bodies
from sandbox.stripe.listing import equal
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

FEE: Final = 1500
OPEN: Final = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
# Texts of evidence that decide a dispute, as in Stripe's own sandbox.
DECIDING: Final = {"winning_evidence": True, "losing_evidence": False}

RETRIEVE: Final = Shape(params.EXPAND)
LIST: Final = Shape(
    params.PAGING
    | {"charge": params.text(), "created": params.created_range, "payment_intent": params.text()}
)
UPDATE: Final = Shape(
    params.EXPAND
    | {
        "evidence": Shape(
            {name: params.text(max_length=20_000) for name in payment_bodies.EVIDENCE},
            unmodelled=("enhanced_evidence",),
        ),
        "metadata": params.metadata,
        "submit": params.boolean,
    },
    unmodelled=("intended_submission_method",),
)
CLOSE: Final = Shape(params.EXPAND)


def retrieve(turn: Turn, given: Json, dispute_id: str) -> Json:
    """`GET /v1/disputes/{id}`."""
    return turn.need("dispute", dispute_id).body


def list_all(turn: Turn, given: Json) -> Json:
    """`GET /v1/disputes`."""
    return listing.page(turn, "dispute", given, url="/v1/disputes", equal_to="charge payment_intent")


def update(turn: Turn, given: Json, dispute_id: str) -> Json:
    """`POST /v1/disputes/{id}`: metadata and evidence, which is handed in unless `submit` is false."""
    dispute = _open_one(turn, dispute_id)
    previous = {"status": dispute.body["status"]}
    if "metadata" in given:
        dispute.body["metadata"] = params.merged_metadata(dispute.body["metadata"], given["metadata"])
    evidence = given.get("evidence", {})
    if evidence:
        dispute.body["evidence"] |= evidence
        dispute.body["evidence_details"]["has_evidence"] = True
    submitted = bool(evidence) and given.get("submit", True)
    if submitted:
        dispute.body["status"] = dispute.body["status"].replace("needs_response", "under_review")
        count = dispute.body["evidence_details"]["submission_count"] + 1
        dispute.body["evidence_details"] |= {"submission_count": count, "submission_method": "manual"}
    turn.store.save(dispute)
    turn.emit("charge.dispute.updated", dispute, previous=previous)
    verdict = DECIDING.get(evidence.get("uncategorized_text") or "")
    if submitted and verdict is not None:
        return decide(turn, dispute_id, won=verdict).body
    return dispute.body


def close(turn: Turn, given: Json, dispute_id: str) -> Json:
    """`POST /v1/disputes/{id}/close`: the seller gives in."""
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
    body = payment_bodies.dispute(
        turn.new_id("dp"), charge.body, amount=amount or left, inquiry=inquiry, created=turn.now_s
    )
    dispute = turn.add("dispute", body)
    charge.body["disputed"] = True
    turn.store.save(charge)
    turn.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(turn, dispute)
    return dispute


def escalate(turn: Turn, dispute_id: str) -> Record:
    """An inquiry that was not settled becomes a chargeback."""
    dispute = _open_one(turn, dispute_id)
    if not _is_inquiry(dispute):
        raise state_error("This is a chargeback already.")
    previous = {"status": dispute.body["status"], "is_charge_refundable": True}
    dispute.body |= {"status": "needs_response", "is_charge_refundable": False}
    dispute.body["payment_method_details"]["card"]["case_type"] = "chargeback"
    turn.store.save(dispute)
    turn.emit("charge.dispute.updated", dispute, previous=previous)
    _withdraw(turn, dispute)
    return dispute


def decide(turn: Turn, dispute_id: str, *, won: bool) -> Record:
    """The end of a dispute. An inquiry just closes, whoever was right: no money had moved."""
    dispute = _open_one(turn, dispute_id)
    previous = {"status": dispute.body["status"]}
    inquiry = _is_inquiry(dispute)
    dispute.body["status"] = "warning_closed" if inquiry else "won" if won else "lost"
    if won and not inquiry:
        moved = balance.move(turn, dispute, amount=dispute.body["amount"], fee=-FEE, kind="adjustment")
        dispute.body["balance_transactions"].append(moved)
    turn.store.save(dispute)
    turn.emit("charge.dispute.closed", dispute, previous=previous)
    if won and not inquiry:
        turn.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def holds_the_money(turn: Turn, charge: Record) -> bool:
    """Whether a chargeback stands against the charge, so that it cannot be refunded as well."""
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
    moved = balance.move(turn, dispute, amount=-dispute.body["amount"], fee=FEE, kind="adjustment")
    dispute.body["balance_transactions"].append(moved)
    turn.store.save(dispute)
    turn.emit("charge.dispute.funds_withdrawn", dispute)
