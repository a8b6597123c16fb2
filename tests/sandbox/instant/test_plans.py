"""Queries that must stay fast among a million entities are led by an index, and no namespace is read whole."""

from typing import Any

import pytest

from sandbox.instant.forms import parse_query
from sandbox.instant.selection import top_sql
from tests.sandbox.instant.harness import Harness, new_id

USER = new_id()


@pytest.mark.parametrize(
    ("etype", "options", "led_by"),
    [
        ("creditEntries", {"where": {"id": USER}}, "e USING PRIMARY KEY (namespace=? AND id=?)"),
        ("creditEntries", {"where": {"key": "spend:1"}}, "unique_values USING PRIMARY KEY"),
        ("creditEntries", {"where": {"kind": "reset"}}, "indexed_values USING PRIMARY KEY"),
        ("creditEntries", {"where": {"account": USER}}, "links_back (attribute=? AND target=?)"),
        (
            "creditEntries",
            {"where": {"kind": "spend", "account": USER}},
            "links_back (attribute=? AND target=?)",
        ),
        ("creditEntries", {"where": {"account.email": "a@b.example"}}, "unique_values USING PRIMARY KEY"),
        (
            "creditEntries",
            {"where": {"account": USER}, "order": {"createdAt": "desc"}, "limit": 20},
            "links_back (attribute=? AND target=?)",
        ),
        (
            "creditEntries",
            {"order": {"createdAt": "desc"}, "limit": 20},
            "o USING PRIMARY KEY (attribute=?)",
        ),
        (
            "creditEntries",
            {"where": {"createdAt": {"$lt": 5}}, "order": {"createdAt": "desc"}, "limit": 20},
            "o USING PRIMARY KEY (attribute=? AND value<?)",
        ),
        ("creditEntries", {"limit": 20}, "entities_by_age (namespace=?)"),
        ("$users", {"where": {"creditEntries.key": "spend:1"}}, "unique_values USING PRIMARY KEY"),
        (
            "creditEntries",
            {"where": {"or": [{"key": "spend:1"}, {"slot": "x:1"}]}},
            "unique_values USING PRIMARY KEY",
        ),
    ],
)
def test_a_query_starts_at_an_index(credits_app: Harness, etype: str, options: Any, led_by: str) -> None:
    storage = credits_app.standin.storage
    catalog = storage.catalog(credits_app.app.id)
    (form,) = parse_query({etype: {"$": options}}, catalog, admin=True)
    sql = top_sql(catalog, form)
    with storage.reading() as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql.text}", sql.args).fetchall()
    plan = [row[3] for row in rows]
    assert any(led_by in line for line in plan), plan
    assert not any(
        line.startswith("SCAN") and "json_each" not in line for line in plan if "VIRTUAL" not in line
    )
    sorts = [line for line in plan if "TEMP B-TREE FOR ORDER BY" in line]
    assert not (sorts and "where" not in options), plan
