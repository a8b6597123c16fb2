"""The write half of a transact: groups of operations carried out inside one SQLite transaction."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sandbox.instant import entities
from sandbox.instant.attributes import lacking
from sandbox.instant.catalog import INFERRED_TYPES, Attribute, Catalog
from sandbox.instant.errors import (
    invalid,
    missing_required,
    not_an_id,
    not_unique,
    sql_raise,
    too_many_values,
    wrong_value,
)
from sandbox.instant.steps import EntityRef, Lookup, Op, missing_target
from sandbox.instant.values import (
    IndexKey,
    Json,
    as_uuid,
    deep_merge,
    fits,
    index_key,
    inferred_type,
    new_uuid,
    too_large,
)

# A group of values is written by one statement, and PostgreSQL takes so many parameters in one.
PARAMETERS_LIMIT: Final = 65_535
PARAMETERS_PER_VALUE: Final = 5
EntityKey = tuple[str, str]  # id first: rows are written in the order of ids, as Instant locks them


@dataclass(slots=True)
class Writer:
    """Carries out one transact. Constructed anew for each, inside its write transaction."""

    connection: sqlite3.Connection
    catalog: Catalog
    rng: random.Random
    now_ms: int
    lookups: dict[Lookup, str] = field(default_factory=dict)
    inferred: dict[int, int] = field(default_factory=dict)
    _touched: set[EntityKey] = field(default_factory=set)

    def add(self, ops: Iterable[Op]) -> None:
        """Create and update entities and links: of two values for one attribute the last counts."""
        ops = list(ops)
        if len(ops) * PARAMETERS_PER_VALUE > PARAMETERS_LIMIT:
            raise too_many_values()
        rows: dict[EntityKey, dict[str, Json]] = {}
        links: dict[tuple[str, str, str | None], tuple[Attribute, str]] = {}
        new = self._claim_lookups(ops)
        for op in ops:
            entity_id = self._id(op.entity)
            if op.attr is not None and op.attr.is_link:
                attr = self._living(op.attr)
                target = self._target(attr, entity_id, op.value)
                links[entity_id, attr.id, target if attr.many else None] = (attr, target)
                continue
            row = rows.setdefault((entity_id, op.etype), {})
            if isinstance(op.entity, Lookup) and op.entity in new:
                self._set_lookup_value(row, op)
            if op.attr is not None:
                row[self._living(op.attr).label] = op.value
        for (entity_id, etype), values in sorted(rows.items(), key=lambda item: item[0]):
            self._write(etype, entity_id, values)
        for (entity_id, _, _), (attr, target) in sorted(links.items(), key=lambda item: item[0][:2]):
            self._link(attr, entity_id, target)

    def merge(self, ops: Iterable[Op]) -> None:
        """Merge patches into what is there now."""
        for op in ops:
            if op.attr is None:
                continue
            attr, entity_id = self._living(op.attr), self._id(op.entity)
            body = entities.body_of(self.connection, self.catalog, op.etype, entity_id) or {}
            merged = deep_merge(body.get(attr.label), op.value)
            self._write(op.etype, entity_id, {attr.label: merged})

    def retract(self, ops: Iterable[Op]) -> None:
        """Undo links."""
        for op in ops:
            source, target = self._known_id(op.entity), self._known_id(op.value)
            if op.attr is None or source is None or target is None:
                continue
            self.connection.execute(
                "DELETE FROM links WHERE attribute = ? AND source = ? AND target = ?",
                (self._living(op.attr).key, source, target),
            )
            self._touched.add((source, op.etype))

    def delete(self, ops: Iterable[Op]) -> None:
        """Delete entities with their values and every link at either end."""
        for op in ops:
            entity_id = self._known_id(op.entity)
            if entity_id is not None:
                self._delete(op.etype, entity_id)

    def check_required(self) -> None:
        """Raise when an entity that was touched, and still lives, lacks something required."""
        records = [
            lacking(attr, entity_id)
            for entity_id, etype in sorted(self._touched)
            for attr in self._absent(etype, entity_id)
        ]
        if records:
            raise missing_required(records)

    def _absent(self, etype: str, entity_id: str) -> list[Attribute]:
        required = self.catalog.required.get(etype)
        if not required:
            return []
        body = entities.body_of(self.connection, self.catalog, etype, entity_id)
        if body is None:
            links = self.catalog.links_from.get(etype, ())
            if not any(self._has_link(attr, entity_id) for attr in links):
                return []
            # A link alone makes no entity: it lacks its id as well.
            body, required = {}, [self.catalog.forward[etype, "id"], *required]
        return [
            attr
            for attr in required
            if (not self._has_link(attr, entity_id) if attr.is_link else body.get(attr.label) is None)
        ]

    def _has_link(self, attr: Attribute, entity_id: str) -> bool:
        sql = "SELECT 1 FROM links WHERE attribute = ? AND source = ?"
        return self.connection.execute(sql, (attr.key, entity_id)).fetchone() is not None

    # --- names -----------------------------------------------------------------------------------------------

    def _living(self, attr: Attribute) -> Attribute:
        """The attribute as it is now: its flags count at the time of writing, not of asking."""
        living = self.catalog.by_id.get(attr.id)
        if living is None:
            raise sql_raise(f"We could not find an attribute with id = '{attr.id}'")
        return living

    def _claim_lookups(self, ops: Iterable[Op]) -> set[Lookup]:
        """Give an id to each lookup that names nothing yet; the answer says which those are."""
        new: set[Lookup] = set()
        for op in ops:
            lookup = op.entity
            if isinstance(lookup, Lookup) and lookup not in self.lookups:
                found = entities.resolve(self.connection, self.catalog, lookup)
                if found is None:
                    found = new_uuid(self.rng)
                    new.add(lookup)
                self.lookups[lookup] = found
        return new

    def _set_lookup_value(self, row: dict[str, Json], op: Op) -> None:
        lookup = op.entity
        if not isinstance(lookup, Lookup):
            return
        attr = self.catalog.by_id[lookup.attr_id]
        if attr.is_link:
            self._link(attr, self.lookups[lookup], lookup.value)
            return
        if op.attr is not None and op.attr.id == attr.id and op.value != lookup.value:
            message = (
                "Updates with lookups can only update the lookup attribute"
                " if an entity with the unique attribute value already exists."
            )
            raise invalid("lookup", [[attr.id, lookup.value]], message)
        row.setdefault(attr.label, lookup.value)

    def _id(self, entity: EntityRef) -> str:
        return entity if isinstance(entity, str) else self.lookups[entity]

    def _known_id(self, entity: EntityRef) -> str | None:
        if isinstance(entity, str):
            return entity
        return self.lookups.get(entity) or entities.resolve(self.connection, self.catalog, entity)

    def _target(self, attr: Attribute, entity_id: str, value: EntityRef) -> str:
        target = self._known_id(value)
        if target is not None:
            return target
        if not isinstance(value, Lookup):
            raise TypeError("an id is always known")
        if as_uuid(value.value) is None:
            raise not_an_id(attr, entity_id, value.value)
        raise missing_target(self.catalog, value)

    # --- rows ------------------------------------------------------------------------------------------------

    def _write(self, etype: str, entity_id: str, values: dict[str, Json]) -> None:
        """Upsert one entity: the clash of ids is settled first, attribute by attribute, then values are guarded.

        That order is what makes two racing creates of one id both succeed, the second over the first.
        """
        self._touched.add((entity_id, etype))
        self._check_values(etype, entity_id, values)
        body = entities.body_of(self.connection, self.catalog, etype, entity_id)
        namespace = self.catalog.namespaces[etype]
        if body is None:
            after = dict.fromkeys(self.catalog.born_null.get(etype, ())) | values
            self.connection.execute(
                "INSERT INTO entities VALUES (?, ?, ?, ?)",
                (namespace, entity_id, self.now_ms, _dump(after)),
            )
            self._index_new(etype, entity_id, after)
            self._note_type(self.catalog.forward[etype, "id"], "string")
            return
        changed = {label: value for label, value in values.items() if not _same(body, label, value)}
        if not changed:
            return
        self.connection.execute(
            "UPDATE entities SET body = ? WHERE namespace = ? AND id = ?",
            (_dump(body | changed), namespace, entity_id),
        )
        self._index_changed(etype, entity_id, body, changed)

    def _check_values(self, etype: str, entity_id: str, values: dict[str, Json]) -> None:
        for label, value in values.items():
            if value is None:
                continue
            attr = self.catalog.forward[etype, label]
            if attr.checked_type is not None and not fits(value, attr.checked_type):
                raise wrong_value(attr, entity_id, value, too_large=False)
            if (attr.indexed or attr.unique) and too_large(value):
                raise wrong_value(attr, entity_id, value, too_large=True)
            self._note_type(attr, inferred_type(value))

    def _note_type(self, attr: Attribute, kind: str) -> None:
        bit = 1 << INFERRED_TYPES.index(kind)
        if not attr.inferred & bit and not attr.system:
            self.inferred[attr.key] = self.inferred.get(attr.key, 0) | bit

    def _index_new(self, etype: str, entity_id: str, body: dict[str, Json]) -> None:
        for attr in self.catalog.keyed.get(etype, ()):
            if attr.label in body:
                value = body[attr.label]
                self._index(attr, entity_id, value, index_key(value, attr.checked_type))

    def _index_changed(
        self, etype: str, entity_id: str, before: dict[str, Json], changed: dict[str, Json]
    ) -> None:
        for attr in self.catalog.keyed.get(etype, ()):
            if attr.label not in changed:
                continue
            new = index_key(changed[attr.label], attr.checked_type)
            if attr.label in before:
                old = index_key(before[attr.label], attr.checked_type)
                if type(old) is type(new) and old == new:
                    continue
                self._unindex(attr, entity_id, old)
            self._index(attr, entity_id, changed[attr.label], new)

    def _index(self, attr: Attribute, entity_id: str, value: Json, key: IndexKey) -> None:
        if attr.unique and value is not None:
            try:
                self.connection.execute(
                    "INSERT INTO unique_values VALUES (?, ?, ?)", (attr.key, key, entity_id)
                )
            except sqlite3.IntegrityError:
                raise not_unique(attr.id, attr.etype, attr.label, value) from None
        if attr.indexed:
            self.connection.execute("INSERT INTO indexed_values VALUES (?, ?, ?)", (attr.key, key, entity_id))

    def _unindex(self, attr: Attribute, entity_id: str, key: IndexKey) -> None:
        if attr.unique:
            self.connection.execute(
                "DELETE FROM unique_values WHERE attribute = ? AND value = ? AND id = ?",
                (attr.key, key, entity_id),
            )
        if attr.indexed:
            self.connection.execute(
                "DELETE FROM indexed_values WHERE attribute = ? AND value = ? AND id = ?",
                (attr.key, key, entity_id),
            )

    def _link(self, attr: Attribute, source: str, target: str) -> None:
        self._touched.add((source, attr.etype))
        self._note_type(attr, "string")
        if not attr.many:
            self.connection.execute(
                "DELETE FROM links WHERE attribute = ? AND source = ? AND target <> ?",
                (attr.key, source, target),
            )
        try:
            self.connection.execute(
                "INSERT INTO links VALUES (?, ?, ?, ?) ON CONFLICT (attribute, source, target) DO NOTHING",
                (attr.key, source, target, int(attr.unique)),
            )
        except sqlite3.IntegrityError:
            raise not_unique(attr.id, attr.etype, attr.label, target) from None

    def _delete(self, etype: str, entity_id: str) -> None:
        body = entities.body_of(self.connection, self.catalog, etype, entity_id)
        if body is not None:
            for attr in self.catalog.keyed.get(etype, ()):
                if attr.label in body:
                    self._unindex(attr, entity_id, index_key(body[attr.label], attr.checked_type))
            self.connection.execute(
                "DELETE FROM entities WHERE namespace = ? AND id = ?",
                (self.catalog.namespaces[etype], entity_id),
            )
        for attr in self.catalog.links_from.get(etype, ()):
            self.connection.execute(
                "DELETE FROM links WHERE attribute = ? AND source = ?", (attr.key, entity_id)
            )
        for attr in self.catalog.links_to.get(etype, ()):
            sources = self.connection.execute(
                "DELETE FROM links WHERE attribute = ? AND target = ? RETURNING source", (attr.key, entity_id)
            ).fetchall()
            self._touched.update((source, attr.etype) for (source,) in sources)


def _same(body: dict[str, Json], label: str, value: Json) -> bool:
    """Whether the entity holds exactly this already. 1, 1.0 and true differ as text although Python disagrees."""
    return label in body and json.dumps(body[label]) == json.dumps(value)


def _dump(body: dict[str, Json]) -> str:
    return json.dumps(body, separators=(",", ":"))
