"""How entries get into Instant: read what is there, build an entry, write entries in one transaction.

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

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.types import Step
from instant_admin.ledger.entries import ENTRIES, accounts_in, accounts_query, entries_in, steps_of
from instant_admin.ledger.guards import missing_guards
from instant_admin.ledger.rules import Account, Entry, LedgerError

# How many ids one transaction may take from one random number.
_IDS: int = 1 << 16


class GuardsMissing(LedgerError):
    """The app's schema would let one movement happen twice, so none is made. Nothing was written."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            "Credits are not moved: in this Instant app "
            + ", ".join(missing)
            + ". Run `manage.py instant_push` and try again."
        )


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


class Writer:
    """Reads accounts and entries, and writes entries, as the app's admin. Safe to share between threads.

    The clock and the source of ids are arguments so that they can be simulated. `on_written` is called with each
    entry as soon as Instant has answered that it is written, and `on_transaction` with how many there were.
    """

    def __init__(
        self,
        instant: InstantAdmin,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], UUID] = row_id,
        on_written: Callable[[Entry], None] = lambda entry: None,
        on_transaction: Callable[[int], object] = lambda entries: None,
    ) -> None:
        self._instant = instant
        self.now = now
        self._new_id = new_id
        self._on_written = on_written
        self._on_transaction = on_transaction
        self._guards_seen = False

    def read(
        self, account_ids: Collection[UUID], keys: Collection[str]
    ) -> tuple[Mapping[UUID, Account | LedgerError], Mapping[str, Entry | LedgerError]]:
        """The accounts and what stands under `keys`, in one query and so in one snapshot.

        What is not there or damaged comes as the error that says so: it is nobody else's business.
        """
        tree = self._instant.query(
            accounts_query(account_ids) | {ENTRIES: {"$": {"where": {"key": {"$in": list(keys)}}}}}
        )
        return accounts_in(tree, account_ids), entries_in(tree)

    def ids(self) -> Iterator[UUID]:
        """New ids for one transaction, ascending.

        Rows of one transaction have one time of creation, and are then in the order of their ids.
        """
        first = self._new_id().int & -_IDS
        return (UUID(int=first | number) for number in range(_IDS))

    def write(self, entries: Sequence[Entry], bought: Sequence[Step]) -> None:
        """Write entries, an account's in the order of their numbers, with what they bought: all or nothing.

        Raises `GuardsMissing` and `InstantError`.
        """
        self._require_guards()
        self._instant.transact([*steps_of(entries), *bought])
        for entry in entries:
            self._on_written(entry)
        self._on_transaction(len(entries))

    def _require_guards(self) -> None:
        """Refuse to move anything in an app whose schema does not keep a movement from happening twice."""
        if not self._guards_seen:
            missing = missing_guards(self._instant.schema())
            if missing:
                raise GuardsMissing(missing)
            self._guards_seen = True
