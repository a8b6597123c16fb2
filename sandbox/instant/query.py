"""POST /admin/query: a query in, a tree of entities out, all from one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.instant import entities
from sandbox.instant.access import Access, Facts
from sandbox.instant.catalog import Catalog
from sandbox.instant.entities import Entity
from sandbox.instant.forms import SERVER_TIME, Condition, Form, Group, Leaf, parse_query
from sandbox.instant.selection import Page, Row, count_top, holds, select_linked, select_top
from sandbox.instant.values import Json


@dataclass(slots=True)
class Answer:
    """The tree, and what only a subscription is told."""

    tree: dict[str, Json]
    page_info: dict[str, Json] = field(default_factory=dict)
    aggregate: dict[str, Json] = field(default_factory=dict)


class Guard:
    """What one caller may see, each entity checked once."""

    def __init__(self, access: Access, rule_params: Json) -> None:
        self._access = access
        self._params = rule_params if isinstance(rule_params, dict) else {}
        self._judged: dict[tuple[str, str, str], tuple[Json, Entity]] = {}

    def may_view(self, etype: str, entity: Entity) -> bool:
        """Whether the `view` rule passes. The rules on single attributes are asked in any case."""
        seen = self._judge(etype, entity, "")
        self.hidden(etype, entity)
        return seen

    def hidden(self, etype: str, entity: Entity) -> set[str]:
        """The attributes whose own rule says no."""
        labels = self._access.rules.field_programs(etype)
        return {label for label in labels if not self._judge(etype, entity, label)}

    def guards_fields_of(self, etype: str) -> bool:
        """Whether any attribute there has a rule of its own."""
        return bool(self._access.rules.field_programs(etype))

    def report(self) -> Iterator[dict[str, Json]]:
        """What was checked, as permission checks report it."""
        for (etype, entity_id, label), (result, entity) in self._judged.items():
            rules = self._access.rules
            program = rules.field_programs(etype).get(label) if label else rules.program(etype, "view")
            yield {
                "id": entity_id,
                "entity": etype,
                "label": label or None,
                "record": entity,
                "program": program.as_json() if program else {},
                "check": result,
            }

    def _judge(self, etype: str, entity: Entity, label: str) -> bool:
        key = (etype, str(entity["id"]), label)
        if key not in self._judged:
            rules = self._access.rules
            program = rules.field_programs(etype)[label] if label else rules.program(etype, "view")
            facts = Facts(etype, entity, rule_params=self._params)
            self._judged[key] = (True if program is None else self._access.ask(program, facts), entity)
        result = self._judged[key][0]
        return result is not None and result is not False


@dataclass(slots=True)
class Query:
    """One query on its way. Without a `guard` everything is seen."""

    connection: sqlite3.Connection
    catalog: Catalog
    guard: Guard | None = None
    inference: bool = False

    def run(self, query: Json) -> Answer:
        """The answer. Raises `validation-failed` for a query that is not well formed."""
        answer = Answer({})
        for form in parse_query(query, self.catalog, admin=self.guard is None):
            answer.tree[form.key] = []
            if form.unknown:
                continue
            if form.aggregate:
                count = count_top(self.connection, self.catalog, form)
                answer.aggregate[form.key] = {"count": count}
                continue
            page = select_top(self.connection, self.catalog, form)
            page.rows = self._visible(form, page.rows)
            if form.paged:
                answer.page_info[form.key] = self._page_info(form, page)
            answer.tree[form.key] = self._shown(form, page.rows)
        return answer

    def _visible(self, form: Form, rows: list[Row]) -> list[Row]:
        """The rows that the caller may see: rules are asked after the limit, so a page can come out short."""
        if self.guard is None:
            return rows
        seen = [row for row in rows if row.entity and self.guard.may_view(form.etype, row.entity)]
        condition = form.condition
        if condition is None or not self._reaches_further(condition):
            return seen
        return [row for row in seen if self._holds_visibly(form.etype, row.entity, condition)]

    def _shown(self, form: Form, rows: list[Row]) -> list[Json]:
        shown = [self._show(form, row.entity) for row in rows]
        for child in form.children:
            self._attach(form, child, rows, shown)
        return shown

    def _show(self, form: Form, entity: Entity) -> Entity:
        wanted = entity
        if form.fields is not None and entity:
            labels = [label for label in form.fields if label in entity]
            wanted = {"id": entity["id"], **{label: entity[label] for label in labels}}
        hidden = self.guard.hidden(form.etype, entity) if self.guard else set()
        return {label: value for label, value in wanted.items() if label not in hidden}

    def _attach(self, form: Form, child: Form, rows: list[Row], shown: list[Json]) -> None:
        """Put the linked entities under each of these."""
        found: dict[str, list[Row]] = {row.entity.get("id", ""): [] for row in rows}
        if not child.unknown and rows:
            linked = list(select_linked(self.connection, self.catalog, child, list(found)))
            for row in self._visible_links(form, child, rows, linked):
                found[row.parent].append(row)
        everything = [row for group in found.values() for row in group]
        by_row = dict(zip(map(id, everything), self._shown(child, everything), strict=True))
        single = self.inference and child.hop is not None and child.hop.to_one
        for row, target in zip(rows, shown, strict=True):
            group = [by_row[id(each)] for each in _ordered(child, found[row.entity.get("id", "")])]
            target[child.key] = (group[0] if group else None) if single else group

    def _visible_links(self, form: Form, child: Form, rows: list[Row], linked: list[Row]) -> Sequence[Row]:
        """Links whose far end may be seen, and whose label is not hidden on the end that holds it."""
        guard, hop = self.guard, child.hop
        if guard is None or hop is None:
            return linked
        label, entities_by_id = hop.attr.label, {row.entity["id"]: row.entity for row in rows}

        def may_follow(row: Row) -> bool:
            if hop.forward:
                return label not in guard.hidden(form.etype, entities_by_id[row.parent])
            return label not in guard.hidden(child.etype, row.entity)

        return [row for row in self._visible(child, linked) if may_follow(row)]

    # --- conditions that reach further than the entity -----------------------------------------------------

    def _reaches_further(self, condition: Condition) -> bool:
        if isinstance(condition, Group):
            return any(self._reaches_further(part) for part in condition.parts)
        guard = self.guard
        return bool(condition.hops) or (guard is not None and guard.guards_fields_of(condition.etype))

    def _holds_visibly(self, etype: str, entity: Entity, condition: Condition) -> bool:
        """Whether the condition holds by way of what the caller may see: a filter must not tell the rest."""
        if isinstance(condition, Group):
            test: Callable[..., bool] = all if condition.word == "and" else any
            return test(self._holds_visibly(etype, entity, part) for part in condition.parts)
        if condition.operator == "$not" or (condition.operator == "$isNull" and condition.value):
            return holds(self.connection, self.catalog, etype, entity["id"], condition)
        ends = self._visible_ends(etype, entity, condition)
        bare = Leaf((), condition.etype, condition.attr, condition.operator, condition.value)
        label = condition.attr.label if condition.attr else "id"
        return any(
            holds(self.connection, self.catalog, condition.etype, end["id"], bare)
            and (self.guard is None or label not in self.guard.hidden(condition.etype, end))
            for end in ends
        )

    def _visible_ends(self, etype: str, entity: Entity, leaf: Leaf) -> list[Entity]:
        here, current = etype, [entity]
        for hop in leaf.hops:
            ids = entities.linked_ids(self.connection, hop, [each["id"] for each in current])
            loaded = [entities.load(self.connection, self.catalog, hop.etype, each) for each in ids]
            here = hop.etype
            current = [
                each
                for each in loaded
                if each is not None and (self.guard is None or self.guard.may_view(here, each))
            ]
        return current

    def _page_info(self, form: Form, page: Page) -> dict[str, Json]:
        by_age = form.order == SERVER_TIME
        attr = self.catalog.forward[form.etype, "id" if by_age else form.order]

        def cursor(row: Row) -> list[Json]:
            value = row.entity["id"] if by_age else row.entity.get(form.order)
            return [row.entity["id"], attr.id, value, row.created_ms]

        return {
            "start-cursor": cursor(page.rows[0]) if page.rows else None,
            "end-cursor": cursor(page.rows[-1]) if page.rows else None,
            "has-next-page?": page.more_after,
            "has-previous-page?": page.more_before,
        }


def _ordered(form: Form, rows: list[Row]) -> list[Row]:
    """Rows below the top level are put in order here, by whatever they have; there is no check."""
    if form.order == SERVER_TIME:
        return rows[::-1] if form.descending else rows

    def key(row: Row) -> tuple[int, float, str]:
        value = row.entity.get(form.order)
        if value is None:
            return (0, 0.0, "")
        if isinstance(value, int | float):
            return (1, value, "")
        return (2, 0.0, str(value))

    return sorted(rows, key=key, reverse=form.descending)
