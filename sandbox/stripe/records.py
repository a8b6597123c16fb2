"""Objects made and changed as the parameters say: what every simple kind of them shares."""

from __future__ import annotations

from sandbox.stripe import params
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error


def fields_of(given: Json, *, without: tuple[str, ...] = (), old_metadata: Json | None = None) -> Json:
    """What an object takes over of the parameters; metadata is laid over the old."""
    fields = {name: value for name, value in given.items() if name not in ("expand", *without)}
    if "metadata" in fields:
        fields["metadata"] = params.merged_metadata(old_metadata or {}, fields["metadata"])
    return fields


def updated(turn: Turn, record: Record, given: Json) -> Record:
    """The object with the parameters written into it."""
    record.body |= fields_of(given, old_metadata=record.body["metadata"])
    turn.store.save(record)
    return record


def new_id(turn: Turn, kind: str, prefix: str, given: Json, *, length: int) -> str:
    """The id that the caller chose, if it is free, or a fresh one."""
    if "id" not in given:
        return turn.new_id(prefix, length) if prefix else turn.new_id("", length)[1:]
    if turn.store.find(kind, given["id"]) is not None:
        raise state_error(f"{kind.capitalize()} already exists.", code="resource_already_exists", param="id")
    return str(given["id"])
