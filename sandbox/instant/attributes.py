"""Attributes as rows: read, make, change and drop them, with the indexes that hang on them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import lru_cache

from sandbox.instant.catalog import Attribute, Catalog
from sandbox.instant.errors import (
    duplicate_attribute,
    invalid,
    missing_required,
    not_unique,
    wrong_value,
)
from sandbox.instant.values import IndexKey, Json, fits, index_key, too_large


def load(connection: sqlite3.Connection, app: str) -> Catalog:
    """All living attributes of the app."""
    rows = connection.execute(
        "SELECT key, body, inferred FROM attributes WHERE app = ? AND deleted_ms IS NULL", (app,)
    )
    found = [_attribute(*row) for row in rows]
    namespaces = connection.execute("SELECT etype, key FROM namespaces WHERE app = ?", (app,))
    return Catalog(found, dict(namespaces.fetchall()))


def insert(connection: sqlite3.Connection, app: str, attributes: Iterable[Attribute]) -> None:
    """Store new attributes. Raises `record-not-unique` when a name is taken."""
    for attr in attributes:
        row = connection.execute(
            "INSERT INTO attributes (app, id, body, inferred) VALUES (?, ?, ?, ?) RETURNING key",
            (app, attr.id, _body(attr), attr.inferred),
        ).fetchone()
        for etype, label in _names(attr):
            try:
                connection.execute("INSERT INTO names VALUES (?, ?, ?, ?)", (app, etype, label, row[0]))
            except sqlite3.IntegrityError:
                raise duplicate_attribute(etype, label) from None
        for etype in filter(None, (attr.etype, attr.reverse_etype)):
            connection.execute("INSERT OR IGNORE INTO namespaces (app, etype) VALUES (?, ?)", (app, etype))


def add(connection: sqlite3.Connection, app: str, catalog: Catalog, attributes: Sequence[Attribute]) -> None:
    """Store new attributes, and give the entities that exist already what these demand.

    `catalog` is the one before. Refuses a required attribute that entities would lack.
    """
    insert(connection, app, attributes)
    lived = [attr for attr in attributes if catalog.knows(attr.etype) and not attr.is_link]
    if not any(attr.required or attr.indexed for attr in lived):
        return
    after = load(connection, app)
    for stored in (after.by_id[attr.id] for attr in lived):
        if stored.required:
            check_none_lives(connection, after, stored)
        if stored.indexed:
            build_index(connection, after, stored)


def update(connection: sqlite3.Connection, app: str, attr: Attribute) -> None:
    """Change an attribute in place. Its values stay; its indexes are the caller's care."""
    connection.execute("UPDATE attributes SET body = ? WHERE key = ?", (_body(attr), attr.key))
    connection.execute("DELETE FROM names WHERE app = ? AND attribute = ?", (app, attr.key))
    for etype, label in _names(attr):
        try:
            connection.execute("INSERT INTO names VALUES (?, ?, ?, ?)", (app, etype, label, attr.key))
        except sqlite3.IntegrityError:
            raise duplicate_attribute(etype, label) from None


def rename_values(connection: sqlite3.Connection, catalog: Catalog, old: Attribute, new: Attribute) -> None:
    """Carry a column's values over to its new name."""
    if old.is_link or old.label == new.label:
        return
    connection.execute(
        "UPDATE entities SET body = json_remove(json_set(body, :new, json(body -> :old)), :old)"
        " WHERE namespace = :namespace AND json_type(body, :old) IS NOT NULL",
        {"namespace": catalog.namespaces[old.etype], "old": path(old.label), "new": path(new.label)},
    )


def drop(connection: sqlite3.Connection, app: str, catalog: Catalog, attr: Attribute, *, now_ms: int) -> None:
    """Delete an attribute softly: its definition is kept, its values are gone."""
    connection.execute("UPDATE attributes SET deleted_ms = ? WHERE key = ?", (now_ms, attr.key))
    connection.execute("DELETE FROM names WHERE app = ? AND attribute = ?", (app, attr.key))
    for table in ("unique_values", "indexed_values", "links"):
        connection.execute(f"DELETE FROM {table} WHERE attribute = ?", (attr.key,))  # noqa: S608 (constants)
    if attr.label == "id":
        connection.execute("DELETE FROM entities WHERE namespace = ?", (catalog.namespaces[attr.etype],))
    elif not attr.is_link:
        connection.execute(
            "UPDATE entities SET body = json_remove(body, :path)"
            " WHERE namespace = :namespace AND json_type(body, :path) IS NOT NULL",
            {"namespace": catalog.namespaces[attr.etype], "path": path(attr.label)},
        )


def deleted(connection: sqlite3.Connection, app: str) -> list[tuple[Attribute, int]]:
    """Attributes that were dropped, with the time in milliseconds."""
    rows = connection.execute(
        "SELECT body, inferred, deleted_ms FROM attributes WHERE app = ? AND deleted_ms IS NOT NULL", (app,)
    )
    return [(_attribute(0, body, bits), when) for body, bits, when in rows]


def note_inferred(connection: sqlite3.Connection, bits: dict[int, int]) -> None:
    """Remember which kinds of value each attribute has held, as bits by the attribute's number."""
    for key, mask in bits.items():
        connection.execute("UPDATE attributes SET inferred = inferred | ? WHERE key = ?", (mask, key))


def build_index(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Fill the ordered index; entities that never had a value hold null from now on."""
    drop_index(connection, attr)
    namespace = catalog.namespaces[attr.etype]
    for entity_id, value in _values(connection, namespace, attr.label):
        if too_large(value):
            raise wrong_value(attr, entity_id, value, too_large=True)
        connection.execute(
            "INSERT INTO indexed_values VALUES (?, ?, ?)", (attr.key, _key(attr, value), entity_id)
        )
    connection.execute(
        "UPDATE entities SET body = json_set(body, :path, NULL)"
        " WHERE namespace = :namespace AND json_type(body, :path) IS NULL",
        {"namespace": namespace, "path": path(attr.label)},
    )


def drop_index(connection: sqlite3.Connection, attr: Attribute) -> None:
    """Forget the ordered index."""
    connection.execute("DELETE FROM indexed_values WHERE attribute = ?", (attr.key,))


def build_unique(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Guard the values that exist. Raises `record-not-unique` at the first that occurs twice."""
    drop_unique(connection, attr)
    for entity_id, value in _values(connection, catalog.namespaces[attr.etype], attr.label):
        if value is None:
            continue
        try:
            connection.execute(
                "INSERT INTO unique_values VALUES (?, ?, ?)", (attr.key, _key(attr, value), entity_id)
            )
        except sqlite3.IntegrityError:
            raise not_unique(attr.id, attr.etype, attr.label, value) from None


def drop_unique(connection: sqlite3.Connection, attr: Attribute) -> None:
    """Forget the guard."""
    connection.execute("DELETE FROM unique_values WHERE attribute = ?", (attr.key,))


def check_all_fit(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Raise for the first value that is not of the attribute's checked type."""
    if attr.checked_type is None:
        return
    for entity_id, value in _values(connection, catalog.namespaces[attr.etype], attr.label):
        if not fits(value, attr.checked_type):
            raise wrong_value(attr, entity_id, value, too_large=False)


def check_all_have(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Raise when an entity lacks a value of a required attribute."""
    namespace = catalog.namespaces.get(attr.etype, 0)
    if attr.is_link:
        row = connection.execute(
            "SELECT e.id FROM entities e WHERE namespace = ?"
            " AND NOT EXISTS (SELECT 1 FROM links l WHERE l.attribute = ? AND l.source = e.id) LIMIT 1",
            (namespace, attr.key),
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT id FROM entities WHERE namespace = ?"
            " AND COALESCE(json_type(body, ?), 'null') = 'null' LIMIT 1",
            (namespace, path(attr.label)),
        ).fetchone()
    if row is not None:
        raise missing_required([lacking(attr, row[0])])


def check_none_lives(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Raise when a new required attribute comes to entities that exist already."""
    sql = "SELECT 1 FROM entities WHERE namespace = ? LIMIT 1"
    if connection.execute(sql, (catalog.namespaces[attr.etype],)).fetchone() is not None:
        message = f"Can't create attribute `{attr.label}` as required: `{attr.etype}` has entities already"
        raise invalid("attributes", attr.as_step(), message)


def lacking(attr: Attribute, entity_id: str) -> dict[str, Json]:
    """How an error names an entity without a required attribute."""
    return {
        "entity_id": entity_id,
        "attr_id": attr.id,
        "etype": attr.etype,
        "label": attr.label,
        "is_required": attr.required,
    }


def path(label: str) -> str:
    """The SQLite JSON path of a column."""
    return '$."' + label.replace('"', '\\"') + '"'


def _values(connection: sqlite3.Connection, namespace: int, label: str) -> Iterable[tuple[str, Json]]:
    rows = connection.execute(
        "SELECT id, body -> ? FROM entities WHERE namespace = ?", (path(label), namespace)
    ).fetchall()
    return ((entity_id, None if text is None else json.loads(text)) for entity_id, text in rows)


def _key(attr: Attribute, value: Json) -> IndexKey:
    return index_key(value, attr.checked_type)


def _names(attr: Attribute) -> list[tuple[str, str]]:
    names = [(attr.etype, attr.label)]
    if attr.reverse_etype is not None and attr.reverse_label is not None:
        names.append((attr.reverse_etype, attr.reverse_label))
    return names


def _body(attr: Attribute) -> str:
    fields = asdict(replace(attr, key=0, inferred=0))
    return json.dumps(fields)


# A change of the schema makes the whole catalog be read again, and most of it is as it was.
@lru_cache(maxsize=8192)
def _attribute(key: int, body: str, inferred: int) -> Attribute:
    return Attribute(**(json.loads(body) | {"key": key, "inferred": inferred}))
