"""The balance store: credits on Instant's `$users`, moved one ledger entry at a time.

Instant has no increment and no compare-and-set. Its only guard against two writers is a unique attribute on
different entity ids, so every movement creates an entry, in one transaction with the balance that it leaves
and whatever it pays for, under two unique values:

- `key` names the cause (`purchase:cs_…`, `spend:<account>:<request>`). Taken: this has happened already.
- `slot` is `<account>:<number of the entry>`. Taken: someone else moved this balance since we read it, so
  what we decided on is stale; nothing was written; read and decide again.

After an answer that leaves doubt (a timeout, a 5xx, a dropped connection) the key is looked up before
anything is tried again, and tried again under the same key: if the lost write arrives after all, it and ours
want the same key and the same slot, and only one can have them.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar, Protocol, TypeAlias
from uuid import UUID, uuid4

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantError
from instant_admin.client.types import Step
from instant_admin.ledger.entries import ENTRIES, account_in, account_query, entry_of, steps_of
from instant_admin.ledger.guards import missing_guards
from instant_admin.ledger.retries import Attempts
from instant_admin.ledger.rules import Account, Entry, KeyReused, LedgerError, Movement, opening_of

logger = logging.getLogger(__name__)

# What a movement buys: given the id of the new row, the steps that make it. They are written in the movement's
# own transaction, and the id becomes the entry's `ref`.
Steps: TypeAlias = Callable[[UUID], Sequence[Step]]


class GuardsMissing(LedgerError):
    """The app's schema would let one movement happen twice, so none is made. Nothing was written."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            "Credits are not moved: in this Instant app "
            + ", ".join(missing)
            + ". Run `manage.py instant_push` and try again."
        )
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry of a movement. `credits` is the balance now; `replayed` says that the entry was there before."""

    entry: Entry
    credits: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan that was applied: the account, and what stands under the plan's keys now.

    `made` has the ids of the entries that this call tried to write; one that is found was made by it.
    """

    account: Account
    found: Mapping[str, Entry]
    made: frozenset[UUID]


class Plan(Protocol):
    """What should have happened to an account: asked after each read, until it wants no more."""

    @property
    def keys(self) -> Sequence[str]:
        """The entries that it must see to decide, by key."""

    @property
    def is_single(self) -> bool:
        """Whether one movement is all that it will ever want."""

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        """The movement that is missing, or None; raises `LedgerError` to refuse.

        Whatever else it looks at, it must look now: the slot only keeps out what was decided before the
        account moved.
        """


@dataclass(frozen=True, slots=True)
class Once:
    """The plan of a single movement: that it has happened."""

    movement: Movement

    is_single: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[str]:
        return (self.movement.key,)

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        entry = found.get(self.movement.key)
        if entry is None:
            return self.movement
        if not self.movement.is_recorded_by(entry, account_id=account.id):
            raise KeyReused(f"{self.movement.key} is another movement's key")
        return None


def row_id() -> UUID:
    """A random id that sorts after (nearly) every other: it begins with the bytes ff ff.

    Instant locks rows in the order of their entity ids. If everything a movement creates sorts after the
    account, the account's row is always locked first, and two movements of one account queue there instead of
    each holding what the other waits for. Modelled on PostgreSQL with Instant's indexes, eight writers on one
    account: ids on both sides of the account's, 60 deadlocks of a second each and 13 spends/s; all on
    one side, none and 355/s. The id is random, never derived from a key or taken from a request: two
    writers of one id overwrite each other and the unique attributes do not object.
    """
    return UUID(bytes=b"\xff\xff" + uuid4().bytes[2:])


class BalanceStore:
    """Reads balances and posts movements, as the app's admin. Safe to share between threads.

    The clock, the source of ids, the pauses and their jitter are arguments so that they can be simulated.
    `on_written` is called with each entry as soon as Instant has answered that it is written.
    """

    def __init__(
        self,
        instant: InstantAdmin,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], UUID] = row_id,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        on_written: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self._instant = instant
        self.now = now
        self._new_id = new_id
        self._sleep = sleep
        self._jitter = jitter
        self._on_written = on_written
        self._guards_seen = False

    def account(self, account_id: UUID) -> Account:
        """The balance now, in credits. Raises `NoSuchAccount`."""
        return account_in(self._instant.query(account_query(account_id)), account_id)

    def post(self, account_id: UUID, movement: Movement, *, steps: Steps | None = None) -> Posted:
        """Make `movement` happen exactly once, in one transaction with the `steps` of what it buys.

        Raises what the movement raises to refuse (`OutOfCredits`), `KeyReused` when its key belongs to
        another movement, `NoSuchAccount`, `GuardsMissing`, `LedgerCorrupt`, and `OutcomeUnknown` after too many
        tries.
        """
        applied = self._attempt(account_id, Once(movement), steps)
        entry = applied.found[movement.key]
        return Posted(entry=entry, credits=applied.account.credits, replayed=entry.id not in applied.made)

    def apply(self, account_id: UUID, plan: Plan) -> Applied:
        """Make movement after movement until `plan` wants no more; raises what `post` does."""
        return self._attempt(account_id, plan, None)

    def preview(self, account_id: UUID, plan: Plan) -> Movement | None:
        """The first movement that `plan` misses, without making it."""
        account, found = self._read(account_id, plan.keys)
        return plan.next_movement(account, found)

    def entries(self, keys: Sequence[str]) -> dict[str, Entry]:
        """What stands under these keys, of whatever account, also of one that is deleted since."""
        tree = self._instant.query({ENTRIES: {"$": {"where": {"key": {"$in": list(keys)}}}}})
        return {entry.key: entry for entry in map(entry_of, tree[ENTRIES])}

    def _attempt(self, account_id: UUID, plan: Plan, steps: Steps | None) -> Applied:
        attempts = Attempts(plan.keys[0], sleep=self._sleep, jitter=self._jitter)
        while True:
            try:
                applied = self._attempt_once(account_id, plan, steps, attempts)
            except InstantError as exc:
                attempts.failed(exc)
            else:
                if applied is not None:
                    return applied

    def _attempt_once(
        self, account_id: UUID, plan: Plan, steps: Steps | None, attempts: Attempts
    ) -> Applied | None:
        """Read, decide and write once. None: that went well, and there may be more to do."""
        self._require_guards()
        account, found = self._read(account_id, plan.keys)
        attempts.saw(account)
        opening = opening_of(account)
        movement = opening or plan.next_movement(account, found)
        if movement is None:
            return Applied(account=account, found=found, made=attempts.made)
        entry = self._entry(account, movement)
        if opening is not None or steps is None:
            self._write(entry, (), attempts)
        else:
            # A fresh id at each attempt: were a lost attempt and this one to create the same row, the second
            # would be refused for a reason that says nothing about the movement.
            item_id = self._new_id()
            entry = replace(entry, ref=str(item_id))
            self._write(entry, steps(item_id), attempts)
        if opening is not None or not plan.is_single:
            return None
        return Applied(account=entry.account_after, found=found | {entry.key: entry}, made=attempts.made)

    def _entry(self, account: Account, movement: Movement) -> Entry:
        return Entry(
            id=self._new_id(),
            account_id=account.id,
            key=movement.key,
            seq=account.seq + 1,
            kind=movement.kind,
            amount=movement.amount_on(account),
            balance=movement.balance_after(account),
            note=movement.note,
            actor=movement.actor,
            ref=movement.ref,
            product=movement.product,
            created_at=self.now(),
        )

    def _write(self, entry: Entry, bought: Sequence[Step], attempts: Attempts) -> None:
        attempts.about_to_write(entry)
        self._instant.transact([*steps_of(entry), *bought])
        logger.info("%s %+d credits, balance %d", entry.key, entry.amount, entry.balance)
        self._on_written(entry)

    def _read(self, account_id: UUID, keys: Sequence[str]) -> tuple[Account, dict[str, Entry]]:
        """The account and what stands under `keys`, in one query and so in one snapshot."""
        tree = self._instant.query(
            account_query(account_id) | {ENTRIES: {"$": {"where": {"key": {"$in": list(keys)}}}}}
        )
        entries = [entry_of(row) for row in tree[ENTRIES]]
        return account_in(tree, account_id), {entry.key: entry for entry in entries}

    def _require_guards(self) -> None:
        """Refuse to move anything in an app whose schema does not keep a movement from happening twice."""
        if not self._guards_seen:
            missing = missing_guards(self._instant.schema())
            if missing:
                raise GuardsMissing(missing)
            self._guards_seen = True
