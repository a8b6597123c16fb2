"""Credits held for work that takes time, on plain values: held when it starts, and settled when it ends.

A hold takes the most that the work can cost. It ends once: a capture gives back what was not used, a release
everything. Both want the same key, so of two ends only the first happens, and the other finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from instant_admin.ledger.allowances import Allowance
from instant_admin.ledger.rules import Account, Entry, Kind, Movement, OutOfCredits

ENDS: Final = frozenset[str]({Kind.CAPTURE, Kind.RELEASE})


def end_key(hold_key: str) -> str:
    """The key of whatever ends a hold."""
    return f"end:{hold_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Movement):
    """The most that some work can cost, in credits. Never takes a balance below zero, nor more than its allowance."""

    most: int
    allowance: Allowance | None = None
    kind: Kind = Kind.HOLD

    def amount_on(self, account: Account) -> int:
        if account.credits < self.most:
            raise OutOfCredits(needed=self.most, balance=account.credits)
        return -self.most

    def allowance_on(self, account: Account, now: datetime) -> str:
        return self.allowance.label_on(account, self.most, now) if self.allowance else ""

    def held_after(self, account: Account) -> int:
        return account.held + self.most

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        # `super()` without arguments does not work in a dataclass with slots.
        return (
            Movement.is_recorded_by(self, entry, account_id=account_id)
            and (entry.amount, entry.product) == (-self.most, self.product)
            # Instant stores whatever looks like a UUID in lower case.
            and entry.note.lower() == self.note.lower()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Movement):
    """The end of a hold of `most` credits, of which the work has used some. `allowance` is its entry's."""

    most: int
    used: int = 0
    allowance: str = ""

    def amount_on(self, account: Account) -> int:
        return self.most - self.used

    def allowance_on(self, account: Account, now: datetime) -> str:
        return self.allowance

    def held_after(self, account: Account) -> int:
        return account.held - self.most

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and (entry.amount, entry.used) == (
            self.most - self.used,
            self.used,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(End):
    """The work is done. Raises `ValueError` when it has used more than was held."""

    kind: Kind = Kind.CAPTURE

    def __post_init__(self) -> None:
        if not 0 <= self.used <= self.most:
            raise ValueError(f"{self.used} of {self.most} held credits cannot be used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(End):
    """The work came to nothing."""

    kind: Kind = Kind.RELEASE


def release_of(hold: Entry, *, actor: str = "") -> Release:
    """What gives back everything that `hold` keeps, once however often it is asked for."""
    return Release(
        key=end_key(hold.key),
        most=-hold.amount,
        allowance=hold.allowance,
        actor=actor,
        ref=hold.ref,
        product=hold.product,
    )
