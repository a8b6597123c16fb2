"""A member's own balance and ledger, read with their own rights, so that Instant's rules decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.members import Member
from billing.products import product_called
from credits_site.paging import number_in
from instant_admin.client.admin import Connection
from instant_admin.client.protocol import text_of
from instant_admin.client.times import epoch_ms
from instant_admin.configured import instant
from instant_admin.ledger.entries import account_in, account_query, read_page
from instant_admin.ledger.rules import Entry, Kind

PAGE_SIZE: Final = 20

_TITLES: Final[dict[str, str]] = {
    Kind.OPENING: "Credits from before the ledger",
    Kind.PURCHASE: "Bought credits",
    Kind.SPEND: "Spent",
    Kind.REFUND: "Purchase refunded",
    Kind.DISPUTE: "Payment disputed",
    Kind.DISPUTE_WON: "Given back after a dispute",
    Kind.RESET: "Balance set by staff",
    Kind.GRANT: "Credits granted",
    Kind.TAKE: "Taken back by staff",
    Kind.UNDO: "Spent credits given back",
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One ledger entry for a person. `amount` is signed, `balance` what it left, both in credits."""

    id: UUID
    key: str
    kind: str
    product: str
    amount: int
    balance: int
    note: str
    actor: str
    ref: str
    created_at: datetime

    @property
    def title(self) -> str:
        """What happened, in the words of the page. A kind that this version does not know stands as it is stored."""
        product = product_called(self.product)
        if self.kind == Kind.SPEND and product is not None:
            return product.bought
        # A refund can fail or be cancelled after its credits were taken: then they come back.
        if self.kind == Kind.REFUND and self.amount > 0:
            return "Refund undone"
        return _TITLES.get(self.kind, self.kind)

    @property
    def created_at_ms(self) -> int:
        """When it happened, in milliseconds since 1970, as Instant has it."""
        return epoch_ms(self.created_at)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries, newest first, and the balance at the same moment.

    `next` is the `before` of the page after, None at the end. `email` and Stripe's `customer_id` are the account's.
    """

    credits: int
    entries: tuple[HistoryEntry, ...]
    next: str | None
    email: str
    customer_id: str | None


def balance_of(member: Member) -> int:
    """The member's balance in credits."""
    tree = instant().as_member(member.refresh_token).query(account_query(member.id))
    return account_in(tree, member.id).credits


def history_of(member: Member, *, before: str | None = None) -> HistoryPage:
    """A page of the member's ledger. Raises `BadCursor`."""
    return history_page(instant().as_member(member.refresh_token), member.id, before=before)


def history_page(connection: Connection, account_id: UUID, *, before: str | None = None) -> HistoryPage:
    """A page of an account's ledger, with the rights of `connection`. Raises `BadCursor` and `NoSuchAccount`."""
    # A page's `next` is the number of its last entry, opaque to whoever passes it back.
    before_seq = None if before is None else number_in(before)
    page = read_page(connection, account_id, before_seq=before_seq, limit=PAGE_SIZE)
    more = bool(page.entries) and page.entries[-1].seq > 1
    return HistoryPage(
        credits=page.account.credits,
        entries=tuple(history_entry(entry) for entry in page.entries),
        next=str(page.entries[-1].seq) if more else None,
        email=text_of(page.row, "email") or "",
        customer_id=text_of(page.row, "stripeCustomerId"),
    )


def history_entry(entry: Entry) -> HistoryEntry:
    """A ledger entry as it is shown."""
    return HistoryEntry(
        id=entry.id,
        key=entry.key,
        kind=entry.kind,
        product=entry.product,
        amount=entry.amount,
        balance=entry.balance,
        note=entry.note,
        actor=entry.actor,
        ref=entry.ref,
        created_at=entry.created_at,
    )
