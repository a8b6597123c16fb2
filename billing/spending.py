"""What a product calls: credits and what they buy are written in one transaction, or neither is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.members import Member
from billing.errors import RequestIdReused
from billing.products import Product
from instant_admin.configured import balance_store
from instant_admin.ledger.batches import Steps
from instant_admin.ledger.entries import LedgerCorrupt
from instant_admin.ledger.rules import KeyReused, OutOfCredits, Spend

__all__ = ["OutOfCredits", "RequestIdReused", "Spent", "spend"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What was bought: the id of its row, and the balance in credits now. `replayed`: it was bought before."""

    item_id: UUID
    credits: int
    replayed: bool


def spend(*, member: Member, product: Product, request_id: UUID, note: str, steps: Steps) -> Spent:
    """Buy one of `product` for `member`: `steps` makes its row, given the new row's id.

    `note` is what was asked for, in the member's words. The same `request_id` again is the same row and no second
    charge; `steps` is then not called. Raises `OutOfCredits`, `RequestIdReused` when the id was used for something
    else or at another price, and what `BalanceStore.post` raises.
    """
    movement = Spend(
        key=f"spend:{member.id}:{request_id}",
        price=product.price_of(note),
        note=note,
        product=product.name,
    )
    try:
        posted = balance_store().post(member.id, movement, steps=steps)
    except KeyReused as exc:
        raise RequestIdReused("used before, for something else") from exc
    try:
        item_id = UUID(posted.entry.ref)
    except ValueError as exc:
        raise LedgerCorrupt(f"Entry {posted.entry.id} does not say what it bought") from exc
    return Spent(item_id, posted.credits, posted.replayed)
