"""Many histories on all the cores there are."""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import django
import stripe

import tests.environment  # noqa: F401  the settings must be there before Django is
from tests.simulation.network import FAULTS, Site

CHUNK: Final = 20
Pair: TypeAlias = tuple[Site, str]


@dataclass(frozen=True, slots=True)
class History:
    """What is run: a seed, and the faults that the first calls of some sites meet besides."""

    seed: int
    aims: tuple[Pair, ...] = ()

    def __str__(self) -> str:
        return "".join([str(self.seed), *(f" with {fault} at {site}" for site, fault in self.aims)])


@dataclass(slots=True)
class Tally:
    """What came of many histories: how many there were, which failed, and what their calls met."""

    ran: int = 0
    failed: list[History] = field(default_factory=list)
    coverage: Counter[Pair] = field(default_factory=Counter)
    # For each call site, a history that comes there while the faults have not stopped.
    exposed: dict[Site, History] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in what came of others."""
        self.ran += other.ran
        self.failed += other.failed
        self.coverage += other.coverage
        self.exposed = other.exposed | self.exposed

    def not_met(self) -> list[Pair]:
        """The pairs of call site and fault that were not met; that a call went well is such a pair too."""
        sites = sorted({site for site, _ in self.coverage}, key=str)
        pairs = [(site, fault) for site in sites for fault in ("none", *FAULTS[site.host])]
        return [pair for pair in pairs if not self.coverage[pair]]

    def aimed(self) -> list[History]:
        """A history for each pair that was not met: one that comes to the call site, and meets the fault there."""
        come_there = [(pair, self.exposed[pair[0]]) for pair in self.not_met() if pair[0] in self.exposed]
        return [replace(history, aims=(*history.aims, pair)) for pair, history in come_there]


def run_many(histories: Sequence[History], *, processes: int) -> Iterator[Tally]:
    """Run every history; yields what came of them, a chunk at a time."""
    chunks = [histories[start : start + CHUNK] for start in range(0, len(histories), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes, initializer=set_up) as pool:
        yield from pool.imap_unordered(_run_chunk, chunks)


def set_up() -> None:
    """Make this process ready to run histories, in silence. Stripe's library does not wait between its tries."""
    django.setup()
    stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0
    logging.disable(logging.CRITICAL)


def run_one(history: History) -> Tally:
    """Run a history, and count it."""
    from tests.simulation.runner import run  # needs Django to be set up

    result = run(history.seed, aims=dict(history.aims))
    failed = [history] if result.violations else []
    return Tally(1, failed, result.coverage, dict.fromkeys(result.exposed, history))


def _run_chunk(histories: Sequence[History]) -> Tally:
    tally = Tally()
    for history in histories:
        tally.add(run_one(history))
    return tally
