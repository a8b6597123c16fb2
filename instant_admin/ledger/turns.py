"""Processes take turns at an account, and leave word for the next of how they left it.

Without it they lose each other's transactions: the slot lets one of two pass. Both the turn and the word are hints,
which cost speed when they are wrong and never truth. So nobody waits long for a turn, and goes on without.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from instant_admin.ledger.rules import Account

logger = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 0.5
LOOK_AGAIN_S: Final = 0.001
# After this long what was left says nothing: somebody may have gone on without a turn.
WORD_GOOD_FOR_S: Final = 5.0
# Accounts share this many files, so that a folder does not grow with them.
FILES: Final = 1 << 16
# A mark in a cache stands for so long, and a cache that failed is left alone for so long.
MARK_GOOD_FOR_S: Final = 3.0
AWAY_S: Final = 5.0


@dataclass(slots=True)
class Turn:
    """What the others left, and what is left to them."""

    found: list[Account] = field(default_factory=list)
    left: list[Account] = field(default_factory=list)


class Turns:
    """A way to take turns; this one is that of a process which has no others beside it."""

    @contextmanager
    def taken(self, account_ids: Collection[UUID]) -> Iterator[Turn]:
        """The turn at these accounts, as far as it can be had soon; for the time of a `with`."""
        yield Turn()


ALONE: Final = Turns()


@dataclass(slots=True, eq=False)
class Files(Turns):
    """Turns between the processes of one machine: locked files, each with the account that was written last."""

    folder: Path
    _: KW_ONLY
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    @contextmanager
    def taken(self, account_ids: Collection[UUID]) -> Iterator[Turn]:
        """In the order of the files, so that two that wait for each other cannot be."""
        turn = Turn()
        with ExitStack() as held:
            files = self._locked({_file_of(account_id) for account_id in account_ids}, held)
            turn.found += filter(None, map(self._word_in, files.values()))
            yield turn
            for account in turn.left:
                if (file := files.get(_file_of(account.id))) is not None:
                    self._leave(file, account)

    def _locked(self, names: Iterable[str], held: ExitStack) -> dict[str, int]:
        """The files that could be locked in time. They are let go of by closing them, also when the process dies."""
        until, files = self.clock() + LONGEST_WAIT_S, {}
        for name in sorted(names):
            with suppress(OSError):
                file = self._open(name, held)
                # Who is next holds a second file, so that who has just had the turn cannot take it again first.
                with ExitStack() as queue:
                    if self._lock(self._open(f"{name}.next", queue), until) and self._lock(file, until):
                        files[name] = file
        return files

    def _open(self, name: str, held: ExitStack) -> int:
        file = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        held.callback(os.close, file)
        return file

    def _lock(self, file: int, until: float) -> bool:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if self.clock() >= until:
                return False
            self.sleep(LOOK_AGAIN_S)

    def _word_in(self, file: int) -> Account | None:
        return _read(os.pread(file, 200, 0).decode(), since=self.clock() - WORD_GOOD_FOR_S)

    def _leave(self, file: int, account: Account) -> None:
        with suppress(OSError):
            os.pwrite(file, _written(account, self.clock()).ljust(200).encode(), 0)


class Cache(Protocol):
    """What is asked of a cache that several machines share, such as Django's."""

    def add(self, key: str, value: str, timeout: float) -> bool:
        """Put a value where there is none; whether there was none."""

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        """The values that are there."""

    def set_many(self, data: dict[str, str], timeout: float) -> object:
        """Put values."""

    def delete_many(self, keys: Collection[str]) -> object:
        """Take values out."""


@dataclass(slots=True, eq=False)
class Shared(Turns):
    """Turns between machines: a mark in their cache for each account, beside the account as it was written last.

    A mark goes by itself after a while, so nobody waits for a process that died. Whenever the cache fails, there are
    no turns for a while.
    """

    cache: Cache
    _: KW_ONLY
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    _away_until: float = field(default=0.0, init=False)

    @contextmanager
    def taken(self, account_ids: Collection[UUID]) -> Iterator[Turn]:
        """In the order of the ids, so that two that wait for each other cannot be."""
        turn, marks = Turn(), []
        with self._asking() as is_there:
            if is_there:
                marks = self._marked([_mark_of(account_id) for account_id in sorted(account_ids)])
                found = self.cache.get_many([f"word:{mark}" for mark in marks]).values()
                since = self.clock() - WORD_GOOD_FOR_S
                turn.found += filter(None, (_read(word, since=since) for word in found))
        try:
            yield turn
        finally:
            with self._asking() as is_there:
                if is_there and marks:
                    now, left = self.clock(), {_mark_of(each.id): each for each in turn.left}
                    words = {f"word:{mark}": _written(left[mark], now) for mark in marks if mark in left}
                    self.cache.set_many(words, WORD_GOOD_FOR_S)
                    self.cache.delete_many(marks)

    def _marked(self, marks: Sequence[str]) -> list[str]:
        """Those that could be set in time."""
        until = self.clock() + LONGEST_WAIT_S
        for number, mark in enumerate(marks):
            while not self.cache.add(mark, "", MARK_GOOD_FOR_S):
                if self.clock() >= until:
                    return [*marks[:number]]
                self.sleep(LOOK_AGAIN_S)
        return [*marks]

    @contextmanager
    def _asking(self) -> Iterator[bool]:
        """Whether the cache is asked; when it fails, it is not for a while."""
        try:
            yield self.clock() >= self._away_until
        except Exception as exc:  # noqa: BLE001  each cache has errors of its own
            self._away_until = self.clock() + AWAY_S
            logger.warning(
                "The cache fails (%s): movements take no turns for %d s", type(exc).__name__, AWAY_S
            )


def _mark_of(account_id: UUID) -> str:
    return f"turn:{account_id}"


def _written(account: Account, at: float) -> str:
    return f"{account.id} {account.credits} {account.seq} {account.held} {at}"


def _read(word: str, *, since: float) -> Account | None:
    """The account that was left there, if it was written since then."""
    words = word.split()
    if len(words) != 5 or float(words[4]) < since:
        return None
    credits, seq, held = map(int, words[1:4])
    return Account(UUID(words[0]), credits, seq, held)


def _file_of(account_id: UUID) -> str:
    number = int.from_bytes(hashlib.sha256(account_id.bytes).digest()[:8]) % FILES
    return f"{number:05}"
