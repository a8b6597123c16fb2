"""A member's own balance and ledger, read with their own rights, so that Instant's rules decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.emails import readable
from accounts.members import Member
from billing.balance_chart import BalanceChart, chart_of
from billing.products import product_called
from credits_site.paging import number_in
from instant_admin.client.admin import Connection
from instant_admin.client.protocol import text_of
from instant_admin.ledger.entries import (
    LedgerPage,
    Place,
    account_in,
    account_query,
    place_of,
    read_at,
    read_matching,
    read_page,
)
from instant_admin.ledger.rules import SPENDING, Account, Entry, Kind

PAGE_SIZE: Final = 20
EXPORT_PAGE_SIZE: Final = 200
# The balance is drawn at so many of its movements, evenly over them.
CHART_POINTS: Final = 60

_TITLES: Final[dict[str, str]] = {
    Kind.OPENING: gettext_noop("Credits from before the ledger"),
    Kind.PURCHASE: gettext_noop("Bought credits"),
    Kind.SPEND: gettext_noop("Spent"),
    Kind.REFUND: gettext_noop("Purchase refunded"),
    Kind.DISPUTE: gettext_noop("Payment disputed"),
    Kind.DISPUTE_WON: gettext_noop("Given back after a dispute"),
    Kind.RESET: gettext_noop("Balance set by staff"),
    Kind.GRANT: gettext_noop("Credits granted"),
    Kind.TAKE: gettext_noop("Taken back by staff"),
    Kind.UNDO: gettext_noop("Spent credits given back"),
    Kind.CAPTURE: gettext_noop("Spent"),
    Kind.CLOSING: gettext_noop("Account closed"),
}


class Group(StrEnum):
    """Which movements somebody wants to see."""

    BOUGHT = "bought"
    SPENT = "spent"
    RETURNED = "returned"
    STAFF = "staff"


KINDS: Final[dict[Group, frozenset[str]]] = {
    Group.BOUGHT: frozenset({Kind.PURCHASE}),
    Group.SPENT: SPENDING,
    Group.RETURNED: frozenset({Kind.REFUND, Kind.DISPUTE, Kind.DISPUTE_WON}),
    Group.STAFF: frozenset({Kind.RESET, Kind.GRANT, Kind.TAKE, Kind.UNDO}),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see of a ledger: a group of movements, or all, of the last `days`, or ever."""

    group: Group | None = None
    days: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.group is None and self.days is None


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One ledger entry for a person. `amount` is signed, `balance` what it left, both in credits.

    Held credits are still the member's, so they count in the balance, and work is one line: what it cost.

    `ref` is what it belongs to: the checkout of a purchase, the row that was bought.
    """

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
        if self.kind in SPENDING and product is not None:
            return _(product.bought)
        # A refund can fail or be cancelled after its credits were taken: then they come back.
        if self.kind == Kind.REFUND and self.amount > 0:
            return _("Refund undone")
        return _(_TITLES[self.kind]) if self.kind in _TITLES else self.kind

    @property
    def shown_note(self) -> str:
        """The note: as a person typed it, or of what takes credits back, the site's own words."""
        return _(self.note) if self.note and self.kind == Kind.REFUND and not self.actor else self.note

    @property
    def is_purchase(self) -> bool:
        """Whether `ref` is a checkout, which may have a receipt."""
        return self.kind == Kind.PURCHASE

    @property
    def is_spend(self) -> bool:
        """Whether credits were paid for something."""
        return self.kind in SPENDING and self.amount < 0

    @property
    def is_by_staff(self) -> bool:
        """Whether `note` is the reason that staff gave."""
        return bool(self.actor)

    @property
    def item_address(self) -> str | None:
        """Where the thing is shown that was bought with these credits."""
        product = product_called(self.product)
        if self.kind not in SPENDING or product is None:
            return None
        try:
            return product.address_of(UUID(self.ref))
        except ValueError:  # an entry of before there were refs
            return None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries, newest first, and the balance at the same moment.

    `seq` counts the entries of the whole ledger. `next` is the `before` of the page after, opaque to whoever passes
    it back, and None at the end. `email`, as its owner would write it,
    and Stripe's `customer_id` are the account's.
    """

    credits: int
    held: int
    seq: int
    entries: tuple[HistoryEntry, ...]
    next: str | None
    email: str
    customer_id: str | None


def account_of(member: Member) -> Account:
    """The member's balance."""
    tree = member.at_instant.query(account_query(member.id))
    return account_in(tree, member.id)


def history_of(member: Member, *, before: str | None = None, wanted: Wanted = EVERYTHING) -> HistoryPage:
    """A page of the member's ledger. Raises `BadCursor`."""
    return history_page(member.at_instant, member.id, before=before, wanted=wanted)


def history_page(
    connection: Connection, account_id: UUID, *, before: str | None = None, wanted: Wanted = EVERYTHING
) -> HistoryPage:
    """A page of an account's ledger, with the rights of `connection`. Raises `BadCursor` and `NoSuchAccount`."""
    page, following = (
        _all_page(connection, account_id, before)
        if wanted.is_everything
        else _matching_page(connection, account_id, before, wanted)
    )
    return HistoryPage(
        credits=page.account.credits,
        held=page.account.held,
        seq=page.account.seq,
        entries=tuple(shown(page.entries)),
        next=following,
        email=readable(text_of(page.row, "email") or ""),
        customer_id=text_of(page.row, "stripeCustomerId"),
    )


def entries_of(member: Member) -> Iterator[HistoryEntry]:
    """The member's whole ledger, newest first, read as it is asked for."""
    connection, before_seq = member.at_instant, None
    while before_seq is None or before_seq > 1:
        page = read_page(connection, member.id, before_seq=before_seq, limit=EXPORT_PAGE_SIZE)
        yield from shown(page.entries)
        if not page.entries:
            return
        before_seq = page.entries[-1].seq


def balance_chart(member: Member, newest: HistoryPage) -> BalanceChart | None:
    """The member's balance over time; None before there are two movements. `newest` is their first page."""
    if newest.seq < 2:
        return None
    entries = newest.entries[::-1]
    if newest.seq > len(newest.entries):
        steps = min(newest.seq, CHART_POINTS) - 1
        numbers = {1 + step * (newest.seq - 1) // steps for step in range(steps + 1)}
        found = read_at(member.at_instant, member.id, numbers)
        entries = tuple(map(history_entry, found))
    # Of a damaged ledger there may be none.
    return chart_of([(entry.created_at, entry.balance) for entry in entries]) if entries else None


def _all_page(connection: Connection, account_id: UUID, before: str | None) -> tuple[LedgerPage, str | None]:
    """A page of all movements and the `before` of the next: the number of the last one here."""
    before_seq = None if before is None else number_in(before)
    page = read_page(connection, account_id, before_seq=before_seq, limit=PAGE_SIZE)
    more = bool(page.entries) and page.entries[-1].seq > 1
    if more and not any(shown(page.entries)):
        return _all_page(connection, account_id, str(page.entries[-1].seq))
    return page, str(page.entries[-1].seq) if more else None


def _matching_page(
    connection: Connection, account_id: UUID, before: str | None, wanted: Wanted
) -> tuple[LedgerPage, str | None]:
    """A page of what is wanted and the `before` of the next: the place of the last one here."""
    page = read_matching(
        connection,
        account_id,
        kinds=KINDS[wanted.group] if wanted.group else (),
        since=timezone.now() - timedelta(days=wanted.days) if wanted.days else None,
        before=None if before is None else _place_in(before),
        limit=PAGE_SIZE + 1,
    )
    shown = replace(page, entries=page.entries[:PAGE_SIZE])
    more = len(page.entries) > PAGE_SIZE
    return shown, "{}.{}".format(*place_of(shown.entries[-1])) if more else None


def _place_in(before: str) -> Place:
    milliseconds, _, seq = before.partition(".")
    return number_in(milliseconds), number_in(seq)


def shown(entries: Iterable[Entry]) -> Iterator[HistoryEntry]:
    """What a history shows of a ledger: of held credits, only what was paid with them."""
    return (history_entry(entry) for entry in entries if entry.kind not in (Kind.HOLD, Kind.RELEASE))


def history_entry(entry: Entry) -> HistoryEntry:
    """A ledger entry as it is shown."""
    return HistoryEntry(
        id=entry.id,
        key=entry.key,
        kind=entry.kind,
        product=entry.product,
        amount=entry.change,
        balance=entry.owned,
        note=entry.note,
        actor=entry.actor,
        ref=entry.ref,
        created_at=entry.created_at,
    )
