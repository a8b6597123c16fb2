"""The systemd units: systemd itself reads them, and says how much they may do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.deploy.files import DEPLOY, ROOT, tool

UNITS = DEPLOY / "systemd"
SITE = "instant-credits-site.service"
JOBS = sorted(path.name for path in UNITS.glob("instant-credits-job@*.timer"))
# Of 10, as `systemd-analyze security` counts; in tenths. What is left is the network, and the host's root folder.
MOST_EXPOSED = 15


@pytest.fixture
def analyze(tmp_path: Path) -> str:
    """`systemd-analyze`, which finds our units, and in them this Python and this folder."""
    program = tool("systemd-analyze")
    for path in UNITS.rglob("*.*"):
        if path.is_file():
            text = path.read_text().replace("/srv/instant-credits/.venv/bin/python", sys.executable)
            to = tmp_path / path.relative_to(UNITS)
            to.parent.mkdir(exist_ok=True)
            to.write_text(text.replace("/srv/instant-credits", str(ROOT)))
    return program


def run(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of `systemd-analyze`. The colon adds systemd's own units."""
    return subprocess.run(  # noqa: S603  our own command
        [program, *arguments],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_systemd_takes_every_unit_without_a_word(analyze: str, tmp_path: Path) -> None:
    done = run(analyze, tmp_path, "verify", SITE, "instant-credits-job@audit_credits.service", *JOBS)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [SITE, "instant-credits-job@audit_credits.service"])
def test_units_may_do_little_besides_talking_to_the_network(analyze: str, tmp_path: Path, unit: str) -> None:
    done = run(analyze, tmp_path, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_timer_starts_a_command_that_is_there() -> None:
    commands = [re.sub(r".*@(\w+)\.timer", r"\1", name) for name in JOBS]
    assert sorted(commands) == ["audit_credits", "clear_expired", "reconcile_credits", "send_mails"]
    assert set(commands) <= set(get_commands())
