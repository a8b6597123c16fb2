"""InstaQL, checked and tied to the catalog: what is asked for at each level, and under which conditions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.instant.catalog import Attribute, Catalog, Hop
from sandbox.instant.errors import ApiError, broken, invalid, invalid_all
from sandbox.instant.values import CHECKED_TYPES, Json, as_uuid, date_ms, fits

COMPARATORS: Final = ("$gt", "$gte", "$lt", "$lte")
PATTERNS: Final = ("$like", "$ilike")
_OPERATORS: Final = ("$in", "in", "$not", "$ne", "$isNull", *COMPARATORS, *PATTERNS, "$entityIdStartsWith")
_OPTIONS: Final = ("where", "order", "limit", "first", "last", "offset", "after", "before")
_OTHER_OPTIONS: Final = ("afterInclusive", "beforeInclusive", "aggregate", "fields")
SERVER_TIME: Final = "serverCreatedAt"


class UnknownName(Exception):
    """A condition names what the app does not have; the whole level is then empty."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition on the attribute at the end of a path. Without `attr` it is on the entity's id."""

    hops: tuple[Hop, ...]
    etype: str
    attr: Attribute | None
    operator: str
    value: Json


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all ("and") or one ("or") must hold."""

    word: str
    parts: tuple[Condition, ...]


Condition = Leaf | Group


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an ordered list: the value that is ordered by, and the id that breaks ties."""

    value: Json
    entity_id: str
    inclusive: bool


@dataclass(slots=True)
class Form:
    """One level of a query. `condition` is None for no condition; `unknown` empties the level."""

    key: str
    etype: str
    hop: Hop | None = None
    condition: Condition | None = None
    order: str = SERVER_TIME
    descending: bool = False
    limit: int | None = None
    from_end: bool = False
    offset: int = 0
    after: Cursor | None = None
    before: Cursor | None = None
    paged: bool = False
    fields: list[str] | None = None
    aggregate: bool = False
    unknown: bool = False
    children: list[Form] = field(default_factory=list)


def parse_query(query: Json, catalog: Catalog, *, admin: bool) -> list[Form]:
    """The levels of a query. Raises `validation-failed`."""
    return list(_Parser(query, catalog, admin).forms(query, None, []))


class _Parser:
    def __init__(self, root: Json, catalog: Catalog, admin: bool) -> None:
        self._root = root
        self._catalog = catalog
        self._admin = admin

    def forms(self, block: Json, parent: str | None, path: list[str]) -> Iterator[Form]:
        self._need_object(block, path)
        for key, content in block.items():
            if key in ("$", "$$ruleParams"):
                continue
            here = [*path, key]
            self._need_object(content, here)
            form = Form(key, key)
            if parent is not None:
                form.hop = self._catalog.hop(parent, key)
                form.etype = form.hop.etype if form.hop else ""
                form.unknown = form.hop is None
            elif not self._catalog.knows(key):
                form.unknown = True
            self._options(form, content.get("$", {}), [*here, "$"], nested=parent is not None)
            children = {name: child for name, child in content.items() if name != "$"}
            if form.aggregate and children:
                raise self._bad("An aggregate has no child queries", here, "supported-options?")
            form.children = list(self.forms(children, form.etype, here))
            yield form

    def _options(self, form: Form, options: Json, path: list[str], *, nested: bool) -> None:
        self._need_object(options, path)
        extra = [name for name in options if name not in (*_OPTIONS, *_OTHER_OPTIONS)]
        if extra:
            raise self._bad(f"We do not support {', '.join(extra)}", path, "supported-options?")
        if nested and any(options.get(name) for name in ("offset", "after", "before")):
            message = "`offset`, `before` and `after` are supported on the top level only."
            raise self._bad(message, path, "supported-options?")
        self._limits(form, options, path)
        self._order(form, options.get("order"), [*path, "order"], nested=nested)
        form.after = self._cursor(form, options, "after", path)
        form.before = self._cursor(form, options, "before", path)
        form.paged = bool(set(options) & set(_OPTIONS[1:]))
        self._aggregate(form, options, path)
        if options.get("fields") is not None:
            if not isinstance(options["fields"], list):
                raise self._bad("The `fields` property should be an array.", [*path, "fields"], "array?")
            form.fields = [str(name) for name in options["fields"]]
        where = options.get("where")
        if where is not None:
            self._need_object(where, [*path, "where"])
            try:
                form.condition = self._all(form.etype, where, [*path, "where"])
            except UnknownName:
                form.unknown = True

    def _limits(self, form: Form, options: Json, path: list[str]) -> None:
        given = [name for name in ("limit", "first", "last") if options.get(name) is not None]
        if len(given) > 1:
            raise self._bad(f"Only provide one of {' or '.join(given)}.", path, "supported-options?")
        for name in given:
            form.limit = self._whole(options[name], 1, [*path, name])
            form.from_end = name == "last"
        if options.get("offset") is not None:
            form.offset = self._whole(options["offset"], 0, [*path, "offset"])

    def _order(self, form: Form, order: Json, path: list[str], *, nested: bool) -> None:
        if order is None:
            return
        self._need_object(order, path)
        if len(order) > 1:
            raise self._bad("We only support a single key in the `order` clause.", path, "single-key?")
        for label, direction in order.items():
            if direction not in ("asc", "desc"):
                message = (
                    f'We only support "asc" or "desc" in the `order` clause, not {json.dumps(direction)}.'
                )
                raise self._bad(message, [*path, label], "valid-direction?")
            form.order, form.descending = label, direction == "desc"
            if not nested and label != SERVER_TIME and not form.unknown:
                self._check_order(form.etype, label, path)

    def _check_order(self, etype: str, label: str, path: list[str]) -> None:
        attr = self._catalog.forward.get((etype, label))
        if attr is None or label == "id":
            raise self._bad(f"There is no `{label}` attribute for {etype}.", path, "supported-order?")
        lacking = [
            word
            for word, there in (("indexed", attr.indexed), ("typed", attr.checked_type is not None))
            if not there
        ]
        if lacking:
            message = (
                f"The `{attr.name}` attribute is not {' and not '.join(lacking)}."
                " Only indexed and typed attributes can be used to order by."
            )
            raise self._bad(message, path, "supported-order?")

    def _cursor(self, form: Form, options: Json, name: str, path: list[str]) -> Cursor | None:
        raw = options.get(name)
        if not raw:
            return None
        here = [*path, name]
        if not (isinstance(raw, list) and len(raw) == 4 and as_uuid(raw[0]) and as_uuid(raw[1])):
            raise self._bad(f"Expected a cursor with 4 items, got {json.dumps(raw)}.", here, "join-row?")
        ordered_by = "id" if form.order == SERVER_TIME else form.order
        attr = self._catalog.forward.get((form.etype, ordered_by))
        if attr is not None and attr.id != raw[1].lower():
            raise self._bad(f"Invalid {name} cursor: the query has another order.", here, "valid-cursor?")
        inclusive = options.get(f"{name}Inclusive", False)
        if not isinstance(inclusive, bool):
            raise self._bad("Expected a boolean", [*path, f"{name}Inclusive"], "boolean?")
        value = raw[3] if form.order == SERVER_TIME else raw[2]
        return Cursor(value, raw[0].lower(), inclusive)

    def _aggregate(self, form: Form, options: Json, path: list[str]) -> None:
        if options.get("aggregate") is None:
            return
        if options["aggregate"] != "count":
            raise self._bad('The aggregate field only accepts "count".', path, "supported-options?")
        if not self._admin or len(path) > 2:
            raise self._bad("Only an admin can use aggregates, on the top level.", path, "supported-options?")
        form.aggregate = True

    # --- where -------------------------------------------------------------------------------------------

    def _all(self, etype: str, where: Mapping[str, Json], path: list[str]) -> Condition:
        return _group("and", [self._one(etype, key, value, path) for key, value in where.items()])

    def _one(self, etype: str, key: str, value: Json, path: list[str]) -> Condition:
        if key in ("and", "or") and isinstance(value, list):
            if not value:
                message = f"The list of `{key}` conditions can't be empty."
                raise self._bad(message, [*path, key], "non-empty-list?")
            if not all(isinstance(part, dict) for part in value):
                raise broken()
            return _group(key, [self._all(etype, part, [*path, key]) for part in value])
        labels = key.split(".")
        here = [*path, key]
        operator, operand = self._operator(value, here)
        if operator in ("$not", "$ne"):
            nulls = [self._leaf(etype, labels[: n + 1], "$isNull", True, here) for n in range(len(labels))]
            return _group("or", [self._leaf(etype, labels, "$not", operand, here), *nulls])
        if operator == "$isNull" and operand is True:
            parts = [self._leaf(etype, labels[: n + 1], "$isNull", True, here) for n in range(len(labels))]
            return _group("or", parts)
        return self._leaf(etype, labels, operator, operand, here)

    def _operator(self, value: Json, path: list[str]) -> tuple[str, Json]:
        """The operator and what it compares with. Of several operators only the first counts, as in Instant."""
        if isinstance(value, dict):
            unknown = [name for name in value if name not in _OPERATORS]
            if unknown or not value:
                raise self._bad_condition(value, path, "instant.db.instaql/where-value-valid-keys?")
            operator, operand = next(iter(value.items()))
            if operator in ("$in", "in") and not isinstance(operand, list):
                raise self._bad("$in takes a list", path, "coll?")
            if operator == "$isNull" and not isinstance(operand, bool):
                raise self._bad("$isNull takes true or false", path, "boolean?")
            return ("$in" if operator == "in" else operator), operand
        if not isinstance(value, str | int | float):
            raise self._bad_condition(value, path, "map?")
        return "=", value

    def _leaf(self, etype: str, labels: list[str], operator: str, value: Json, path: list[str]) -> Leaf:
        hops: list[Hop] = []
        here = etype
        for position, label in enumerate(labels):
            hop = self._catalog.hop(here, label)
            if hop is None:
                attr = self._catalog.blob(here, label)
                if attr is None or position < len(labels) - 1:
                    raise UnknownName(f"{here}.{label}")
                self._check_value(attr, operator, value, path)
                return Leaf(tuple(hops), here, None if label == "id" else attr, operator, value)
            hops.append(hop)
            here = hop.etype
        if operator in ("=", "$not", "$in"):
            for each in value if operator == "$in" else [value]:
                if as_uuid(each) is None:
                    raise self._bad(f"Expected {'.'.join(labels)} to match on a uuid", path, "uuid?")
        elif operator != "$isNull":
            raise self._bad(f"{operator} does not work on links", path, "valid-where?")
        return Leaf(tuple(hops), here, None, operator, value)

    def _check_value(self, attr: Attribute, operator: str, value: Json, path: list[str]) -> None:
        if operator == "$isNull" or attr.label == "id":
            return
        if operator in COMPARATORS or operator in PATTERNS:
            self._check_comparison(attr, operator, value, path)
            return
        values = value if operator == "$in" else [value]
        if operator == "$in" and None in values and not attr.indexed:
            raise self._bad_value("null in a list works on indexed attributes only", path, "indexed?")
        if attr.checked_type is not None and attr.checked_type in CHECKED_TYPES:
            for each in values:
                if not fits(each, attr.checked_type):
                    raise self._wrong_type(attr, each, path)

    def _check_comparison(self, attr: Attribute, operator: str, value: Json, path: list[str]) -> None:
        if not attr.indexed:
            raise self._bad_value(
                f"The `{attr.name}` attribute must be indexed for {operator}.", path, "indexed?"
            )
        wanted = attr.checked_type
        if wanted is None or (operator in PATTERNS and wanted != "string"):
            kind = "a string" if operator in PATTERNS else "a checked type"
            raise self._bad_value(
                f"The `{attr.name}` attribute must be {kind} for {operator}.", path, "typed?"
            )
        if value is None or not fits(value, wanted) or (wanted == "date" and date_ms(value) is None):
            raise self._wrong_type(attr, value, path)

    def _wrong_type(self, attr: Attribute, value: Json, path: list[str]) -> ApiError:
        message = (
            f"The data type of `{attr.name}` is `{attr.checked_type}`,"
            f" but the query got value `{json.dumps(value)}`."
        )
        return self._bad_value(message, path, f"{attr.checked_type}?")

    # --- forms of values ---------------------------------------------------------------------------------

    def _need_object(self, value: Json, path: list[str]) -> None:
        if not isinstance(value, dict):
            raise invalid("query", self._root, "Expected an object", path=path, expected="map?")

    def _whole(self, value: Json, least: int, path: list[str]) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            message = f"The {path[-1]} field must be a whole number from {least}. Got {json.dumps(value)}."
            raise self._bad(message, path, "supported-options?")
        return value

    def _bad_condition(self, value: Json, path: list[str], expected: str) -> ApiError:
        """A value that cannot be read at all is refused later than the rest, and in another form."""
        conditions = {"where-conds": [[path[-1].split("."), value]]}
        form = {"k": path[0], "etype": path[0], "option-map": conditions, "child-forms": []}
        where = [0, "option-map", "where-conds", 0, 1]
        return invalid_all("coerced-query", [form], [{"expected": expected, "in": where}])

    def _bad_value(self, message: str, path: list[str], expected: str) -> ApiError:
        """A condition that its attribute cannot meet. The key of the complaint is spelt as Instant spells it."""
        complaint = {"expected?": expected, "in": path, "message": message}
        return invalid_all("query", self._root, [complaint])

    def _bad(self, message: str, path: list[str], expected: str) -> ApiError:
        return invalid("query", self._root, message, path=path, expected=expected)


def _group(word: str, parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Group(word, tuple(parts))
