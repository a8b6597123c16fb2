"""What refunds and disputes take back of a purchase, on plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from instant_admin.ledger.movements import ClawBack
from instant_admin.ledger.rules import Entry, Kind, LedgerError

CLAW_BACKS: Final = frozenset[str]({Kind.REFUND, Kind.DISPUTE, Kind.DISPUTE_WON})


class UnknownKind(LedgerError):
    """A newer version of the site wrote entries that this one must understand and does not. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What became of the money of one purchase, in the smallest unit of its currency.

    `refunded` is the sum of refunds that stand, `disputed` of disputes that are open or lost. `is_withdrawn` says
    that one of the refunds, whatever became of it, is that of a withdrawal.
    """

    paid: int
    refunded: int
    disputed: int
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a buyer gives back of a purchase, and the money that they get for it, in the currency's smallest unit."""

    credits: int
    amount: int


def clawed_back(credits: int, payment: Payment) -> tuple[int, int]:
    """How many of a purchase's `credits` are taken back: for its refunds, and on top for its disputes.

    Pro rata, rounded down to whole credits: a refund that does not reach a credit's worth takes none, a
    full one takes all. Always worked out from the whole, so the order and number of refunds make no
    difference; never more than the purchase. This is the only place that rounds.
    """
    if payment.paid <= 0:
        return 0, 0
    refunded = min(payment.refunded, payment.paid)
    returned = min(payment.refunded + payment.disputed, payment.paid)
    for_refunds = credits * refunded // payment.paid
    return for_refunds, credits * returned // payment.paid - for_refunds


def left_of(purchase: Entry, so_far: Sequence[Entry], *, unspent: int) -> int:
    """How many credits of a purchase can go back: of what was not taken back `so_far`, as much as is `unspent`."""
    return max(0, min(unspent, purchase.amount + sum(entry.amount for entry in so_far)))


def withdrawal_of(
    purchase: Entry, so_far: Sequence[Entry], payment: Payment, *, unspent: int
) -> Withdrawal | None:
    """What can be withdrawn of a purchase: what is `left_of` it, for its share of the money.

    The money is rounded up, or the refund would be worth a credit less than was given; where a credit costs less
    than the smallest unit, that may leave one credit. None where nothing can be, also while it is disputed.
    """
    left = left_of(purchase, so_far, unspent=unspent)
    if not left or payment.disputed or payment.paid <= 0:
        return None
    taken, _ = clawed_back(purchase.amount, payment)
    total = -(-(taken + left) * payment.paid // purchase.amount)
    for amount in (total - payment.refunded, total - payment.refunded - 1):
        after, _ = clawed_back(purchase.amount, replace(payment, refunded=payment.refunded + amount))
        if amount > 0 and 0 < after - taken <= left:
            return Withdrawal(credits=after - taken, amount=amount)
    return None


def claw_back(purchase: Entry, so_far: Sequence[Entry], payment: Payment, *, key: str) -> ClawBack | None:
    """The movement that is missing between what was clawed back `so_far` and what should be; None for none.

    There may be one for refunds and one for disputes, so it must be asked again after each. What is given
    back comes first: at no moment is more taken than the purchase. Raises `UnknownKind`.
    """
    unknown = {entry.kind for entry in so_far} - CLAW_BACKS
    if unknown:
        raise UnknownKind(
            f"{purchase.key} was clawed back by entries of unknown kind: {', '.join(sorted(unknown))}"
        )
    for_refunds, for_disputes = clawed_back(purchase.amount, payment)
    refund = -for_refunds - sum(entry.amount for entry in so_far if entry.kind == Kind.REFUND)
    dispute = -for_disputes - sum(entry.amount for entry in so_far if entry.kind != Kind.REFUND)
    if dispute > 0:
        return ClawBack(key=key, kind=Kind.DISPUTE_WON, amount=dispute, ref=purchase.ref)
    if refund:
        return ClawBack(key=key, kind=Kind.REFUND, amount=refund, ref=purchase.ref)
    if dispute:
        return ClawBack(key=key, kind=Kind.DISPUTE, amount=dispute, ref=purchase.ref)
    return None
