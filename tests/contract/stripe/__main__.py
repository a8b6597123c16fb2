"""`python -m tests.contract.stripe FOLDER`: check every exchange that stand-ins recorded while the tests ran."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from tests.contract.stripe.description import older_path, read, slice_path
from tests.contract.stripe.openapi_check import OpenApiCheck, lines_in


def main(arguments: list[str] | None = None) -> int:
    """0 when everything is as Stripe describes it, or when there is no description here."""
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
    check = OpenApiCheck(read(newest), None if older is None else read(older))
    for line in tqdm(lines, desc="Exchanges", unit="", disable=None):
        check.check(line)
    _report(check)
    return 1 if check.faults or check.unused() else 0


def _report(check: OpenApiCheck) -> None:
    for call, shapes in sorted(check.checked.items()):
        _say(f"{shapes:6}  {call}")
    if check.older is None:
        _say("stripe-mock's description is not here, so what the slice leaves out was not checked.")
    for problem, origin in sorted(check.faults.items()):
        _say(f"FAULT   {origin}: {problem}")
    for name in check.unused():
        _say(f"UNUSED  {name}: this exception is not needed any more")
    _say(f"{check.checked.total()} shapes of {len(check.checked)} calls checked, {len(check.faults)} faults")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
