"""Haikus: written for credits, listed and deleted. The haiku and what it costs are written together or not at all."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.members import Member
from billing.products import Product, State
from billing.spending import hold, spend
from credits_site.paging import BadCursor, number_in
from haikus.errors import HaikuGone, NoSuchHaiku
from haikus.writing import STOPPED, UNWRITABLE, SlowGenerator, begin
from instant_admin.client.errors import PASSING, InstantError
from instant_admin.client.protocol import nonsense, text_of, uuid_of
from instant_admin.client.steps import create, delete, link, update
from instant_admin.client.times import epoch_ms, from_epoch_ms
from instant_admin.client.types import Query, Step, Tree
from instant_admin.configured import instant
from instant_admin.ledger.entries import account_in, account_query
from instant_admin.ledger.retries import OutcomeUnknown
from instant_admin.ledger.rules import Account

HAIKU: Final = Product(
    name="haiku",
    namespace="haikus",
    owner="author",
    noun=gettext_noop("haiku"),
    bought=gettext_noop("Wrote a haiku"),
    price=1,
    rate=lambda: settings.LANGUAGE_MODEL_PRICE / 1000,
    page="haikus:haiku",
)
PAGE_SIZE: Final = 10
# Whoever waits for a haiku that takes time has it looked at so often.
LOOK_AGAIN_S: Final = 0.3
_FAILURES: Final = {
    "failed": gettext_noop("This haiku could not be written. Your credits are back: try again."),
    "expired": gettext_noop("This haiku took too long. Your credits are back: try again."),
    "cancelled": gettext_noop("You cancelled this haiku. Your credits are back."),
    STOPPED: gettext_noop("The site was restarted or busy. Your credits are back: try again."),
    UNWRITABLE: gettext_noop("There is no haiku on this topic. Your credits are back: try another."),
}
# Haikus of one millisecond share a cursor; so many more are read to tell them apart.
_TIES: Final = 20
# No line of so many newest haikus comes again in the next one.
_RECENT: Final = 10


class Generator(Protocol):
    """What `HAIKU_GENERATOR` names; `haikus/generators/sample.py` comes with the site."""

    def __call__(self, topic: str, *, rng: random.Random, recent: Sequence[str]) -> str: ...


@dataclass(frozen=True, slots=True)
class Haiku:
    """A haiku as it was written. `content` is lines joined by newlines.

    One that takes time has its first lines in `draft`, and one that failed says why in `error`.
    """

    id: UUID
    topic: str
    content: str
    created_at: datetime
    state: State = State.DONE
    error: str = ""
    draft: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of the poem, or those that are there so far."""
        return (self.content or self.draft).split("\n")

    @property
    def is_done(self) -> bool:
        """Whether it is there, and paid for."""
        return self.state is State.DONE

    @property
    def is_being_written(self) -> bool:
        """Whether somebody is at it."""
        return self.state is State.WRITING

    @property
    def failure(self) -> str:
        """Why there is none, in a sentence for its member; empty for one that has not failed."""
        if self.state is not State.FAILED:
            return ""
        return _(_FAILURES.get(self.error, _FAILURES["failed"]))

    @property
    def created_at_ms(self) -> int:
        """When it was written, in milliseconds since 1970, as Instant has it."""
        return epoch_ms(self.created_at)


@dataclass(frozen=True, slots=True)
class Written:
    """A haiku, or one that is being written, and the balance after it.

    `held` are the credits kept for what is being written.
    """

    haiku: Haiku
    credits: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class HaikuPage:
    """Haikus, newest first; `next` is the `before` of the page after, None at the end."""

    haikus: tuple[Haiku, ...]
    next: str | None


def generator() -> Generator | SlowGenerator:
    """What the setting names: a function, or a module that takes time. Raises `ImportError` when it names nothing."""
    return _generator_at(settings.HAIKU_GENERATOR)


@functools.cache
def _generator_at(path: str) -> Generator | SlowGenerator:
    found: Generator | SlowGenerator
    try:
        found = import_module(path)
    except ModuleNotFoundError as exc:
        if exc.name not in (path, path.rpartition(".")[0]):
            raise  # it is there, and lacks a package
        found = import_string(path)
    return found


def write_haiku(*, member: Member, topic: str, request_id: UUID) -> Written:
    """Write a haiku on `topic` for the price of `HAIKU`; with a generator that takes time, begin to.

    The same `request_id` again is the same haiku and no second charge. Raises `UnwritableTopic`, `HaikuGone`,
    `TooMuchWork`, and what `spend` and `hold` raise.
    """
    named = generator()
    if not callable(named):
        return _begin(named, member=member, topic=topic, request_id=request_id)
    created_at = timezone.now()

    @functools.cache
    def poem() -> str:
        recent = _recent_of(member)
        text = named(topic, rng=random.SystemRandom(), recent=recent)
        _remember(member, [text, *recent])
        return text

    def steps(haiku_id: UUID) -> Sequence[Step]:
        row = _row_of(Haiku(id=haiku_id, topic=topic, content=poem(), created_at=created_at))
        return [create("haikus", haiku_id, row), link("haikus", haiku_id, {"author": member.id})]

    spent = spend(member=member, product=HAIKU, request_id=request_id, note=topic, steps=steps)
    if spent.replayed:
        haiku = _written_before(member, spent.item_id)
    else:
        haiku = Haiku(id=spent.item_id, topic=topic, content=poem(), created_at=created_at)
    return Written(haiku=haiku, credits=spent.credits)


def _begin(generator: SlowGenerator, *, member: Member, topic: str, request_id: UUID) -> Written:
    created_at, recent = timezone.now(), _recent_of(member)

    def steps(haiku_id: UUID) -> Sequence[Step]:
        row = _row_of(Haiku(id=haiku_id, topic=topic, content="", created_at=created_at))
        return [create("haikus", haiku_id, row), link("haikus", haiku_id, {"author": member.id})]

    most = generator.most(topic)
    held = hold(member=member, product=HAIKU, most=most, request_id=request_id, note=topic, steps=steps)
    if held.is_new:
        begin(generator, member=member, topic=topic, recent=recent, held=held)
        haiku = Haiku(held.item_id, topic=topic, content="", created_at=created_at, state=State.WRITING)
    else:
        haiku = _written_before(member, held.item_id)
    return Written(haiku, credits=held.account.credits, held=held.account.held)


def haikus_of(member: Member, *, before: str | None = None) -> HaikuPage:
    """The member's own haikus, newest first. Raises `BadCursor`."""
    cursor = None if before is None else _cursor(before)
    return _page(member.at_instant.query(_page_query(member, cursor)), cursor)


def home_of(member: Member) -> tuple[Account, HaikuPage]:
    """The member's balance and their newest haikus, asked for at once."""
    tree = member.at_instant.query(account_query(member.id) | _page_query(member, None))
    page = _page(tree, None)
    _remember(member, [haiku.content for haiku in page.haikus if haiku.is_done])
    return account_in(tree, member.id), page


def haiku_of(member: Member, haiku_id: UUID) -> Haiku:
    """One of the member's own haikus. Raises `NoSuchHaiku`, also for another member's."""
    rows = member.at_instant.query({"haikus": {"$": {"where": {"id": str(haiku_id)}}}})["haikus"]
    if not rows:
        raise NoSuchHaiku("no such haiku")
    return _haiku(rows[0])


def look_at(member: Member, haiku_id: UUID) -> Written:
    """One of the member's own haikus as it is now, with the balance. Raises `NoSuchHaiku`."""
    tree = member.at_instant.query(
        account_query(member.id) | {"haikus": {"$": {"where": {"id": str(haiku_id)}}}}
    )
    if not tree["haikus"]:
        raise NoSuchHaiku("no such haiku")
    account = account_in(tree, member.id)
    return Written(_haiku(tree["haikus"][0]), account.credits, held=account.held)


def await_haiku(member: Member, written: Written, *, longest_s: float) -> Written:
    """The same when it is written or failed, or as it was last known after so long. Raises `NoSuchHaiku`.

    It was begun, so nothing that goes wrong in looking at it may be told as if it were not.
    """
    ends_s = time.monotonic() + longest_s
    while written.haiku.is_being_written and time.monotonic() < ends_s:
        time.sleep(LOOK_AGAIN_S)
        with suppress(InstantError):
            written = look_at(member, written.haiku.id)
    return written


def cost() -> tuple[int, bool]:
    """What a haiku costs in credits, and whether that is only the most."""
    named = generator()
    return (HAIKU.price_of(""), False) if callable(named) else (named.most(""), named.most("") > 1)


def delete_haiku(member: Member, haiku_id: UUID) -> Haiku:
    """Delete one of the member's own haikus, and return it; nothing is refunded. Raises `NoSuchHaiku`."""
    # Instant answers 200 for a row that is not there, so whether it is must be asked.
    haiku = haiku_of(member, haiku_id)
    member.at_instant.transact([delete("haikus", haiku_id)])
    return haiku


def restore_haiku(member: Member, haiku: Haiku) -> None:
    """Bring back a finished one that `delete_haiku` returned to the same member. Twice is once."""
    # Not `create`, which is refused for a row that is there.
    row = update("haikus", haiku.id, _row_of(haiku))
    instant().transact([row, link("haikus", haiku.id, {"author": member.id})])


def _recent_of(member: Member) -> list[str]:
    """The texts of the member's newest haikus, as this process saw them last: another may have written since."""
    known: list[str] | None = caches["own"].get(str(member.id))
    if known is not None:
        return known
    newest = _newest(member.at_instant.query(_newest_query(member, _RECENT)))
    return [haiku.content for haiku in newest if haiku.is_done]


def _remember(member: Member, texts: Sequence[str]) -> None:
    caches["own"].set(str(member.id), texts[:_RECENT])


def _written_before(member: Member, haiku_id: UUID) -> Haiku:
    """The haiku of a request that was answered before."""
    try:
        return haiku_of(member, haiku_id)
    except NoSuchHaiku as exc:
        raise HaikuGone("deleted") from exc
    except PASSING as exc:
        # It was written and charged, only it cannot be shown: "nothing was written" would be untrue.
        raise OutcomeUnknown(key=f"haiku {haiku_id}", may_have_been_written=True) from exc


def _page_query(member: Member, cursor: tuple[int, str] | None) -> Query:
    return _newest_query(
        member, PAGE_SIZE + 1 + _TIES, [] if cursor is None else [{"createdAt": {"$lte": cursor[0]}}]
    )


def _newest_query(member: Member, limit: int, conditions: Sequence[Mapping[str, Any]] = ()) -> Query:
    where = {"and": [{"author.id": str(member.id)}, *conditions]}
    return {"haikus": {"$": {"where": where, "order": {"createdAt": "desc"}, "limit": limit}}}


def _newest(tree: Tree) -> list[Haiku]:
    return sorted((_haiku(row) for row in tree["haikus"]), key=_place, reverse=True)


def _page(tree: Tree, cursor: tuple[int, str] | None) -> HaikuPage:
    left = [haiku for haiku in _newest(tree) if cursor is None or _place(haiku) < cursor]
    page = tuple(left[:PAGE_SIZE])
    more = len(left) > PAGE_SIZE
    return HaikuPage(haikus=page, next="{}.{}".format(*_place(page[-1])) if more else None)


def _row_of(haiku: Haiku) -> Mapping[str, Any]:
    return {"topic": haiku.topic, "content": haiku.content, "createdAt": haiku.created_at_ms}


def _haiku(row: Mapping[str, Any]) -> Haiku:
    try:
        return Haiku(
            id=uuid_of(row["id"]),
            topic=text_of(row, "topic") or "",
            content=text_of(row, "content") or "",
            created_at=from_epoch_ms(row["createdAt"]),
            state=State.of(row),
            error=text_of(row, "error") or "",
            draft=text_of(row, "draft") or "",
        )
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise nonsense("a haiku that is none") from exc


def _place(haiku: Haiku) -> tuple[int, str]:
    """Where a haiku stands among others: by time, and among those of one millisecond by id."""
    return haiku.created_at_ms, str(haiku.id)


def _cursor(before: str) -> tuple[int, str]:
    milliseconds, _, haiku_id = before.partition(".")
    try:
        return number_in(milliseconds), str(UUID(haiku_id))
    except ValueError as exc:
        raise BadCursor(before) from exc
