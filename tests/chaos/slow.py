"""A generator that takes time and now and then fails: `HAIKU_GENERATOR` in a run with `--slow`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

from haikus.errors import GeneratorFailed
from haikus.writing import Piece

FAILURE_CHANCE: Final = 0.15
LONGEST_LINE_S: Final = 0.3
_CHANCE: Final = random.SystemRandom()


def most(topic: str) -> int:
    """More than it uses."""
    return 3


def write(topic: str, *, recent: Sequence[str]) -> Iterator[Piece]:
    """Three lines, each after a while. Raises `GeneratorFailed`."""
    text = ""
    for line in (topic, "is what it is about", "and it took its time"):
        time.sleep(_CHANCE.uniform(0.0, LONGEST_LINE_S))
        if _CHANCE.random() < FAILURE_CHANCE / 3:
            raise GeneratorFailed("it fails now and then")
        text = f"{text}\n{line}".strip()
        yield Piece(text, 1)
