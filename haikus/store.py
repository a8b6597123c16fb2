"""Writing haikus for credits: the haiku and what it costs are written in one transaction, or neither is."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.members import Member
from haikus.errors import (
    BadCursor,
    HaikuError,
    HaikuGone,
    NoSuchHaiku,
    RequestIdReused,
    UnwritableTopic,
)
from instant_admin.client.admin import Connection
from instant_admin.client.errors import InstantBroken, InstantBusy, InstantUnreachable
from instant_admin.client.protocol import nonsense
from instant_admin.client.steps import create, delete, link
from instant_admin.client.types import Step
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import epoch_ms
from instant_admin.ledger.rules import KeyReused, OutOfCredits, Spend
from instant_admin.ledger.store import Posted, Unsettled

__all__ = [
    "HAIKU_PRICE",
    "BadCursor",
    "Haiku",
    "HaikuError",
    "HaikuGone",
    "NoSuchHaiku",
    "OutOfCredits",
    "RequestIdReused",
    "Shelf",
    "UnwritableTopic",
    "Written",
    "delete_haiku",
    "haikus_of",
    "write_haiku",
]

HAIKU_PRICE: Final = 1
PAGE_SIZE: Final = 10
# Haikus of one millisecond share a cursor; so many more are read to tell them apart.
_TIES: Final = 20


class Generator(Protocol):
    """What `HAIKU_GENERATOR` names; `haikus/verse.py` is the one that comes with the site."""

    def __call__(self, topic: str, *, rng: random.Random) -> str: ...


@dataclass(frozen=True, slots=True)
class Haiku:
    """A haiku as it was written. `content` is lines joined by newlines."""

    id: UUID
    topic: str
    content: str
    created_at: datetime

    @property
    def lines(self) -> list[str]:
        """The lines of the poem."""
        return self.content.split("\n")

    @property
    def created_at_ms(self) -> int:
        """When it was written, in milliseconds since 1970, as Instant has it."""
        return epoch_ms(self.created_at)


@dataclass(frozen=True, slots=True)
class Written:
    """A haiku, and the balance after it. `fresh` is false when the request was answered before."""

    haiku: Haiku
    credits: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """Haikus, newest first; `next` is the `before` of the shelf after, None at the end."""

    haikus: tuple[Haiku, ...]
    next: str | None


def write_haiku(*, member: Member, topic: str, request_id: UUID) -> Written:
    """Write a haiku on `topic` for `HAIKU_PRICE` credits.

    The same `request_id` again is the same haiku and no second charge. Raises `OutOfCredits`,
    `UnwritableTopic`, `RequestIdReused`, `HaikuGone`, and what `BalanceStore.post` raises.
    """
    created_at = balance_store().now()

    @functools.cache
    def poem() -> str:
        generate: Generator = import_string(settings.HAIKU_GENERATOR)
        return generate(topic, rng=random.SystemRandom())

    def goods(haiku_id: UUID) -> Sequence[Step]:
        row = {"topic": topic, "content": poem(), "createdAt": epoch_ms(created_at)}
        return [create("haikus", haiku_id, row), link("haikus", haiku_id, {"author": member.id})]

    spend = Spend(key=f"spend:{member.id}:{request_id}", price=HAIKU_PRICE, note=topic)
    try:
        posted = balance_store().post(member.id, spend, goods=goods)
    except KeyReused as exc:
        raise RequestIdReused("used before") from exc
    # Instant writes whatever looks like a UUID in lower case.
    if posted.entry.note.lower() != topic.lower():
        raise RequestIdReused("used before, with another topic")
    if posted.replayed:
        haiku = _written_before(member, posted)
    else:
        haiku = Haiku(id=UUID(posted.entry.ref), topic=topic, content=poem(), created_at=created_at)
    return Written(haiku=haiku, credits=posted.credits, fresh=not posted.replayed)


def haikus_of(member: Member, *, before: str | None = None) -> Shelf:
    """The member's own haikus, newest first. Raises `BadCursor`."""
    conditions: list[dict[str, Any]] = [{"author.id": str(member.id)}]
    cursor = None if before is None else _cursor(before)
    if cursor is not None:
        conditions.append({"createdAt": {"$lte": cursor[0]}})
    tree = _as(member).query(
        {
            "haikus": {
                "$": {
                    "where": {"and": conditions},
                    "order": {"createdAt": "desc"},
                    "limit": PAGE_SIZE + 1 + _TIES,
                }
            }
        }
    )
    found = sorted((_haiku(row) for row in tree["haikus"]), key=_place, reverse=True)
    left = [haiku for haiku in found if cursor is None or _place(haiku) < cursor]
    page = tuple(left[:PAGE_SIZE])
    more = len(left) > PAGE_SIZE
    return Shelf(haikus=page, next="{}.{}".format(*_place(page[-1])) if more else None)


def delete_haiku(member: Member, haiku_id: UUID) -> None:
    """Delete one of the member's own haikus; nothing is refunded. Raises `NoSuchHaiku`."""
    # Instant answers 200 for a row that is not there, so whether it is must be asked.
    try:
        _haiku_of(member, haiku_id)
    except HaikuGone as exc:
        raise NoSuchHaiku("no such haiku") from exc
    _as(member).transact([delete("haikus", haiku_id)])


def _as(member: Member) -> Connection:
    """Instant with the member's own rights: its rules decide what they see and delete."""
    return instant().as_member(member.refresh_token)


def _written_before(member: Member, posted: Posted) -> Haiku:
    """The haiku of a request that was answered before."""
    try:
        return _haiku_of(member, UUID(posted.entry.ref))
    except (InstantUnreachable, InstantBroken, InstantBusy) as exc:
        # It was written and charged, only it cannot be shown: "nothing was written" would be untrue.
        raise Unsettled(key=posted.entry.key, may_have_been_written=True) from exc


def _haiku_of(member: Member, haiku_id: UUID) -> Haiku:
    rows = _as(member).query({"haikus": {"$": {"where": {"id": str(haiku_id)}}}})["haikus"]
    if not rows:
        raise HaikuGone("deleted")
    return _haiku(rows[0])


def _haiku(row: Mapping[str, Any]) -> Haiku:
    try:
        return Haiku(
            id=UUID(row["id"]),
            topic=row["topic"],
            content=row["content"],
            created_at=datetime.fromtimestamp(row["createdAt"] / 1000, tz=UTC),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise nonsense("a haiku that is none") from exc


def _place(haiku: Haiku) -> tuple[int, str]:
    """Where a haiku stands among others: by time, and among those of one millisecond by id."""
    return haiku.created_at_ms, str(haiku.id)


def _cursor(before: str) -> tuple[int, str]:
    milliseconds, _, haiku_id = before.partition(".")
    try:
        return int(milliseconds), str(UUID(haiku_id))
    except ValueError as exc:
        raise BadCursor(before) from exc
