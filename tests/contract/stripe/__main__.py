"""`python -m tests.contract.stripe FOLDER`: judge every exchange that stand-ins recorded while the tests ran."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from tests.contract.stripe.description import older_path, read, slice_path
from tests.contract.stripe.judge import Judge, lines_in


def main(arguments: list[str] | None = None) -> int:
    """0 when everything is as Stripe describes it, or when there is no description here to judge by."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.stripe", description=__doc__)
    parser.add_argument("folder", type=Path, help="what `--record` or STRIPE_RECORDING named")
    folder: Path = parser.parse_args(arguments).folder
    newest, older = slice_path(), older_path()
    if newest is None:
        _say("Skipped: Stripe's OpenAPI slice is not here (STRIPE_OPENAPI_SLICE).")
        return 0
    lines = list(lines_in(folder))
    if not lines:
        _say(f"Nothing was recorded in {folder}.")
        return 1
    judge = Judge(read(newest), None if older is None else read(older))
    for line in tqdm(lines, desc="Exchanges", unit="", disable=None):
        judge.hear(line)
    _report(judge)
    return 1 if judge.faults or judge.unused() else 0


def _report(judge: Judge) -> None:
    for call, shapes in sorted(judge.heard.items()):
        _say(f"{shapes:6}  {call}")
    if judge.older is None:
        _say("stripe-mock's description is not here, so what the slice leaves out was not judged.")
    for problem, origin in sorted(judge.faults.items()):
        _say(f"FAULT   {origin}: {problem}")
    for name in judge.unused():
        _say(f"UNUSED  {name}: this exception is not needed any more")
    _say(f"{judge.heard.total()} shapes of {len(judge.heard)} calls judged, {len(judge.faults)} faults")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
