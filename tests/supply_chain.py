"""What the site is made of besides its own code: under which licences, and with which known vulnerabilities.

`python -m tests.supply_chain` lists the licences and asks pip-audit; it ends with 1 where something needs a look.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parent.parent
# All that any way of going live installs.
LOCK: Final = ROOT / "requirements-container.lock"
# By which nobody who builds on the site owes anything but a notice; in the spellings that packages use.
PERMISSIVE: Final = frozenset(
    (
        *(
            "Apache-2.0",
            "Apache 2",
            "Apache Software License",
            "BSD",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "BSD License",
            "ISC",
        ),
        *("MIT", "MIT-0", "MIT License", "PSF-2.0", "Unlicense"),
    )
)
# Whoever changes these packages themselves shows the changes; what imports them as they are owes nothing.
OF_THEIR_OWN_FILES: Final = {
    "certifi": "MPL-2.0",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
    "tqdm": "MPL-2.0 AND MIT",
}


def locked(lock: Path = LOCK) -> Iterator[Requirement]:
    """What a lock file installs on this machine."""
    for line in lock.read_text().splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def licence_of(name: str) -> str:
    """What an installed package says its licence is."""
    said = metadata(name)
    classified = [
        text.rpartition(" :: ")[2] for text in said.get_all("Classifier") or () if text.startswith("License ")
    ]
    # Some put the whole text into `License`.
    short = [text for text in (said["License-Expression"], said["License"]) if text and len(text) < 40]
    return (short or classified or ["unknown"])[0]


def is_fine(name: str, licence: str) -> bool:
    """Whether a shop may be sold with it, and its code stay its owner's."""
    return OF_THEIR_OWN_FILES.get(name) == licence or set(re.split(r" (?:AND|OR) ", licence)) <= PERMISSIVE


def vulnerable(report: str, complaint: str) -> list[str] | None:
    """What pip-audit's report in JSON has found; None when its database could not be reached.

    Raises `RuntimeError` when it failed for another reason.
    """
    if not report:
        if "ConnectionError" in complaint:
            return None
        raise RuntimeError(f"pip-audit failed:\n{complaint}")
    found = json.loads(report)["dependencies"]
    # Of a database that is no such thing, it says that it has no package at all.
    if all("skip_reason" in each for each in found):
        return None
    return [
        f"{each['name']}: {each['skip_reason']}" if "skip_reason" in each else f"{each['name']}: {vuln['id']}"
        for each in found
        for vuln in each.get("vulns", [each])
    ]


def report() -> Iterator[str]:
    """The lines to print, of which those with an exclamation mark are what needs a look."""
    for name in (each.name for each in locked()):
        licence = licence_of(name)
        yield f"{' ' if is_fine(name, licence) else '!'} {name:24}{licence}"
    audit = (
        sys.executable,
        "-m",
        "pip_audit",
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
    )
    done = subprocess.run(  # noqa: S603  our own command
        [*audit, "--format", "json", "--requirement", str(LOCK)], capture_output=True, text=True, check=False
    )
    known = vulnerable(done.stdout, done.stderr)
    if known is None:
        yield "  Skipped: the database of known vulnerabilities cannot be reached from here."
    yield from (f"! {each}" for each in known or ())


def main() -> int:
    """Print the report. 1 where something needs a look, 0 otherwise."""
    argparse.ArgumentParser(prog="python -m tests.supply_chain", description=__doc__).parse_args()
    lines = list(report())
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if any(line.startswith("!") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
