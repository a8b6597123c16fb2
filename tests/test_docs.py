"""`docs/` says what is there: commands, flags, files, names, numbers, bugs, buttons, and its examples add up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from billing.clawback import Payment, clawed_back
from billing.fulfilment import CLAW_BACKS_LIMIT
from billing.stripe_api.webhooks import SIGNATURE_TOLERANCE_S
from instant_admin.ledger.rules import Kind
from sandbox.stripe.cards import BY_NUMBER
from tests.simulation.mutants import MUTANTS

ROOT = Path(settings.BASE_DIR)
TEXT = (ROOT / "docs" / "correctness.md").read_text()
QUOTED = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL))
CODE = ("accounts", "billing", "credits_site", "haikus", "instant", "instant_admin", "tests/simulation")


def table(title: str) -> Iterator[list[str]]:
    """The cells of each row of the table under a heading, without its head."""
    part = re.split(rf"^#+ {re.escape(title)}\n", TEXT, flags=re.MULTILINE)[1].split("\n#")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return ([cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:])


def test_every_manage_command_and_its_flags_exist() -> None:
    lines = re.findall(r"manage\.py (\w+)(.*)", TEXT)
    lines += [(word.split()[0], word) for word in QUOTED if word.startswith(("reconcile_", "audit_"))]
    assert {name for name, _ in lines} == {"reconcile_credits", "audit_credits"}
    for name, rest in lines:
        usage = load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()
        assert [flag for flag in re.findall(r"--[a-z-]+", rest) if flag not in usage] == []


@pytest.mark.parametrize("module", ["tests.simulation", "tests.chaos"])
def test_the_modules_to_run_know_the_flags_given_with_them(module: str) -> None:
    lines = re.findall(rf"python -m {re.escape(module)}(.*)", TEXT)
    assert lines
    usage = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert [flag for line in lines for flag in re.findall(r"--[a-z-]+", line) if flag not in usage] == []


def test_every_file_that_is_named_is_there() -> None:
    paths = [word for word in QUOTED if re.fullmatch(r"[a-z_]+(/[\w.]+)+", word)]
    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_is_one_of_the_code() -> None:
    source = "\n".join(
        path.read_text()
        for folder in CODE
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".json")
    )
    names = {word for word in QUOTED if re.fullmatch(r"_?[A-Za-z]+(_[A-Za-z]+)*", word)}
    assert {"clawed_back", "LedgerCorrupt", "OutcomeUnknown"} <= names
    assert {name for name in names if not re.search(rf"\b{name}\b", source)} == set()


def test_what_members_are_told_is_what_the_code_says() -> None:
    told = [
        words
        for row in re.findall(r"^\| .*", TEXT, re.MULTILINE)
        for words in re.findall(r'"([^"]{15,})"', row)
    ]
    assert len(told) >= 5
    source = "\n".join(path.read_text() for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    assert [words for words in told if words not in source] == []


def test_the_list_of_keys_has_the_ones_that_are_made() -> None:
    keys = {re.sub(r"<.*", "", cells[1].strip("`")) for cells in table("The mechanism")}
    source = "\n".join(path.read_text() for folder in CODE[:-1] for path in (ROOT / folder).rglob("*.py"))
    assert keys == set(re.findall(r'key=f"(\w+:)', source)) | set(re.findall(r'f"(clawback:)', source))
    assert len(keys) < len(Kind)


def test_the_limits_are_the_ones_of_the_code() -> None:
    assert f"More than {CLAW_BACKS_LIMIT} corrections" in TEXT
    assert SIGNATURE_TOLERANCE_S == 5 * 60
    assert TEXT.count("five minutes") + TEXT.count("five\n  minutes") == 2


def test_the_list_of_deliberate_bugs_is_complete() -> None:
    assert [tuple(cells) for cells in table("Deliberate bugs")] == [
        (f"`{mutant.name}`", mutant.thought) for mutant in MUTANTS
    ]


def test_the_table_of_rounding_is_what_the_rule_gives() -> None:
    rows = [[int(cell) for cell in cells] for cells in table("Rounding and balances below zero")]
    assert len(rows) >= 5
    for credits, paid, refunded, disputed, *taken in rows:
        assert clawed_back(credits, Payment(paid=paid, refunded=refunded, disputed=disputed)) == tuple(taken)


def test_the_example_adds_up() -> None:
    rows = [(int(amount), int(balance)) for _, amount, balance in table("An example")]
    assert len(rows) >= 10
    sums = [sum(amount for amount, _ in rows[: number + 1]) for number in range(len(rows))]
    assert [balance for _, balance in rows] == sums


# docs/try-it-yourself.md


def test_every_button_to_try_is_there() -> None:
    told = set(re.findall(r"\*\*(.+?)\*\*", (ROOT / "docs" / "try-it-yourself.md").read_text()))
    pages = (ROOT / "sandbox" / "stripe" / "templates").rglob("*.html")
    shown = "".join(path.read_text() for path in pages)
    assert len(told) > 20
    assert {label for label in told if label not in shown} == set()


def test_every_card_to_try_is_a_test_card() -> None:
    told = re.findall(r"`((?:\d{4} ){3}\d{4})`", (ROOT / "docs" / "try-it-yourself.md").read_text())
    assert len(told) > 3
    assert {number.replace(" ", "") for number in told} <= BY_NUMBER.keys()
