"""Reading objects: one by its id, and lists with their filters, cursors and pages, newest first.

Source: https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.stripe import bodies, params
from sandbox.stripe.errors import either_or, no_such
from sandbox.stripe.params import Check, Shape
from sandbox.stripe.store import Condition, Json
from sandbox.stripe.turn import Turn

USUAL_LIMIT: Final = 10
BOUNDS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API: the parameters that it takes and the function that does it."""

    takes: Shape
    run: Callable[..., Json]


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter of a list that is not compared with the field of its name: its check and its conditions."""

    check: Check
    conditions: Callable[[Any], list[Condition]]


def equal(field: str, value: Any) -> Condition:
    """Objects whose `field` (a name of ours, or a path such as `promotion.coupon`) is `value`."""
    return f"body ->> '$.{field}' = ?", [value]


def one_of(expression: str, check: Check) -> Filter:
    """A parameter with several values; the SQL `expression` must be one of them."""
    sql = f"{expression} IN (SELECT value FROM json_each(?))"  # noqa: S608 - `expression` is our own SQL
    return Filter(check, lambda values: [(sql, [json.dumps(values)])])


CREATED: Final = Filter(
    params.created_range,
    lambda bounds: [(f"created {BOUNDS[bound]} ?", [value]) for bound, value in bounds.items()],
)


def one(kind: str) -> Endpoint:
    """`GET` of an object by its id."""
    return Endpoint(params.call({}), lambda turn, given, object_id: turn.need(kind, object_id).body)


def many(
    kind: str,
    filters: Mapping[str, Check | Filter],
    *,
    unmodelled: str = "",
    always: Sequence[Condition] = (),
) -> Endpoint:
    """`GET` of the objects of a kind. A mere check in `filters` compares the field of that name."""
    checks = {name: each.check if isinstance(each, Filter) else each for name, each in filters.items()}

    def run(turn: Turn, given: Json, *more: Condition) -> Json:
        wanted = [*always, *more]
        for name, each in filters.items():
            if name in given:
                value = given[name]
                wanted += each.conditions(value) if isinstance(each, Filter) else [equal(name, value)]
        return _page(turn, kind, given, wanted)

    return Endpoint(params.call(params.PAGING | checks, unmodelled=unmodelled), run)


def _page(turn: Turn, kind: str, given: Json, wanted: list[Condition]) -> Json:
    limit = given.get("limit", USUAL_LIMIT)
    backwards = "ending_before" in given
    wanted += _beyond_cursor(turn, kind, given)
    # One more than asked for tells whether there is more.
    found = turn.store.newest(kind, wanted, limit=limit + 1, oldest_first=backwards)
    shown = [record.body for record in found[:limit]]
    if backwards:
        shown.reverse()
    url = f"/v1/{kind.replace('.', '/')}s"
    return bodies.object_list(url, shown, has_more=len(found) > limit)


def _cursor(given: Json) -> str | None:
    """Which of the two cursors was given, if any."""
    cursors = [name for name in ("starting_after", "ending_before") if name in given]
    if len(cursors) > 1:
        raise either_or(*cursors)
    return cursors[0] if cursors else None


def _beyond_cursor(turn: Turn, kind: str, given: Json) -> list[Condition]:
    cursor = _cursor(given)
    if cursor is None:
        return []
    place = turn.store.place(kind, given[cursor])
    if place is None:
        raise no_such(kind, given[cursor], param=cursor)
    return [(f"(created, seq) {'<' if cursor == 'starting_after' else '>'} (?, ?)", place)]


def slice_of(items: list[Json], given: Json, *, url: str) -> Json:
    """A page of a list that an object carries inside itself, in the list's own order."""
    limit = given.get("limit", USUAL_LIMIT)
    cursor = _cursor(given)
    ids = [item["id"] for item in items]
    if cursor is not None and given[cursor] not in ids:
        raise no_such("item", given[cursor], param=cursor)
    if cursor == "ending_before":
        end = ids.index(given[cursor])
        start = max(0, end - limit)
        return bodies.object_list(url, items[start:end], has_more=start > 0)
    start = 0 if cursor is None else ids.index(given[cursor]) + 1
    return bodies.object_list(url, items[start : start + limit], has_more=start + limit < len(items))
