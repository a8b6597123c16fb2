"""The rows of an app as lines of JSON, as its schema names their parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from instant_admin.client.paging import Row
from instant_admin.ledger.entries import ENTRIES

MEMBERS: Final = "$users"

# An id, the attributes that are set, and under "links" the ids of the rows that it is linked to.
Line: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of the schema, and its links to one row each."""

    name: str
    attributes: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def is_only_added_to(self) -> bool:
        """Whether what is there stays as it is."""
        return self.name == ENTRIES

    def file_in(self, folder: Path) -> Path:
        """Where its rows are kept: `members.jsonl`, or a file with the name of a namespace."""
        return folder / f"{'members' if self.name == MEMBERS else self.name}.jsonl"

    def line_of(self, row: Row) -> Line:
        """What is kept of a row, the same however Instant spells its numbers."""
        line = {name: _plain(row[name]) for name in self.attributes if row.get(name) is not None}
        links = {name: row[name] for name in self.links if row.get(name)}
        return {"id": row["id"]} | line | ({"links": links} if links else {})


def namespaces_of(schema: Mapping[str, Any]) -> tuple[Namespace, ...]:
    """Those of a schema document, in its order: what others are linked to comes first.

    Raises `ValueError` for a link that is not from one side to one row.
    """
    links: dict[str, list[str]] = {name: [] for name in schema["entities"]}
    for name, both in schema["links"].items():
        if both["forward"]["has"] != "one":
            raise ValueError(f"The link {name} leads to more than one row, and cannot be moved.")
        links[both["forward"]["on"]].append(both["forward"]["label"])
    return tuple(
        Namespace(name, tuple(sorted(entity["attrs"])), tuple(sorted(links[name])))
        for name, entity in schema["entities"].items()
    )


def written(line: Line) -> bytes:
    """As it stands in a file, with its end."""
    return json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def lines_in(path: Path) -> Iterator[Line]:
    """The lines of a file; none where there is none. Raises `ValueError` for what is none of ours."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                raise ValueError(f"{path.name}, line {number}: not a JSON object")
            yield line


@dataclass(slots=True)
class Sums:
    """What must be the same on both sides: `rows` of each namespace, and credits."""

    rows: Counter[str] = field(default_factory=Counter)
    credits: int = 0
    held: int = 0
    moved: int = 0

    def count(self, namespace: Namespace, line: Line) -> None:
        """Add a row."""
        self.rows[namespace.name] += 1
        if namespace.name == MEMBERS:
            self.credits += line.get("credits", 0)
            self.held += line.get("creditsHeld", 0)
        elif namespace.name == ENTRIES:
            self.moved += line["amount"]

    def __str__(self) -> str:
        others = {name: count for name, count in self.rows.items() if name not in (MEMBERS, ENTRIES)}
        return ", ".join(
            [
                f"{self.rows[MEMBERS]} members with {self.credits} credits and {self.held} held",
                f"{self.rows[ENTRIES]} ledger entries that add up to {self.moved}",
                *(f"{count} {name}" for name, count in others.items()),
            ]
        )


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
