"""How much may be spent under one name in a UTC day, such as by an API key; on plain values.

What was spent so far stands on the account's row and is written with each entry that changes it, so the slot keeps
it as true as the balance. Days never go back: a clock that is late counts in the latest day that the account reached.

What comes back of a hold may be spent again, on the day of the hold. What staff give back may not, and a refund
changes nothing: the limit is on what is done in a day, whatever becomes of it later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from instant_admin.ledger.rules import Account, Entry, LedgerError


class AllowanceSpent(LedgerError):
    """`needed` credits are more than is left of `most`, of which `used` are spent that day. Nothing was written."""

    def __init__(self, *, needed: int, used: int, most: int) -> None:
        super().__init__(f"{needed} credits are needed, and {used} of {most} are spent today")
        self.needed = needed
        self.used = used
        self.most = most


class AllowancesUnknown(LedgerError):
    """What was spent under allowances must be read before this can be decided. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` credits a UTC day, under a name that stays in the ledger: an id, and nobody's words."""

    name: str
    most: int

    def label_on(self, account: Account, credits: int, now: datetime) -> str:
        """The name with the day that `credits` are counted in. Raises `AllowanceSpent` and `AllowancesUnknown`."""
        spent = _spent(account)
        label = f"{self.name}:{max([today(now), *map(day_of, spent)])}"
        used = spent.get(label, 0)
        if used + credits > self.most:
            raise AllowanceSpent(needed=credits, used=used, most=self.most)
        return label


def account_after(entry: Entry, before: Account) -> Account:
    """The account as `entry` left it, with what was spent by then. Raises `AllowancesUnknown`."""
    spent = spent_after(entry, _spent(before)) if entry.allowance else before.allowances
    return replace(entry.account_after, allowances=spent)


def spent_after(entry: Entry, spent: Mapping[str, int]) -> Mapping[str, int]:
    """What was spent under each label, once `entry` counts under its own; only of the latest day."""
    counted = {**spent, entry.allowance: spent.get(entry.allowance, 0) - entry.amount}
    latest = max(map(day_of, counted))
    return {label: credits for label, credits in counted.items() if day_of(label) == latest}


def today(now: datetime) -> str:
    """The UTC day of a moment, as labels end with it."""
    return now.astimezone(UTC).date().isoformat()


def day_of(label: str) -> str:
    """The day of a label; days are in the order of their texts."""
    return label.rpartition(":")[2]


def _spent(account: Account) -> Mapping[str, int]:
    if account.allowances is None:
        raise AllowancesUnknown(f"What was spent of {account.id} under allowances is not known")
    return account.allowances
