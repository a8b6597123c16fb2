"""What staff do for members: find them, look at their ledger, hold it against Stripe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from billing.errors import UnknownMember
from billing.history import HistoryPage, history_page
from billing.reconciliation import Finding, reconcile_member
from instant_admin.client.protocol import text_of
from instant_admin.configured import instant
from instant_admin.ledger.entries import NoSuchAccount, account_of

FOUND_LIMIT: Final = 50
_NAMES_AT_ONCE: Final = 100


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


def members_called(names: Sequence[str]) -> dict[str, FoundMember]:
    """Members by their whole emails or ids, each under what they were called, in lower case."""
    found: dict[str, FoundMember] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        some = {name for typed in names[start : start + _NAMES_AT_ONCE] for name in (typed, typed.lower())}
        ids = [name for name in some if _is_uuid(name)]
        conditions = [{"email": {"$in": sorted(some)}}, {"id": {"$in": ids or [""]}}]
        for row in instant().query({"$users": {"$": {"where": {"or": conditions}}}})["$users"]:
            member = _found(row)
            found |= {member.email.lower(): member, str(member.id): member}
    return found


def member_page(member_id: UUID, *, before: str | None = None) -> HistoryPage:
    """A member's balance and a page of their ledger. Raises `UnknownMember` and `BadCursor`."""
    try:
        return history_page(instant(), member_id, before=before)
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc


def check_with_stripe(member_id: UUID) -> tuple[Finding, ...]:
    """Settle every checkout of a member, and return what was not as it should be. Raises `UnknownMember`.

    `reconcile_credits --all` finds as well what was paid by a Stripe customer that was replaced, and never credited.
    """
    customer_id = member_page(member_id).customer_id
    return tuple(reconcile_member(member_id, customer_id=customer_id, dry_run=False))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _found(row: dict[str, Any]) -> FoundMember:
    account = account_of(row)
    return FoundMember(id=account.id, email=text_of(row, "email") or "", credits=account.credits)
