"""Runs all benchmarks, prints their tables, and writes `docs/benchmarks.md`: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from typing import Final

from benchmarks import (
    cold_start,
    contention,
    ledger_size,
    live_latency,
    original,
    pressure,
    processor,
    slow_work,
    throughput,
    weight,
)
from benchmarks.table import WIDTH

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


BENCHMARKS: Final = (
    contention.BENCHMARK,
    original.BENCHMARK,
    ledger_size.BENCHMARK,
    live_latency.BENCHMARK,
    processor.BENCHMARK,
    throughput.BENCHMARK,
    slow_work.BENCHMARK,
    cold_start.BENCHMARK,
    weight.BENCHMARK,
    pressure.BENCHMARK,
)


def main() -> int:
    """Measure all; 1 when a limit is passed, and `--quick` did not hurry too much to tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only see whether all of it runs; writes nothing"
    )
    is_quick: bool = parser.parse_args().quick
    texts = [_introduction()]
    holds = True
    for benchmark in BENCHMARKS:
        rows = benchmark.run(benchmark.quick if is_quick else benchmark.full)
        holds &= all(row.holds for row in rows)
        texts.append(benchmark.text(rows))
        sys.stdout.write(f"{texts[-1]}\n")
        sys.stdout.flush()
    if not is_quick:
        PAGE.write_text("\n".join(texts))
    return 0 if holds or is_quick else 1


def _introduction() -> str:
    machine = (
        f"{os.cpu_count()} cores, a load of {os.getloadavg()[2]:.0f}, Python {platform.python_version()}"
    )
    words = (
        "`python -m benchmarks` wrote this page, in one run on one machine before the stand-ins: "
        f"{datetime.now(UTC):%-d %B %Y}, {machine}. Another machine has other times. What says something is how many "
        'times as much one line is as another of its table. What passed a limit is marked "over the limit".'
    )
    return f"# Benchmarks\n\n{fill(words, WIDTH)}\n"


if __name__ == "__main__":
    sys.exit(main())
