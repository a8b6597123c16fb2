"""Timers: what is done when its time has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sandbox.stripe import checkout, coupons, payments, refunds
from sandbox.stripe.turn import Turn

JOBS: Final[dict[str, Callable[[Turn, str], None]]] = {
    "expire_session": checkout.expire_on_time,
    "retire_code": lambda turn, target: coupons.retire(turn, "promotion_code", target),
    "retire_coupon": lambda turn, target: coupons.retire(turn, "coupon", target),
    "settle_debit": payments.settle_on_time,
    "turn_refund": refunds.turn_on_time,
}


def run_due(turn: Turn) -> None:
    """Do every job whose time has come. A job sets no timer for now, so this ends."""
    while (job := turn.store.take_timer(turn.now)) is not None:
        name, target = job
        JOBS[name](turn, target)
