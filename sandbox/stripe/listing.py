"""Lists: filters, cursors and pages, newest first.

Source: https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.stripe import bodies
from sandbox.stripe.errors import either_or, no_such
from sandbox.stripe.store import Condition, Json
from sandbox.stripe.turn import Turn

USUAL_LIMIT: Final = 10
BOUNDS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}


def equal(field: str, value: Any) -> Condition:
    """Objects whose `field` (a name of ours, or a path such as `promotion.coupon`) is `value`."""
    return f"body ->> '$.{field}' = ?", [value]


def created_within(bounds: dict[str, int]) -> list[Condition]:
    """Objects of a time."""
    return [(f"created {BOUNDS[bound]} ?", [value]) for bound, value in bounds.items()]


def page(
    turn: Turn, kind: str, params: Json, *, url: str, conditions: Sequence[Condition] = (), equal_to: str = ""
) -> Json:
    """One page. `equal_to` names the parameters that are filters on the field of the same name."""
    wanted = [*conditions, *created_within(params.get("created", {}))]
    wanted += [equal(name, params[name]) for name in equal_to.split() if name in params]
    limit = params.get("limit", USUAL_LIMIT)
    backwards = "ending_before" in params
    wanted += _beyond_cursor(turn, kind, params)
    # One more than asked for tells whether there is more.
    found = turn.store.newest(kind, wanted, limit=limit + 1, oldest_first=backwards)
    shown = [record.body for record in found[:limit]]
    if backwards:
        shown.reverse()
    return bodies.object_list(url, shown, has_more=len(found) > limit)


def _beyond_cursor(turn: Turn, kind: str, params: Json) -> list[Condition]:
    if "starting_after" in params and "ending_before" in params:
        raise either_or("starting_after", "ending_before")
    for param, side in (("starting_after", "<"), ("ending_before", ">")):
        if param in params:
            place = turn.store.place(kind, params[param])
            if place is None:
                raise no_such(kind, params[param], param=param)
            return [(f"(created, seq) {side} (?, ?)", place)]
    return []


def slice_of(items: list[Json], params: Json, *, url: str) -> Json:
    """A page of a list that an object carries inside itself, in the list's own order."""
    limit = params.get("limit", USUAL_LIMIT)
    if "starting_after" in params and "ending_before" in params:
        raise either_or("starting_after", "ending_before")
    ids = [item["id"] for item in items]
    for param in ("starting_after", "ending_before"):
        if param in params and params[param] not in ids:
            raise no_such("item", params[param], param=param)
    if "ending_before" in params:
        end = ids.index(params["ending_before"])
        start = max(0, end - limit)
        return bodies.object_list(url, items[start:end], has_more=start > 0)
    start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
    return bodies.object_list(url, items[start : start + limit], has_more=start + limit < len(items))
