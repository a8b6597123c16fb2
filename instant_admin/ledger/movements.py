"""The movements that there are, each with its own rule; work that takes time has its own in `holds.py`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from instant_admin.ledger.allowances import Allowance
from instant_admin.ledger.rules import (
    SPENDING,
    Account,
    BalanceMoved,
    Entry,
    Kind,
    Movement,
    NoSpend,
    OutOfCredits,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(Movement):
    """Credits that were paid for through Stripe."""

    credits: int
    # Which purchase of its account this is, from 1 on, where somebody has counted.
    number: int | None = None
    kind: Kind = Kind.PURCHASE

    @property
    def noted(self) -> Mapping[str, int]:
        return {} if self.number is None else {"purchases": self.number}

    def amount_on(self, account: Account) -> int:
        return self.credits

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        # `super()` without arguments does not work in a dataclass with slots.
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.amount == self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend(Movement):
    """Credits given for something. Never takes a balance below zero, nor more than its allowance leaves."""

    price: int
    allowance: Allowance | None = None
    kind: Kind = Kind.SPEND

    def amount_on(self, account: Account) -> int:
        if account.credits < self.price:
            raise OutOfCredits(needed=self.price, balance=account.credits)
        return -self.price

    def allowance_on(self, account: Account, now: datetime) -> str:
        return self.allowance.label_on(account, self.price, now) if self.allowance else ""

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return (
            Movement.is_recorded_by(self, entry, account_id=account_id)
            and entry.amount == -self.price
            # An entry of before there were products says none.
            and entry.product in ("", self.product)
            # Instant stores whatever looks like a UUID in lower case.
            and entry.note.lower() == self.note.lower()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ByStaff(Movement):
    """What staff decided. With `seen`, only while that is the balance: the one that they decided on."""

    credits: int
    seen: int | None = None

    def amount_on(self, account: Account) -> int:
        if self.seen is not None and self.seen != account.credits:
            raise BalanceMoved(seen=self.seen, balance=account.credits)
        return self.change_of(account.credits)

    @abstractmethod
    def change_of(self, balance: int) -> int:
        """The signed amount on this balance; raises `LedgerError` to refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(ByStaff):
    """Credits given for nothing."""

    kind: Kind = Kind.GRANT

    def change_of(self, balance: int) -> int:
        return self.credits

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.amount == self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(ByStaff):
    """Credits taken away. Never below zero: nobody is to owe credits because of what staff typed."""

    kind: Kind = Kind.TAKE

    def change_of(self, balance: int) -> int:
        if balance < self.credits:
            raise OutOfCredits(needed=self.credits, balance=balance)
        return -self.credits

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.amount == -self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(ByStaff):
    """The balance set to a number."""

    kind: Kind = Kind.RESET

    def change_of(self, balance: int) -> int:
        return self.credits - balance

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.balance == self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Movement):
    """The credits given back that one thing has cost. The thing stays. `undo_of` makes it."""

    credits: int
    kind: Kind = Kind.UNDO

    def amount_on(self, account: Account) -> int:
        return self.credits


def undo_of(spend: Entry, *, note: str, actor: str) -> Undo:
    """What gives the credits of `spend` back, once however often it is asked for. Raises `NoSpend`."""
    credits = spend.used if spend.kind == Kind.CAPTURE else -spend.amount
    if spend.kind not in SPENDING or not credits:
        raise NoSpend(f"{spend.key} has cost nothing")
    return Undo(
        key=f"undo:{spend.key}",
        credits=credits,
        note=note,
        actor=actor,
        ref=spend.ref,
        product=spend.product,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Movement):
    """The first entry of an account that had credits before it had a ledger: it is taken over as it is.

    It records the credits that are there, so it leaves the balance unchanged and the sum of entries true.
    """

    kind: Kind = Kind.OPENING

    def amount_on(self, account: Account) -> int:
        return account.credits

    def balance_after(self, account: Account) -> int:
        return account.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class ClawBack(Movement):
    """Credits taken back, or given back, so that those of a purchase match what its money is worth now.

    May take a balance below zero: the credits may be spent already. Spending is refused until it is positive.
    """

    amount: int

    def amount_on(self, account: Account) -> int:
        return self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Movement):
    """The last entry of an account: whatever is left lapses, and so does what is owed and what is held."""

    kind: Kind = Kind.CLOSING

    def amount_on(self, account: Account) -> int:
        return -account.credits

    def held_after(self, account: Account) -> int:
        return 0


def opening_of(account: Account) -> Opening | None:
    """The entry that must come before any other, if the account needs one."""
    if account.seq > 0 or account.credits == 0:
        return None
    return Opening(key=f"opening:{account.id}")
