"""The seller's balance: one line for everything that moves on it.

Source: https://docs.stripe.com/api/balance_transactions
"""

from __future__ import annotations

from typing import Final

from sandbox.stripe import params, payment_bodies
from sandbox.stripe.params import Shape
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn

RETRIEVE: Final = Shape(params.EXPAND)


def retrieve(turn: Turn, given: Json, transaction_id: str) -> Json:
    """`GET /v1/balance_transactions/{id}`."""
    return turn.need("balance_transaction", transaction_id).body


def move(turn: Turn, source: Record, *, amount: int, fee: int, kind: str, available_after_s: int = 0) -> Json:
    """Write down that `amount` came in (or went out, when negative) because of `source`.

    What is not available at once is pending and stays so. That is more patient than Stripe, but nobody is paid out.
    """
    body = payment_bodies.balance_transaction(
        turn.new_id("txn"),
        amount=amount,
        fee=fee,
        currency=source.body["currency"],
        kind=kind,
        source=source.id,
        created=turn.now_s,
        available_on=turn.now_s + available_after_s,
    )
    return turn.add("balance_transaction", body).body
