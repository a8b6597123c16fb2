"""The rules that one account's ledger must keep, entry by entry, on plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from billing.clawback import CLAW_BACKS
from instant_admin.ledger.allowances import day_of, spent_after
from instant_admin.ledger.holds import ENDS, end_key
from instant_admin.ledger.rules import Account, Entry, Kind

# Where so many are missing in a row, the rest is not looked for: somebody may have made `creditSeq` enormous.
MISSING_LIMIT: Final = 1000

KNOWN_KINDS: Final = frozenset[str](Kind)
_CHECKOUT: Final = r"cs_(?:test|live)_[A-Za-z0-9]+"
_CLAW_BACK_KEY: Final = re.compile(rf"clawback:({_CHECKOUT}):[0-9]+|withdraw:({_CHECKOUT})(?::undone)?")
_KEYS: Final[dict[str, str]] = {
    Kind.PURCHASE: "purchase:.+",
    Kind.SPEND: "spend:{account}:.+",
    Kind.HOLD: "hold:{account}:.+",
    Kind.CAPTURE: "end:hold:{account}:.+",
    Kind.RELEASE: "end:hold:{account}:.+",
    Kind.UNDO: "undo:(?:spend|end:hold):{account}:.+",
    Kind.OPENING: "opening:{account}",
    Kind.CLOSING: "closing:{account}",
}
# What never leaves a balance below zero, and what always adds to one.
_COVERED: Final = frozenset[str]({Kind.SPEND, Kind.TAKE, Kind.HOLD})
_GIVING: Final = frozenset[str]({Kind.PURCHASE, Kind.GRANT, Kind.UNDO, Kind.RELEASE})
# What may count under an allowance.
_ALLOWED: Final = frozenset[str]({Kind.SPEND, Kind.HOLD, *ENDS})


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the ledger must not be. `member` is an email (or an id), `entry` a key, a slot or an id."""

    member: str
    entry: str
    text: str


@dataclass(slots=True)
class AccountWalk:
    """One account, walked from its first slot to the one after its last.

    `account` is the balance as it was read together with the newest slots seen; `next_seq` the slot to look
    at next. What each step finds wrong is yielded, except for breaks: a reset by staff ends those before it.
    """

    name: str
    account: Account
    next_seq: int = 1
    # None where not every entry was seen.
    _bought: int | None = 0
    # The holds that have not ended, by the key that will.
    open_holds: dict[str, Entry] = field(default_factory=dict)
    _knows_holds: bool = True
    # What was spent under each allowance on the latest day; None where not every entry was seen.
    _spent: Mapping[str, int] | None = field(default_factory=dict)
    _left: int | None = 0
    _missing_from: int | None = None
    _breaks: list[Violation] = field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        """Whether the slot after the last was looked at."""
        return self.next_seq > self.account.seq + 1

    def see(self, entry: Entry | None, *, linked_to: UUID | None) -> Iterator[Violation]:
        """What stands in slot `next_seq`; `linked_to` is the account that the entry is linked to."""
        seq = self.next_seq
        self.next_seq += 1
        if seq > self.account.seq:
            if entry is not None:
                yield self._of(entry, f"lies beyond the last entry: `creditSeq` is {self.account.seq}")
            return
        if entry is None:
            self._missing_from = self._missing_from or seq
            self._lose_count()
            if seq - self._missing_from + 1 == MISSING_LIMIT:
                self.next_seq = self.account.seq + 2
            return
        yield from self._gap(before=seq)
        yield from self._well_formed(entry, linked_to)
        yield from self._held(entry)
        yield from self._allowed(entry)
        self._follow(entry)

    def unreadable(self, text: str) -> Iterator[Violation]:
        """Slot `next_seq` holds something that is no entry."""
        yield Violation(self.name, f"{self.account.id}:{self.next_seq}", text)
        self._lose_count()
        self.next_seq += 1

    def _lose_count(self) -> None:
        self._left, self._bought, self._spent, self._knows_holds = None, None, None, False

    def end(self) -> Iterator[Violation]:
        """What is wrong with the account as a whole."""
        yield from self._gap(before=self.account.seq + 1)
        yield from self._breaks
        credits = self.account.credits
        if self.account.seq and self._left is not None and credits != self._left:
            text = (
                f"`credits` is {credits}, but the last entry left {self._left}: it was edited by hand. "
                "Reset the credits to what they should be"
            )
            yield Violation(self.name, f"{self.account.id}:{self.account.seq}", text)
        if self._bought is not None and self.account.purchases not in (None, self._bought):
            text = f"`purchases` is {self.account.purchases}, but {self._bought} are in the ledger"
            yield Violation(self.name, f"{self.account.id}:{self.account.seq}", text)
        if self._knows_holds and self.account.held != self._kept:
            text = f"`creditsHeld` is {self.account.held}, but the holds keep {self._kept}: it was edited by hand"
            yield Violation(self.name, f"{self.account.id}:{self.account.seq}", text)
        if self._spent is not None and self.account.allowances not in (None, self._spent):
            text = f"`allowances` is {self.account.allowances}, but {self._spent} is spent: it was edited by hand"
            yield Violation(self.name, f"{self.account.id}:{self.account.seq}", text)

    def _follow(self, entry: Entry) -> None:
        """Balances run: each entry goes on from what the one before it left.

        A reset is what a person decided after looking, so it goes on from anything, and ends the breaks before it.
        """
        before = entry.balance - entry.amount
        if entry.kind == Kind.RESET:
            self._breaks.clear()
        elif self._left is not None and before != self._left:
            text = (
                f"goes on from {before} credits, but the entry before it left {self._left}: `credits` was "
                "edited by hand in between, or the entry was. Reset the credits to what they should be"
            )
            self._breaks.append(self._of(entry, text))
        self._left = entry.balance
        if self._bought is not None:
            self._bought += entry.kind == Kind.PURCHASE

    def _held(self, entry: Entry) -> Iterator[Violation]:
        """Each hold ends once, by what is used and what comes back together."""
        if not self._knows_holds:
            return
        if entry.kind == Kind.HOLD:
            self.open_holds[end_key(entry.key)] = entry
        if entry.kind in ENDS:
            hold = self.open_holds.pop(entry.key, None)
            if hold is None:
                yield self._of(entry, "ends a hold that is not there")
            elif (hold.ref, -hold.amount) != (entry.ref, entry.amount + entry.used):
                text = f"ends a hold of {-hold.amount} credits for {hold.ref} with {entry.amount}, {entry.used} used"
                yield self._of(entry, text)
            elif hold.allowance != entry.allowance:
                held, ended = hold.allowance or "nothing", entry.allowance or "nothing"
                yield self._of(entry, f"ends a hold that counts under {held}, and counts under {ended}")

    def _allowed(self, entry: Entry) -> Iterator[Violation]:
        """What is spent under allowances adds up, and their days never go back."""
        if not entry.allowance:
            return
        if entry.kind not in _ALLOWED:
            yield self._of(entry, f"is a {entry.kind} and counts under {entry.allowance}")
        if self._spent is None:
            return
        earlier = [label for label in self._spent if day_of(label) > day_of(entry.allowance)]
        if earlier and entry.kind not in ENDS:
            yield self._of(entry, f"counts under {entry.allowance}, after {earlier[0]}")
        self._spent = spent_after(entry, self._spent)

    @property
    def _kept(self) -> int:
        return -sum(hold.amount for hold in self.open_holds.values())

    def _gap(self, *, before: int) -> Iterator[Violation]:
        if self._missing_from is None:
            return
        first, last = self._missing_from, before - 1
        self._missing_from = None
        text = "is missing" if first == last else f"is missing, and so is every one up to number {last}"
        yield Violation(self.name, f"{self.account.id}:{first}", text)

    def _well_formed(self, entry: Entry, linked_to: UUID | None) -> Iterator[Violation]:
        if linked_to != self.account.id:
            to = "no account" if linked_to is None else f"the account {linked_to}"
            yield self._of(entry, f"is linked to {to}, but numbered for {self.account.id}")
        if entry.kind not in KNOWN_KINDS:
            yield self._of(entry, f"is of kind {entry.kind}, which this version does not know")
        if not _has_right_key(entry):
            yield self._of(entry, f"is of kind {entry.kind}, and its key is not of that kind")
        if entry.kind in _COVERED and (entry.balance < 0 or entry.amount >= 0):
            yield self._of(entry, f"takes {-entry.amount} and leaves {entry.balance}")
        if entry.kind in _GIVING and entry.amount <= 0:
            yield self._of(entry, f"is a {entry.kind} of {entry.amount} credits")
        if entry.used < 0 or (entry.used and entry.kind != Kind.CAPTURE):
            yield self._of(entry, f"is a {entry.kind} and has used {entry.used} credits")
        if entry.kind == Kind.CLOSING:
            yield self._of(
                entry,
                f"closed the account, which is there: run `manage.py delete_account {entry.account_id}`",
            )

    def _of(self, entry: Entry, text: str) -> Violation:
        return Violation(self.name, entry.key, text)


def checkout_of_claw_back(entry: Entry) -> str | None:
    """The checkout whose credits an entry takes or gives back."""
    match = _CLAW_BACK_KEY.fullmatch(entry.key)
    return match[1] or match[2] if match and entry.kind in CLAW_BACKS else None


def _has_right_key(entry: Entry) -> bool:
    if entry.kind in CLAW_BACKS:
        return checkout_of_claw_back(entry) is not None
    return re.fullmatch(_KEYS.get(entry.kind, ".*").format(account=entry.account_id), entry.key) is not None
