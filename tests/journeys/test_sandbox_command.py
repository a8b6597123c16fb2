"""`python -m sandbox`, as the README gives it: one command, and the main job from a script."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.world import ROOT
from tests.drivers.member import DECLINED, FREE, MemberClient


@contextmanager
def sandbox(data_dir: Path, *flags: str) -> Iterator[dict[str, Any]]:
    """The command running, until the block ends; what it wrote to `sandbox.json`."""
    file = data_dir / "sandbox.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sandbox", "--data-dir", str(data_dir)]
    for name in ("--port", "--instant-port", "--stripe-port"):
        command += [name, "0"]
    process = subprocess.Popen(  # noqa: S603  our own command
        [*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # Written whole in one go, but not before the site answers.
        yield json.loads(file.read_text())
    finally:
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output


def test_the_main_job_whole_from_one_command(tmp_path: Path) -> None:
    with sandbox(tmp_path) as described:
        ada = MemberClient(described["site"], Path(described["mail_dir"])).sign_in("ada@example.com")
        assert ada.write().status_code == 402
        page = ada.open_checkout()
        assert ada.pay(page, DECLINED).status_code == 402
        assert ada.sync(ada.buy()).json()["credits"] == 10
        assert ada.credits() == 10
        for number in range(10):
            assert ada.write(f"rain {number}").json()["credits"] == 9 - number
        assert ada.write("one too many").status_code == 402
        assert ada.sync(ada.buy(code=FREE)).json()["credits"] == 10
        assert len(ada.haikus()) == 10
    # Ctrl-C, and the next start: everything is still there.
    with sandbox(tmp_path) as described:
        ada.site = described["site"]
        assert (ada.credits(), len(ada.haikus())) == (10, 10)
    with sandbox(tmp_path, "--reset") as described:
        grace = MemberClient(described["site"], Path(described["mail_dir"])).sign_in("ada@example.com")
        assert (grace.credits(), grace.haikus()) == (0, [])
