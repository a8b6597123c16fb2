"""What happened to credits, for whoever wants to do something about it: a welcome, a statistic, an upload to a CRM.

Each is sent with `entry`, after it is written, by the process that wrote it. A receiver that fails is logged and
breaks nothing, but whoever asked waits for it. A crash in between leaves one unsent: where that matters, follow the
ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.dispatch import Signal, receiver

from instant_admin.configured import entry_written
from instant_admin.ledger.rules import SPENDING, Entry, Kind

# Credits came: bought, given, or given back.
credits_added = Signal()
# A member bought something with credits.
credits_spent = Signal()
# The balance went from above `LOW_BALANCE_CREDITS` to that or less.
balance_low = Signal()
# The balance went from above zero to nothing, or below.
balance_depleted = Signal()
# Credits were taken back because their money was given back.
purchase_refunded = Signal()


def crosses(entry: Entry, limit: int) -> bool:
    """Whether this entry took a balance from above `limit` to that or less. A deleted account has none to be low."""
    return entry.kind != Kind.CLOSING and entry.owned <= limit < entry.owned - entry.change


def is_low_at(entry: Entry, limit: int) -> bool:
    """The same for the limit of low balances, which 0 turns off."""
    return limit > 0 and crosses(entry, limit)


def signals_of(entry: Entry, *, low_at: int) -> Iterator[Signal]:
    """What an entry tells."""
    if entry.change > 0 and entry.kind != Kind.CLOSING:
        yield credits_added
    if entry.kind in SPENDING and entry.change:
        yield credits_spent
    if is_low_at(entry, low_at):
        yield balance_low
    if crosses(entry, 0):
        yield balance_depleted
    if entry.kind == Kind.REFUND and entry.amount < 0:
        yield purchase_refunded


@receiver(entry_written)
def _tell(*, entry: Entry, **kwargs: Any) -> None:
    for signal in signals_of(entry, low_at=settings.LOW_BALANCE_CREDITS):
        signal.send_robust(sender=None, entry=entry)
