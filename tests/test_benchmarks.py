"""That all of `python -m benchmarks` runs, and that the page that it wrote has its tables; no numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.__main__ import BENCHMARKS, PAGE
from benchmarks.table import Benchmark
from tests.test_docs import ROOT

each_benchmark = pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.title)


def names_in(text: str) -> Iterator[str]:
    """The first cell of each row of a table, the head's first."""
    return (line.split("|")[1].strip() for line in text.splitlines() if re.match(r"\| (?!-)", line))


def part(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


@each_benchmark
def test_the_page_has_the_rows_and_columns_that_are_measured(benchmark: Benchmark) -> None:
    told = part(PAGE.read_text(), benchmark.title)
    assert list(names_in(told)) == ["", *benchmark.rows]
    assert [cell.strip() for cell in told.strip().splitlines()[0].split("|")[1:-1]] == list(benchmark.columns)


def test_the_page_has_no_other_table() -> None:
    assert re.findall(r"^## (.*)", PAGE.read_text(), re.MULTILINE) == [each.title for each in BENCHMARKS]


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_all_benchmarks_run() -> None:
    before = PAGE.read_bytes()
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    # As in a terminal: the settings of the tests' own Django would hide that one needs them.
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    printed = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True
    ).stdout
    for benchmark in BENCHMARKS:
        assert len(list(names_in(part(printed, benchmark.title)))) == 1 + len(benchmark.rows)
    assert PAGE.read_bytes() == before
