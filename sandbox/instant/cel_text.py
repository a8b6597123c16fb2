"""Rule source made ready for the CEL library, which has no `ref` methods, no `cel.bind` and no missing-is-null.

A rule is cut into tokens; names bound under `bind` are put in place, `data.ref("a.b")` becomes a call with the
root's name, and every field that is read is written down so that absent ones can be given as null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
  | (?P<number>\d[\w.]*)
  | (?P<name>[A-Za-z_$][\w$]*)
  | (?P<sign>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
ROOTS: Final = frozenset({"auth", "data", "newData", "linkedData", "actions", "ruleParams", "request"})
_REF_ROOTS: Final = frozenset({"auth", "data", "newData", "linkedData"})
_MACROS: Final = frozenset({"all", "exists", "exists_one", "map", "filter"})
_WORDS: Final = frozenset({"true", "false", "null", "in"})
_NAMESPACES: Final = frozenset({"math", "strings", "sets", "base64", "lists", "cel"})


class BadRule(Exception):
    """The rule is not CEL, or not CEL that Instant takes."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule. `kind` is that of the pattern's groups."""

    kind: str
    text: str


@dataclass(slots=True)
class Prepared:
    """A rule in the library's dialect, and what it reads: fields by root; an empty path means all of it."""

    text: str
    fields: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)


def tokens_of(source: str) -> list[Token]:
    """The words of a rule, without white space and comments."""
    found = (Token(match.lastgroup or "", match.group()) for match in _TOKEN.finditer(source))
    return [token for token in found if token.kind != "space"]


def prepare(source: str, binds: Mapping[str, str], roots: frozenset[str]) -> Prepared:
    """Make a rule ready. `roots` are the variables that its action has. Raises `BadRule`."""
    tokens = _put_binds(tokens_of(source), binds, ())
    tokens = _unfold_cel_bind(tokens)
    tokens = _rewrite_calls(tokens)
    fields: dict[str, set[tuple[str, ...]]] = {}
    _collect_fields(tokens, fields)
    _check_names(tokens, roots)
    return Prepared(" ".join(token.text for token in tokens), fields)


def with_binds(source: str, binds: Mapping[str, str]) -> str:
    """The rule as Instant compiles it: inside a `cel.bind` for each bind that it uses, directly or not."""
    used: dict[str, None] = {}

    def visit(text: str) -> None:
        tokens = tokens_of(text)
        for position, token in enumerate(tokens):
            if token.text in binds and token.kind == "name" and not _follows_dot(tokens, position):
                visit(binds[token.text])
                used.setdefault(token.text)

    visit(source)
    for name in reversed(used):
        source = f"cel.bind({name}, {binds[name]}, {source})"
    return source


def _put_binds(tokens: list[Token], binds: Mapping[str, str], inside: tuple[str, ...]) -> list[Token]:
    out: list[Token] = []
    for position, token in enumerate(tokens):
        if token.kind != "name" or token.text not in binds or _follows_dot(tokens, position):
            out.append(token)
            continue
        if token.text in inside:
            raise BadRule(f"The binds {', '.join(inside)} go round in a circle")
        body = _put_binds(tokens_of(binds[token.text]), binds, (*inside, token.text))
        out += [Token("sign", "("), *body, Token("sign", ")")]
    return out


def _unfold_cel_bind(tokens: list[Token]) -> list[Token]:
    """`cel.bind(name, value, body)` as `[value].map(name, body)[0]`, which says the same."""
    for position in range(len(tokens) - 3):
        if [token.text for token in tokens[position : position + 4]] == ["cel", ".", "bind", "("]:
            arguments, end = _arguments(tokens, position + 4)
            if len(arguments) != 3:
                raise BadRule("cel.bind takes a name, a value and a body")
            name, value, body = arguments
            head = [Token("sign", "["), *value, *tokens_of("].map("), *name, Token("sign", ",")]
            unfolded = [*head, *body, *tokens_of(")[0]")]
            return _unfold_cel_bind([*tokens[:position], *unfolded, *tokens[end:]])
    return tokens


def _arguments(tokens: list[Token], start: int) -> tuple[list[list[Token]], int]:
    """The arguments of a call whose opening bracket ends before `start`, and the place after its closing one."""
    arguments: list[list[Token]] = [[]]
    depth = 0
    for position in range(start, len(tokens)):
        text = tokens[position].text if tokens[position].kind == "sign" else ""
        if text in "([{" and text:
            depth += 1
        elif text in ")]}" and text:
            if depth == 0:
                return arguments, position + 1
            depth -= 1
        if text == "," and depth == 0:
            arguments.append([])
        else:
            arguments[-1].append(tokens[position])
    raise BadRule("A bracket is not closed")


def _rewrite_calls(tokens: list[Token]) -> list[Token]:
    out: list[Token] = []
    position = 0
    while position < len(tokens):
        texts = [token.text for token in tokens[position : position + 5]]
        if texts[0] in _REF_ROOTS and texts[1:4] == [".", "ref", "("] and not _follows_dot(tokens, position):
            out += tokens_of(f'ref_("{texts[0]}",')
            position += 4
        elif texts[0] == "rateLimit" and texts[1:2] == ["."] and texts[3:5] == [".", "limit"]:
            out += tokens_of(f'limit_("{texts[2]}",')
            position += 6
        elif texts[:2] == ["timestamp", "("]:
            out.append(Token("name", "timestamp_"))
            position += 1
        else:
            out.append(tokens[position])
            position += 1
    return out


def _collect_fields(tokens: list[Token], fields: dict[str, set[tuple[str, ...]]]) -> None:
    for position, token in enumerate(tokens):
        if token.kind == "name" and token.text in ROOTS and not _follows_dot(tokens, position):
            fields.setdefault(token.text, set()).add(_chain(tokens, position + 1))


def _chain(tokens: list[Token], position: int) -> tuple[str, ...]:
    """The names that are picked one after the other from here; a method at the end is not one of them."""
    names: list[str] = []
    while position + 1 < len(tokens):
        sign, what = tokens[position], tokens[position + 1]
        if sign.text == "." and what.kind == "name":
            if position + 2 < len(tokens) and tokens[position + 2].text == "(":
                break
            names.append(what.text)
            position += 2
        elif sign.text == "[" and what.kind == "string" and tokens[position + 2].text == "]":
            names.append(what.text[1:-1])
            position += 3
        else:
            break
    return tuple(names)


def _check_names(tokens: list[Token], roots: frozenset[str]) -> None:
    local = {
        tokens[position + 2].text
        for position in range(len(tokens) - 3)
        if tokens[position].text in _MACROS and tokens[position + 1].text == "("
    }
    known = roots | local | _WORDS | _NAMESPACES
    for position, token in enumerate(tokens):
        if token.kind != "name" or token.text in known or _follows_dot(tokens, position):
            continue
        after = tokens[position + 1].text if position + 1 < len(tokens) else ""
        if after not in ("(", ":"):
            raise BadRule(f"undeclared reference to '{token.text}'")


def _follows_dot(tokens: list[Token], position: int) -> bool:
    return position > 0 and tokens[position - 1].text == "."
