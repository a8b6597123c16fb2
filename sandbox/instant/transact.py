"""POST /admin/transact: steps in, one SQLite transaction, a transaction number out.

What the real server asks before it writes (does it exist? may they?) it asks without a lock. So does this one:
between the questions and the write, `pause` is called with nothing held, and another request may slip in.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final

from sandbox.instant import attributes, checks, entities
from sandbox.instant.access import Access, Caller
from sandbox.instant.catalog import Attribute, Catalog
from sandbox.instant.checks import Before
from sandbox.instant.contention import RowLocks, wanted_by
from sandbox.instant.errors import invalid
from sandbox.instant.limits import Limiter
from sandbox.instant.steps import Kind, Lookup, Mode, Op, Plan, check_new_name, plan_steps
from sandbox.instant.storage import Storage, next_transaction_id
from sandbox.instant.values import Json
from sandbox.instant.writes import Writer

Clock = Callable[[], float]
Pause = Callable[[str], None]

# Columns of the system that even the app's clients may write.
_EDITABLE: Final = frozenset({("$files", "path")})
_OP_NAMES: Final[Mapping[Kind, str]] = {
    "add": "add-triple",
    "merge": "deep-merge-triple",
    "retract": "retract-triple",
    "delete": "delete-entity",
}
# What a mode wants of its entity before the write, and what is said otherwise.
_MODES: Final[tuple[tuple[Mode, bool, str], ...]] = (
    ("create", False, "Creating entities that exist"),
    ("update", True, "Updating entities that don't exist"),
)


@dataclass(frozen=True, slots=True)
class Backend:
    """What every request works with."""

    storage: Storage
    clock: Clock
    rng: random.Random
    limiter: Limiter
    pause: Pause
    keep_alive_s: float
    locks: RowLocks | None = None

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock() * 1000)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transact did. The report is filled for permission checks only."""

    tx_id: int
    report: list[dict[str, Json]]
    committed: bool


class _RolledBack(Exception):
    """Leaves the write transaction without keeping anything."""


@dataclass(slots=True)
class Transaction:
    """One transact on its way: `run` for doing it, `rehearse` for asking what the rules would say."""

    backend: Backend
    caller: Caller
    plan: Plan

    def run(self) -> int:
        """Do it. Raises whatever Instant would answer."""
        with self.backend.storage.reading() as connection:
            ops, before = self._ask_first(connection, None)
        self.backend.pause("transact")
        with self._locks(ops), self.backend.storage.writing(self.caller.app.id) as connection:
            return self._write(connection, ops, before, None)

    def _locks(self, ops: list[Op]) -> AbstractContextManager[None]:
        locks = self.backend.locks
        return nullcontext() if locks is None else locks.held(wanted_by(self.caller.app.id, ops))

    def rehearse(self, *, commit: bool) -> Outcome:
        """Report what every rule says, and keep the writes only if asked to and all rules pass."""
        report: list[dict[str, Json]] = []
        with self.backend.storage.reading() as connection:
            ops, before = self._ask_first(connection, report)
        tx_id = 0
        try:
            with self.backend.storage.writing(self.caller.app.id) as connection:
                tx_id = self._write(connection, ops, before, report)
                if not commit or not all(check["check-pass?"] for check in report):
                    raise _RolledBack
        except _RolledBack:
            return Outcome(tx_id, report, committed=False)
        return Outcome(tx_id, report, committed=True)

    # --- before the write --------------------------------------------------------------------------------

    def _ask_first(
        self, connection: sqlite3.Connection, report: list[dict[str, Json]] | None
    ) -> tuple[list[Op], Before]:
        catalog = self.plan.catalog
        ops = _with_cascades(connection, catalog, self.plan.ops)
        for op in ops:
            _check_system(op, admin=self.caller.admin)
        before = Before()
        if not self.caller.admin:
            _check_lookup_namespaces(catalog, ops)
            ops, before = checks.look(connection, catalog, ops)
            asked = checks.pre_checks(self.caller.app.rules, before, ops)
            checks.run(self._access(connection, catalog), asked, report)
        self.caller.app.check_writable()
        _check_modes(connection, catalog, ops)
        return ops, before

    def _access(self, connection: sqlite3.Connection, catalog: Catalog) -> Access:
        now = self.backend.clock()
        return Access(connection, catalog, self.caller, limiter=self.backend.limiter, now=now)

    # --- the write ---------------------------------------------------------------------------------------

    def _write(
        self,
        connection: sqlite3.Connection,
        ops: list[Op],
        before: Before,
        report: list[dict[str, Json]] | None,
    ) -> int:
        tx_id = next_transaction_id(connection)
        kinds = self.plan.kinds()
        storage, app = self.backend.storage, self.caller.app.id
        if "add-attr" in kinds:
            made = [op.attr for op in ops if op.kind == "add-attr" and op.attr is not None]
            _add_attributes(connection, storage.catalog(app), app, made)
            storage.forget_catalog(app)
        catalog = storage.catalog(app)
        now_ms = self.backend.now_ms()
        writer = Writer(connection, catalog, self.backend.rng, now_ms)
        actions = {
            "add": writer.add,
            "merge": writer.merge,
            "retract": writer.retract,
            "delete": writer.delete,
        }
        for kind in kinds:
            group = [op for op in ops if op.kind == kind]
            if kind in actions:
                actions[kind](group)
            elif kind == "delete-attr":
                self._drop_attributes(connection, catalog, group, now_ms)
        writer.check_required()
        if not self.caller.admin:
            asked = checks.post_checks(self.caller.app.rules, before, ops, writer.lookups)
            checks.run(self._access(connection, catalog), asked, report)
        if writer.inferred:
            attributes.note_inferred(connection, writer.inferred)
            storage.forget_catalog(app)
        return tx_id

    def _drop_attributes(
        self, connection: sqlite3.Connection, catalog: Catalog, group: list[Op], now_ms: int
    ) -> None:
        for op in group:
            attr = catalog.by_id.get(op.value)
            if attr is not None:
                if attr.system:
                    raise invalid("attributes", op.value, f"{attr.name} belongs to the system")
                attributes.drop(connection, self.caller.app.id, catalog, attr, now_ms=now_ms)
        self.backend.storage.forget_catalog(self.caller.app.id)


def transaction(backend: Backend, caller: Caller, raw_steps: Json, *, throw_on_missing: bool) -> Transaction:
    """Lay out a transact. Raises `validation-failed` for steps that are not well formed."""
    catalog = backend.storage.catalog(caller.app.id)
    plan = plan_steps(raw_steps, catalog, throw_on_missing=throw_on_missing, rng=backend.rng)
    return Transaction(backend, caller, plan)


def _add_attributes(
    connection: sqlite3.Connection, catalog: Catalog, app: str, made: list[Attribute]
) -> None:
    for attr in made:
        if attr.id in catalog.by_id:
            raise invalid("attributes", attr.id, f"There is an attribute {attr.id} already")
        check_new_name(catalog, attr)
    attributes.add(connection, app, catalog, made)


def _with_cascades(connection: sqlite3.Connection, catalog: Catalog, ops: list[Op]) -> list[Op]:
    """The operations with lookups of deletes resolved, and with the deletes that deletes bring about."""
    if not any(op.kind == "delete" for op in ops):
        return ops
    resolved = _with_deletes_resolved(connection, catalog, ops)
    params = {op.entity: op.value for op in resolved if op.kind == "rule-params"}
    seen = {(op.etype, op.entity) for op in resolved if op.kind == "delete"}
    for op in [op for op in resolved if op.kind == "delete"]:
        for etype, entity_id in _cascade(connection, catalog, op.etype, str(op.entity)):
            if (etype, entity_id) not in seen:
                seen.add((etype, entity_id))
                resolved.append(Op("delete", etype, entity_id))
                if op.entity in params:
                    resolved.append(Op("rule-params", etype, entity_id, value=params[op.entity]))
    return resolved


def _with_deletes_resolved(connection: sqlite3.Connection, catalog: Catalog, ops: list[Op]) -> list[Op]:
    """The operations without deletes of what is not there; rule parameters follow the deletes they are for."""
    ids = {
        op.entity: entities.resolve(connection, catalog, op.entity)
        for op in ops
        if op.kind == "delete" and isinstance(op.entity, Lookup)
    }
    resolved: list[Op] = []
    for op in ops:
        if op.kind in ("delete", "rule-params") and isinstance(op.entity, Lookup) and op.entity in ids:
            found = ids[op.entity]
            if found is None:
                continue
            op = replace(op, entity=found)
        resolved.append(op)
    return resolved


def _cascade(
    connection: sqlite3.Connection, catalog: Catalog, etype: str, entity_id: str
) -> Iterator[tuple[str, str]]:
    """Everything that goes when this entity goes, itself left out."""
    waiting, seen = [(etype, entity_id)], {(etype, entity_id)}
    while waiting:
        here, current = waiting.pop()
        for far_etype, sql, key in _cascading_links(catalog, here):
            for (far_id,) in connection.execute(sql, (key, current)).fetchall():
                if (far_etype, far_id) not in seen:
                    seen.add((far_etype, far_id))
                    waiting.append((far_etype, far_id))
                    yield far_etype, far_id


def _cascading_links(catalog: Catalog, etype: str) -> Iterator[tuple[str, str, int]]:
    for attr in catalog.links_to.get(etype, ()):
        if attr.on_delete == "cascade":
            yield attr.etype, "SELECT source FROM links WHERE attribute = ? AND target = ?", attr.key
    for attr in catalog.links_from.get(etype, ()):
        if attr.on_delete_reverse == "cascade":
            far = attr.reverse_etype or ""
            yield far, "SELECT target FROM links WHERE attribute = ? AND source = ?", attr.key


def cascade_of_user(connection: sqlite3.Connection, catalog: Catalog, user_id: str) -> list[Op]:
    """The deletes that remove a user and what goes with them."""
    rest = _cascade(connection, catalog, "$users", user_id)
    return [Op("delete", "$users", user_id), *(Op("delete", etype, each) for etype, each in rest)]


def _check_system(op: Op, *, admin: bool) -> None:
    """Refuse writes to what belongs to the system: some to everyone, most to all but the admin."""
    if not op.etype.startswith("$") or op.kind in ("add-attr", "delete-attr", "rule-params"):
        return
    if op.kind == "delete":
        if not admin and op.etype != "$files":
            raise _refused(op, f"{op.etype} is a system entity. You aren't allowed to delete this directly.")
        return
    if op.attr is None or not op.attr.system:
        return
    name = (op.attr.etype, op.attr.label)
    allowed = name in _EDITABLE or (admin and op.etype not in ("$files", "$streams"))
    if not allowed:
        message = f"{op.attr.name} is a system column. You aren't allowed to change this directly."
        raise _refused(op, message)
    if name == ("$files", "path") and str(op.value).startswith("$stream/"):
        raise _refused(op, "The path for stream files can't be edited.")


def _check_lookup_namespaces(catalog: Catalog, ops: list[Op]) -> None:
    for op in ops:
        if op.attr is not None and op.attr.is_link and isinstance(op.value, Lookup):
            looked_up = catalog.by_id.get(op.value.attr_id)
            if looked_up is None or looked_up.etype != op.attr.reverse_etype:
                raise _refused(op, "The namespace of the lookup is not the one that is linked")


def _check_modes(connection: sqlite3.Connection, catalog: Catalog, ops: list[Op]) -> None:
    """`create` wants a new id, `upsert: false` an old one. Asked before anything is written."""
    there: dict[tuple[str, object], bool] = {}
    for op in ops:
        if op.mode is None:
            continue
        at = (op.etype, op.entity)
        if at not in there:
            there[at] = _is_there(connection, catalog, op)
    for mode, wanted, complaint in _MODES:
        bad = [op for op in ops if op.mode == mode and there[op.etype, op.entity] is not wanted]
        if bad:
            triples = [_triple(catalog, op) for op in bad]
            named = ", ".join(str(triple["eid"]) for triple in triples)
            raise invalid("tx-step", triples, f"{complaint}: {named}")


def _triple(catalog: Catalog, op: Op) -> dict[str, Json]:
    """The operation as the server has it: one value of one attribute, the id among them."""
    attr = op.attr or catalog.forward[op.etype, "id"]
    return {
        "op": _OP_NAMES.get(op.kind, op.kind),
        "eid": _named(op.entity),
        "etype": op.etype,
        "aid": attr.id,
        "value": _named(op.value if op.attr else op.entity),
        "rev-etype": attr.reverse_etype,
        "opts": {"mode": op.mode},
    }


def _named(value: Json) -> Json:
    return [value.attr_id, value.value] if isinstance(value, Lookup) else value


def _is_there(connection: sqlite3.Connection, catalog: Catalog, op: Op) -> bool:
    if isinstance(op.entity, Lookup):
        return entities.resolve(connection, catalog, op.entity) is not None
    return entities.exists(connection, catalog, op.etype, op.entity)


def _refused(op: Op, message: str) -> Exception:
    step = [_OP_NAMES.get(op.kind, op.kind), _named(op.entity), op.etype]
    if op.attr is not None:
        step[2:] = [op.attr.id, _named(op.value), None]
    return invalid("tx-step", step, message)
