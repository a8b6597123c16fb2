"""The staff's list of members: which of them, in which order, a page at a time.

A page takes a few queries, however many members there are and however many of them it shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from accounts.emails import as_stored, readable
from billing.checkout import is_ours
from billing.errors import UnknownCheckout
from billing.stripe_api import checkouts
from instant_admin.client.protocol import text_of
from instant_admin.client.times import from_epoch_ms
from instant_admin.client.types import Query
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, account_of, entry_of, slot_of
from instant_admin.ledger.rules import Account, Kind

PAGE_SIZE: Final = 50
# Of the newest entries, one query reads so many, and a page takes at most so many queries.
_ENTRIES_AT_ONCE: Final = 500
_QUERIES: Final = 8
_NAMES_AT_ONCE: Final = 100
_NOBODY: Final = {"id": ""}

Where = Mapping[str, Any]


class Only(StrEnum):
    """Whom to show."""

    NEGATIVE = "negative"
    LOW = "low"
    NEVER_BOUGHT = "never"
    DISPUTE = "dispute"


class Sort(StrEnum):
    """In which order: with a minus, the most or the newest first."""

    EMAIL = "email"
    EMAIL_BACKWARDS = "-email"
    BALANCE = "balance"
    BALANCE_HIGHEST = "-balance"
    MOVED = "-moved"
    PURCHASES = "-purchases"
    JOINED = "joined"
    JOINED_LAST = "-joined"


# Not `moved`: of that, no row of `$users` has anything.
_ORDERS: Final = {
    Sort.EMAIL: {"email": "asc"},
    Sort.EMAIL_BACKWARDS: {"email": "desc"},
    Sort.BALANCE: {"credits": "asc"},
    Sort.BALANCE_HIGHEST: {"credits": "desc"},
    Sort.PURCHASES: {"purchases": "desc"},
    Sort.JOINED: {"serverCreatedAt": "asc"},
    Sort.JOINED_LAST: {"serverCreatedAt": "desc"},
}


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member in a list. `credits` is the balance, `moved_at` when it moved last.

    `email` is as its owner would write it. `joined_at` is None of who joined before that was written down.
    """

    id: UUID
    email: str
    credits: int
    moved_at: datetime | None = None
    purchases: int = 0
    joined_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundMembers:
    """A page of a list; `next` is the `after` of the page that follows, None at the end."""

    members: tuple[FoundMember, ...]
    next: int | None


def find_members(
    q: str = "", *, only: Only | None = None, sort: Sort = Sort.EMAIL, after: int = 0
) -> FoundMembers:
    """Members whose email contains `q`, in any case, or who have something to do with the id `q`.

    Who never had a credit has no balance, and is not among those by balance, lowest first; who never had a movement
    is not among those by their last one. Raises `StripeError` where the id is one of Stripe's.
    """
    where = [*_called(q.strip()), *_picked(only)]
    where += [{"credits": {"$isNull": False}}] if sort is Sort.BALANCE else []
    found = _by_last_movement(where, after) if sort is Sort.MOVED else _in_order(where, _ORDERS[sort], after)
    if only is Only.NEVER_BOUGHT:
        # Who bought before purchases were counted.
        return FoundMembers(tuple(member for member in found.members if not member.purchases), found.next)
    return found


def _picked(only: Only | None) -> list[Where]:
    match only:
        case None:
            return []
        case Only.NEGATIVE:
            return [{"credits": {"$lt": 0}}]
        case Only.LOW:
            return [{"credits": {"$gte": 0}}, {"credits": {"$lte": settings.LOW_BALANCE_CREDITS}}]
        case Only.NEVER_BOUGHT:
            return [{"purchases": {"$isNull": True}}]
        case Only.DISPUTE:
            return [{"creditEntries.kind": Kind.DISPUTE}]


def _in_order(where: Sequence[Where], order: Where, after: int) -> FoundMembers:
    wanted = _where(where) | {"order": order, "limit": PAGE_SIZE + 1, "offset": after}
    rows = instant().query({"$users": {"$": wanted}})["$users"]
    following = after + PAGE_SIZE if len(rows) > PAGE_SIZE else None
    return FoundMembers(_with_movements(rows[:PAGE_SIZE]), following)


def _by_last_movement(where: Sequence[Where], after: int) -> FoundMembers:
    """The accounts of the newest entries, each at its last one, which has the number that the account has reached."""
    rows: list[Mapping[str, Any]] = []
    wanted = _where([_of_account(condition) for condition in where])
    wanted |= {"order": {"serverCreatedAt": "desc"}, "limit": _ENTRIES_AT_ONCE}
    for _ in range(_QUERIES):
        entries = instant().query({ENTRIES: {"$": wanted | {"offset": after}, "account": {}}})[ENTRIES]
        for row in entries:
            after += 1
            # One that is deleted has none.
            rows += [account for account in row["account"] if _ends_at(account_of(account), row["slot"])]
            if len(rows) == PAGE_SIZE:
                return FoundMembers(_with_movements(rows), after)
        if len(entries) < _ENTRIES_AT_ONCE:
            return FoundMembers(_with_movements(rows), None)
    return FoundMembers(_with_movements(rows), after)


def _ends_at(account: Account, slot: str) -> bool:
    return slot_of(account.id, account.seq) == slot


def _where(conditions: Sequence[Where]) -> Query:
    return {"where": {"and": conditions}} if conditions else {}


def _of_account(condition: Where) -> Where:
    """A condition on a member as one on their entries."""
    return {f"account.{name}": wanted for name, wanted in condition.items()}


def _called(q: str) -> list[Where]:
    if not q:
        return []
    if _is_uuid(q.lower()):
        return [{"id": q.lower()}]
    if q.startswith("cus_"):
        return [{"stripeCustomerId": q}]
    if q.startswith(("cs_", "pi_")):
        return [{"id": str(member_id)} if (member_id := _buyer(q)) else _NOBODY]
    escaped = as_stored(q).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return [{"email": {"$ilike": f"%{escaped}%"}}]


def _buyer(stripe_id: str) -> UUID | None:
    """Whose checkout or payment it is, as Stripe has it: it may not be credited yet."""
    try:
        checkout = (
            checkouts.of_payment(stripe_id) if stripe_id.startswith("pi_") else checkouts.retrieve(stripe_id)
        )
    except UnknownCheckout:
        return None
    return checkout.member_id if is_ours(checkout) else None


def _with_movements(rows: Sequence[Mapping[str, Any]]) -> tuple[FoundMember, ...]:
    """Each with their last entry, and how many purchases they have: one query for all of them."""
    accounts = [account_of(row) for row in rows]
    slots = [slot_of(account.id, account.seq) for account in accounts if account.seq]
    ids = [str(account.id) for account in accounts]
    of_theirs = {"account.id": {"$in": ids or [""]}, "kind": Kind.PURCHASE}
    either = {"or": [{"slot": {"$in": slots or [""]}}, of_theirs]}
    entries = [entry_of(row) for row in instant().query({ENTRIES: {"$": {"where": either}}})[ENTRIES]]
    moved_at = {slot_of(entry.account_id, entry.seq): entry.created_at for entry in entries}
    bought = Counter(entry.account_id for entry in entries if entry.kind == Kind.PURCHASE)
    return tuple(
        _found(row, moved_at.get(slot_of(account.id, account.seq)), bought[account.id])
        for account, row in zip(accounts, rows, strict=True)
    )


def members_called(names: Sequence[str]) -> dict[str, FoundMember]:
    """Members by their whole emails or ids, each under what they were called, `as_stored`."""
    found: dict[str, FoundMember] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        some = {name for typed in names[start : start + _NAMES_AT_ONCE] for name in (typed, as_stored(typed))}
        ids = [name for name in some if _is_uuid(name)]
        conditions = [{"email": {"$in": sorted(some)}}, {"id": {"$in": ids or [""]}}]
        for row in instant().query({"$users": {"$": {"where": {"or": conditions}}}})["$users"]:
            member = _found(row)
            found |= {as_stored(member.email): member, str(member.id): member}
    return found


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _found(row: Mapping[str, Any], moved_at: datetime | None = None, purchases: int = 0) -> FoundMember:
    account, joined = account_of(row), row.get("joinedAt")
    return FoundMember(
        id=account.id,
        email=readable(text_of(row, "email") or ""),
        credits=account.credits,
        moved_at=moved_at,
        purchases=purchases,
        joined_at=from_epoch_ms(joined) if joined else None,
    )
