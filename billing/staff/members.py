"""What staff do for members: find them, look at their ledger, hold it against Stripe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing.checkout import is_ours
from billing.errors import UnknownCheckout, UnknownMember
from billing.history import HistoryPage, history_page
from billing.products import Product, products
from billing.reconciliation import Finding, reconcile_member
from billing.stripe_api import checkouts
from billing.stripe_api.client import dashboard
from instant_admin.client.protocol import text_of
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, NoSuchAccount, account_of, entry_of, slot_of
from instant_admin.ledger.rules import Kind

PAGE_SIZE: Final = 50
_NAMES_AT_ONCE: Final = 100
_NOBODY: Final = {"id": ""}


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member in a list. `credits` is the balance, `moved_at` when it moved last."""

    id: UUID
    email: str
    credits: int
    moved_at: datetime | None = None
    purchases: int = 0


@dataclass(frozen=True, slots=True)
class FoundMembers:
    """A page of a list; `has_more` says that another follows."""

    members: tuple[FoundMember, ...]
    has_more: bool


def find_members(q: str = "", *, below: int | None = None, page: int = 1) -> FoundMembers:
    """Members whose email contains `q`, in any case, or who have something to do with the id `q`; by email.

    With `below`, only those whose balance is below it, the lowest first; who never had a credit has no balance.
    Raises `StripeError` where the id is one of Stripe's.
    """
    options: dict[str, Any] = {"limit": PAGE_SIZE + 1, "offset": (page - 1) * PAGE_SIZE}
    conditions = [_condition(q.strip())]
    if below is not None:
        conditions.append({"credits": {"$lt": below}})
    options |= {
        "where": {"and": conditions},
        "order": {"email": "asc"} if below is None else {"credits": "asc"},
    }
    rows = instant().query({"$users": {"$": options}})["$users"]
    return FoundMembers(_with_movements(rows[:PAGE_SIZE]), has_more=len(rows) > PAGE_SIZE)


def _condition(q: str) -> dict[str, Any]:
    if _is_uuid(q.lower()):
        return {"id": q.lower()}
    if q.startswith("cus_"):
        return {"stripeCustomerId": q}
    if q.startswith(("cs_", "pi_")):
        return {"id": str(member_id)} if (member_id := _buyer(q)) else _NOBODY
    escaped = q.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return {"email": {"$ilike": f"%{escaped}%"}}


def _buyer(stripe_id: str) -> UUID | None:
    """Whose checkout or payment it is, as Stripe has it: it may not be credited yet."""
    try:
        checkout = (
            checkouts.of_payment(stripe_id) if stripe_id.startswith("pi_") else checkouts.retrieve(stripe_id)
        )
    except UnknownCheckout:
        return None
    return checkout.member_id if is_ours(checkout) else None


def _with_movements(rows: Sequence[dict[str, Any]]) -> tuple[FoundMember, ...]:
    """Each with their last entry, and how many purchases they have: two queries for all of them."""
    accounts = [account_of(row) for row in rows]
    slots = [slot_of(account.id, account.seq) for account in accounts if account.seq]
    last = instant().query({ENTRIES: {"$": {"where": {"slot": {"$in": slots or [""]}}}}})[ENTRIES]
    moved_at = {entry.account_id: entry.created_at for entry in map(entry_of, last)}
    ids = [str(account.id) for account in accounts]
    wanted = {"where": {"account.id": {"$in": ids or [""]}, "kind": Kind.PURCHASE}}
    bought = Counter(entry_of(row).account_id for row in instant().query({ENTRIES: {"$": wanted}})[ENTRIES])
    return tuple(
        FoundMember(
            account.id,
            text_of(row, "email") or "",
            account.credits,
            moved_at.get(account.id),
            bought[account.id],
        )
        for account, row in zip(accounts, rows, strict=True)
    )


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


def products_of(member_id: UUID) -> tuple[tuple[Product, int], ...]:
    """How many of each product a member has; what they deleted does not count."""
    return tuple((product, _count(product, member_id)) for product in products())


def _count(product: Product, member_id: UUID) -> int:
    options: dict[str, Any] = {"where": {f"{product.owner}.id": str(member_id)}, "fields": ["id"]}
    return len(instant().query({product.namespace: {"$": options}})[product.namespace])


def payment_in_stripe(member_id: UUID, checkout_id: str) -> str:
    """The address in Stripe's dashboard of a checkout's payment; without one, of its customer.

    Raises `UnknownCheckout` where it is not this member's, and `StripeError`.
    """
    checkout = checkouts.retrieve(checkout_id)
    if not is_ours(checkout) or checkout.member_id != member_id:
        raise UnknownCheckout("not a checkout of this member")
    if checkout.payment_intent_id is None:
        return dashboard(f"customers/{checkout.customer_id}")
    return dashboard(f"payments/{checkout.payment_intent_id}")


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
