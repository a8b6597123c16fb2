"""The seller's balance: one line for everything that moves on it.

Source: https://docs.stripe.com/api/balance_transactions
"""

from __future__ import annotations

from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn


def move(
    turn: Turn, source: Record, *, amount: int, kind: str, fee: int = 0, available_after_s: int = 0
) -> Json:
    """Record that `amount` came in (or went out, when negative) because of `source`; `fee` is what Stripe keeps.

    What is not available at once stays pending, because nothing is paid out here.
    """
    currency = source.body["currency"]
    part = {"amount": fee, "application": None, "currency": currency, "description": "Stripe fees"}
    fields = {
        "amount": amount,
        "available_on": turn.now_s + available_after_s,
        "currency": currency,
        "fee": fee,
        "fee_details": [part | {"type": "stripe_fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute" if kind == "adjustment" else kind,
        "source": source.id,
        "status": "pending" if available_after_s else "available",
        "type": kind,
    }
    return turn.add("balance_transaction", turn.new_id("txn"), fields).body
