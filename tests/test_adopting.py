"""docs/adopting.md, done step by step in a copy of the project: its code, its changes, its commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings

from tests.drivers import sandbox
from tests.drivers.member import HTMX, MemberClient

ROOT = Path(settings.BASE_DIR)
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "adopting.md").read_text(), re.MULTILINE | re.DOTALL
)
# It goes on until it is stopped.
RUN = ".venv/bin/python -m sandbox\n"
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "staticfiles", "var")
# The settings of the tests' own Django are none of the copy's business.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_the_walk_ends_with_a_couplet(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".venv").symlink_to(sys.prefix)
    for kind, block in BLOCKS:
        if kind == "diff":
            _change(copy, block)
        elif kind == "sh" and block != RUN:
            subprocess.run(["bash", "-euc", block], cwd=copy, env=ENVIRONMENT, check=True)  # noqa: S603, S607
    code = [block for kind, block in BLOCKS if kind == "python"]
    assert code == [_moved(name) for name in ("store.py", "apps.py", "urls.py", "slow.py")]
    schema = json.loads((copy / "instant" / "schema.json").read_text())
    for part, wanted in json.loads((copy / "couplets" / "instant.json").read_text()).items():
        assert wanted.items() <= schema[part].items()
    assert ("sh", RUN) in BLOCKS
    with sandbox.running(RUN.split(), cwd=copy, data_dir=copy / "var", env=ENVIRONMENT) as described:
        _buy_one(MemberClient(described["site"], Path(described["mail_dir"])).sign_in())


def _buy_one(ada: MemberClient) -> None:
    page = ada.get("/couplets/").text
    form = {"theme": "rain", "request_id": re.findall(r'name="request_id" value="(.+?)"', page)[0]}
    assert "A couplet costs 3 credits, and you have 0" in ada.post("/couplets/", form, **HTMX).text
    ada.sync(ada.buy())
    for _ in range(2):
        assert ada.post("/couplets/", form).status_code == 303
    assert ada.get("/couplets/").text.count("rain above,<br>rain below") == 1
    newest = ada.history()[0]
    assert (newest["product"], newest["amount"], newest["balance"]) == ("couplet", -3, 7)
    stranger = MemberClient(ada.site, ada.mail_dir).sign_in(f"{uuid4().hex}@example.com")
    assert "rain above" not in stranger.get("/couplets/").text


def _moved(name: str) -> str:
    return (ROOT / "tests" / "couplets" / name).read_text().replace("tests.couplets", "couplets")


def _change(copy: Path, diff: str) -> None:
    """Make the change that a block shows: the file, and pieces of it with `@@` between them."""
    head, _, rest = diff.partition("\n")
    path = copy / head.removeprefix("+++ ")
    text = path.read_text()
    for piece in rest.split("@@\n"):
        lines = piece.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        assert text.count(before) == 1, f"{head}: {before}"
        text = text.replace(before, "".join(line[1:] for line in lines if line[0] in " +"))
    path.write_text(text)
