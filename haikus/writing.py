"""Haikus that take time to write: held for, written by a worker, shown line by line, and paid when they are there."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from accounts.members import Member
from billing.products import State
from billing.spending import Held, HoldEnded
from billing.workers import Job, TooMuchWork, workers
from haikus.errors import GeneratorFailed, UnwritableTopic
from instant_admin.client.errors import InstantError, InstantRejected
from instant_admin.client.steps import update
from instant_admin.configured import instant
from instant_admin.ledger.rules import LedgerError

logger = logging.getLogger(__name__)

# What is wrong with one that could not be written: words of `Haiku.error`, beside those of `billing`.
UNWRITABLE: Final = "unwritable"
STOPPED: Final = "stopped"


@dataclass(frozen=True, slots=True)
class Piece:
    """A poem so far, and what it has used so far, in credits. `text` is lines joined by newlines."""

    text: str
    used: int


class SlowGenerator(Protocol):
    """What `HAIKU_GENERATOR` names when it takes time: a module, such as `haikus/generators/language_model.py`."""

    def most(self, topic: str) -> int:
        """The most that a poem on it can cost, in credits."""

    def write(self, topic: str, *, recent: Sequence[str]) -> Iterator[Piece]:
        """The poem as it grows; the last piece is all of it. Raises `UnwritableTopic` and `GeneratorFailed`."""


def begin(generator: SlowGenerator, *, member: Member, topic: str, recent: Sequence[str], held: Held) -> None:
    """Have it written by a worker. Raises `TooMuchWork`, and then nothing is held."""
    do = partial(_write, generator, topic, recent, held)
    try:
        workers().submit(Job(member.id, do=do, give_up=partial(held.release, STOPPED)))
    except TooMuchWork:
        held.release(STOPPED)
        raise


def _write(generator: SlowGenerator, topic: str, recent: Sequence[str], held: Held) -> None:
    try:
        piece = _written(generator, topic, recent, held)
    except UnwritableTopic:
        held.release(UNWRITABLE)
    except (GeneratorFailed, InstantRejected) as exc:
        logger.warning("The work of %s failed (%s)", held.entry.key, exc)
        held.release("failed")
    except Exception:
        held.release("failed")
        raise
    else:
        _capture(held, piece)


def _written(generator: SlowGenerator, topic: str, recent: Sequence[str], held: Held) -> Piece:
    """The whole poem. Raises `HoldEnded` when somebody has cancelled it meanwhile."""
    piece = Piece("", 0)
    shown = 0
    for piece in generator.write(topic, recent=recent):
        lines = piece.text.split("\n")
        if len(lines) - 1 > shown:
            shown = len(lines) - 1
            _show(held, "\n".join(lines[:shown]))
    return piece


def _show(held: Held, draft: str) -> None:
    """Write the lines that are there into the row, for whoever looks at it. Raises `HoldEnded`."""
    try:
        rows = instant().query({"haikus": {"$": {"where": {"id": str(held.item_id)}}}})["haikus"]
        if not rows or State.of(rows[0]) is not State.WRITING:
            raise HoldEnded("ended while it was written")
        instant().transact([update("haikus", held.item_id, {"draft": draft}, upsert=False)])
    except InstantRejected:
        raise
    except InstantError as exc:
        logger.info("The lines of %s are not shown yet (%s)", held.entry.key, exc)


def _capture(held: Held, piece: Piece) -> None:
    text = update("haikus", held.item_id, {"content": piece.text, "draft": ""}, upsert=False)
    try:
        held.capture(piece.used, [text])
    except HoldEnded:
        logger.info("%s ended before it was written", held.entry.key)
    except (InstantError, LedgerError) as exc:
        # If it was written after all, the release finds its key taken.
        logger.warning("%s cannot be captured (%s)", held.entry.key, exc)
        held.release("failed")
