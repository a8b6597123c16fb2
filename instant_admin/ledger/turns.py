"""Processes take turns at an account, and leave word for the next of how they left it.

Without it they lose each other's transactions: the slot lets one of two pass. Both the turn and the word are hints,
which cost speed when they are wrong and never truth. So nobody waits long for a turn, and goes on without.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from instant_admin.ledger.rules import Account

LONGEST_WAIT_S: Final = 0.5
LOOK_AGAIN_S: Final = 0.001
# After this long what was left says nothing: somebody may have gone on without a turn.
WORD_GOOD_FOR_S: Final = 5.0
# Accounts share this many files, so that a folder does not grow with them.
FILES: Final = 1 << 16


@dataclass(slots=True)
class Turn:
    """What the others left, and what is left to them."""

    found: list[Account] = field(default_factory=list)
    left: list[Account] = field(default_factory=list)


class Turns(Protocol):
    """A way to take turns."""

    def taken(self, account_ids: Collection[UUID]) -> AbstractContextManager[Turn]:
        """The turn at these accounts, as far as it can be had soon; for the time of a `with`."""


class Alone:
    """The turns of a process that has no others beside it."""

    @contextmanager
    def taken(self, account_ids: Collection[UUID]) -> Iterator[Turn]:
        """At once."""
        yield Turn()


ALONE: Final = Alone()


class Files:
    """Turns between the processes of one machine: locked files, each with the account that was written last."""

    def __init__(
        self,
        folder: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._sleep = sleep
        self._clock = clock

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
        until, files = self._clock() + LONGEST_WAIT_S, {}
        for name in sorted(names):
            with suppress(OSError):
                file = self._open(name, held)
                # Who is next holds a second file, so that who has just had the turn cannot take it again first.
                with ExitStack() as queue:
                    if self._lock(self._open(f"{name}.next", queue), until) and self._lock(file, until):
                        files[name] = file
        return files

    def _open(self, name: str, held: ExitStack) -> int:
        file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        held.callback(os.close, file)
        return file

    def _lock(self, file: int, until: float) -> bool:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if self._clock() >= until:
                return False
            self._sleep(LOOK_AGAIN_S)

    def _word_in(self, file: int) -> Account | None:
        words = os.pread(file, 200, 0).decode().split()
        if len(words) != 4 or float(words[3]) < self._clock() - WORD_GOOD_FOR_S:
            return None
        return Account(UUID(words[0]), credits=int(words[1]), seq=int(words[2]))

    def _leave(self, file: int, account: Account) -> None:
        word = f"{account.id} {account.credits} {account.seq} {self._clock()}".ljust(200)
        with suppress(OSError):
            os.pwrite(file, word.encode(), 0)


def _file_of(account_id: UUID) -> str:
    number = int.from_bytes(hashlib.sha256(account_id.bytes).digest()[:8]) % FILES
    return f"{number:05}"
