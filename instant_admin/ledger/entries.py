"""The ledger as rows of Instant: how an account and its entries are asked for, read, checked and built.

Knows the names of the schema, decides nothing. A row that is no entry of ours raises `LedgerCorrupt`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from instant_admin.client.admin import Connection
from instant_admin.client.protocol import uuid_of
from instant_admin.client.steps import create, link, update
from instant_admin.client.times import epoch_ms, from_epoch_ms
from instant_admin.client.types import Query, Step, Tree
from instant_admin.ledger.rules import HOLDING, Account, Entry, Kind, LedgerError, Movement

ENTRIES: Final = "creditEntries"
# More entries of an account than this are not written in one millisecond: a transaction takes longer.
TIES_LIMIT: Final = 100
# The time of an entry in milliseconds since 1970, and its number.
Place: TypeAlias = tuple[int, int]
# The attributes of `$users` that hold its balance.
_BALANCE: Final = ("credits", "creditSeq", "creditsHeld")
# What Python raises at a row that is not one of ours.
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError)

T = TypeVar("T")


class NoSuchAccount(LedgerError):
    """There is no such member. Nothing was written."""


class LedgerCorrupt(LedgerError):
    """A stored balance or entry is not one that this site wrote. Trying again does not help: it needs review."""

    # What was tried before the rows were changed is unknown here.
    may_have_been_written = True


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Entries of an account, newest first, and the account with its row of `$users`, all of one snapshot."""

    account: Account
    row: Mapping[str, Any]
    entries: tuple[Entry, ...]


def read_page(connection: Connection, account_id: UUID, *, before_seq: int | None, limit: int) -> LedgerPage:
    """Up to `limit` entries before number `before_seq`, or the newest, with the rights of `connection`.

    Asks by slot, whose values are known beforehand: exact under concurrent writes, and one index look-up an entry
    however long the ledger is. One query, together with the account. Only the newest of more than `limit` entries
    take a second, since nobody knows their numbers yet. (Asked for by the time of their creation they take one, which
    reads the whole ledger: with 20,000 entries sixteen times as long as with a hundred.)
    """
    slots = _slots(account_id, limit + 1 if before_seq is None else before_seq, limit)
    entries: Query = {"where": {"slot": {"$in": slots or [""]}}}
    tree = connection.query(account_query(account_id) | {ENTRIES: {"$": entries}})
    account = account_in(tree, account_id)
    if before_seq is None and account.seq > limit:
        return read_page(connection, account_id, before_seq=account.seq + 1, limit=limit)
    found = sorted(map(entry_of, tree[ENTRIES]), key=lambda entry: entry.seq, reverse=True)
    return LedgerPage(account, tree["$users"][0], tuple(found))


def read_at(connection: Connection, account_id: UUID, numbers: Iterable[int]) -> tuple[Entry, ...]:
    """The entries of these numbers, oldest first, with the rights of `connection`."""
    wanted: Query = {"where": {"slot": {"$in": [slot_of(account_id, seq) for seq in numbers]}}}
    found = map(entry_of, connection.query({ENTRIES: {"$": wanted}})[ENTRIES])
    return tuple(sorted(found, key=lambda entry: entry.seq))


def read_matching(
    connection: Connection,
    account_id: UUID,
    *,
    kinds: Collection[str] = (),
    since: datetime | None = None,
    before: Place | None = None,
    limit: int,
) -> LedgerPage:
    """Up to `limit` entries of these kinds, or of all, from `since` on, and of those before the place `before`.

    In the order of their times, since no number tells a kind. Reads all of the account that match: where nothing is
    asked of an entry, `read_page` is faster.
    """
    where: list[Mapping[str, Any]] = [{"account.id": str(account_id)}]
    where += [{"kind": {"$in": sorted(kinds)}}] if kinds else []
    where += [{"createdAt": {"$gte": epoch_ms(since)}}] if since else []
    where += [{"createdAt": {"$lte": before[0]}}] if before else []
    # Instant breaks ties by id, and those of one millisecond belong in the order of their numbers.
    wanted: Query = {
        "where": {"and": where},
        "order": {"createdAt": "desc"},
        "limit": limit + TIES_LIMIT,
    }
    tree = connection.query(account_query(account_id) | {ENTRIES: {"$": wanted}})
    found = sorted(map(entry_of, tree[ENTRIES]), key=place_of, reverse=True)
    left = [entry for entry in found if before is None or place_of(entry) < before]
    return LedgerPage(account_in(tree, account_id), tree["$users"][0], tuple(left[:limit]))


def place_of(entry: Entry) -> Place:
    """Where an entry stands among others of its account by time; those of one millisecond by their numbers."""
    return epoch_ms(entry.created_at), entry.seq


def account_query(account_id: UUID) -> Query:
    """The query whose answer `account_in` reads; also for those who subscribe to it."""
    return {"$users": {"$": {"where": {"id": str(account_id)}}}}


def accounts_query(account_ids: Iterable[UUID]) -> Query:
    """The query whose answer `accounts_in` reads, with nothing else about those members in it."""
    wanted = {"id": {"$in": [str(account_id) for account_id in account_ids]}}
    return {"$users": {"$": {"where": wanted, "fields": [*_BALANCE, "purchases", "allowances"]}}}


def _slots(account_id: UUID, before_seq: int, limit: int) -> list[str]:
    numbers = range(before_seq - 1, max(0, before_seq - 1 - limit), -1)
    return [slot_of(account_id, seq) for seq in numbers]


def slot_of(account_id: UUID, seq: int) -> str:
    """The unique value under which an account has its entry number `seq`."""
    return f"{account_id}:{seq}"


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An entry from its row in a query's answer; raises `LedgerCorrupt` when it is not one."""
    try:
        account_id, seq = _read_slot(row["slot"])
        return Entry(
            id=UUID(row["id"]),
            account_id=account_id,
            key=_text(row["key"]),
            seq=seq,
            kind=_text(row["kind"]),
            amount=_whole(row["amount"]),
            balance=_whole(row["balance"]),
            note=_text_or_empty(row.get("note")),
            actor=_text_or_empty(row.get("actor")),
            ref=_text_or_empty(row.get("ref")),
            product=_text_or_empty(row.get("product")),
            created_at=from_epoch_ms(_whole(row["createdAt"])),
            held=_whole(row.get("held") or 0),
            used=_whole(row.get("used") or 0),
            allowance=_text_or_empty(row.get("allowance")),
        )
    except _UNREADABLE as exc:
        raise _no_entry(row) from exc


def account_after(row: Mapping[str, Any]) -> Account:
    """The account as an entry left it, from no more than its `slot`, `balance` and `held`; raises `LedgerCorrupt`."""
    try:
        account_id, seq = _read_slot(row["slot"])
        held = _whole(row.get("held") or 0)
        return Account(id=account_id, credits=_whole(row["balance"]), seq=seq, held=held)
    except _UNREADABLE as exc:
        raise _no_entry(row) from exc


def account_of(row: Mapping[str, Any]) -> Account:
    """A balance from its row of `$users`; raises `LedgerCorrupt` when it is not one."""
    try:
        credits, seq, held = (_whole(row.get(name) or 0) for name in _BALANCE)
        bought = row.get("purchases")
        purchases = None if bought is None else _whole(bought)
        allowances = {_text(label): _whole(spent) for label, spent in (row.get("allowances") or {}).items()}
    except _UNREADABLE as exc:
        raise LedgerCorrupt(
            f"The balance of {row.get('id')}, or what it has spent, is not a whole number"
        ) from exc
    return Account(
        id=uuid_of(row.get("id")),
        credits=credits,
        seq=seq,
        held=held,
        purchases=purchases,
        allowances=allowances,
    )


def steps_of(entries: Sequence[Entry]) -> list[Step]:
    """The steps that write entries, an account's in the order of their numbers, and the balances that they leave."""
    last = {entry.account_id: entry for entry in entries}
    holding = {entry.account_id for entry in entries if entry.held or entry.kind in HOLDING}
    return [
        *(step for entry in entries for step in _entry_steps(entry)),
        *(
            update("$users", account_id, _balance_after(entry, is_held=account_id in holding), upsert=False)
            for account_id, entry in last.items()
        ),
    ]


def noting_steps(account_id: UUID, movement: Movement) -> list[Step]:
    """The steps that write what else a movement says of its account, in the transaction of its entry."""
    return [update("$users", account_id, movement.noted, upsert=False)] if movement.noted else []


def allowances_step(account: Account) -> Step:
    """The step that writes what was spent under allowances, in the transaction of the entry that counts in one."""
    return update("$users", account.id, {"allowances": dict(account.allowances or {})}, upsert=False)


def count_of(connection: Connection, account_id: UUID, kind: Kind) -> int:
    """How many entries of a kind an account has, with the rights of `connection`."""
    wanted: Query = {"where": {"account.id": str(account_id), "kind": kind}, "fields": ["id"]}
    return len(connection.query({ENTRIES: {"$": wanted}})[ENTRIES])


def _balance_after(entry: Entry, *, is_held: bool) -> Mapping[str, int]:
    balance = {"credits": entry.balance, "creditSeq": entry.seq}
    return balance | {"creditsHeld": entry.held} if is_held else balance


def _entry_steps(entry: Entry) -> list[Step]:
    optional = {
        "note": entry.note,
        "actor": entry.actor,
        "ref": entry.ref,
        "product": entry.product,
        "held": entry.held,
        "used": entry.used,
        "allowance": entry.allowance,
    }
    return [
        create(
            ENTRIES,
            entry.id,
            {
                "key": entry.key,
                "slot": slot_of(entry.account_id, entry.seq),
                "kind": entry.kind,
                "amount": entry.amount,
                "balance": entry.balance,
                "createdAt": epoch_ms(entry.created_at),
            }
            | {name: value for name, value in optional.items() if value},
        ),
        link(ENTRIES, entry.id, {"account": entry.account_id}),
    ]


def account_in(tree: Tree, account_id: UUID) -> Account:
    """The account in an answer that has its row of `$users`. Raises `NoSuchAccount` and `LedgerCorrupt`."""
    rows = tree["$users"]
    if not rows:
        raise NoSuchAccount(f"There is no member {account_id}")
    return account_of(rows[0])


def accounts_in(tree: Tree, account_ids: Iterable[UUID]) -> dict[UUID, Account | LedgerError]:
    """Each of these accounts, or the error that says what is wrong with it."""
    rows = {str(row.get("id")): row for row in tree["$users"]}
    return {
        account_id: _or_error(
            account_in, {"$users": [row] if (row := rows.get(str(account_id))) else []}, account_id
        )
        for account_id in account_ids
    }


def entries_in(tree: Tree) -> dict[str, Entry | LedgerError]:
    """The entries of an answer by their keys, each of them or the error that says what is wrong with it."""
    return {str(row.get("key")): _or_error(entry_of, row) for row in tree[ENTRIES]}


def _or_error(read: Callable[..., T], *args: Any) -> T | LedgerError:
    try:
        return read(*args)
    except LedgerError as exc:
        return exc


def _no_entry(row: Mapping[str, Any]) -> LedgerCorrupt:
    return LedgerCorrupt(f"Entry {row.get('id')} is not what an entry looks like")


def _read_slot(slot: str) -> tuple[UUID, int]:
    account_id, _, seq = slot.rpartition(":")
    return UUID(account_id), int(seq)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a word")
    return value


def _text_or_empty(value: object) -> str:
    return _text(value) if value else ""


def _whole(value: object) -> int:
    """A JSON number as an int. Credits are never fractions; a fraction here was written by someone else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or int(value) != value:
        raise ValueError("not a whole number")
    return int(value)
