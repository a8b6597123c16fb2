"""The ledger as rows of Instant: how an account and its entries are asked for, read and written.

Knows the names of the schema, decides nothing. What it gives has been checked: a row that is no entry of ours
raises `LedgerDamaged`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from instant_admin.client.admin import Connection
from instant_admin.client.steps import create, link, update
from instant_admin.client.types import Query, Step, Tree
from instant_admin.ledger.rules import Account, Entry, Kind, LedgerError

ENTRIES: Final = "creditEntries"


class NoSuchAccount(LedgerError):
    """There is no such member. Nothing was written."""


class LedgerDamaged(LedgerError):
    """A stored balance or entry is not one that this site wrote. Trying again does not help: it needs a person."""

    # What was tried before somebody damaged the ledger is unknown here.
    may_have_been_written = True


def read_entries(
    connection: Connection, account_id: UUID, *, before_seq: int | None, limit: int
) -> tuple[Entry, ...]:
    """Up to `limit` entries of an account, newest first, with the rights that `connection` has.

    Pages by slot, whose values are known beforehand: exact under concurrent writes, and one index look-up an
    entry however long the ledger is. `before_seq` is the number of the oldest entry already seen.
    """
    if before_seq is None:
        tree = connection.query({"$users": {"$": {"where": {"id": str(account_id)}}}})
        before_seq = account_in(tree, account_id).seq + 1
    numbers = range(before_seq - 1, max(0, before_seq - 1 - limit), -1)
    if not numbers:
        return ()
    slots = [slot_of(account_id, number) for number in numbers]
    tree = connection.query({ENTRIES: {"$": {"where": {"slot": {"$in": slots}}}}})
    entries = [entry_of(row) for row in tree[ENTRIES]]
    return tuple(sorted(entries, key=lambda entry: entry.seq, reverse=True))


def read_credits(connection: Connection, account_id: UUID) -> int:
    """An account's balance in credits, with the rights that `connection` has. Raises `NoSuchAccount`."""
    return credits_in(connection.query(credits_query(account_id)), account_id)


def credits_query(account_id: UUID) -> Query:
    """The query whose answer `credits_in` reads; for those who subscribe to it."""
    return {"$users": {"$": {"where": {"id": str(account_id)}}}}


def credits_in(tree: Tree, account_id: UUID) -> int:
    """The balance in an answer to `credits_query`. Raises `NoSuchAccount` and `LedgerDamaged`."""
    return account_in(tree, account_id).credits


def slot_of(account_id: UUID, seq: int) -> str:
    """The unique value under which an account has its entry number `seq`."""
    return f"{account_id}:{seq}"


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An entry from its row in a query's answer; raises `LedgerDamaged` when it is not one."""
    try:
        account_id, _, seq = row["slot"].rpartition(":")
        return Entry(
            id=UUID(row["id"]),
            account_id=UUID(account_id),
            key=row["key"],
            seq=int(seq),
            kind=Kind(row["kind"]),
            amount=_whole(row["amount"]),
            balance=_whole(row["balance"]),
            note=row.get("note") or "",
            actor=row.get("actor") or "",
            ref=row.get("ref") or "",
            created_at=datetime.fromtimestamp(row["createdAt"] / 1000, tz=UTC),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise LedgerDamaged(f"Entry {row.get('id')} is not what an entry looks like") from exc


def account_of(row: Mapping[str, Any]) -> Account:
    """A balance from its row of `$users`; raises `LedgerDamaged` when it is not one."""
    try:
        credits, seq = _whole(row.get("credits") or 0), _whole(row.get("creditSeq") or 0)
    except (TypeError, ValueError, OverflowError) as exc:
        raise LedgerDamaged(f"The balance of {row['id']} is not a whole number") from exc
    return Account(id=UUID(row["id"]), credits=credits, seq=seq)


def epoch_ms(moment: datetime) -> int:
    """A moment as Instant stores it: whole milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def steps_of(entry: Entry) -> list[Step]:
    optional = {"note": entry.note, "actor": entry.actor, "ref": entry.ref}
    return [
        create(
            ENTRIES,
            entry.id,
            {
                "key": entry.key,
                "slot": slot_of(entry.account_id, entry.seq),
                "kind": str(entry.kind),
                "amount": entry.amount,
                "balance": entry.balance,
                "createdAt": epoch_ms(entry.created_at),
            }
            | {name: value for name, value in optional.items() if value},
        ),
        link(ENTRIES, entry.id, {"account": entry.account_id}),
        update("$users", entry.account_id, {"credits": entry.balance, "creditSeq": entry.seq}, upsert=False),
    ]


def account_in(tree: Tree, account_id: UUID) -> Account:
    rows = tree["$users"]
    if not rows:
        raise NoSuchAccount(f"There is no member {account_id}")
    return account_of(rows[0])


def _whole(value: object) -> int:
    """A JSON number as an int. Credits are never fractions; a fraction here was written by someone else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or int(value) != value:
        raise ValueError("not a whole number")
    return int(value)
