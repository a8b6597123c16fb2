"""A rules document: which rule governs what, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import cel
from cel import stdlib

from sandbox.instant.catalog import SYSTEM_NAMESPACES
from sandbox.instant.cel_text import BadRule, Prepared, prepare, with_binds
from sandbox.instant.errors import ApiError, invalid, rule_failed
from sandbox.instant.values import Json, date_ms

_COMMON_ROOTS: Final = frozenset({"auth", "data", "ruleParams", "request", "rateLimit"})
_ROOTS: Final[Mapping[str, frozenset[str]]] = {
    "view": _COMMON_ROOTS,
    "delete": _COMMON_ROOTS,
    "create": _COMMON_ROOTS | {"newData"},
    "update": _COMMON_ROOTS | {"newData"},
    "link": _COMMON_ROOTS | {"newData", "linkedData", "actions"},
    "unlink": _COMMON_ROOTS | {"newData", "linkedData"},
}
_ProgramKey = tuple[str, str, tuple[str, ...]]
_OWN_ROW: Final = (
    "auth.id == data.id || (data.linkedPrimaryUser != null && auth.id == data.linkedPrimaryUser)"
)


@dataclass(slots=True)
class Scope:
    """What a rule can see. `values` are the variables by name; the two functions reach further."""

    values: Mapping[str, Mapping[str, Json]]
    refs: Callable[[str, str], list[Json]]
    limit: Callable[[str, Json, int], bool]
    show_errors: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """One rule, compiled."""

    etype: str
    action: str
    shown: str
    code: str
    prepared: Prepared
    compiled: cel.Program

    def evaluate(self, scope: Scope) -> Json:
        """What the rule says; anything but false and null lets it pass. Raises when the rule throws."""
        raised: list[Exception] = []
        context = self._context(scope, raised)
        try:
            result = self.compiled.execute(context)
        except (KeyError, RuntimeError, TypeError, ValueError) as exc:
            raised.append(exc)
        if not raised:
            return result
        if isinstance(raised[0], ApiError):
            raise raised[0]
        # What an operator does not take comes as a TypeError, what a method does not as a RuntimeError.
        of_types = isinstance(raised[0], RuntimeError | TypeError)
        kind = "OVERLOAD_NOT_FOUND" if of_types else "internal-error"
        raise rule_failed(self.etype, self.action, kind, repr(raised[0]), show_reason=scope.show_errors)

    def as_json(self) -> dict[str, Json]:
        """The rule as permission checks report it."""
        return {
            "etype": self.etype,
            "action": self.action,
            "code": self.code,
            "display-code": self.shown,
        }

    def _context(self, scope: Scope, raised: list[Exception]) -> cel.Context:
        variables = {
            root: _picked(scope.values.get(root, {}), paths) for root, paths in self.prepared.fields.items()
        }
        context = cel.Context(variables=variables)
        if "(" not in self.prepared.text:
            return context
        if _needs_library(self.prepared.text):
            stdlib.add_stdlib_to_context(context)
        context.add_function("ref_", _guarded(scope.refs, raised))
        context.add_function("limit_", _guarded(_with_default(scope.limit), raised))
        context.add_function("timestamp_", _guarded(_timestamp, raised))
        context.add_function("getTime", lambda moment: int(moment.timestamp()))
        return context


@dataclass(slots=True)
class Rules:
    """One app's document, or with None the defaults alone. Programs are compiled once, when first asked for."""

    code: Mapping[str, Json] | None
    _programs: dict[_ProgramKey, Program | None] = field(default_factory=dict)

    def program(self, etype: str, action: str) -> Program | None:
        """The rule for an action, found in Instant's order; None when everyone may."""
        for namespace in (etype, "$default"):
            for name in (action, "$default"):
                found = self._at(etype, action, (namespace, "allow", name))
                if found is not None:
                    return found
        key = (etype, action, ())
        if key not in self._programs:
            self._programs[key] = self._fallback(etype, action)
        return self._programs[key]

    def link_program(self, etype: str, action: str, label: str) -> Program | None:
        """The rule for linking or unlinking at one side of a link: its own block only, no defaults."""
        return self._at(etype, action, (etype, "allow", action, label)) or self._at(
            etype, action, (etype, "allow", action, "$default")
        )

    def field_programs(self, etype: str) -> dict[str, Program]:
        """Rules on reading single attributes."""
        found = {
            label: self._at(etype, "view", (etype, "fields", label))
            for label in _dict(_dict((self.code or {}).get(etype)).get("fields"))
        }
        return {label: program for label, program in found.items() if program is not None}

    def limits(self, name: str) -> Json:
        """The configuration of one rate limit."""
        return _dict((self.code or {}).get("$rateLimits")).get(name)

    def _at(self, etype: str, action: str, path: tuple[str, ...]) -> Program | None:
        key = (etype, action, path)
        try:
            return self._programs[key]
        except KeyError:
            pass
        source = self._source(path)
        program = None
        if source is not None:
            try:
                program = self.compile(etype, action, source)
            except BadRule as exc:
                raise invalid("permission", list(path), str(exc)) from None
        self._programs[key] = program
        return program

    def _source(self, path: tuple[str, ...]) -> str | None:
        node: Json = self.code or {}
        for name in path:
            node = _dict(node).get(name)
        if isinstance(node, bool):
            return "true" if node else "false"
        return node if isinstance(node, str) else None

    def compile(self, etype: str, action: str, source: str) -> Program:
        """Compile one rule with the binds of its namespace. Raises `BadRule`."""
        binds = dict(_bind_pairs(self.code, "$default")) | dict(_bind_pairs(self.code, etype))
        prepared = prepare(source, binds, _ROOTS[action])
        try:
            compiled = cel.compile(prepared.text)
        except ValueError as exc:
            raise BadRule(str(exc)) from None
        return Program(etype, action, source, with_binds(source, binds), prepared, compiled)

    def _fallback(self, etype: str, action: str) -> Program | None:
        if etype not in SYSTEM_NAMESPACES:
            return None
        if etype == "$users" and action in ("view", "update"):
            return self.compile(etype, action, _OWN_ROW)
        return self.compile(etype, action, "true" if (etype, action) == ("$users", "create") else "false")


def _bind_pairs(code: Mapping[str, Json] | None, etype: str) -> list[tuple[str, str]]:
    bind = _dict((code or {}).get(etype)).get("bind") or {}
    if isinstance(bind, list):
        return [(str(name), str(body)) for name, body in zip(bind[::2], bind[1::2], strict=False)]
    return [(name, str(body)) for name, body in _dict(bind).items()]


def _picked(value: Mapping[str, Json], paths: Iterable[tuple[str, ...]]) -> dict[str, Json]:
    """The parts of `value` that a rule reads, with null for what is not there: in Instant no key is missing."""
    if () in paths:
        return dict(value)
    picked: dict[str, Json] = {}
    for path in paths:
        picked[path[0]] = _filled(picked.get(path[0], value.get(path[0])), path[1:])
    return picked


def _filled(value: Json, rest: tuple[str, ...]) -> Json:
    if not rest or not isinstance(value, dict):
        return value
    return {**value, rest[0]: _filled(value.get(rest[0]), rest[1:])}


def _guarded(function: Callable[..., Json], raised: list[Exception]) -> Callable[..., Json]:
    """A function for the library that keeps its exceptions: the library would print and flatten them."""

    def call(*arguments: Json) -> Json:
        try:
            return function(*arguments)
        except (ApiError, KeyError, TypeError, ValueError) as exc:
            raised.append(exc)
            return None

    return call


def _with_default(limit: Callable[[str, Json, int], bool]) -> Callable[..., bool]:
    return lambda name, key, tokens=1: limit(name, key, tokens)


def _timestamp(value: Any) -> datetime:
    moment = date_ms(value)
    if moment is None:
        raise ValueError(f"{value!r} is no date")
    return datetime.fromtimestamp(moment / 1000, UTC)


def _needs_library(text: str) -> bool:
    return any(name in text for name in _LIBRARY_NAMES)


_LIBRARY_NAMES: Final = (
    *("charAt", "indexOf", "lastIndexOf", "substring", "replace", "split", "join", "lowerAscii"),
    *("upperAscii", "trim", "reverse", "strings .", "math .", "sets .", "lists .", "base64 ."),
)


def _dict(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
