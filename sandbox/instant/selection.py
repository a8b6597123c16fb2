"""One level of a query as one SELECT, led by the index that leaves the least to look at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.instant.attributes import path
from sandbox.instant.catalog import Attribute, Catalog
from sandbox.instant.entities import Entity
from sandbox.instant.forms import COMPARATORS, SERVER_TIME, Condition, Cursor, Form, Group, Leaf
from sandbox.instant.values import NULL_KEY, Json, index_key
from sandbox.instant.where import BY_LINK, Sql, Start, Where, joined

_SIGNS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


@dataclass(slots=True)
class Row:
    """An entity in full, when it was made, and (below the top) the entity that it was reached from."""

    entity: Entity
    created_ms: int
    parent: str = ""


@dataclass(slots=True)
class Page:
    """The rows of one level, and whether there are more on either side."""

    rows: list[Row]
    more_after: bool = False
    more_before: bool = False


def select_top(connection: sqlite3.Connection, catalog: Catalog, form: Form) -> Page:
    """The entities of a top-level form, in its order, within its limits."""
    sql = top_sql(catalog, form)
    found = [_row(catalog, form.etype, each) for each in connection.execute(sql.text, sql.args)]
    more = form.limit is not None and len(found) > form.limit
    rows = found[: form.limit]
    if form.from_end:
        rows.reverse()
        return Page(rows, more_after=form.before is not None, more_before=more)
    return Page(rows, more_after=more, more_before=form.offset > 0 or form.after is not None)


def count_top(connection: sqlite3.Connection, catalog: Catalog, form: Form) -> int:
    """How many entities a top-level form finds."""
    sql = top_sql(catalog, form)
    return int(connection.execute(f"SELECT COUNT(*) FROM ({sql.text})", sql.args).fetchone()[0])  # noqa: S608


def select_linked(
    connection: sqlite3.Connection, catalog: Catalog, form: Form, parents: Sequence[str]
) -> Iterator[Row]:
    """The entities that `form`'s link leads to from each parent, oldest first.

    A link may lead to an id that no entity has: without a condition that is an entity without anything.
    """
    if form.hop is None:
        return
    near, far = ("source", "target") if form.hop.forward else ("target", "source")
    columns, args = _columns(catalog, form.etype)
    where = Where(catalog)
    test = (
        Sql("1")
        if form.condition is None
        else joined("AND", [Sql("e.id IS NOT NULL"), where.test(form.condition, "e")])
    )
    text = (
        f"SELECT {columns}, l.{near} FROM links l"  # noqa: S608 (constants and marks)
        f" LEFT JOIN entities e ON e.namespace = ? AND e.id = l.{far}"
        f" WHERE l.attribute = ? AND l.{near} IN (SELECT value FROM json_each(?)) AND {test.text}"
        " ORDER BY +e.created_ms, +e.id"
    )
    namespace = catalog.namespaces.get(form.etype, 0)
    values = (*args, namespace, form.hop.attr.key, json.dumps(list(parents)), *test.args)
    for each in connection.execute(text, values):
        row = Row({}, 0) if each[0] is None else _row(catalog, form.etype, each[:-1])
        row.parent = each[-1]
        yield row


def holds(
    connection: sqlite3.Connection, catalog: Catalog, etype: str, entity_id: str, condition: Condition
) -> bool:
    """Whether one entity meets a condition."""
    test = Where(catalog).test(condition, "e")
    text = f"SELECT 1 FROM entities e WHERE e.namespace = ? AND e.id = ? AND {test.text}"  # noqa: S608
    values = (catalog.namespaces.get(etype, 0), entity_id, *test.args)
    return connection.execute(text, values).fetchone() is not None


def top_sql(catalog: Catalog, form: Form) -> Sql:
    """The SELECT of a top-level form, with one row more than its limit."""
    where = Where(catalog)
    start = None if form.condition is None else where.start(form.condition)
    order_attr = catalog.forward.get((form.etype, form.order)) if form.order != SERVER_TIME else None
    if order_attr is not None and (
        start is None or start.rank > BY_LINK or order_attr.checked_type == "date"
    ):
        source, key = _along_order(catalog, form, order_attr)
    else:
        source, key = _from_entities(catalog, form, start, order_attr)
    tests = [source]
    if form.condition is not None:
        tests.append(where.test(form.condition, "e"))
    tests += _cursor_tests(form, key, order_attr)
    columns, args = _columns(catalog, form.etype)
    direction = "DESC" if form.descending != form.from_end else "ASC"
    text = (
        f"SELECT {columns} FROM {' AND '.join(test.text for test in tests)}"  # noqa: S608 (constants)
        f" ORDER BY {key.text} {direction}, {'o' if key.text == 'o.value' else '+e'}.id {direction}"
        " LIMIT ? OFFSET ?"
    )
    if start is None and order_attr is None:
        text = text.replace("+e.", "e.")
    limit = -1 if form.limit is None else form.limit + 1
    return Sql(text, (*args, *(arg for test in tests for arg in test.args), *key.args, limit, form.offset))


def _along_order(catalog: Catalog, form: Form, attr: Attribute) -> tuple[Sql, Sql]:
    """Walk the index of what is ordered by."""
    bounds = list(_bounds(form.condition, attr))
    text = (
        "indexed_values o CROSS JOIN entities e ON e.namespace = ? AND e.id = o.id WHERE o.attribute = ?"
        + "".join(f" AND {bound.text}" for bound in bounds)
    )
    args = (catalog.namespaces.get(form.etype, 0), attr.key, *(arg for each in bounds for arg in each.args))
    return Sql(text, args), Sql("o.value")


def _from_entities(
    catalog: Catalog, form: Form, start: Start | None, order_attr: Attribute | None
) -> tuple[Sql, Sql]:
    """Look up what an index offers, or with none all entities by age."""
    namespace = catalog.namespaces.get(form.etype, 0)
    key = Sql("+e.created_ms")
    if order_attr is not None:
        key = Sql("COALESCE(json_extract(e.body, ?), ?)", (path(order_attr.label), NULL_KEY))
    if start is None:
        return Sql("entities e WHERE e.namespace = ?", (namespace,)), key
    text = f"entities e WHERE e.namespace = ? AND e.id IN ({start.ids.text})"
    return Sql(text, (namespace, *start.ids.args)), key


def _bounds(condition: Condition | None, attr: Attribute) -> Iterator[Sql]:
    """Comparisons with what is ordered by, so that the walk can begin and end there."""
    parts = condition.parts if isinstance(condition, Group) and condition.word == "and" else (condition,)
    for part in parts:
        if isinstance(part, Leaf) and not part.hops and part.attr is attr and part.operator in COMPARATORS:
            key = index_key(part.value, attr.checked_type)
            yield Sql(f"o.value {_SIGNS[part.operator]} ?", (key,))


def _cursor_tests(form: Form, key: Sql, order_attr: Attribute | None) -> Iterator[Sql]:
    checked = order_attr.checked_type if order_attr else None
    for cursor, forwards in ((form.after, True), (form.before, False)):
        if cursor is not None:
            sign = ">" if forwards != form.descending else "<"
            yield _cursor_test(cursor, key, sign, checked)


def _cursor_test(cursor: Cursor, key: Sql, sign: str, checked: str | None) -> Sql:
    equal = "=" if cursor.inclusive else ""
    args = (*key.args, index_key(cursor.value, checked), cursor.entity_id)
    return Sql(f"({key.text}, e.id) {sign}{equal} (?, ?)", args)


def _columns(catalog: Catalog, etype: str) -> tuple[str, tuple[Json, ...]]:
    links = catalog.to_one.get(etype, ())
    one = "(SELECT target FROM links WHERE attribute = ? AND source = e.id)"
    return ", ".join(["e.id", "e.created_ms", "e.body", *[one] * len(links)]), tuple(a.key for a in links)


def _row(catalog: Catalog, etype: str, values: Sequence[Json]) -> Row:
    entity_id, created_ms, body, *targets = values
    entity = {"id": entity_id, **json.loads(body)}
    if targets:
        for attr, target in zip(catalog.to_one[etype], targets, strict=True):
            if target is not None:
                entity[attr.label] = target
    return Row(entity, created_ms)
