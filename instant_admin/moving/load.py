"""Out of a folder, into another app: only what is not there yet as it should be, so it may be done again and again.

What was written is remembered in the folder (`imported-<app>.sqlite3`), with a digest of each row. Members without an
id get one made of their email, so a list of emails and credits can be moved in too.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.paging import by_arrival
from instant_admin.client.steps import delete, link, update
from instant_admin.client.types import Step
from instant_admin.ledger.forgetting import WORDS
from instant_admin.moving.rows import MEMBERS, Line, Namespace, Sums, lines_in, written

# So many rows are one transaction.
BATCH: Final = 100
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS imported (
    namespace TEXT NOT NULL, id TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (namespace, id)
) WITHOUT ROWID;
CREATE TEMP TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class AppInUse(Exception):
    """The app to move into has members that did not come from the folder. Nothing was written."""


class Import:
    """One folder and the app to move it into; to be closed.

    Raises `AppInUse`, and `InstantError`.
    """

    def __init__(self, instant: InstantAdmin, folder: Path, namespaces: Sequence[Namespace]) -> None:
        self._instant = instant
        self._folder = folder
        self._namespaces = namespaces
        memory = folder / f"imported-{instant.app_id}.sqlite3"
        if not memory.exists() and instant.query({MEMBERS: {"$": {"limit": 1}}})[MEMBERS]:
            raise AppInUse("This app has members already. Move into one that nobody has used yet.")
        self._memory = sqlite3.connect(memory)
        self._memory.executescript(_TABLES)

    def close(self) -> None:
        """Let go of what it remembers."""
        self._memory.close()

    def load(self, *, looked_at: Callable[[], object]) -> None:
        """Write what the folder has, and delete what was written before and is in it no more.

        Raises `InstantError`; then, or after a kill, do it again.
        """
        for namespace in self._namespaces:
            lines = _with_ids(namespace, lines_in(namespace.file_in(self._folder)))
            changed = self._changed(namespace, lines, looked_at)
            while batch := list(islice(changed, BATCH)):
                self._write(namespace, batch)
            if not namespace.is_only_added_to:
                self._delete_the_unseen(namespace)

    def differences(self, sums: Sums, *, looked_at: Callable[[], object]) -> Iterator[str]:
        """Where the app is not what the folder has, a sentence each; `sums` gets what is in the app.

        A member whose balance moved since shows as one. Raises `InstantError`.
        """
        for namespace in self._namespaces:
            self._memory.execute("DELETE FROM temp.seen")
            for row in (row for page in by_arrival(self._instant, namespace.name) for row in page):
                line = namespace.line_of(row)
                sums.count(namespace, line)
                looked_at()
                self._see(line)
                if self._digest_of(namespace, line) != _digest(line):
                    yield f"{namespace.name} {line['id']} is not as it was exported"
            for (row_id,) in self._unseen(namespace):
                yield f"{namespace.name} {row_id} is not there"

    def _changed(
        self, namespace: Namespace, lines: Iterable[Line], looked_at: Callable[[], object]
    ) -> Iterator[Line]:
        self._memory.execute("DELETE FROM temp.seen")
        for line in map(self._without_the_gone, lines):
            looked_at()
            self._see(line)
            if self._digest_of(namespace, line) != _digest(line):
                yield line

    def _write(self, namespace: Namespace, lines: Sequence[Line]) -> None:
        steps = [step for line in lines for step in self._steps(namespace, line)]
        self._instant.transact(steps)
        self._memory.executemany(
            "INSERT OR REPLACE INTO imported VALUES (?, ?, ?)",
            [(namespace.name, line["id"], _digest(line)) for line in lines],
        )
        self._memory.commit()

    def _steps(self, namespace: Namespace, line: Line) -> list[Step]:
        attributes = {name: line[name] for name in namespace.attributes if name in line}
        if self._digest_of(namespace, line) is not None:  # what was taken out of it since goes here too
            attributes = dict.fromkeys(namespace.attributes) | attributes
        links = line.get("links")
        steps = [update(namespace.name, line["id"], attributes)]
        return [*steps, link(namespace.name, line["id"], links)] if links else steps

    def _without_the_gone(self, line: Line) -> Line:
        """Without links to members who have left or are not there yet, and then without words either."""
        links = line.get("links", {})
        left = {name: to for name, to in links.items() if self._digest_at(MEMBERS, to)}
        if left == links:
            return line
        kept = {name: value for name, value in line.items() if name not in (*WORDS, "links")}
        return kept | ({"links": left} if left else {})

    def _delete_the_unseen(self, namespace: Namespace) -> None:
        gone = self._unseen(namespace)
        while batch := list(islice(gone, BATCH)):
            self._instant.transact([delete(namespace.name, row_id) for (row_id,) in batch])
            self._memory.executemany(
                "DELETE FROM imported WHERE namespace = ? AND id = ?",
                [(namespace.name, row_id) for (row_id,) in batch],
            )
            self._memory.commit()

    def _see(self, line: Line) -> None:
        self._memory.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (line["id"],))

    def _unseen(self, namespace: Namespace) -> Iterator[tuple[str]]:
        wanted = "SELECT id FROM imported WHERE namespace = ? AND id NOT IN (SELECT id FROM temp.seen)"
        return iter(self._asked(wanted, namespace.name))

    def _digest_of(self, namespace: Namespace, line: Line) -> bytes | None:
        return self._digest_at(namespace.name, line["id"])

    def _digest_at(self, namespace: str, row_id: str) -> bytes | None:
        wanted = "SELECT digest FROM imported WHERE namespace = ? AND id = ?"
        found = self._asked(wanted, namespace, row_id)
        return found[0][0] if found else None

    def _asked(self, wanted: str, *values: str) -> list[Any]:
        return self._memory.execute(wanted, values).fetchall()


def _with_ids(namespace: Namespace, lines: Iterator[Line]) -> Iterator[Line]:
    for line in lines:
        if namespace.name == MEMBERS and "id" not in line:
            line["id"] = str(uuid5(NAMESPACE_URL, f"mailto:{line['email']}"))
        yield line


def _digest(line: Line) -> bytes:
    return hashlib.sha256(written(line)).digest()
