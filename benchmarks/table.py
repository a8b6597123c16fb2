"""What every benchmark is: one table, measured row by row behind a progress bar, and a command line of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Final, TypeAlias

from tqdm import tqdm

WIDTH: Final = 118
Options: TypeAlias = Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """A line of a table, its name first; whether what was measured is within the limit."""

    cells: tuple[str, ...]
    holds: bool = True


@dataclass(frozen=True)
class Benchmark:
    """One table. `rows` are the names of what `measure` yields with the options `full`; `quick` is for a look.

    `meaning` is the text under it: what it means, and what the limit is.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    measure: Callable[..., Iterator[Row]]
    meaning: str
    full: Options
    quick: Options

    def run(self, options: Options) -> list[Row]:
        """Measure every row."""
        bar = tqdm(self.measure(**options), desc=self.title, total=len(self.rows), unit="row", disable=None)
        return list(bar)

    def text(self, rows: Iterable[Row]) -> str:
        """The table as a part of a page."""
        over = {False: " (over the limit)", True: ""}
        lines = [self.columns, *((*row.cells[:-1], row.cells[-1] + over[row.holds]) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, tuple("-" * width for width in widths))
        table = "".join(f"| {' | '.join(map(str.ljust, line, widths))} |\n" for line in lines)
        return f"## {self.title}\n\n{table}\n{fill(self.meaning, WIDTH)}\n"


def main(benchmark: Benchmark) -> int:
    """Run one benchmark, with its options from the command line; 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=benchmark.title)
    for name, value in benchmark.full.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"({value})")
    rows = benchmark.run(vars(parser.parse_args()))
    sys.stdout.write(benchmark.text(rows))
    return 0 if all(row.holds for row in rows) else 1
