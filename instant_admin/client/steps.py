"""Transaction steps, spelled so that a transaction reads like what it does.

    instant.transact([
        create("notes", note_id, {"text": "rain"}),
        link("notes", note_id, {"owner": member_id}),
    ])

Source: Instant's admin API, `POST /admin/transact`. Steps of one transaction happen all or not at all, but
run grouped by kind (creates, updates and links first, deletes last), whatever their order in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from instant_admin.client.types import Step

EntityRef: TypeAlias = UUID | str


def create(namespace: str, entity: EntityRef, attributes: Mapping[str, Any]) -> Step:
    """Make a row. Refused when it is there already, but two at the same moment both succeed: not a lock."""
    return ["create", namespace, str(entity), dict(attributes)]


def update(namespace: str, entity: EntityRef, attributes: Mapping[str, Any], *, upsert: bool = True) -> Step:
    """Set attributes. With `upsert` a missing row is made; without, it is refused."""
    step: Step = ["update", namespace, str(entity), dict(attributes)]
    return step if upsert else [*step, {"upsert": False}]


def delete(namespace: str, entity: EntityRef) -> Step:
    """Remove a row and every link to it. An unknown id is not an error."""
    return ["delete", namespace, str(entity)]


def link(namespace: str, entity: EntityRef, links: Mapping[str, EntityRef | Sequence[EntityRef]]) -> Step:
    """Link a row to others, by forward or reverse label."""
    return ["link", namespace, str(entity), {label: _targets(to) for label, to in links.items()}]


def unlink(namespace: str, entity: EntityRef, links: Mapping[str, EntityRef | Sequence[EntityRef]]) -> Step:
    """Take links away."""
    return ["unlink", namespace, str(entity), {label: _targets(to) for label, to in links.items()}]


def _targets(to: EntityRef | Sequence[EntityRef]) -> str | list[str]:
    return str(to) if isinstance(to, (UUID, str)) else [str(one) for one in to]
