"""The SQLite file: its tables, its connections, and who may read and write when.

An entity is one row of JSON. Beside it stand two small tables: one row per value of a unique attribute, whose
primary key is the guard against a second, and one row per value of an indexed attribute, in order. Links are
rows of their own, indexed from both ends.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from sandbox.instant import attributes
from sandbox.instant.catalog import Catalog

BUSY_TIMEOUT_S: Final = 30.0
# Ids are random, so the pages that a request needs lie anywhere: keep many. Taken only as they are used.
CACHE_KIB: Final = 65_536
MAPPED_BYTES: Final = 1 << 30
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS apps (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, admin_token TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active', rules TEXT, code_minutes INTEGER NOT NULL DEFAULT 1440
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS namespaces (
    key INTEGER PRIMARY KEY, app TEXT NOT NULL, etype TEXT NOT NULL, UNIQUE (app, etype)
);
CREATE TABLE IF NOT EXISTS attributes (
    key INTEGER PRIMARY KEY, app TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    inferred INTEGER NOT NULL DEFAULT 0, deleted_ms INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS attributes_by_id ON attributes (app, id);
CREATE TABLE IF NOT EXISTS names (
    app TEXT NOT NULL, etype TEXT NOT NULL, label TEXT NOT NULL, attribute INTEGER NOT NULL,
    PRIMARY KEY (app, etype, label)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entities (
    namespace INTEGER NOT NULL, id TEXT NOT NULL, created_ms INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (namespace, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_by_age ON entities (namespace, created_ms, id);
CREATE TABLE IF NOT EXISTS unique_values (
    attribute INTEGER NOT NULL, value NOT NULL, id TEXT NOT NULL, PRIMARY KEY (attribute, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexed_values (
    attribute INTEGER NOT NULL, value NOT NULL, id TEXT NOT NULL, PRIMARY KEY (attribute, value, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
    attribute INTEGER NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, sole INTEGER NOT NULL,
    PRIMARY KEY (attribute, source, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_back ON links (attribute, target, source);
CREATE UNIQUE INDEX IF NOT EXISTS links_sole ON links (attribute, target) WHERE sole;
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, app TEXT NOT NULL, batch TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counters VALUES ('transaction', 0);
"""

Listener = Callable[[str], None]


class Storage:
    """One database, many readers, one writer at a time. Not to be opened by two processes at once."""

    def __init__(self, database: str | Path) -> None:
        self._database = str(database)
        self._in_memory = self._database == ":memory:"
        if not self._in_memory:
            Path(self._database).parent.mkdir(parents=True, exist_ok=True)
        self._write_lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._catalogs: dict[str, Catalog] = {}
        self._listeners: list[Listener] = []
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the file back. Requests that are still running may fail."""
        with self._write_lock:
            while self._idle:
                self._idle.pop().close()
            self._writer.close()

    def copy_into(self, other: Storage) -> None:
        """Make `other` have what this one has."""
        with self._write_lock:
            self._writer.backup(other._writer)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the app's id after each commit; the answer is how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one snapshot for as long as it is held."""
        if self._in_memory:
            # A database in memory belongs to one connection, so its readers take turns with its writer.
            with self._write_lock:
                yield self._writer
            return
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")
            self._idle.append(connection)

    @contextmanager
    def writing(self, app: str) -> Iterator[sqlite3.Connection]:
        """A connection that is alone in writing; all it does is kept, or with an exception none of it."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                self._catalogs.pop(app, None)
                raise
            self._writer.execute("COMMIT")
        for listener in tuple(self._listeners):
            listener(app)

    def catalog(self, app: str) -> Catalog:
        """The app's attributes as they are now."""
        catalog = self._catalogs.get(app)
        if catalog is None:
            # Read by the writer: a reader's snapshot may be older than the change that emptied the cache.
            with self._write_lock:
                catalog = attributes.load(self._writer, app)
                self._catalogs[app] = catalog
        return catalog

    def forget_catalog(self, app: str) -> None:
        """Attributes have changed: read them again when they are next asked for."""
        self._catalogs.pop(app, None)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._database,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")
        connection.create_function("pg_like", 3, _like, deterministic=True)
        return connection


def next_transaction_id(connection: sqlite3.Connection) -> int:
    """A number greater than all before it."""
    row = connection.execute(
        "UPDATE counters SET value = value + 1 WHERE name = 'transaction' RETURNING value"
    ).fetchone()
    return int(row[0])


def last_transaction_id(connection: sqlite3.Connection) -> int:
    """The number of the newest transaction that this connection sees."""
    return int(connection.execute("SELECT value FROM counters WHERE name = 'transaction'").fetchone()[0])


def _like(text: object, pattern: str, ignore_case: int) -> bool:
    return isinstance(text, str) and _like_pattern(pattern, bool(ignore_case)).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _like_pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
