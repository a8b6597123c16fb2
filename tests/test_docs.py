"""The pages say what is there: commands, flags, files, names, routes, bugs, buttons. Their examples add up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver

from billing.clawback import Payment, clawed_back
from billing.fulfilment import CLAW_BACKS_LIMIT
from billing.staff.credits import Action
from billing.stripe_api.refusals import OTHERS, TABLE, Row
from billing.stripe_api.webhooks import SIGNATURE_TOLERANCE_S
from billing.webhook import EVENTS
from credits_site.health import PROBES
from credits_site.metrics import METRICS
from sandbox.stripe.cards import BY_NUMBER
from tests.simulation.mutants import MUTANTS
from tests.test_others_failing import DEEDS, SAID
from tests.test_others_failing import TABLE as TABLE_OF_OUTAGES

ROOT = Path(settings.BASE_DIR)
DOCS = sorted((ROOT / "docs").glob("*.md"))
# The changelog names what is gone, so only its links are held to what is there.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS]
DEPLOYED = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
EVERY_WORD = "\n".join(page.read_text() for page in (*PAGES, *DEPLOYED))
TEXT = (ROOT / "docs" / "correctness.md").read_text()
CODE = ("accounts", "billing", "credits_site", "haikus", "instant", "instant_admin", "tests/simulation")
MODULES = (
    "benchmarks",
    "sandbox",
    "sandbox.instant",
    "sandbox.stripe",
    "tests.simulation",
    "tests.chaos",
    "tests.supply_chain",
)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def quoted(text: str) -> list[str]:
    """What stands between backticks in running text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def table(title: str, text: str = TEXT) -> Iterator[list[str]]:
    """The cells of each row of the table under a heading, without its head."""
    part = re.split(rf"^#+ {re.escape(title)}\n", text, flags=re.MULTILINE)[1].split("\n#")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return ([cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:])


# Every page


def test_every_manage_command_and_its_flags_exist() -> None:
    found = re.findall(r"manage\.py (\w+)([^\n&`]*)", EVERY_WORD)
    found += re.findall(r"`(\w+_credits)`[^`]*\(([^)]*)\)", EVERY_WORD)
    found += [
        (word.split()[0], word) for word in quoted(EVERY_WORD) if re.match(r"(reconcile|audit)_\w+", word)
    ]
    assert {"migrate", "instant_push", "stripe_setup", "check", "doctor", "audit_credits"} <= {
        name for name, _ in found
    }
    for name, rest in found:
        usage = load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()
        assert [flag for flag in re.findall(r"--[a-z-]+", rest) if flag not in usage] == [], name


@pytest.mark.deep
@pytest.mark.parametrize("module", MODULES)
def test_the_modules_to_run_know_the_flags_given_with_them(module: str) -> None:
    lines = re.findall(rf"python -m {re.escape(module)}(?![.\w])([^`\n]*)", EVERY_WORD)
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


def test_every_target_of_make_that_is_named_is_there() -> None:
    named = set(re.findall(r"`make (\w+)`", EVERY_WORD))
    assert named == set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_variable_is_one_that_the_settings_read() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", (ROOT / "docs" / "deploy.md").read_text()))
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(named) > 10
    assert named - listed == set()


@every_page
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = [word for word in quoted(page.read_text()) if re.fullmatch(r"[\w.]+(/[\w.]+)+/?", word)]
    # `var/` is made by the sandbox; `couplets/` stands in the tests, until docs/adopting.md moves it.
    there = [path for path in named if (ROOT / path).exists() or (ROOT / "tests" / path).exists()]
    assert [path for path in named if path not in there and not path.startswith("var/")] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in linked if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())
    headings = {file: slugs(page.parent / file if file else page) for file, _ in linked}
    assert [(file, slug) for file, slug in linked if slug not in headings[file]] == []


def slugs(page: Path) -> set[str]:
    """How GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def names_of_the_code() -> set[str]:
    folders = (*CODE, "sandbox", "tests/couplets")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {
        name
        for path in files
        if path.suffix in (".py", ".json")
        for name in re.findall(r"\w+", path.read_text())
    }


@every_page
def test_every_name_is_one_of_the_code(page: Path) -> None:
    named = {word for word in quoted(page.read_text()) if re.fullmatch(r"_?[A-Za-z]+(_[A-Za-z]+)*", word)}
    assert named - names_of_the_code() == set()


# docs/deploy.md and docs/routes.md


def test_the_webhook_events_are_those_that_are_handled() -> None:
    blocks = re.findall(
        r"^```\n(.*?)^```", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (told,) = (set(block.split()) for block in blocks if "checkout.session.completed" in block)
    assert told == EVENTS


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
    rows = table("Routes", (ROOT / "docs" / "routes.md").read_text())
    told = [path for cells in rows for path in re.findall(r"`([^`]+)`", cells[0])]
    assert sorted(told) == sorted([*_routes(get_resolver().url_patterns), *PROBES, METRICS])


# docs/operations.md


def refusal_row(row: Row) -> list[str]:
    """A row of the code as a row of the page."""
    marks = [f"`{code}`" for code in row.codes] + [f"HTTP {status}" for status in row.statuses]
    marks += [f"about `{row.param}`"] if row.param else []
    marks += [f'"{words}"' for words in row.words]
    return [", ".join(marks) or "any other", row.follows, row.hint]


def test_the_table_of_refusals_is_that_of_the_code() -> None:
    told = table("When Stripe refuses", (ROOT / "docs" / "operations.md").read_text())
    assert list(told) == [refusal_row(row) for row in (*TABLE, OTHERS)]


def test_the_table_of_what_people_see_while_others_fail_is_that_of_the_test() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert f"| Who | How | {' | '.join(DEEDS)} |" in text
    told = table("When others fail", text)
    assert list(told) == [[*failing, *cells] for failing, cells in TABLE_OF_OUTAGES.items()]
    assert [name for name, words in SAID.items() if not re.search(rf"\*\*{name}\*\*[^*]*{words}", text)] == []


# docs/correctness.md


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
    assert keys == (
        set(re.findall(r'key=f"(\w+:)', source))
        | set(re.findall(r'f"(purchase:|clawback:|withdraw:|end:)', source))
        | {f"{action}:" for action in Action}
    )
    assert len(keys) >= 10


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


# docs/asvs.md

# How many points of levels 1 and 2 the sections of each chapter of OWASP ASVS 5.0 have; the first of each is 1.
ASVS: dict[int, tuple[int, ...]] = {
    1: (2, 9, 11, 3, 2),
    2: (3, 3, 4, 1),
    3: (0, 2, 4, 6, 5, 0, 2),
    4: (3, 1, 2, 4),
    5: (1, 3, 2, 3),
    6: (3, 12, 4, 4, 5, 3, 0, 4),
    7: (3, 4, 2, 5, 2, 2),
    8: (2, 3, 1, 1),
    9: (3, 4),
    10: (2, 2, 4, 11, 5, 2, 3),
    11: (2, 3, 3, 4, 1, 1),
    12: (3, 2, 4),
    13: (1, 5, 2, 5),
    14: (2, 4, 3),
    15: (3, 3, 7),
    16: (1, 5, 4, 3, 3),
    17: (1, 4, 2),
}


def test_every_point_of_the_standard_is_listed_once() -> None:
    points = [
        f"{chapter}.{section}.{point}"
        for chapter, sections in ASVS.items()
        for section, most in enumerate(sections, start=1)
        for point in range(1, most + 1)
    ]
    rows = re.findall(r"^\| (\d[\d., ]*) \| \S", (ROOT / "docs" / "asvs.md").read_text(), re.MULTILINE)
    assert len(points) == 253
    assert Counter(point for row in rows for point in row.split(", ")) == Counter(points)


def test_every_test_that_is_said_to_show_something_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", EVERY_WORD)
    assert len(named) > 100
    assert [test for path, test in named if f"def {test}(" not in (ROOT / path).read_text()] == []
