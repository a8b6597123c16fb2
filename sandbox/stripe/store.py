"""The database of the stand-in: one SQLite file with objects, deliveries, timers and switches."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]
Condition = tuple[str, Sequence[object]]

# `json.dumps` would make a new encoder at each call.
ENCODE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

# The indexes carry `created` and `seq`, so that the newest rows of a filter are found without sorting.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, hidden TEXT NOT NULL, UNIQUE (kind, id)) STRICT;
CREATE INDEX IF NOT EXISTS newest ON objects (kind, created, seq);
CREATE INDEX IF NOT EXISTS by_customer ON objects (kind, body ->> '$.customer', created, seq);
CREATE INDEX IF NOT EXISTS by_payment ON objects (kind, body ->> '$.payment_intent', created, seq);
CREATE INDEX IF NOT EXISTS by_status ON objects (kind, body ->> '$.status', created, seq);
CREATE INDEX IF NOT EXISTS by_email ON objects (kind, body ->> '$.email', created, seq);
CREATE INDEX IF NOT EXISTS by_code ON objects (kind, upper(body ->> '$.code'));

CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, request_id TEXT NOT NULL, created REAL NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_at REAL, delivered INTEGER NOT NULL, last_status INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS of_event ON deliveries (event);

CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, at REAL NOT NULL, status INTEGER,
    answer TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS of_delivery ON attempts (delivery, seq);

CREATE TABLE IF NOT EXISTS holds (event TEXT PRIMARY KEY, held INTEGER NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS timers (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, job TEXT NOT NULL, target TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS next_timer ON timers (at, seq);

CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


@dataclass(slots=True)
class Record:
    """One object: what the API shows of it, and what only the stand-in needs to know."""

    kind: str
    id: str
    body: Json
    hidden: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to an idempotency key."""

    fingerprint: str
    request_id: str
    created: float
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event on its way to one endpoint. `next_at` is null when nothing more will be tried."""

    id: int
    event: str
    endpoint: str
    attempts: int
    next_at: float | None
    delivered: bool
    last_status: int | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try to deliver. `status` is null when no answer came; `answer` then says what happened instead."""

    at: float
    status: int | None
    answer: str


class Store:
    """The database, for one thread at a time; `StripeStandIn` has the lock."""

    def __init__(self, database: str | Path) -> None:
        if str(database) != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        # With WAL and NORMAL nothing is lost when the process is killed; a power cut may lose the newest writes.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or, when it raises, nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _value(self, sql: str, *values: object) -> Any:
        row = self._db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    # Objects

    def add(self, record: Record, *, created: int) -> None:
        """Write a new object; its id must be free."""
        self._db.execute(
            "INSERT INTO objects (kind, id, created, body, hidden) VALUES (?, ?, ?, ?, ?)",
            (record.kind, record.id, created, ENCODE(record.body), ENCODE(record.hidden)),
        )

    def save(self, record: Record) -> None:
        """Write an object that is already there."""
        self._db.execute(
            "UPDATE objects SET body = ?, hidden = ? WHERE kind = ? AND id = ?",
            (ENCODE(record.body), ENCODE(record.hidden), record.kind, record.id),
        )

    def find(self, kind: str, object_id: str) -> Record | None:
        """The object of that id, or None."""
        return next(iter(self._records(kind, " AND id = ?", [object_id])), None)

    def remove(self, kind: str, object_id: str) -> None:
        """Delete an object."""
        self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, object_id))

    def newest(
        self, kind: str, conditions: Sequence[Condition] = (), *, limit: int = -1, oldest_first: bool = False
    ) -> list[Record]:
        """The objects that meet every condition, newest first. A condition is SQL and its values."""
        where = "".join(f" AND {sql}" for sql, _ in conditions)
        values = [value for _, values in conditions for value in values]
        order = "created, seq" if oldest_first else "created DESC, seq DESC"
        return self._records(kind, f"{where} ORDER BY {order} LIMIT ?", [*values, limit])

    def first(self, kind: str, *conditions: Condition) -> Record | None:
        """The newest object that meets every condition, or None."""
        return next(iter(self.newest(kind, conditions, limit=1)), None)

    def place(self, kind: str, object_id: str) -> tuple[int, int] | None:
        """Where an object stands in the order of its kind."""
        row: tuple[int, int] | None = self._db.execute(
            "SELECT created, seq FROM objects WHERE kind = ? AND id = ?", (kind, object_id)
        ).fetchone()
        return row

    def _records(self, kind: str, tail: str, values: Sequence[object]) -> list[Record]:
        rows = self._db.execute(
            f"SELECT id, body, hidden FROM objects WHERE kind = ?{tail}",  # noqa: S608 - `tail` is our own SQL
            (kind, *values),
        )
        return [Record(kind, row[0], json.loads(row[1]), json.loads(row[2])) for row in rows]

    # Idempotency

    def remember(self, key: str, answer: Answer) -> None:
        """Store the answer to a key; replaces an older one."""
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (key, answer.fingerprint, answer.request_id, answer.created, answer.status, answer.body),
        )

    def remembered(self, key: str) -> Answer | None:
        """The answer kept for a key."""
        row = self._db.execute(
            "SELECT fingerprint, request_id, created, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else Answer(*row)

    # Deliveries

    def enqueue(self, *, event: str, endpoint: str, at: float) -> None:
        """Have an event delivered to an endpoint from `at` on."""
        self._db.execute(
            "INSERT INTO deliveries (event, endpoint, attempts, next_at, delivered) VALUES (?, ?, 0, ?, 0)",
            (event, endpoint, at),
        )

    def deliveries_due(self, now: float, *, hold: bool = False, limit: int) -> list[DeliveryRow]:
        """The deliveries that are due, the longest waiting first.

        With `hold`, only events that `set_hold` released; without it, all but those that it holds.
        """
        return self._deliveries(
            "next_at IS NOT NULL AND next_at <= ?"
            " AND NOT coalesce((SELECT held FROM holds WHERE holds.event = deliveries.event), ?)"
            " ORDER BY next_at, id LIMIT ?",
            *(now, hold, limit),
        )

    def waiting(self) -> int:
        """How many deliveries are not over yet."""
        return int(self._value("SELECT count(*) FROM deliveries WHERE next_at IS NOT NULL"))

    def deliveries_of(self, event: str) -> list[DeliveryRow]:
        """Every delivery of one event."""
        return self._deliveries("event = ? ORDER BY id", event)

    def delivery(self, delivery_id: int) -> DeliveryRow | None:
        """One delivery."""
        return next(iter(self._deliveries("id = ?", delivery_id)), None)

    def save_delivery(self, row: DeliveryRow) -> None:
        """Write a delivery after an attempt."""
        self._db.execute(
            "UPDATE deliveries SET attempts = ?, next_at = ?, delivered = ?, last_status = ? WHERE id = ?",
            (row.attempts, row.next_at, row.delivered, row.last_status, row.id),
        )

    def _deliveries(self, where: str, *values: object) -> list[DeliveryRow]:
        rows = self._db.execute(
            "SELECT id, event, endpoint, attempts, next_at, delivered, last_status"  # noqa: S608 - our own SQL
            f" FROM deliveries WHERE {where}",
            values,
        )
        return [
            DeliveryRow(delivery_id, event, endpoint, attempts, next_at, bool(delivered), last_status)
            for delivery_id, event, endpoint, attempts, next_at, delivered, last_status in rows
        ]

    def add_attempt(self, delivery_id: int, attempt: AttemptRow) -> None:
        """Store one attempt."""
        self._db.execute(
            "INSERT INTO attempts (delivery, at, status, answer) VALUES (?, ?, ?, ?)",
            (delivery_id, attempt.at, attempt.status, attempt.answer),
        )

    def attempts_of(self, delivery_id: int) -> list[AttemptRow]:
        """The attempts of a delivery, the oldest first."""
        rows = self._db.execute(
            "SELECT at, status, answer FROM attempts WHERE delivery = ? ORDER BY seq", (delivery_id,)
        )
        return [AttemptRow(*row) for row in rows]

    def set_hold(self, event: str, *, held: bool) -> None:
        """Hold one event back, or release it, whether or not the others are held."""
        self._db.execute("INSERT OR REPLACE INTO holds VALUES (?, ?)", (event, held))

    def hold_of(self, event: str) -> bool | None:
        """The hold of one event; None when it is treated like the others."""
        held = self._value("SELECT held FROM holds WHERE event = ?", event)
        return None if held is None else bool(held)

    def forget_holds(self) -> None:
        """Remove the holds of single events."""
        self._db.execute("DELETE FROM holds")

    # Timers, switches and secrets

    def set_timer(self, *, at: float, job: str, target: str) -> None:
        """Have `job` done to `target` at `at`."""
        self._db.execute("INSERT INTO timers (at, job, target) VALUES (?, ?, ?)", (at, job, target))

    def take_timer(self, now: float) -> tuple[str, str] | None:
        """The next job whose time has come, taken off the list, as `(job, target)`."""
        row = self._db.execute(
            "SELECT seq, job, target FROM timers WHERE at <= ? ORDER BY at, seq LIMIT 1", (now,)
        ).fetchone()
        if row is None:
            return None
        self._db.execute("DELETE FROM timers WHERE seq = ?", (row[0],))
        return row[1], row[2]

    def switches(self) -> dict[str, float]:
        """The dashboard's switches; an absent one is off."""
        return dict(self._db.execute("SELECT name, value FROM switches").fetchall())

    def set_switch(self, name: str, value: float) -> None:
        """Set one of the switches."""
        self._db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (name, value))

    def secret(self, name: str) -> str | None:
        """A stored secret."""
        secret: str | None = self._value("SELECT value FROM secrets WHERE name = ?", name)
        return secret

    def keep_secret(self, name: str, value: str) -> None:
        """Store a secret for the next start."""
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, value))
