"""A generator that takes time, as `SECONDS_OF_A_HAIKU` says: what `slow_work.py` has the site write with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

from haikus.writing import Piece


def most(topic: str) -> int:
    """A credit."""
    return 1


def write(topic: str, *, recent: Sequence[str]) -> Iterator[Piece]:
    """Three lines, evenly."""
    lines, seconds = [topic] * 3, float(os.environ["SECONDS_OF_A_HAIKU"])
    for number in range(1, 4):
        time.sleep(seconds / 3)
        yield Piece("\n".join(lines[:number]), 1)
