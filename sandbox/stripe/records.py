"""Writing the parameters of a call into an object."""

from __future__ import annotations

from sandbox.stripe import params
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error


def fields_of(given: Json, *without: str, old_metadata: Json | None = None) -> Json:
    """The parameters that become fields of an object; metadata is merged into the old."""
    fields = {name: value for name, value in given.items() if name not in ("expand", *without)}
    if "metadata" in fields:
        fields["metadata"] = params.merged_metadata(old_metadata or {}, fields["metadata"])
    return fields


def write(turn: Turn, record: Record, given: Json, *without: str) -> Json:
    """Write the parameters into an object; returns its body."""
    record.body |= fields_of(given, *without, old_metadata=record.body["metadata"])
    turn.store.save(record)
    return record.body


def update(turn: Turn, record: Record, given: Json, *without: str) -> Json:
    """Like `write`, with an event that does not say what changed."""
    write(turn, record, given, *without)
    turn.emit(f"{record.kind}.updated", record, previous={})
    return record.body


def chosen_id(turn: Turn, kind: str, given: Json) -> str | None:
    """The id that the caller chose, if any. Raises 400 when it is taken."""
    chosen: str | None = given.get("id")
    if chosen is not None and turn.store.find(kind, chosen) is not None:
        raise state_error(f"{kind.capitalize()} already exists.", code="resource_already_exists", param="id")
    return chosen
