"""The README says what is there: commands, flags, variables, files, routes, events."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver

from billing.webhook import EVENTS

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SCREENSHOT_LIMIT_BYTES = 250_000


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    return re.split(rf"^#+ {re.escape(title)}\n", README, flags=re.MULTILINE)[1].split("\n#")[0]


def test_each_of_the_two_commands_does_all_its_set_up_in_one_line() -> None:
    commands = re.findall(r"^python3 -m venv .venv && (.+)$", README, re.MULTILINE)
    assert commands == [
        ".venv/bin/pip install -q -r requirements.lock && .venv/bin/python -m sandbox",
        ".venv/bin/pip install -q -r requirements-dev.lock && .venv/bin/python -m pytest",
    ]


@pytest.mark.parametrize(
    "module", ["sandbox", "sandbox.instant", "sandbox.stripe", "tests.simulation", "tests.chaos"]
)
def test_the_modules_to_run_are_there_and_know_the_flags_given_with_them(module: str) -> None:
    assert re.search(rf"-m {re.escape(module)}\b", README)
    help_text = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    flags = set(re.findall(rf"-m {re.escape(module)} [^`\n]*?(--[a-z-]+)", README))
    if module == "sandbox":
        flags |= set(re.findall(r"`(--[a-z-]+)`", section("Try it")))
        assert len(flags) == 5
    assert {flag for flag in flags if flag not in help_text} == set()


def test_every_manage_command_and_its_flags_exist() -> None:
    found = re.findall(r"manage\.py (\w+)([^\n&`]*)", README)
    found += [(name, rest) for name, rest in re.findall(r"`(\w+_credits)`[^`]*\(([^)]*)\)", README)]
    assert {"migrate", "instant_push", "stripe_setup", "check", "reconcile_credits", "audit_credits"} <= {
        name for name, _ in found
    }
    for name, rest in found:
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        for flag in re.findall(r"--[a-z-]+", rest):
            assert flag in parser.format_help(), f"{name} {flag}"


def test_every_variable_is_one_that_the_settings_read() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", README)) | set(re.findall(r"`([A-Z_]+)=", README))
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(named) > 10
    assert named - listed == set()


def test_everything_on_the_map_is_there() -> None:
    entries = re.findall(r"^- `([^`]+)`: ", section("The map"), re.MULTILINE)
    assert len(entries) > 15
    assert [entry for entry in entries if not (ROOT / entry).exists()] == []


def test_every_file_that_is_named_or_linked_is_there() -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.]+\.\w+|[\w-]+\.(?:toml|lock|example))`", README)
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    missing = [path for path in [*named, *linked] if not (ROOT / path).exists()]
    # Made by the sandbox, when it runs.
    assert [path for path in missing if not path.startswith("var/")] == []


def test_the_screenshot_is_small() -> None:
    assert 0 < (ROOT / "docs" / "screenshot.png").stat().st_size < SCREENSHOT_LIMIT_BYTES


def _routes(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield re.sub(r"<str:(\w+)_id>", r"<\1>", re.sub(r"<uuid:\w+>", "<uuid>", path))
        elif pattern.app_name == "admin":
            yield path
        else:
            yield from _routes(pattern.url_patterns, path)


def test_the_table_of_routes_is_complete() -> None:
    rows = [line for line in section("Routes").splitlines() if line.startswith("| `")]
    told = [path for row in rows for path in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(told) == sorted(_routes(get_resolver().url_patterns))


def test_the_webhook_events_are_those_that_are_handled() -> None:
    (told,) = (set(block.split()) for block in BLOCKS if "checkout.session.completed" in block)
    assert told == EVENTS


def test_the_examples_of_python_run() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  the README is ours
    assert callable(names["compose"])
