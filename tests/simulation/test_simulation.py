"""Fifty histories at every run of the tests; `python -m tests.simulation` runs any number."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.drivers.deep import deep_but_for
from tests.simulation.many import History, run_one
from tests.simulation.mutants import MUTANTS, Mutant, hunt
from tests.simulation.runner import report, run, shrink

HISTORIES = 300
# Within how many histories each deliberate bug must be found.
MUTANT_HISTORIES = 1200


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("start", deep_but_for(1, range(0, HISTORIES, 50)))
def test_every_invariant_holds_in_every_history(start: int) -> None:
    for seed in range(start, start + 50):
        result = run(seed)
        if result.violations:
            pytest.fail(report(shrink(result)))


def test_a_seed_is_always_the_same_history() -> None:
    first, again = run(11), run(11)
    assert len(first.log) > 50
    assert (first.log, first.faults, first.coverage) == (again.log, again.faults, again.coverage)


def test_what_no_history_met_is_met_by_one_that_is_aimed_at_it() -> None:
    aimed = run_one(History(3)).aimed()
    assert len(aimed) > 300
    for history in aimed[::17]:  # at most call sites, with most faults
        met = run_one(history)
        assert met.coverage[history.aims[0]]
        assert not met.failed


def test_there_are_enough_different_bugs() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= 20


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_deliberate_bug_is_found(mutant: Mutant) -> None:
    seeds = dict.fromkeys([mutant.seed, *range(MUTANT_HISTORIES)])
    assert hunt(mutant, seeds=seeds) is not None, f"{mutant.thought} {mutant.shows}"


def test_a_history_that_failed_is_shrunk_to_what_matters() -> None:
    spend_unchecked = next(mutant for mutant in MUTANTS if mutant.name == "spend_unchecked")
    failed = hunt(spend_unchecked, seeds=range(50))
    assert failed is not None
    with spend_unchecked.bug():
        smallest = shrink(failed)
    assert smallest.violations
    assert len(smallest.script) <= 1  # the last haikus of all show it too
    assert smallest.faults == {}
    assert "was not covered" in report(smallest)
