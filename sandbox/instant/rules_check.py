"""What a push of a rules document is refused for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sandbox.instant.cel_text import BadRule
from sandbox.instant.limits import limits_from_json
from sandbox.instant.rules import Rules
from sandbox.instant.values import Json

_ACTIONS: Final = ("view", "create", "update", "delete")
_OPEN: Final = ("$users", "$files", "$default", "$streams", "$rateLimits")


def complaints(code: Json) -> list[dict[str, Json]]:
    """What is wrong with the document; empty when it may be stored.

    Only `view`, `create`, `update`, `delete` and `fields` are compiled. What stands under `$default`, `link`
    and `unlink`, or under a name that nobody knows, is found out at run time or never: so it is in Instant.
    """
    if not isinstance(code, dict):
        return [{"message": "Rules must be an object", "in": []}]
    found: list[dict[str, Json]] = []
    for etype, block in code.items():
        if etype == "$rateLimits":
            found += _rate_limits(block)
        elif isinstance(block, dict):
            found += _binds(etype, block.get("bind"))
            found += _rules(code, etype, block)
    return found


def _binds(etype: str, bind: Json) -> Iterator[dict[str, Json]]:
    if not isinstance(bind, list):
        return
    if len(bind) % 2:
        yield {"message": "bind should have an even number of elements", "in": [etype, "bind"]}
    names = bind[::2]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        message = "bind should only contain a given variable name once"
        yield {"message": message, "in": [etype, "bind", name]}


def _rules(code: Json, etype: str, block: dict[str, Json]) -> Iterator[dict[str, Json]]:
    allow = block.get("allow")
    for action in _ACTIONS:
        source = allow.get(action) if isinstance(allow, dict) else None
        path = [etype, "allow", action]
        if etype.startswith("$") and etype not in _OPEN:
            if isinstance(allow, dict):
                yield {"message": f"The {etype} namespace does not yet support rules.", "in": path}
        elif (etype, action) == ("$users", "delete") and source not in (None, False, "false"):
            message = 'The $users namespace does not support delete. Set `$users.allow.delete` to `"false"`.'
            yield {"message": message, "in": path}
        elif source is not None:
            yield from _compile(code, etype, action, source, path)
    fields = block.get("fields")
    for label, source in (fields if isinstance(fields, dict) else {}).items():
        if label == "id":
            yield {"message": "You cannot set field rules for `id`.", "in": [etype, "fields"]}
        else:
            yield from _compile(code, etype, "view", source, [etype, "fields", label])


def _compile(code: Json, etype: str, action: str, source: Json, path: list[str]) -> Iterator[dict[str, Json]]:
    if isinstance(source, bool):
        return
    try:
        if not isinstance(source, str):
            raise BadRule("A rule is a string or a boolean")
        Rules(code).compile(etype, action, source)
    except BadRule as exc:
        yield {"message": str(exc), "in": path}


def _rate_limits(block: Json) -> Iterator[dict[str, Json]]:
    if not isinstance(block, dict):
        yield {"message": "$rateLimits must be an object", "in": ["$rateLimits"]}
        return
    for name, config in block.items():
        try:
            limits_from_json(config)
        except ValueError as exc:
            yield {"message": str(exc), "in": ["$rateLimits", name]}
