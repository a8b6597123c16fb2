"""`docs/messages.md` has every message that an operator can meet, and none that is gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from django.conf import settings

from billing.fulfilment import NEEDS_REVIEW

ROOT: Final = Path(settings.BASE_DIR)
PAGE: Final = (ROOT / "docs" / "messages.md").read_text()
CODE: Final = ("accounts", "billing", "credits_site", "haikus", "instant_admin")
# What another error says, or a value.
FILLED_IN: Final = "…"

LOGGED: Final = ("warning", "error", "exception", "critical")
CHECKS: Final = ("Error", "Warning", "Critical")
# Which argument of a call has the words.
COMMANDS: Final = {"CommandError": 0, "SchemaError": 0, "AppInUse": 0}
AUDIT: Final = {"Violation": 2, "_of": 1, "Finding": 2} | {error.__name__: 0 for error in NEEDS_REVIEW}
# Functions that return the words of what an audit finds.
TELLING: Final = ("_as_missing", "_what_is_wrong", "_what_is_wrong_in_stripe")

Call: TypeAlias = tuple[ast.Call, Mapping[str, Sequence[ast.expr]]]


def words(node: ast.expr, names: Mapping[str, Sequence[ast.expr]]) -> set[str]:
    """All that a piece of source can say, with `…` for what is filled in; nothing for a parameter's."""
    match node:
        case ast.Constant(value=str(text)):
            return {re.sub(r"%[sdr]", FILLED_IN, text.replace("`", ""))}
        case ast.JoinedStr(values=parts):
            return {"".join(next(iter(words(part, {}))) for part in parts)}
        case ast.IfExp(body=one, orelse=other):
            return words(one, names) | words(other, names)
        case ast.BinOp(left=left, right=right):
            return {one + other for one in words(left, names) for other in words(right, names)}
        case ast.Name(id=name):
            return {text for value in names.get(name, ()) for text in words(value, names)}
        case _:
            return {FILLED_IN}


@cache
def functions() -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """All of the code."""
    trees = (ast.parse(path.read_text()) for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple(node for tree in trees for node in ast.walk(tree) if isinstance(node, functions))


@cache
def calls() -> tuple[Call, ...]:
    """Every call that stands in a function, with the values of its names."""
    return tuple(call for function in functions() for call in _calls_in(function))


def _calls_in(function: ast.AST) -> Iterator[Call]:
    names: dict[str, list[ast.expr]] = {}
    nodes = list(ast.walk(function))
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).append(node.value)
    return ((node, names) for node in nodes if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """`logger.error`, `CommandError`, and `Error` also of `checks.Error`."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="logger"), attr=name):
            return f"logger.{name}"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def said(arguments: Mapping[str, int]) -> set[str]:
    """The words of all calls of these names."""
    found = ((call, arguments.get(name_of(call)), names) for call, names in calls())
    texts = {
        text
        for call, number, names in found
        if number is not None and number < len(call.args)
        for text in words(call.args[number], names)
    }
    return texts - {FILLED_IN}


def complaints() -> set[str]:
    """What the logger `security` warns of: the event, and whose request it was."""
    return {f"{text} {FILLED_IN}" for text in said({"complain": 1})}


def told_of_money() -> set[str]:
    """What the functions `TELLING` return."""
    telling = (function for function in functions() if function.name in TELLING)
    returned = (node for function in telling for node in ast.walk(function) if isinstance(node, ast.Return))
    texts = {text for node in returned if node.value is not None for text in words(node.value, {})}
    return texts - {"", FILLED_IN}


def ids() -> set[str]:
    """Those of the checks."""
    keywords = (keyword for call, _ in calls() if name_of(call) in CHECKS for keyword in call.keywords)
    return {text for keyword in keywords if keyword.arg == "id" for text in words(keyword.value, {})}


def section(title: str) -> str:
    """What stands under a heading of the page."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(title: str) -> list[str]:
    """The messages in the first cells of its tables."""
    cells = re.findall(r"^\| (`.+?) \|", section(title), re.MULTILINE)
    return [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]


IN_CODE: Final = {
    "In the log": lambda: said({f"logger.{level}": 0 for level in LOGGED}) | complaints(),
    "From a command": lambda: said(COMMANDS),
    "From an audit, or where something needs review": lambda: said(AUDIT) | told_of_money(),
}


def unlike(told: Sequence[str], there: set[str]) -> dict[str, set[str]]:
    """What the page has not, what the code has no more, and what the page has twice."""
    twice = {text for text in told if told.count(text) > 1}
    kinds = {"not on the page": there - {*told}, "not in the code": {*told} - there, "twice": twice}
    return {kind: texts for kind, texts in kinds.items() if texts}


@pytest.mark.parametrize("title", IN_CODE)
def test_every_message_of_the_code_is_on_the_page_once_and_no_other(title: str) -> None:
    in_code = IN_CODE[title]()
    assert len(in_code) > 20
    assert unlike(named(title), in_code) == {}


def test_every_check_is_on_the_page_once_and_no_other() -> None:
    assert unlike(re.findall(r"`(\w+\.[EW]\d{3})`", section("From a check")), ids()) == {}


def test_every_check_has_an_id_and_the_hint_that_the_page_promises() -> None:
    found = [call for call, _ in calls() if name_of(call) in CHECKS]
    assert len(found) > 50
    given = [{keyword.arg for keyword in call.keywords} for call in found]
    assert [names for names in given if not {"id", "hint"} <= names] == []


def test_every_line_of_the_log_has_words_that_can_be_looked_up() -> None:
    sources = "".join(path.read_text() for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    made = re.findall(r"^(\S+)(?:: Final)? = logging\.getLogger\(", sources, re.MULTILINE)
    assert {*made} == {"logger", "_logger"}  # the latter is what `complain` writes to
    levels = {f"logger.{level}" for level in LOGGED}
    found = [words(call.args[0], names) for call, names in calls() if name_of(call) in levels]
    assert len(found) > 40
    assert [texts for texts in found if texts - {FILLED_IN} == set()] == []
