"""Reading single entities: by id, by lookup, and along links."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from sandbox.instant.catalog import Catalog, Hop
from sandbox.instant.errors import invalid, no_attribute
from sandbox.instant.steps import Lookup
from sandbox.instant.values import Json

Entity = dict[str, Json]


def body_of(connection: sqlite3.Connection, catalog: Catalog, etype: str, entity_id: str) -> Entity | None:
    """The columns of one entity, without its id and its links; None when there is no such entity."""
    row = connection.execute(
        "SELECT body FROM entities WHERE namespace = ? AND id = ?",
        (catalog.namespaces.get(etype, 0), entity_id),
    ).fetchone()
    return None if row is None else json.loads(row[0])


def exists(connection: sqlite3.Connection, catalog: Catalog, etype: str, entity_id: str) -> bool:
    """Whether the namespace has such an entity."""
    return (
        connection.execute(
            "SELECT 1 FROM entities WHERE namespace = ? AND id = ?",
            (catalog.namespaces.get(etype, 0), entity_id),
        ).fetchone()
        is not None
    )


def load(connection: sqlite3.Connection, catalog: Catalog, etype: str, entity_id: str) -> Entity | None:
    """One entity as a permission rule sees it: id, columns, and the ids behind its to-one links."""
    body = body_of(connection, catalog, etype, entity_id)
    if body is None:
        return None
    entity = {"id": entity_id, **body}
    for attr in catalog.to_one.get(etype, ()):
        for target in linked_ids(connection, Hop(attr, forward=True), [entity_id]):
            entity[attr.label] = target
    return entity


def resolve(connection: sqlite3.Connection, catalog: Catalog, lookup: Lookup) -> str | None:
    """The id of the entity that a lookup names, if it is there."""
    attr = catalog.by_id.get(lookup.attr_id)
    if attr is None:
        return None
    if attr.is_link:
        sql = "SELECT source FROM links WHERE attribute = ? AND target = ?"
    else:
        sql = "SELECT id FROM unique_values WHERE attribute = ? AND value = ?"
    row = connection.execute(sql, (attr.key, lookup.key)).fetchone()
    return None if row is None else str(row[0])


def linked_ids(connection: sqlite3.Connection, hop: Hop, ids: Sequence[str]) -> list[str]:
    """Where the link leads from these entities, each end once."""
    near, far = ("source", "target") if hop.forward else ("target", "source")
    found: dict[str, None] = {}
    for entity_id in ids:
        rows = connection.execute(
            f"SELECT {far} FROM links WHERE attribute = ? AND {near} = ?",  # noqa: S608 (constants)
            (hop.attr.key, entity_id),
        )
        found.update((row[0], None) for row in rows)
    return list(found)


def follow(
    connection: sqlite3.Connection, catalog: Catalog, etype: str, ids: Sequence[str], labels: Sequence[str]
) -> list[Json]:
    """The values at the end of a path such as `owner.email`.

    Raises `record-not-found` for an unknown name, and `validation-failed` for a path that ends in a link: it must go
    on to `.id`.
    """
    here, current = etype, list(ids)
    *path, last = labels
    for label in path:
        hop = catalog.hop(here, label)
        if hop is None:
            raise no_attribute(here, label)
        current = linked_ids(connection, hop, current)
        here = hop.etype
    if catalog.hop(here, last) is not None:
        message = f"Expected {last} to be a uuid, got the name of a variable"
        raise invalid("query", None, message, path=["$", "where", last], expected="uuid?")
    if catalog.blob(here, last) is None:
        raise no_attribute(here, last)
    return list(_column(connection, catalog, here, current, last))


def _column(
    connection: sqlite3.Connection, catalog: Catalog, etype: str, ids: Iterable[str], label: str
) -> Iterator[Json]:
    for entity_id in ids:
        if label == "id":
            yield entity_id
            continue
        body = body_of(connection, catalog, etype, entity_id)
        if body is not None and label in body:
            yield body[label]
