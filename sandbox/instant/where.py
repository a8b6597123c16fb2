"""Conditions as SQL: a test for each entity, and where there is one, an index to start from."""

# ruff: noqa: S608  (SQL is put together here; see the docstring of Where)

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.instant.attributes import path
from sandbox.instant.catalog import Attribute, Catalog
from sandbox.instant.forms import COMPARATORS, PATTERNS, Condition, Group, Leaf
from sandbox.instant.values import NULL_KEY, Json, date_ms, index_key

_SIGNS: Final[Mapping[str, str]] = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_TYPES: Final[Mapping[str, str]] = {
    "string": "= 'text'",
    "number": "IN ('integer', 'real')",
    "boolean": "IN ('true', 'false')",
}
# How good a start is: the smaller, the fewer entities it leaves to test.
BY_ID, BY_UNIQUE, BY_LINK, BY_INDEX, BY_RANGE = range(5)


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and its parameters."""

    text: str
    args: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """A sub-select of entity ids that an index answers, and how narrow it is."""

    rank: int
    ids: Sql


def joined(word: str, parts: Iterable[Sql]) -> Sql:
    """The pieces with `word` between them, in brackets."""
    parts = list(parts)
    if not parts:
        return Sql("1")
    text = "(" + f" {word} ".join(part.text for part in parts) + ")"
    return Sql(text, tuple(arg for part in parts for arg in part.args))


class Where:
    """Writes the SQL for the conditions of one query. What is put into its text are names from this file,
    aliases and marks; every value travels as a parameter.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._aliases = 0

    def test(self, condition: Condition, row: str) -> Sql:
        """An expression that holds for the entities, in the table aliased `row`, that meet the condition."""
        if isinstance(condition, Group):
            return joined(condition.word.upper(), (self.test(part, row) for part in condition.parts))
        return self._test_path(condition, row, 0)

    def start(self, condition: Condition) -> Start | None:
        """The narrowest index to start from, or None when every entity has to be looked at."""
        if isinstance(condition, Leaf):
            return self._start_leaf(condition)
        starts = [self.start(part) for part in condition.parts]
        known = [start for start in starts if start is not None]
        if condition.word == "and" or not starts:
            return min(known, key=lambda start: start.rank, default=None)
        if len(known) < len(starts):
            return None
        union = " UNION ".join(f"SELECT id FROM ({start.ids.text})" for start in known)
        args = tuple(arg for start in known for arg in start.ids.args)
        return Start(max(start.rank for start in known), Sql(union, args))

    # --- tests -------------------------------------------------------------------------------------------

    def _test_path(self, leaf: Leaf, row: str, depth: int) -> Sql:
        if depth == len(leaf.hops):
            return _test_id(leaf, row) if leaf.attr is None else self._test_value(leaf, leaf.attr, row)
        hop = leaf.hops[depth]
        near, far = ("source", "target") if hop.forward else ("target", "source")
        self._aliases += 1
        link, other = f"l{self._aliases}", f"e{self._aliases}"
        base = f"SELECT 1 FROM links {link}"
        here = f"{link}.attribute = ? AND {link}.{near} = {row}.id"
        if leaf.operator == "$isNull" and leaf.attr is None and depth == len(leaf.hops) - 1:
            # The last name is a link: what counts is whether there is one.
            word = "NOT EXISTS" if leaf.value else "EXISTS"
            return Sql(f"{word} ({base} WHERE {here})", (hop.attr.key,))
        rest = self._test_path(leaf, other, depth + 1)
        join = f"CROSS JOIN entities {other} ON {other}.namespace = ? AND {other}.id = {link}.{far}"
        namespace = self._catalog.namespaces.get(hop.etype, 0)
        text = f"EXISTS ({base} {join} WHERE {here} AND {rest.text})"
        return Sql(text, (namespace, hop.attr.key, *rest.args))

    def _test_value(self, leaf: Leaf, attr: Attribute, row: str) -> Sql:
        if attr.checked_type == "date" and attr.indexed and leaf.operator != "$isNull":
            # The index holds moments; the entity holds text or numbers as they were sent.
            return self._test_moment(leaf, attr, row)
        body = _Column(row, attr.label)
        if leaf.operator == "$isNull":
            word = "=" if leaf.value else "<>"
            return Sql(f"COALESCE(json_type({row}.body, ?), 'null') {word} 'null'", (path(attr.label),))
        if leaf.operator in COMPARATORS:
            compared = body.compared(_SIGNS[leaf.operator], attr.checked_type or "")
            return Sql(compared.text, (*compared.args, _plain(leaf.value)))
        if leaf.operator in PATTERNS:
            args = (path(attr.label), leaf.value, int(leaf.operator == "$ilike"))
            return Sql(f"pg_like(json_extract({row}.body, ?), ?, ?)", args)
        if leaf.operator == "$in":
            return joined("OR", [*(body.equals(each) for each in leaf.value), Sql("0")])
        equal = body.equals(leaf.value)
        return Sql(f"NOT {equal.text}", equal.args) if leaf.operator == "$not" else equal

    def _test_moment(self, leaf: Leaf, attr: Attribute, row: str) -> Sql:
        def among(sign: str, value: Json) -> Sql:
            text = f"{row}.id IN (SELECT id FROM indexed_values WHERE attribute = ? AND value {sign} ?)"
            return Sql(text, (attr.key, _moment(value)))

        if leaf.operator in COMPARATORS:
            floor = among(">", None)
            return joined("AND", [among(_SIGNS[leaf.operator], leaf.value), floor])
        values = leaf.value if leaf.operator == "$in" else [leaf.value]
        equal = joined("OR", [*(among("=", each) for each in values), Sql("0")])
        return Sql(f"NOT {equal.text}", equal.args) if leaf.operator == "$not" else equal

    # --- starts ------------------------------------------------------------------------------------------

    def _start_leaf(self, leaf: Leaf) -> Start | None:
        if leaf.hops:
            return self._start_link(leaf)
        if leaf.attr is None:
            if leaf.operator not in ("=", "$in"):
                return None
            values = leaf.value if leaf.operator == "$in" else [leaf.value]
            return Start(BY_ID, Sql("SELECT value AS id FROM json_each(?)", (json.dumps(values),)))
        return self._start_value(leaf.attr, leaf)

    def _start_value(self, attr: Attribute, leaf: Leaf) -> Start | None:
        if not (attr.indexed or attr.unique):
            return None
        if leaf.operator in ("=", "$in"):
            values = leaf.value if leaf.operator == "$in" else [leaf.value]
            keys = [index_key(each, attr.checked_type) for each in values]
            if not keys or (NULL_KEY in keys and not attr.indexed):
                return None
            unique = attr.unique and NULL_KEY not in keys
            table = "unique_values" if unique else "indexed_values"
            marks = ", ".join("?" * len(keys))
            text = f"SELECT id FROM {table} WHERE attribute = ? AND value IN ({marks})"
            return Start(BY_UNIQUE if unique else BY_INDEX, Sql(text, (attr.key, *keys)))
        if leaf.operator in COMPARATORS and attr.indexed:
            sign = _SIGNS[leaf.operator]
            text = f"SELECT id FROM indexed_values WHERE attribute = ? AND value > ? AND value {sign} ?"
            key = index_key(leaf.value, attr.checked_type)
            return Start(BY_RANGE, Sql(text, (attr.key, NULL_KEY, key)))
        return None

    def _start_link(self, leaf: Leaf) -> Start | None:
        """From the far end of a path back to here, when the far end itself can be found by an index."""
        if leaf.operator not in ("=", "$in") and leaf.attr is None:
            return None
        end = self._start_leaf(Leaf((), leaf.etype, leaf.attr, leaf.operator, leaf.value))
        if end is None:
            return None
        ids = end.ids
        for hop in reversed(leaf.hops):
            near, far = ("source", "target") if hop.forward else ("target", "source")
            text = f"SELECT {near} AS id FROM links WHERE attribute = ? AND {far} IN ({ids.text})"
            ids = Sql(text, (hop.attr.key, *ids.args))
        return Start(max(BY_LINK, end.rank), ids)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column inside the JSON of a row, compared without mixing up types as SQL would."""

    row: str
    label: str

    def equals(self, value: Json) -> Sql:
        where = path(self.label)
        if value is None:
            return Sql(f"COALESCE(json_type({self.row}.body, ?), 'null') = 'null'", (where,))
        if isinstance(value, bool):
            wanted = "true" if value else "false"
            return Sql(f"COALESCE(json_type({self.row}.body, ?), '') = '{wanted}'", (where,))
        kind = "string" if isinstance(value, str) else "number"
        compared = self.compared("=", kind)
        return Sql(f"COALESCE({compared.text}, 0)", (*compared.args, _plain(value)))

    def compared(self, sign: str, kind: str) -> Sql:
        where = path(self.label)
        right_type = f"json_type({self.row}.body, ?) {_TYPES.get(kind, 'IS NOT NULL')}"
        return Sql(f"({right_type} AND json_extract({self.row}.body, ?) {sign} ?)", (where, where))


def _test_id(leaf: Leaf, row: str) -> Sql:
    tests: dict[str, Callable[[], Sql]] = {
        "=": lambda: Sql(f"{row}.id = ?", (leaf.value,)),
        "$not": lambda: Sql(f"{row}.id <> ?", (leaf.value,)),
        "$in": lambda: Sql(f"{row}.id IN (SELECT value FROM json_each(?))", (json.dumps(leaf.value),)),
        "$isNull": lambda: Sql("0" if leaf.value else "1"),
        "$entityIdStartsWith": lambda: Sql(f"substr({row}.id, 1, ?) = ?", (len(leaf.value), leaf.value)),
    }
    return tests[leaf.operator]() if leaf.operator in tests else Sql("0")


def _plain(value: Json) -> Json:
    """A number or text that SQLite can hold."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def _moment(value: Json) -> Json:
    moment = None if value is None else date_ms(value)
    return NULL_KEY if moment is None else moment
