"""`python -m tests.simulation`: any number of histories, and which faults every call site has met."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tqdm import tqdm

from tests.simulation.many import Coverage, run_many, set_up
from tests.simulation.network import BOTH, FAULTS, Site


def main() -> int:
    """0 when every invariant held in every history and, with `--all-pairs`, every pair was met."""
    options = _options()
    if options.mutants:
        return _mutants(options.seeds)
    seeds = range(options.start, options.start + options.seeds)
    started = time.monotonic()
    coverage: Coverage = Coverage()
    failed: list[int] = []
    with tqdm(total=len(seeds), desc="Histories", unit="", disable=None) as bar:
        for ran, broken, met in run_many(seeds, processes=options.processes):
            bar.update(ran)
            coverage += met
            failed += broken
    elapsed_s = time.monotonic() - started
    missing = _print_coverage(coverage)
    calls = sum(coverage.values())
    _say(
        f"\n{len(seeds)} histories, {calls} outside calls, {len(failed)} with violations, "
        f"{len(missing)} pairs of call site and fault not met; "
        f"{elapsed_s:.0f} s, {len(seeds) / elapsed_s:.1f} histories/s"
    )
    if failed:
        _say(f"Seeds with violations: {', '.join(map(str, sorted(failed)))}")
    for seed in sorted(failed)[:3]:
        _explain(seed)
    return 1 if failed or (missing and options.all_pairs) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories (1000)")
    parser.add_argument("--start", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at once (all cores)")
    parser.add_argument(
        "--all-pairs", action="store_true", help="fail unless every call site met every fault"
    )
    parser.add_argument("--mutants", action="store_true", help="plant each deliberate bug and find it")
    return parser.parse_args()


def _explain(seed: int) -> None:
    """Run a failed seed again, shrink it, and print its history."""
    set_up()
    from tests.simulation.runner import report, run, shrink

    _say("\n" + report(shrink(run(seed))))


def _print_coverage(coverage: Coverage) -> list[tuple[Site, str]]:
    """The table of call sites and faults; returns the pairs that were never met."""
    sites = sorted({site for site, _ in coverage}, key=str)
    names = ["none", *FAULTS["instant"]]
    _say("\nCall sites, and how often each met: " + ", ".join(f"{n} {name}" for n, name in enumerate(names)))
    _say(f"{'':66}" + "".join(f"{number:>7}" for number in range(len(names))))
    missing = []
    for site in sites:
        cells = []
        for name in names:
            met = coverage[site, name]
            possible = site.host == "instant" or name in ("none", *BOTH)
            cells.append(f"{met:>7}" if possible else f"{'-':>7}")
            if possible and not met:
                missing.append((site, name))
        _say(f"{site!s:66.66}" + "".join(cells))
    return missing


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
