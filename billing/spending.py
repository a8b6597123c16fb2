"""What a product calls: credits and what they buy are written in one transaction, or neither is.

`spend` is for what is there at once. For work that takes time, fails or costs by measure, credits are held meanwhile:

    with hold(member=member, product=ESSAY, most=5, request_id=request_id, note=topic, steps=new_row) as work:
        text, used = write_slowly(topic)
        work.capture(used, [update("essays", work.item_id, {"text": text})])

Whatever else ends the block gives the credits back; when the process dies in it, `sweeping.py` does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Final, Self
from uuid import UUID

from accounts.members import Member
from billing.errors import HoldEnded, RequestIdReused
from billing.products import Product, State, product_called
from instant_admin.client.errors import InstantError, InstantRejected
from instant_admin.client.steps import update
from instant_admin.client.types import Step
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.allowances import Allowance, AllowanceSpent
from instant_admin.ledger.batches import Steps
from instant_admin.ledger.entries import LedgerCorrupt
from instant_admin.ledger.holds import Capture, Hold, end_key, release_of
from instant_admin.ledger.movements import Spend
from instant_admin.ledger.open_holds import open_holds
from instant_admin.ledger.rules import Account, Entry, KeyReused, Kind, LedgerError, OutOfCredits

__all__ = [
    "Allowance",
    "AllowanceSpent",
    "Held",
    "HeldBefore",
    "HoldEnded",
    "OutOfCredits",
    "RequestIdReused",
    "Spent",
    "cancel",
    "estimate",
    "give_back",
    "hold",
    "spend",
]

logger = logging.getLogger(__name__)

# So often one request may be held for and released again.
ATTEMPTS_LIMIT: Final = 20


@dataclass(frozen=True, slots=True)
class Spent:
    """What was bought: the id of its row, and the balance in credits now. `replayed`: it was bought before."""

    item_id: UUID
    credits: int
    replayed: bool


def spend(
    *,
    member: Member,
    product: Product,
    request_id: UUID,
    note: str,
    steps: Steps,
    allowance: Allowance | None = None,
) -> Spent:
    """Buy one of `product` for `member`: `steps` makes its row, given the new row's id.

    `note` is what was asked for, in the member's words. The same `request_id` again is the same row and no second
    charge; `steps` is then not called. `allowance` is for a member whose key sets none. Raises `OutOfCredits`,
    `AllowanceSpent`, `RequestIdReused` when the id was used for something else or at another price, and what
    `BalanceStore.post` raises.
    """
    movement = Spend(
        key=f"spend:{member.id}:{request_id}",
        price=product.price_of(note),
        allowance=member.allowance or allowance,
        note=note,
        product=product.name,
    )
    try:
        posted = balance_store().post(member.id, movement, steps=steps)
    except KeyReused as exc:
        raise RequestIdReused("used before, for something else") from exc
    return Spent(_item_of(posted.entry), posted.credits, posted.replayed)


def estimate(product: Product, amount: int | Decimal) -> int:
    """What `product` costs that uses so much, in whole credits, rounded up once and at least one.

    Where it has no rate, its price, whatever it uses.
    """
    rate = product.rate() if callable(product.rate) else product.rate
    return max(1, ceil(rate * amount)) if rate else product.price_of("")


@dataclass(slots=True)
class Held:
    """Credits that are kept for some work, and the row that it is for.

    `is_new` says that this call has held them, so that its caller does the work. Else somebody else does, or it is
    done: `state`. `account` has the balance beside it, in credits.

    As a block it is for whoever does the work and captures: it raises `HeldBefore` when that is not to be done here,
    and whatever else ends it gives the credits back.
    """

    entry: Entry
    product: Product
    account: Account
    state: State
    is_new: bool
    is_over: bool = False

    def __enter__(self) -> Self:
        if not self.is_new:
            raise HeldBefore(self)
        return self

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        # Who stops the process does not wait for Instant: then it is released later.
        if self.is_over or not (exc is None or isinstance(exc, Exception)):
            return
        try:
            self.release("failed")
        except (InstantError, LedgerError) as failure:
            logger.warning("%s is released later (%s)", self.entry.key, type(failure).__name__)

    @property
    def item_id(self) -> UUID:
        """The row that it is for."""
        return _item_of(self.entry)

    @property
    def most(self) -> int:
        """What is kept, in credits."""
        return -self.entry.amount

    def capture(self, used: int, steps: Sequence[Step]) -> Spent:
        """Pay `used` credits, together with the `steps` that finish the row, and have the others back.

        Raises `HoldEnded` when it was released meanwhile, then nothing is written and nothing paid; `ValueError` when
        more is used than was held; and what `BalanceStore.post` raises.
        """
        movement = Capture(
            key=end_key(self.entry.key),
            most=self.most,
            used=used,
            allowance=self.entry.allowance,
            ref=self.entry.ref,
            product=self.entry.product,
        )
        row = update(self.product.namespace, self.item_id, {"state": State.DONE}, upsert=False)
        try:
            posted = balance_store().post(self.account.id, movement, steps=lambda _: [*steps, row])
        except KeyReused as exc:
            raise HoldEnded("released before it was captured") from exc
        self.is_over = True
        return Spent(self.item_id, posted.credits, posted.replayed)

    def release(self, error: str) -> None:
        """Give all of it back; `error` says in the row why. Raises what `BalanceStore.post` raises."""
        give_back(self.entry, error=error)
        self.is_over = True


class HeldBefore(Exception):
    """The work is done already, or somebody is at it: see `Held`."""

    def __init__(self, held: Held) -> None:
        super().__init__(f"{held.entry.key} is {held.state}")
        self.held = held


def hold(
    *,
    member: Member,
    product: Product,
    most: int,
    request_id: UUID,
    note: str,
    steps: Steps,
    allowance: Allowance | None = None,
) -> Held:
    """Keep `most` credits of `member` for one of `product`, in one transaction with the `steps` of its row.

    The same `request_id` again finds what is held or captured for it; after a release it holds anew. Raises
    `OutOfCredits`, `AllowanceSpent`, `RequestIdReused`, and what `BalanceStore.post` raises.
    """
    wanted = [
        Hold(
            key=f"hold:{member.id}:{request_id}:{number}",
            most=most,
            allowance=member.allowance or allowance,
            note=note,
            product=product.name,
        )
        for number in range(1, ATTEMPTS_LIMIT + 1)
    ]
    keys = [key for each in wanted for key in (each.key, end_key(each.key))]

    def new_row(item_id: UUID) -> Sequence[Step]:
        return [*steps(item_id), update(product.namespace, item_id, {"state": State.WRITING})]

    while True:
        account, found = balance_store().look(member.id, keys)
        last = next((each for each in wanted if not _is_released(found.get(end_key(each.key)))), None)
        if last is None:
            raise RequestIdReused("used too often")
        entry = found.get(last.key)
        if entry is not None:
            if not last.is_recorded_by(entry, account_id=member.id):
                raise RequestIdReused("used before, for something else")
            state = State.DONE if end_key(last.key) in found else State.WRITING
            return Held(entry, product, account, state, is_new=False)
        posted = balance_store().post(member.id, last, steps=new_row)
        if not posted.replayed:
            return Held(posted.entry, product, posted.entry.account_after, State.WRITING, is_new=True)


def give_back(hold: Entry, *, error: str) -> bool:
    """Release a hold, and say in its row why; false when it was captured. Raises what `BalanceStore.post` raises."""
    movement, product = release_of(hold), product_called(hold.product)
    failed = {"state": State.FAILED, "error": error}
    row = [] if product is None else [update(product.namespace, _item_of(hold), failed, upsert=False)]
    try:
        try:
            balance_store().post(hold.account_id, movement, steps=lambda _: row)
        except InstantRejected:  # the row is deleted
            balance_store().post(hold.account_id, movement)
    except KeyReused:
        return False
    return True


def cancel(member: Member, item_id: UUID) -> bool:
    """Release what the member has held for one thing; false when nothing is held for it any more."""
    holds = open_holds(instant(), member.id)
    return any(give_back(hold, error="cancelled") for hold in holds if hold.ref == str(item_id))


def _is_released(end: Entry | None) -> bool:
    return end is not None and end.kind == Kind.RELEASE


def _item_of(entry: Entry) -> UUID:
    try:
        return UUID(entry.ref)
    except ValueError as exc:
        raise LedgerCorrupt(f"Entry {entry.id} does not say what it bought") from exc
