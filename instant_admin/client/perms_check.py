"""What Instant says when it is asked to try its permission rules: one line for each rule that was run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from instant_admin.client import protocol
from instant_admin.client.types import Query, Tree


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One rule, asked about one row.

    `action` is `view`, `create`, `update`, `delete`, `link` or `unlink`; `label` names the attribute when the
    rule was about one. `rule` is its text, empty where no rule decided. `answer` is what it evaluated to:
    anything but false and null passes, even the text "false".
    """

    namespace: str
    entity_id: UUID | None
    action: str
    passed: bool
    answer: Any
    rule: str = ""
    label: str | None = None


@dataclass(frozen=True, slots=True)
class QueryCheck:
    """A query as someone else: what they get, and what was asked to decide it."""

    tree: Tree
    checks: tuple[RuleCheck, ...]


@dataclass(frozen=True, slots=True)
class TransactCheck:
    """A transaction as someone else, rolled back (or `committed`, when that was asked for and all passed)."""

    passed: bool
    committed: bool
    checks: tuple[RuleCheck, ...]


def read_query_check(query: Query, answer: Mapping[str, Any]) -> QueryCheck:
    """The answer of `POST /admin/query_perms_check`."""
    result = answer.get("result")
    checks = tuple(
        RuleCheck(
            namespace=str(row.get("entity")),
            entity_id=_id_or_none(row.get("id")),
            action="view",
            passed=_passes(row.get("check")),
            answer=row.get("check"),
            rule=_rule_of(row),
            label=row.get("label"),
        )
        for row in _rows(answer)
    )
    return QueryCheck(protocol.read_tree(query, result if isinstance(result, dict) else {}), checks)


def read_transact_check(answer: Mapping[str, Any]) -> TransactCheck:
    """The answer of `POST /admin/transact_perms_check`."""
    if not isinstance(answer.get("all-checks-ok?"), bool):
        raise protocol.nonsense("a permission check without an outcome")
    checks = tuple(
        RuleCheck(
            namespace=str(row.get("etype")),
            entity_id=_id_or_none(row.get("eid")),
            action=str(row.get("action")),
            passed=row.get("check-pass?") is True,
            answer=row.get("check-result"),
            rule=_rule_of(row),
        )
        for row in _rows(answer)
    )
    return TransactCheck(answer["all-checks-ok?"], answer.get("committed?") is True, checks)


def _rows(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    rows = answer.get("check-results")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _rule_of(row: Mapping[str, Any]) -> str:
    program = row.get("program")
    return str(program.get("display-code") or program.get("code") or "") if isinstance(program, dict) else ""


def _passes(answer: object) -> bool:
    return answer is not None and answer is not False


def _id_or_none(value: object) -> UUID | None:
    """The row's id; a lookup that stands for a row without one yet is none."""
    try:
        return UUID(str(value))
    except ValueError:
        return None
