"""The balance store: credits on Instant's `$users`, moved one ledger entry at a time.

`writing.py` says why nothing happens twice, and `batches.py` how many move at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantError
from instant_admin.client.steps import delete
from instant_admin.client.types import Step
from instant_admin.ledger.batches import BATCH_LIMIT, Batches, Posted, Signal, Steps
from instant_admin.ledger.entries import (
    ENTRIES,
    NoSuchAccount,
    account_in,
    account_query,
    entry_of,
    noting_steps,
)
from instant_admin.ledger.movements import Closing, opening_of
from instant_admin.ledger.retries import Attempts, OnFailure
from instant_admin.ledger.rules import Account, Entry, Movement, there
from instant_admin.ledger.turns import ALONE, Turns
from instant_admin.ledger.writing import Writer

logger = logging.getLogger(__name__)


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

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        """The movement that is missing, or None; raises `LedgerError` to refuse.

        Whatever else it looks at, it must look now: the slot only keeps out what was decided before the
        account moved.
        """


@dataclass(frozen=True, slots=True)
class _Close:
    """The plan that an account is closed."""

    account_id: UUID

    @property
    def keys(self) -> Sequence[str]:
        return (f"closing:{self.account_id}",)

    def next_movement(self, account: Account, found: Mapping[str, Entry]) -> Movement | None:
        return None if found else Closing(key=f"closing:{self.account_id}")


class BalanceStore:
    """Reads balances and posts movements, as the app's admin. Safe to share between threads.

    `on_posted` is called with each entry that a caller's own movement made, in that caller's thread, so nobody else
    waits for what it does. `on_failure` is told of each movement that is not written as it was decided: `LOST_RACE`,
    `OUTAGE`, and at last `GAVE_UP`. The pauses, their jitter and the way of waiting are arguments so that they can be
    simulated.
    """

    def __init__(
        self,
        instant: InstantAdmin,
        *,
        writer: Writer | None = None,
        batch_limit: int = BATCH_LIMIT,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        new_signal: Callable[[], Signal] = threading.Event,
        turns: Turns = ALONE,
        on_posted: Callable[[Entry], object] = lambda entry: None,
        on_failure: OnFailure = lambda reason: None,
    ) -> None:
        self._instant = instant
        self._on_posted = on_posted
        self._on_failure = on_failure
        self._writer = writer or Writer(instant)
        self._sleep = sleep
        self._jitter = jitter
        self._batches = Batches(
            self._writer,
            limit=batch_limit,
            sleep=sleep,
            jitter=jitter,
            new_signal=new_signal,
            turns=turns,
            on_failure=on_failure,
        )

    @property
    def now(self) -> datetime:
        """The time as this store writes it down."""
        return self._writer.now()

    def account(self, account_id: UUID) -> Account:
        """The balance now, in credits. Raises `NoSuchAccount`."""
        return account_in(self._instant.query(account_query(account_id)), account_id)

    def post(self, account_id: UUID, movement: Movement, *, steps: Steps | None = None) -> Posted:
        """Make `movement` happen exactly once, in one transaction with the `steps` of what it buys.

        Raises what the movement raises to refuse (`OutOfCredits`), `KeyReused` when its key belongs to
        another movement, `NoSuchAccount`, `GuardsMissing`, `LedgerCorrupt`, and `OutcomeUnknown` after too many
        tries.
        """
        posted = self._batches.post(account_id, movement, steps)
        if not posted.replayed:
            self._announce(posted.entry)
        return posted

    def close(self, account_id: UUID) -> None:
        """Write the last entry of an account and delete the account, in one transaction; once it is gone, nothing.

        Whoever has decided on the account as it was wants that entry's slot, so nobody brings a part of it back.
        Raises what `post` does.
        """
        with suppress(NoSuchAccount):
            self.apply(account_id, _Close(account_id), steps=[delete("$users", account_id)])

    def apply(self, account_id: UUID, plan: Plan, *, steps: Sequence[Step] = ()) -> Applied:
        """Make movement after movement, each with `steps`, until `plan` wants no more; raises what `post` does.

        Not with others in one transaction, who would have to wait for whatever the plan asks.
        """
        attempts = Attempts(plan.keys[0], jitter=self._jitter, on_failure=self._on_failure)
        seen: tuple[Account, dict[str, Entry]] | None = None
        told: set[UUID] = set()
        while True:
            try:
                account, found = seen or self.look(account_id, plan.keys)
                attempts.saw(account, found.values())
                self._tell(found.values(), made=attempts.made, told=told)
                opening = opening_of(account)
                movement = opening or plan.next_movement(account, found)
                if movement is None:
                    return Applied(account=account, found=found, made=attempts.made)
                entry = movement.entry_on(account, entry_id=next(self._writer.ids()), now=self._writer.now())
                attempts.about_to_write(entry)
                self._batches.memory.forget([account_id])
                bought = [*noting_steps(account_id, movement), *steps]
                self._writer.write([entry], () if movement is opening else bought)
                # As good as a read: if somebody has moved the balance since, the next slot is taken.
                seen = entry.account_after, found if movement is opening else found | {entry.key: entry}
            except InstantError as exc:
                seen = None
                self._sleep(attempts.failed(exc))

    def _tell(self, found: Collection[Entry], *, made: Collection[UUID], told: set[UUID]) -> None:
        for entry in found:
            if entry.id in made and entry.id not in told:
                told.add(entry.id)
                self._announce(entry)

    def _announce(self, entry: Entry) -> None:
        # Here and not where it was written, which may be in the thread of somebody else's request.
        about = {"entry": entry.key, "member": entry.account_id}
        text = "%s %+d credits, balance %d"
        logger.info(text, entry.key, entry.amount, entry.balance, extra={"about": about})
        self._on_posted(entry)

    def look(self, account_id: UUID, keys: Sequence[str]) -> tuple[Account, dict[str, Entry]]:
        """An account and what stands under `keys`, of one moment. Raises `NoSuchAccount` and `LedgerCorrupt`."""
        accounts, found = self._writer.read([account_id], keys)
        return there(accounts[account_id]), {key: there(entry) for key, entry in found.items()}

    def preview(self, account_id: UUID, plan: Plan) -> Movement | None:
        """The first movement that `plan` misses, without making it."""
        return plan.next_movement(*self.look(account_id, plan.keys))

    def entries(self, keys: Sequence[str]) -> dict[str, Entry]:
        """What stands under these keys, of whatever account, also of one that is deleted since."""
        tree = self._instant.query({ENTRIES: {"$": {"where": {"key": {"$in": list(keys)}}}}})
        return {entry.key: entry for entry in map(entry_of, tree[ENTRIES])}
