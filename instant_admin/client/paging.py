"""All rows of a namespace, in pages: Instant's admin API has no cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from instant_admin.client.admin import Connection

PAGE_SIZE: Final = 500

Row: TypeAlias = Mapping[str, Any]


def by_age(connection: Connection, namespace: str, conditions: Sequence[Row] = ()) -> Iterator[Row]:
    """The rows by their `createdAt`, an indexed number, in pages that begin where the one before ended."""
    since, passed = None, 0
    while True:
        where = [*conditions, *([] if since is None else [{"createdAt": {"$gte": since}}])]
        options: dict[str, Any] = {"order": {"createdAt": "asc"}, "limit": PAGE_SIZE, "offset": passed}
        rows = connection.query({namespace: {"$": options | ({"where": {"and": where}} if where else {})}})[
            namespace
        ]
        yield from rows
        if len(rows) < PAGE_SIZE:
            return
        last = rows[-1]["createdAt"]
        # Those of the very same millisecond come again, and are passed over.
        passed = sum(row["createdAt"] == last for row in rows) + (passed if last == since else 0)
        since = last


def by_arrival(connection: Connection, namespace: str) -> Iterator[Sequence[Row]]:
    """The rows as Instant got them, page by page: what comes meanwhile is on the last one.

    Each page costs what is passed over before it. What is deleted meanwhile can hide one that stays.
    """
    offset = 0
    while True:
        options = {"order": {"serverCreatedAt": "asc"}, "limit": PAGE_SIZE, "offset": offset}
        page = connection.query({namespace: {"$": options}})[namespace]
        yield page
        if len(page) < PAGE_SIZE:
            return
        offset += PAGE_SIZE
