"""Which holds of an account have not ended."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from instant_admin.client.admin import Connection
from instant_admin.ledger.entries import LedgerPage, account_of, read_page
from instant_admin.ledger.holds import ENDS, end_key
from instant_admin.ledger.rules import Account, Entry, Kind

PAGE_SIZE: Final = 100


def accounts_holding(connection: Connection) -> list[Account]:
    """The accounts with credits held, found by an index. Raises `LedgerCorrupt`."""
    wanted = {"where": {"creditsHeld": {"$gt": 0}}}
    return [account_of(row) for row in connection.query({"$users": {"$": wanted}})["$users"]]


def open_holds(connection: Connection, account_id: UUID) -> list[Entry]:
    """The holds that have not ended, newest first. Raises `NoSuchAccount` and `LedgerCorrupt`.

    Reads back from the last entry until they make up what is held: they are among the newest.
    """
    page = _newest(connection, account_id)
    missing, ended, found = page.account.held, set[str](), list[Entry]()
    while missing > 0 and page.entries:
        for entry in page.entries:
            if entry.kind in ENDS:
                ended.add(entry.key)
            elif entry.kind == Kind.HOLD and end_key(entry.key) not in ended:
                found.append(entry)
                missing += entry.amount
        page = read_page(connection, account_id, before_seq=page.entries[-1].seq, limit=PAGE_SIZE)
    return found


def _newest(connection: Connection, account_id: UUID) -> LedgerPage:
    """The newest page together with the account as its last entry left it."""
    while True:
        page = read_page(connection, account_id, before_seq=None, limit=PAGE_SIZE)
        if not page.entries or page.entries[0].seq == page.account.seq:
            return page
