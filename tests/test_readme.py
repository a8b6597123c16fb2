"""The README says what is there: commands, flags, the map, an example; and `make` runs what it gives."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
LINES_LIMIT = 170
SCREENSHOT_LIMIT_BYTES = 150_000
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -q -r"


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    return re.split(rf"^#+ {re.escape(title)}\n", README, flags=re.MULTILINE)[1].split("\n#")[0]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    commands = re.split(rf"^{target}:\n", MAKEFILE, flags=re.MULTILINE)[1].split("\n\n")[0]
    return [line.strip().replace("$(bin)", ".venv/bin") for line in commands.splitlines()]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= LINES_LIMIT


def test_each_of_the_two_commands_does_all_its_set_up_in_one_line() -> None:
    (run,), (test,) = recipe("run"), recipe("test")
    assert re.findall(r"^python3 -m venv .+$", README, re.MULTILINE) == [
        f"{SET_UP} requirements.lock && {run}",
        f"{SET_UP} requirements-tests.lock && {test}",
    ]


def test_the_table_has_every_flag_of_the_sandbox() -> None:
    told = set(re.findall(r"`(--[a-z-]+)`", section("Try it")))
    source = (ROOT / "sandbox" / "__main__.py").read_text()
    assert told == set(re.findall(r'add_argument\("(--[a-z-]+)"', source))


def test_everything_on_the_map_is_there() -> None:
    entries = re.findall(r"`([a-z_]+/(?:[a-z_]+/)*)`", section("The map"))
    assert len(entries) > 10
    assert [entry for entry in entries if not (ROOT / entry).is_dir()] == []


def test_its_screenshots_are_small() -> None:
    names = re.findall(r"\]\((docs/[\w-]+\.png)\)", README)
    assert len(names) == 2
    assert [name for name in names if (ROOT / name).stat().st_size > SCREENSHOT_LIMIT_BYTES] == []


def test_the_example_of_python_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  the README is ours
    assert callable(names["compose"])
