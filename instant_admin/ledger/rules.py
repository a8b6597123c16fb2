"""The rules of credit, on plain values: what a movement does to a balance, and when it may not.

An account's balance is the sum of its entries, in whole credits. An entry is written once and never changed, but for
what `forgetting.py` empties; a correction is another entry. `store.py` writes what is decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from instant_admin.ledger.allowances import Allowance

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

    `key` is the idempotency key: whoever starts the action makes it, keeps it and repeats it. `note` is what a
    person typed, `actor` who did it, `ref` what it belongs to (a checkout session, the row that was bought).
    """

    key: str
    note: str = ""
    actor: str = ""
    ref: str = ""
    product: str = ""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The kind of entry this makes."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(Movement):
    """Credits that were paid for through Stripe."""

    credits: int
    # Which purchase of its account this is, from 1 on, where somebody has counted.
    number: int | None = None

    @property
    def kind(self) -> Kind:
        return Kind.PURCHASE

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

    @property
    def kind(self) -> Kind:
        return Kind.SPEND

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

    @property
    def kind(self) -> Kind:
        return Kind.GRANT

    def change_of(self, balance: int) -> int:
        return self.credits

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.amount == self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(ByStaff):
    """Credits taken away. Never below zero: nobody is to owe credits because of what staff typed."""

    @property
    def kind(self) -> Kind:
        return Kind.TAKE

    def change_of(self, balance: int) -> int:
        if balance < self.credits:
            raise OutOfCredits(needed=self.credits, balance=balance)
        return -self.credits

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.amount == -self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(ByStaff):
    """The balance set to a number."""

    @property
    def kind(self) -> Kind:
        return Kind.RESET

    def change_of(self, balance: int) -> int:
        return self.credits - balance

    def is_recorded_by(self, entry: Entry, *, account_id: UUID) -> bool:
        return Movement.is_recorded_by(self, entry, account_id=account_id) and entry.balance == self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Movement):
    """The credits given back that one thing has cost. The thing stays. `undo_of` makes it."""

    credits: int

    @property
    def kind(self) -> Kind:
        return Kind.UNDO

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

    @property
    def kind(self) -> Kind:
        return Kind.OPENING

    def amount_on(self, account: Account) -> int:
        return account.credits

    def balance_after(self, account: Account) -> int:
        return account.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class ClawBack(Movement):
    """Credits taken back, or given back, so that those of a purchase match what its money is worth now.

    May take a balance below zero: the credits may be spent already. Spending is refused until it is positive.
    """

    back: Kind
    amount: int

    @property
    def kind(self) -> Kind:
        return self.back

    def amount_on(self, account: Account) -> int:
        return self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Movement):
    """The last entry of an account: whatever is left lapses, and so does what is owed and what is held."""

    @property
    def kind(self) -> Kind:
        return Kind.CLOSING

    def amount_on(self, account: Account) -> int:
        return -account.credits

    def held_after(self, account: Account) -> int:
        return 0


def opening_of(account: Account) -> Opening | None:
    """The entry that must come before any other, if the account needs one."""
    if account.seq > 0 or account.credits == 0:
        return None
    return Opening(key=f"opening:{account.id}")
