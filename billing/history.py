"""A member's own balance and ledger, read with their own rights, so that Instant's rules decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.members import Member
from instant_admin.client.admin import Connection
from instant_admin.configured import instant
from instant_admin.ledger.entries import read_credits, read_entries
from instant_admin.ledger.rules import Entry, Kind

# At this many credits or fewer the page suggests to buy more.
LOW_BALANCE: Final = 3
PAGE_SIZE: Final = 20

_TITLES: Final = {
    Kind.PURCHASE: "Bought credits",
    Kind.SPEND: "Wrote a haiku",
    Kind.REFUND: "Purchase refunded",
    Kind.DISPUTE: "Payment disputed",
    Kind.DISPUTE_WON: "Given back after a dispute",
    Kind.RESET: "Balance set by staff",
    Kind.GRANT: "Credits granted",
}


class BadCursor(ValueError):
    """`before` is not what a page's `next` was."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One ledger entry for a person. `amount` is signed, `balance` what it left, both in credits."""

    id: UUID
    kind: str
    amount: int
    balance: int
    note: str
    actor: str
    created_at: datetime
    title: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries, newest first; `next` is the `before` of the page after, None at the end."""

    entries: tuple[HistoryEntry, ...]
    next: str | None


def balance_of(member: Member) -> int:
    """The member's balance in credits."""
    return read_credits(instant().as_member(member.refresh_token), member.id)


def history_of(member: Member, *, before: str | None = None) -> HistoryPage:
    """A page of the member's ledger. Raises `BadCursor`."""
    return history_page(instant().as_member(member.refresh_token), member.id, before=before)


def history_page(connection: Connection, account_id: UUID, *, before: str | None) -> HistoryPage:
    """A page of an account's ledger, with the rights of `connection`. Raises `BadCursor`."""
    entries = read_entries(connection, account_id, before_seq=_cursor(before), limit=PAGE_SIZE)
    more = bool(entries) and entries[-1].seq > 1
    return HistoryPage(
        entries=tuple(history_entry(entry) for entry in entries),
        next=str(entries[-1].seq) if more else None,
    )


def history_entry(entry: Entry) -> HistoryEntry:
    """A ledger entry as it is shown."""
    return HistoryEntry(
        id=entry.id,
        kind=str(entry.kind),
        amount=entry.amount,
        balance=entry.balance,
        note=entry.note,
        actor=entry.actor,
        created_at=entry.created_at,
        title="Refund undone" if _is_undone_refund(entry) else _TITLES[entry.kind],
    )


def _is_undone_refund(entry: Entry) -> bool:
    """A refund can fail or be cancelled after its credits were taken: then they come back."""
    return entry.kind is Kind.REFUND and entry.amount > 0


def _cursor(before: str | None) -> int | None:
    """A page's `next` is the number of its last entry, opaque to whoever passes it back."""
    if before is None:
        return None
    if not before.isascii() or not before.isdigit() or len(before) > 12:
        raise BadCursor(before)
    return int(before)
