"""Queries that must stay fast among a million entities are led by an index, and no namespace is read whole."""

from typing import Any

import pytest

from sandbox.instant.forms import parse_query
from sandbox.instant.selection import top_sql
from tests.sandbox.instant.harness import Harness, new_id

USER = new_id()
BY_LINK = "links_back (attribute=? AND target=?)"
BY_UNIQUE = "unique_values USING PRIMARY KEY"
NEWEST: dict[str, Any] = {"order": {"createdAt": "desc"}, "limit": 20}


def entries(where: Any = None, **options: Any) -> dict[str, Any]:
    return {"creditEntries": {"$": options if where is None else {"where": where, **options}}}


@pytest.mark.parametrize(
    ("query", "led_by"),
    [
        (entries({"id": USER}), "e USING PRIMARY KEY (namespace=? AND id=?)"),
        (entries({"key": "spend:1"}), BY_UNIQUE),
        (entries({"kind": "reset"}), "indexed_values USING PRIMARY KEY"),
        (entries({"account": USER}), BY_LINK),
        (entries({"kind": "spend", "account": USER}), BY_LINK),
        (entries({"account.email": "a@b.example"}), BY_UNIQUE),
        (entries({"account": USER}, **NEWEST), BY_LINK),
        (entries(**NEWEST), "o USING PRIMARY KEY (attribute=?)"),
        (entries({"createdAt": {"$lt": 5}}, **NEWEST), "o USING PRIMARY KEY (attribute=? AND value<?)"),
        (entries(limit=20), "entities_by_age (namespace=?)"),
        ({"$users": {"$": {"where": {"creditEntries.key": "spend:1"}}}}, BY_UNIQUE),
        (entries({"or": [{"key": "spend:1"}, {"slot": "x:1"}]}), BY_UNIQUE),
    ],
)
def test_a_query_starts_at_an_index(credits_app: Harness, query: Any, led_by: str) -> None:
    storage = credits_app.standin.storage
    catalog = storage.catalog(credits_app.app.id)
    (form,) = parse_query(query, catalog, admin=True)
    sql = top_sql(catalog, form)
    with storage.reading() as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql.text}", sql.args).fetchall()
    plan = [row[3] for row in rows]
    assert any(led_by in line for line in plan), plan
    scans = [line for line in plan if line.startswith("SCAN") and "VIRTUAL" not in line]
    assert all("json_each" in line for line in scans), plan
    # What a condition has chosen may be sorted afterwards; a whole namespace may not.
    assert "where" in str(query) or not any("TEMP B-TREE FOR ORDER BY" in line for line in plan), plan
