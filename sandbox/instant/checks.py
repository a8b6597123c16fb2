"""Permission checks of a transact: which rules are asked, before the write and after it, and about what."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sandbox.instant import entities
from sandbox.instant.access import Access, Facts
from sandbox.instant.catalog import Catalog
from sandbox.instant.entities import Entity
from sandbox.instant.errors import denied, invalid
from sandbox.instant.rules import Program, Rules
from sandbox.instant.steps import EntityRef, Lookup, Op
from sandbox.instant.values import Json, deep_merge

EntityAt = tuple[str, EntityRef]


@dataclass(frozen=True, slots=True)
class Check:
    """One question to one rule."""

    scope: str
    action: str
    etype: str
    entity: EntityRef
    program: Program | None
    facts: Facts
    passes: bool | None = None  # decided without a rule

    def as_json(self, result: Json) -> dict[str, Json]:
        """The check and its outcome, as permission checks report it."""
        passed = result is not None and result is not False
        shown: dict[str, Json] = {
            "scope": self.scope,
            "action": self.action,
            "etype": self.etype,
            "program": self.program.as_json() if self.program else {},
            "bindings": self.facts.as_json(self.action),
            "check-result": result,
            "check-pass?": passed,
        }
        if self.scope == "object":
            shown["eid"] = self.entity if isinstance(self.entity, str) else list(self.entity)
        return shown


@dataclass(slots=True)
class Before:
    """The entities that a transact names: as they are, and as they will be."""

    stored: dict[EntityAt, Entity | None] = field(default_factory=dict)
    updated: dict[EntityAt, Entity] = field(default_factory=dict)
    params: dict[EntityAt, dict[str, Json]] = field(default_factory=dict)
    modified: dict[EntityAt, tuple[str, ...]] = field(default_factory=dict)


def run(access: Access, checks: Iterable[Check], report: list[dict[str, Json]] | None) -> None:
    """Ask all of them, each once. The first no is raised, or with a `report` all are written down."""
    asked: set[tuple[object, ...]] = set()
    for check in checks:
        if isinstance(check.entity, Lookup):
            message = "Could not find the entity for this lookup"
            raise invalid("lookup", [check.entity.attr_id, check.entity.value], message)
        linked_id = (check.facts.linked_data or {}).get("id")
        question = (check.action, check.etype, check.entity, linked_id, id(check.program))
        if question in asked:
            continue
        asked.add(question)
        result: Json = check.passes
        if result is None:
            result = True if check.program is None else access.ask(check.program, check.facts)
        if report is not None:
            report.append(check.as_json(result))
        elif result is None or result is False:
            raise denied(check.etype, check.scope)


def look(connection: sqlite3.Connection, catalog: Catalog, ops: Iterable[Op]) -> tuple[list[Op], Before]:
    """Load every entity that the operations name, and work the operations out on copies.

    Lookups that name something are replaced by its id; the answer has the operations so resolved.
    """
    before = Before()
    resolved = [_resolve(connection, catalog, op) for op in ops]
    for op in resolved:
        _load(connection, catalog, before, (op.etype, op.entity))
        if op.attr is not None and op.attr.is_link and op.attr.reverse_etype is not None:
            _load(connection, catalog, before, (op.attr.reverse_etype, op.value))
    for op in resolved:
        _imagine(catalog, before, op)
    return resolved, before


def pre_checks(rules: Rules, before: Before, ops: Iterable[Op]) -> Iterator[Check]:
    """Update, delete, link and unlink, against what is stored."""
    for op in ops:
        entity = before.stored.get((op.etype, op.entity))
        if op.kind == "delete-attr":
            yield Check("attr", "delete", "attrs", "", None, Facts("attrs", None), passes=False)
        elif op.kind == "delete":
            facts = Facts(op.etype, entity, rule_params=before.params.get((op.etype, op.entity), {}))
            yield Check("object", "delete", op.etype, op.entity, rules.program(op.etype, "delete"), facts)
        elif op.attr is not None and op.attr.is_link and op.kind in ("add", "retract"):
            yield from _LinkChecks(rules, before, op).pre()
        elif op.kind in ("add", "merge") and entity is not None:
            yield _object_check(rules, before, op, "update")


def post_checks(rules: Rules, before: Before, ops: Iterable[Op], made: dict[Lookup, str]) -> Iterator[Check]:
    """Create, and link at entities that are new, within the transaction that made them."""
    for op in ops:
        if op.kind == "add-attr" and op.attr is not None:
            column = {name: value for name, value in op.attr.as_step().items() if name != "required?"}
            facts = Facts("attrs", column)
            yield Check("attr", "create", "attrs", op.attr.id, rules.program("attrs", "create"), facts)
        elif op.attr is not None and op.attr.is_link and op.kind == "add":
            yield from (_with_id(check, made) for check in _LinkChecks(rules, before, op).post())
        elif op.kind in ("add", "merge") and before.stored.get((op.etype, op.entity)) is None:
            if op.etype == "$users":
                message = "$users is a system entity. You aren't allowed to create this directly."
                step = ["add-triple", op.entity, None, op.entity, None]
                raise invalid("tx-step", step, message)
            yield _with_id(_object_check(rules, before, op, "create"), made)


class _LinkChecks:
    """The checks of one link or unlink, at both of its ends."""

    def __init__(self, rules: Rules, before: Before, op: Op) -> None:
        if op.attr is None or op.attr.reverse_etype is None:
            raise TypeError("only links have two ends")
        self._rules = rules
        self._before = before
        self._op = op
        self._etypes = (op.etype, op.attr.reverse_etype)
        self._at: tuple[EntityAt, EntityAt] = ((op.etype, op.entity), (op.attr.reverse_etype, op.value))
        action = "link" if op.kind == "add" else "unlink"
        labels = (op.attr.label, op.attr.reverse_label or "")
        self._action = action
        self._programs = tuple(
            rules.link_program(etype, action, label)
            for etype, label in zip(self._etypes, labels, strict=True)
        )

    def pre(self) -> Iterator[Check]:
        yield from self._ask(self._action, "update", [self._before.stored.get(at) for at in self._at])

    def post(self) -> Iterator[Check]:
        new = [at if self._before.stored.get(at) is None else None for at in self._at]
        yield from self._ask("link", "create", [self._before.updated.get(at) if at else None for at in new])

    def _ask(self, action: str, otherwise: str, rows: Iterable[Entity | None]) -> Iterator[Check]:
        """Ask the link's own rules, or where it has none at either end, those of the rows."""
        for side, row in enumerate(rows):
            if row is None:
                continue
            program = self._programs[side]
            if not any(self._programs):
                action = otherwise if side == 0 else "view"
                program = self._rules.program(self._etypes[side], action)
            elif program is None:
                continue
            yield self._check(side, action, program, row)

    def _check(self, side: int, action: str, program: Program | None, data: Entity) -> Check:
        here, there = self._at[side], self._at[1 - side]
        params = self._before.params
        facts = Facts(
            here[0],
            data,
            new_data=self._before.updated.get(here),
            rule_params={**params.get(there, {}), **params.get(here, {})},
            modified_fields=self._before.modified.get(here, ()) if side == 0 else (),
        )
        if action in ("link", "unlink"):
            there_stored, there_updated = self._before.stored.get(there), self._before.updated.get(there)
            first, second = there_updated, there_stored
            if action == "unlink":
                first, second = second, first
            facts = replace(
                facts,
                linked_etype=there[0],
                linked_data=first or second,
                actions={
                    "data": "create" if self._before.stored.get(here) is None else "update",
                    "linkedData": "create" if there_stored is None else "update",
                },
            )
        return Check("object", action, here[0], here[1], program, facts)


def _object_check(rules: Rules, before: Before, op: Op, action: str) -> Check:
    at = (op.etype, op.entity)
    updated = before.updated.get(at)
    facts = Facts(
        op.etype,
        updated if action == "create" else before.stored.get(at),
        new_data=updated,
        rule_params=before.params.get(at, {}),
        modified_fields=before.modified.get(at, ()),
    )
    return Check("object", action, op.etype, op.entity, rules.program(op.etype, action), facts)


def _with_id(check: Check, made: dict[Lookup, str]) -> Check:
    """The check of an entity that was named by a lookup and has an id by now."""
    if not isinstance(check.entity, Lookup) or check.entity not in made:
        return check
    entity_id = made[check.entity]
    known = {"id": entity_id}
    facts = replace(
        check.facts,
        data={**(check.facts.data or {}), **known},
        new_data={**(check.facts.new_data or {}), **known},
    )
    return replace(check, entity=entity_id, facts=facts)


def _resolve(connection: sqlite3.Connection, catalog: Catalog, op: Op) -> Op:
    entity, value = op.entity, op.value
    if isinstance(entity, Lookup):
        entity = entities.resolve(connection, catalog, entity) or entity
    if isinstance(value, Lookup):
        value = entities.resolve(connection, catalog, value) or value
    return replace(op, entity=entity, value=value)


def _load(connection: sqlite3.Connection, catalog: Catalog, before: Before, at: EntityAt) -> None:
    if at not in before.stored and at[0]:
        etype, entity = at
        found = None
        if isinstance(entity, str):
            found = entities.load(connection, catalog, etype, entity)
        before.stored[at] = found
        if found is not None:
            before.updated[at] = dict(found)


def _imagine(catalog: Catalog, before: Before, op: Op) -> None:
    """Carry the operation out on the copy."""
    at = (op.etype, op.entity)
    if op.kind == "rule-params":
        before.params[at] = before.params.get(at, {}) | op.value
        return
    if op.kind not in ("add", "merge", "retract"):
        return
    entity = before.updated.get(at)
    if entity is None and op.kind == "retract":
        return
    if entity is None:
        entity = {"id": op.entity} if isinstance(op.entity, str) else {}
        if isinstance(op.entity, Lookup):
            entity[catalog.by_id[op.entity.attr_id].label] = op.entity.value
        before.updated[at] = entity
    if op.attr is None:
        return
    label = op.attr.label
    if op.kind == "retract":
        entity.pop(label, None)
        return
    entity[label] = deep_merge(entity.get(label), op.value) if op.kind == "merge" else _plain(op.value)
    before.modified[at] = tuple(dict.fromkeys([*before.modified.get(at, ()), label]))


def _plain(value: Json) -> Json:
    return json.loads(value.text) if isinstance(value, Lookup) else value
