"""A number for each process that shares a folder: the lowest that is free, so files named by it do not pile up.

The ids of processes would be given again without a word, and two containers have the same ones.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_MOST: Final = 10_000
# What is in here stays open, and so locked, until the process ends, however it does.
_held: Final[list[IO[str]]] = []


def take(folder: Path) -> int:
    """A number for this process alone, until its end. The folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_MOST):
        try:
            lock = _locked(folder / f"{number}.lock", "a")
        except PermissionError:  # another user's, whose files cannot be gone on with
            continue
        if lock is not None:
            _held.append(lock)
            return number
    raise PermissionError(f"No process may write in {folder}")


def given_up(folder: Path) -> Iterator[int]:
    """The numbers of processes that have ended. Nobody takes one until the next is asked for."""
    for path in folder.glob("*.lock"):
        lock = _locked(path, "r")
        if lock is not None:
            with lock:
                yield int(path.stem)


def _locked(path: Path, mode: str) -> IO[str] | None:
    file = path.open(mode)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
