"""What a process knows of accounts from its own last writes, so that the next one need not ask.

It is only ever a hint: another process may have moved the balance since. Then the number of the next entry is taken,
nothing is written, and everything is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from instant_admin.ledger.rules import Account, Movement, Spend

# A balance that somebody edits in Instant's dashboard, past the ledger, is seen after this long at the latest.
LONGEST: Final = timedelta(seconds=5)
REMEMBERED: Final = 10_000

T = TypeVar("T")
V = TypeVar("V")


class Memory:
    """Balances with the time they were known, and keys that came by lately."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._accounts: dict[UUID, tuple[datetime, Account]] = {}
        self._keys: dict[str, None] = {}
        self._lock = threading.Lock()

    def covers(self, account_id: UUID, movement: Movement) -> bool:
        """Whether `movement` is a spend that has hardly happened before, and that the account can pay for."""
        known = self.recall({account_id})
        if known is None or movement.key in self._keys or not isinstance(movement, Spend):
            return False
        return known[account_id].credits >= movement.price

    def recall(self, account_ids: Collection[UUID]) -> dict[UUID, Account] | None:
        """The accounts; None when it is better to ask."""
        oldest = self._now() - LONGEST
        with self._lock:
            known = {account_id: self._accounts.get(account_id) for account_id in account_ids}
        accounts = {id: found[1] for id, found in known.items() if found and found[0] >= oldest}
        return accounts if len(accounts) == len(known) else None

    def learn(self, accounts: Iterable[Account]) -> None:
        """How accounts are now; what is older than what is known is passed over."""
        now = self._now()
        with self._lock:
            for account in accounts:
                known = self._accounts.get(account.id)
                if known is None or known[1].seq < account.seq:
                    _put(self._accounts, account.id, (now, account))
                elif known[1] == account:
                    # What another process left says less of it.
                    fuller = known[1] if account.allowances is None else account
                    _put(self._accounts, account.id, (now, fuller))
                elif known[1].seq == account.seq:
                    # Edited past the ledger, or nonsense: whoever needs it asks.
                    del self._accounts[account.id]

    def note(self, keys: Iterable[str]) -> None:
        """These keys have come by."""
        with self._lock:
            for key in keys:
                _put(self._keys, key, None)

    def forget(self, account_ids: Iterable[UUID]) -> None:
        """Ask about these the next time."""
        with self._lock:
            for account_id in account_ids:
                self._accounts.pop(account_id, None)


def _put(remembered: dict[T, V], key: T, value: V) -> None:
    """Put it last, and let go of the first when there are too many."""
    remembered.pop(key, None)
    remembered[key] = value
    if len(remembered) > REMEMBERED:
        del remembered[next(iter(remembered))]
