"""Many histories on all the cores there are."""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeAlias

import django
import stripe

import tests.environment  # noqa: F401  the settings must be there before Django is
from tests.simulation.network import Site

CHUNK: Final = 20
Coverage: TypeAlias = Counter[tuple[Site, str]]


def run_many(seeds: range, *, processes: int) -> Iterator[tuple[int, list[int], Coverage]]:
    """Run every seed; yields how many were run, which of them failed, and what was met, a chunk at a time."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes, initializer=set_up) as pool:
        yield from pool.imap_unordered(_run_chunk, chunks)


def set_up() -> None:
    """Make this process ready to run histories, in silence. Stripe's library does not wait between its tries."""
    django.setup()
    stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0
    logging.disable(logging.CRITICAL)


def _run_chunk(seeds: range) -> tuple[int, list[int], Coverage]:
    from tests.simulation.runner import run  # needs Django to be set up

    coverage: Coverage = Counter()
    failed: list[int] = []
    for seed in seeds:
        result = run(seed)
        coverage.update(result.coverage)
        if result.violations:
            failed.append(seed)
    return len(seeds), failed, coverage
