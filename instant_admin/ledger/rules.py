"""The values of credit: accounts, entries, what can be wrong, and what every movement is; `movements.py` has each.

An account's balance is the sum of its entries, in whole credits. An entry is written once and never changed, but for
what `forgetting.py` empties; a correction is another entry. `store.py` writes what is decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

T = TypeVar("T")


class Kind(StrEnum):
    """Why a balance moved: the kinds that this version knows."""

    OPENING = "opening"
    PURCHASE = "purchase"
    SPEND = "spend"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    RESET = "reset"
    GRANT = "grant"
    TAKE = "take"
    UNDO = "undo"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    CLOSING = "closing"


# What is paid for something: at once, or when the work is done.
SPENDING: Final = frozenset[str]({Kind.SPEND, Kind.CAPTURE})
# What moves credits between those that can be spent and those that are held.
HOLDING: Final = frozenset[str]({Kind.HOLD, Kind.CAPTURE, Kind.RELEASE})


@dataclass(frozen=True, slots=True)
class Account:
    """A balance as it was read: `seq` counts the entries behind it, 0 for none.

    `credits` can be spent. `held` are kept for work under way, and come back as far as it does not use them.
    `purchases` is how many of the entries are purchases, and `allowances` what was spent under each on the latest day
    of any; None where that is not known.
    """

    id: UUID
    credits: int
    seq: int
    held: int = 0
    purchases: int | None = field(default=None, compare=False)
    allowances: Mapping[str, int] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `amount` is signed; `balance` and `held` are what it left; `seq` numbers the lines.

    `used` is what work cost whose credits were held: its line gives back the others. `allowance` is the name that it
    counts under, with the day.

    `kind` is a `Kind` or, when a newer version wrote the entry, a word that this one does not know: it counts in
    the sum all the same. `product` is what a spend was for.
    """

    id: UUID
    account_id: UUID
    key: str
    seq: int
    kind: str
    amount: int
    balance: int
    note: str
    actor: str
    ref: str
    product: str
    created_at: datetime
    held: int = 0
    used: int = 0
    allowance: str = ""

    @property
    def owned(self) -> int:
        """All that the member has after it, in credits: what is held is still theirs."""
        return self.balance + self.held

    @property
    def change(self) -> int:
        """What it added to that, or took from it."""
        return -self.used if self.kind in HOLDING else self.amount

    @property
    def account_after(self) -> Account:
        """The account as this entry left it."""
        return Account(id=self.account_id, credits=self.balance, seq=self.seq, held=self.held)


class LedgerError(Exception):
    """Base of what can keep a movement from happening. `may_have_been_written` False means certainly not."""

    may_have_been_written: bool = False


def there(found: T | LedgerError) -> T:
    """What was found, unless it is the error that says what is wrong with it; that is raised."""
    if isinstance(found, LedgerError):
        raise found
    return found


class OutOfCredits(LedgerError):
    """The spend would take the balance below zero. Nothing was written."""

    def __init__(self, *, needed: int, balance: int) -> None:
        super().__init__(f"{needed} credits are needed and {balance} are there")
        self.needed = needed
        self.balance = balance


class NoSpend(LedgerError):
    """Only a spend can be given back. Nothing was written."""


class BalanceMoved(LedgerError):
    """The balance is not the one any more that this was decided on. Nothing was written."""

    def __init__(self, *, seen: int, balance: int) -> None:
        super().__init__(f"decided on {seen} credits, and {balance} are there")
        self.balance = balance


class KeyReused(LedgerError):
    """The idempotency key belongs to another movement already. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement(ABC):
    """A change of one balance that happens at most once, however often it is asked for.

    `key` is the idempotency key: whoever starts the action makes it, keeps it and repeats it. `kind` is that of its
    entry. `note` is what a person typed, `actor` who did it, `ref` what it belongs to (a checkout session, the row
    that was bought).
    """

    key: str
    kind: Kind
    note: str = ""
    actor: str = ""
    ref: str = ""
    product: str = ""

    @property
    def noted(self) -> Mapping[str, int]:
        """What else the account's row is to say from now on; the slot keeps it as true as the balance."""
        return {}

    @abstractmethod
    def amount_on(self, account: Account) -> int:
        """The signed amount, decided on the account as it is; raises `LedgerError` to refuse."""

    @property
    def used(self) -> int:
        """The held credits that are paid with this."""
        return 0

    def allowance_on(self, account: Account, now: datetime) -> str:
        """What the entry counts in, with its day, or nothing; raises `LedgerError` to refuse."""
        return ""

    def balance_after(self, account: Account) -> int:
        """The balance that the entry leaves."""
        return account.credits + self.amount_on(account)

    def held_after(self, account: Account) -> int:
        """The held credits that the entry leaves."""
        return account.held

    def entry_on(self, account: Account, *, entry_id: UUID, now: datetime) -> Entry:
        """The account's next entry; raises `LedgerError` to refuse."""
        return Entry(
            id=entry_id,
            account_id=account.id,
            key=self.key,
            seq=account.seq + 1,
            kind=self.kind,
            amount=self.amount_on(account),
            balance=self.balance_after(account),
            note=self.note,
            actor=self.actor,
            ref=self.ref,
            product=self.product,
            created_at=now,
            held=self.held_after(account),
            used=self.used,
            allowance=self.allowance_on(account, now),
        )

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        """Whether `entry`, found under this key, is this very movement and not another's."""
        return entry.account_id == account_id and entry.kind == self.kind
