"""`python -m sandbox`, as the README gives it: one command, and the main job from a script."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import ROOT
from tests.drivers.member import DECLINED, FREE, MemberClient
from tests.drivers.sandbox import running

pytestmark = [pytest.mark.one_process, pytest.mark.deep]


def sandbox(data_dir: Path, *flags: str) -> AbstractContextManager[dict[str, Any]]:
    command = [sys.executable, "-m", "sandbox", "--data-dir", str(data_dir), *flags]
    return running(command, cwd=ROOT, data_dir=data_dir)


def test_the_main_job_whole_from_one_command(tmp_path: Path) -> None:
    with sandbox(tmp_path) as described:
        ada = MemberClient(described["site"], Path(described["mail_dir"])).sign_in("ada@example.com")
        assert ada.write().status_code == 402
        assert ada.pay(ada.open_checkout(), DECLINED).status_code == 402
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
