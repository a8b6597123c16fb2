"""Early fraud warnings: the bank that issued the card says that a payment may be fraudulent. No money moves.

Source: https://docs.stripe.com/disputes/measuring#early-fraud-warnings, https://docs.stripe.com/api/radar/early_fraud_warnings
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import params, reading
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Record
from sandbox.stripe.turn import Turn, state_error

KIND: Final = "radar.early_fraud_warning"
FRAUD_TYPE: Final = params.choice(
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)
LIST: Final = reading.many(
    KIND, {"charge": params.text(), "created": reading.CREATED, "payment_intent": params.text()}
)


def warn(turn: Turn, charge: Record, *, fraud_type: str = "made_with_stolen_card") -> Record:
    """The bank warns of a charge."""
    if not charge.body["paid"]:
        raise state_error("Only a payment that succeeded can be warned of.")
    fields = {
        "actionable": _is_actionable(charge),
        "charge": charge.id,
        "fraud_type": fraud_type,
        "payment_intent": charge.body["payment_intent"],
    }
    return turn.create(KIND, turn.new_id("issfr"), fields)


def follow(turn: Turn, charge: Record) -> None:
    """After a refund or a dispute: the warnings of a charge that nobody can act upon any more say so."""
    if _is_actionable(charge):
        return
    for warning in turn.store.newest(KIND, [equal("charge", charge.id)]):
        if warning.body["actionable"]:
            warning.body["actionable"] = False
            turn.save(warning, f"{KIND}.updated", previous={"actionable": True})


def _is_actionable(charge: Record) -> bool:
    """Not disputed, and not fully refunded."""
    return not charge.body["disputed"] and not charge.body["refunded"]
