"""What staff do for members: find them, look at their ledger, set a balance, hold it against Stripe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from billing.errors import RequestIdReused, UnknownMember
from billing.history import HistoryEntry, HistoryPage, history_entry, history_page
from billing.reconciliation import Finding, reconcile_member
from instant_admin.client.protocol import text_of
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import NoSuchAccount, account_of
from instant_admin.ledger.rules import KeyReused, Reset

FOUND_LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member in a list. `credits` is the balance."""

    id: UUID
    email: str
    credits: int


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


def member_page(member_id: UUID, *, before: str | None = None) -> HistoryPage:
    """A member's balance and a page of their ledger. Raises `UnknownMember` and `BadCursor`."""
    try:
        return history_page(instant(), member_id, before=before)
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc


def reset_credits(
    *, member_id: UUID, credits: int, reason: str, staff_name: str, request_id: UUID
) -> HistoryEntry:
    """Set a balance to `credits`, as a ledger entry with who did it and why.

    The same `request_id` again is the same reset, once. Raises `UnknownMember`, `RequestIdReused` and `LedgerError`.
    """
    reset = Reset(key=f"reset:{request_id}", credits=credits, note=reason, actor=staff_name)
    try:
        return history_entry(balance_store().post(member_id, reset).entry)
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc
    except KeyReused as exc:
        raise RequestIdReused("another reset has this id") from exc


def check_with_stripe(member_id: UUID) -> tuple[Finding, ...]:
    """Settle every checkout of a member, and return what was not as it should be. Raises `UnknownMember`.

    `reconcile_credits --all` finds as well what was paid by a Stripe customer that was replaced, and never credited.
    """
    customer_id = member_page(member_id).customer_id
    return tuple(reconcile_member(member_id, customer_id=customer_id, dry_run=False))


def _found(row: dict[str, Any]) -> FoundMember:
    account = account_of(row)
    return FoundMember(id=account.id, email=text_of(row, "email") or "", credits=account.credits)
