"""`python -m tests.simulation`: any number of histories, and which faults every call site has met."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tqdm import tqdm

from tests.simulation.many import History, Pair, Tally, run_many, set_up
from tests.simulation.network import ALL_FAULTS, FAULTS

# An aimed history may come to a call that no other made; the next round aims there.
ROUNDS: Final = 3


def main() -> int:
    """0 when every invariant held in every history and, with `--all-pairs`, every pair was met."""
    options = _options()
    if options.mutants:
        return _mutants(options.seeds)
    started = time.monotonic()
    tally = Tally()
    _run([History(options.start + number) for number in range(options.seeds)], tally, options.processes)
    if options.all_pairs:
        for _ in range(ROUNDS):
            _run(tally.aimed(), tally, options.processes)
    elapsed_s = time.monotonic() - started
    missing = tally.not_met()
    _print_coverage(tally.coverage)
    _say(
        f"\n{tally.ran} histories, {tally.ran - options.seeds} of them aimed at a pair; "
        f"{tally.coverage.total()} outside calls, {len(tally.failed)} histories with violations, "
        f"{len(missing)} pairs of call site and fault not met; "
        f"{elapsed_s:.0f} s, {tally.ran / elapsed_s:.1f} histories/s"
    )
    by_seed = sorted(tally.failed, key=lambda history: history.seed)
    for failed in by_seed:
        _say(f"Violations in seed {failed}")
    for failed in by_seed[:3]:
        _explain(failed)
    return 1 if tally.failed or (missing and options.all_pairs) else 0


def _run(histories: Sequence[History], tally: Tally, processes: int) -> None:
    """Run histories, and add to `tally` what comes of them."""
    if not histories:
        return
    with tqdm(total=len(histories), desc="Histories", unit="", disable=None) as bar:
        for some in run_many(histories, processes=processes):
            bar.update(some.ran)
            tally.add(some)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories (1000)")
    parser.add_argument("--start", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at once (all cores)")
    parser.add_argument(
        "--all-pairs",
        action="store_true",
        help="aim at what was not met; fail unless every call site met every fault",
    )
    parser.add_argument("--mutants", action="store_true", help="plant each deliberate bug and find it")
    return parser.parse_args()


def _explain(failed: History) -> None:
    """Run a history that failed again, shrink it, and print it."""
    set_up()
    from tests.simulation.runner import report, run, shrink

    _say("\n" + report(shrink(run(failed.seed, aims=dict(failed.aims)))))


def _print_coverage(coverage: Counter[Pair]) -> None:
    """The table of call sites and faults."""
    names = ["none", *ALL_FAULTS]
    _say("\nCall sites, and how often each met: " + ", ".join(f"{n} {name}" for n, name in enumerate(names)))
    _say(f"{'':66}" + "".join(f"{number:>7}" for number in range(len(names))))
    for site in sorted({site for site, _ in coverage}, key=str):
        possible = ("none", *FAULTS[site.host])
        cells = [str(coverage[site, name]) if name in possible else "-" for name in names]
        _say(f"{site!s:66.66}" + "".join(f"{cell:>7}" for cell in cells))


def _mutants(seeds: int) -> int:
    """Plant each bug, and look for it in so many histories; 1 when one gets away."""
    set_up()
    from tests.simulation.mutants import MUTANTS, hunt

    escaped = 0
    for mutant in MUTANTS:
        killer = hunt(mutant, seeds=range(seeds))
        found = "ESCAPED" if killer is None else f"seed {killer.seed}: {killer.violations[0].splitlines()[0]}"
        escaped += killer is None
        _say(f"{mutant.name:40} {found}")
    _say(f"\n{len(MUTANTS) - escaped} of {len(MUTANTS)} mutants killed")
    return 1 if escaped else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
