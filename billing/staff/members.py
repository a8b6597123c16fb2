"""What staff do for members: find them, look at their ledger, set a balance, hold it against Stripe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from billing.checkout import buyer_of
from billing.errors import UnknownMember
from billing.history import HistoryEntry, history_entry, history_page
from billing.reconciliation import Finding, reconcile_customer
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import NoSuchAccount
from instant_admin.ledger.rules import Reset

FOUND_LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member in a list. `credits` is the balance."""

    id: UUID
    email: str
    credits: int


@dataclass(frozen=True, slots=True)
class MemberFile:
    """A member with a page of their ledger, newest first; `next` is the `before` of the page after."""

    id: UUID
    email: str
    credits: int
    entries: tuple[HistoryEntry, ...]
    next: str | None


def find_members(email: str) -> tuple[FoundMember, ...]:
    """Members whose email contains `email`, in any case; at most `FOUND_LIMIT`, by email."""
    escaped = email.strip().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    tree = instant().query(
        {
            "$users": {
                "$": {
                    "where": {"email": {"$ilike": f"%{escaped}%"}},
                    "order": {"email": "asc"},
                    "limit": FOUND_LIMIT,
                }
            }
        }
    )
    return tuple(_found(row) for row in tree["$users"])


def member_file(member_id: UUID, *, before: str | None = None) -> MemberFile:
    """A member's balance and a page of their ledger. Raises `UnknownMember` and `BadCursor`."""
    tree = instant().query({"$users": {"$": {"where": {"id": str(member_id)}}}})
    if not tree["$users"]:
        raise UnknownMember("no such member")
    found = _found(tree["$users"][0])
    page = history_page(instant(), member_id, before=before)
    return MemberFile(
        id=found.id, email=found.email, credits=found.credits, entries=page.entries, next=page.next
    )


def reset_credits(
    *, member_id: UUID, credits: int, reason: str, staff_name: str, request_id: UUID
) -> HistoryEntry:
    """Set a balance to `credits`, as a ledger entry with who did it and why.

    The same `request_id` again is the same reset, once. Raises `UnknownMember` and `LedgerError`.
    """
    reset = Reset(key=f"reset:{request_id}", credits=credits, note=reason, actor=staff_name)
    try:
        return history_entry(balance_store().post(member_id, reset).entry)
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc


def check_with_stripe(member_id: UUID) -> tuple[Finding, ...]:
    """Settle every checkout of a member, and return what was not as it should be. Raises `UnknownMember`.

    Looks at the checkouts of the Stripe customer that the member has now; `reconcile_credits --all` finds those
    of one that was deleted in Stripe.
    """
    if not instant().query({"$users": {"$": {"where": {"id": str(member_id)}}}})["$users"]:
        raise UnknownMember("no such member")
    customer_id = buyer_of(instant(), member_id).customer_id
    return () if customer_id is None else tuple(reconcile_customer(customer_id, dry_run=False))


def _found(row: dict[str, Any]) -> FoundMember:
    return FoundMember(id=UUID(row["id"]), email=row.get("email") or "", credits=int(row.get("credits") or 0))
