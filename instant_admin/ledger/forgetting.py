"""Taking a person out of their ledger: the one change that an entry ever sees."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import update
from instant_admin.client.types import Query
from instant_admin.ledger.entries import ENTRIES, slot_of

# What of an entry is somebody's own.
WORDS: Final = ("note", "actor")
# So many entries are read, and changed, at once.
PAGE_SIZE: Final = 100


def forget_person(instant: InstantAdmin, account_id: UUID) -> None:
    """Empty `note` and `actor` of every entry of an account, also of one that is deleted; nothing else of it changes.

    What was emptied stays so; whatever is written later is emptied by the next call.
    """
    first = 1
    while True:
        slots = [slot_of(account_id, seq) for seq in range(first, first + PAGE_SIZE)]
        wanted: Query = {"where": {"slot": {"$in": slots}}}
        rows = instant.query({ENTRIES: {"$": wanted}})[ENTRIES]
        if not rows:
            return
        told = [row["id"] for row in rows if any(row.get(name) for name in WORDS)]
        if told:
            nothing = dict.fromkeys(WORDS)
            instant.transact([update(ENTRIES, entry_id, nothing, upsert=False) for entry_id in told])
        first += PAGE_SIZE
