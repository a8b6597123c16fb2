"""What an audit must hold against something that it reads later: on disk, so that a ledger may be of any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_TABLES: Final = """
CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE items (
    id TEXT PRIMARY KEY, product TEXT NOT NULL, owner TEXT NOT NULL, due INTEGER NOT NULL, spends INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE purchases (
    checkout TEXT PRIMARY KEY, account TEXT NOT NULL, credits INTEGER NOT NULL, seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX items_by_owner ON items (owner);
CREATE TABLE claw_backs (key TEXT NOT NULL, checkout TEXT NOT NULL, account TEXT NOT NULL);
CREATE TABLE undos (spend TEXT NOT NULL, account TEXT NOT NULL, credits INTEGER NOT NULL);
"""
_CACHE_KIB: Final = 2048
_LEFT_OUT: Final = -1


@dataclass(frozen=True, slots=True)
class Credited:
    """A purchase entry: so many credits on an account for a checkout."""

    checkout_id: str
    account: str
    credits: int


class Scratch:
    """A database of SQLite's without a name. It is nobody's but ours, and gone when it is closed."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Be done with it."""
        self._database.close()

    # Accounts and entries

    def keep_account(self, account: str, *, name: str, seq: int) -> None:
        """An account that was walked up to its entry number `seq`."""
        self._do("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", account, name, seq)

    def leave_out_account(self, account: str, *, name: str) -> None:
        """An account that cannot be walked; what it owns and its entries are no concern any more."""
        self.keep_account(account, name=name, seq=_LEFT_OUT)
        self._do("DELETE FROM items WHERE owner = ?", account)

    def is_left_out(self, account: str) -> bool:
        """Whether an account could not be walked."""
        return self.walked_to(account) == _LEFT_OUT

    def name_of(self, account: str) -> str:
        """What a person calls an account; its id for one that was not walked."""
        return str(self._first("SELECT name FROM accounts WHERE id = ?", account) or account)

    def walked_to(self, account: str) -> int | None:
        """How far an account was walked; None for one that was not."""
        seq: int | None = self._first("SELECT seq FROM accounts WHERE id = ?", account)
        return seq

    def keep_entry(self, entry_id: str) -> None:
        """An entry that was walked over."""
        self._do("INSERT OR IGNORE INTO entries VALUES (?)", entry_id)

    def has_entry(self, entry_id: str) -> bool:
        """Whether an entry was walked over."""
        return self._first("SELECT 1 FROM entries WHERE id = ?", entry_id) is not None

    # What was bought

    def keep_item(self, item_id: str, *, product: str, owner: str, spends_due: int) -> None:
        """A row of a product, not paid yet, and by how many spends it should be."""
        self._do("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, 0)", item_id, product, owner, spends_due)

    def pay_item(self, item_id: str, *, product: str, account: str) -> None:
        """A spend of its owner for a row; one that is deleted since is no concern.

        An entry of before there were products names none, and may be for any.
        """
        self._do(
            "UPDATE items SET spends = spends + 1 WHERE id = ? AND owner = ? AND ? IN (product, '')",
            item_id,
            account,
            product,
        )

    def wrongly_paid_items(self) -> Iterator[tuple[str, str, str, int, int]]:
        """The rows that are not paid as they should be: id, product, owner, how many spends, and how many are due."""
        yield from self._rows("SELECT id, product, owner, spends, due FROM items WHERE spends <> due")

    # Purchases

    def keep_purchase(self, purchase: Credited) -> None:
        """A purchase entry."""
        row = (purchase.checkout_id, purchase.account, purchase.credits)
        self._do("INSERT OR IGNORE INTO purchases VALUES (?, ?, ?, 0)", *row)

    def take_purchase(self, checkout_id: str) -> Credited | None:
        """The purchase entry of a checkout that Stripe has, if there is one; it counts as seen."""
        self._do("UPDATE purchases SET seen = 1 WHERE checkout = ?", checkout_id)
        found = self._rows("SELECT checkout, account, credits FROM purchases WHERE checkout = ?", checkout_id)
        return next((Credited(*row) for row in found), None)

    def purchases_left(self) -> Iterator[Credited]:
        """The purchase entries that were never taken."""
        for row in self._rows("SELECT checkout, account, credits FROM purchases WHERE NOT seen"):
            yield Credited(*row)

    def keep_claw_back(self, key: str, *, checkout_id: str, account: str) -> None:
        """An entry that takes or gives back credits of a checkout."""
        self._do("INSERT INTO claw_backs VALUES (?, ?, ?)", key, checkout_id, account)

    def stray_claw_backs(self) -> Iterator[tuple[str, str]]:
        """Those of checkouts that were never credited to the same account: key and account."""
        yield from self._rows(
            "SELECT key, account FROM claw_backs WHERE NOT EXISTS (SELECT 1 FROM purchases"
            " WHERE purchases.checkout = claw_backs.checkout AND purchases.account = claw_backs.account)"
        )

    # What was given back

    def keep_undo(self, spend_key: str, *, account: str, credits: int) -> None:
        """An entry that gives the credits of a spend back."""
        self._do("INSERT INTO undos VALUES (?, ?, ?)", spend_key, account, credits)

    def undos(self) -> Iterator[tuple[str, str, int]]:
        """All of those: the key of the spend, account, and credits."""
        yield from self._rows("SELECT spend, account, credits FROM undos")

    def _do(self, statement: str, *values: object) -> None:
        self._database.execute(statement, values)

    def _first(self, statement: str, *values: object) -> Any:
        row = self._database.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def _rows(self, statement: str, *values: object) -> Iterator[Any]:
        yield from self._database.execute(statement, values)
