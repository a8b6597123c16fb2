"""A transact's steps, checked for their form and turned into small operations on one attribute each.

Names that the app does not know become new attributes, unless the caller forbids it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from sandbox.instant.catalog import SYSTEM_NAMESPACES, Attribute, Catalog, attribute_from_json
from sandbox.instant.errors import ApiError, invalid, invalid_all, sql_raise
from sandbox.instant.values import IndexKey, Json, as_uuid, clean, index_key, new_uuid

Kind = Literal["add", "merge", "retract", "delete", "add-attr", "delete-attr", "rule-params"]
Mode = Literal["create", "update"]

OPEN_NAMESPACES: Final = ("$users", "$files", "$streams")
_OBJECT_STEPS: Final = ("create", "update", "merge")
_LINK_STEPS: Final = ("link", "unlink")
_ENTITY_STEPS: Final = (*_OBJECT_STEPS, *_LINK_STEPS, "delete", "ruleParams")


class Lookup(NamedTuple):
    """An entity named by a value of one of its unique attributes. Compares by `key`'s meaning."""

    attr_id: str
    key: IndexKey
    text: str

    @property
    def value(self) -> Json:
        """The value that was given."""
        return json.loads(self.text)


EntityRef = str | Lookup


@dataclass(slots=True)
class Op:
    """One operation. Without `attr`, "add" only makes sure that the entity exists."""

    kind: Kind
    etype: str
    entity: EntityRef
    attr: Attribute | None = None
    value: Json = None
    mode: Mode | None = None


@dataclass(slots=True)
class Plan:
    """The operations of one transact, the attributes that it makes, and the catalog with them."""

    catalog: Catalog
    ops: list[Op] = field(default_factory=list)
    inferred: list[Attribute] = field(default_factory=list)

    def kinds(self) -> list[Kind]:
        """The order in which groups of operations run: as each kind first appears, new attributes first."""
        return list(dict.fromkeys(op.kind for op in self.ops))


def plan_steps(raw_steps: Json, catalog: Catalog, *, throw_on_missing: bool, rng: random.Random) -> Plan:
    """Check the steps and lay them out. Raises `validation-failed`; reads and writes nothing."""
    if not isinstance(raw_steps, list):
        raise invalid("steps", raw_steps, "Steps must be an array", expected="coll?")
    for position, step in enumerate(raw_steps):
        _check_form(raw_steps, position, step)
    steps = clean(raw_steps)
    inference = _Inference(catalog, rng)
    for step in steps:
        inference.see_lookups(step)
    for step in steps:
        inference.see_labels(step)
    if throw_on_missing and inference.made:
        names = [attr.name for attr in inference.made]
        message = "Attributes are missing in your schema"
        raise invalid("steps", raw_steps, message, hint={"attributes": names})
    plan = Plan(inference.catalog, inferred=inference.made)
    plan.ops.extend(Op("add-attr", attr.etype, "", attr) for attr in inference.made)
    for step in steps:
        plan.ops.extend(_expand(plan.catalog, step))
    return plan


def _check_form(steps: Json, position: int, step: Json) -> None:
    if not (isinstance(step, list) and step and isinstance(step[0], str)):
        raise _malformed(steps, [position])
    action = step[0]
    if action in _ENTITY_STEPS and len(step) >= 3:
        _check_entity(steps, [position, 2], step[2])
    if not _is_well_formed(step):
        cut_short = action in _ENTITY_STEPS and len(step) < 4
        raise _malformed(steps, [position] if cut_short else [position, int(action == "delete-attr")])
    if action in _LINK_STEPS:
        for label, value in step[3].items():
            for each in _linked(value):
                if not isinstance(each, str | list | dict):
                    raise _malformed(steps, [position, 3, label, 1])
                _check_entity(steps, [position, 3, label], each)


def _malformed(steps: Json, path: list[object]) -> ApiError:
    """Steps that are not written as they should be. The real server tells which of its specs it tried last."""
    return invalid_all("steps", steps, [{"expected": "step?", "in": path}])


def _is_well_formed(step: list[Json]) -> bool:
    action = step[0]
    if action in ("add-attr", "update-attr"):
        return len(step) == 2 and isinstance(step[1], dict)
    if action == "delete-attr":
        return len(step) == 2 and as_uuid(step[1]) is not None
    return action in _ENTITY_STEPS and _entity_step_is_well_formed(step)


def _entity_step_is_well_formed(step: list[Json]) -> bool:
    if len(step) < 3 or not isinstance(step[1], str):
        return False
    if step[0] == "delete":
        return True
    if len(step) < 4 or not isinstance(step[3], dict):
        return False
    if len(step) == 4:
        return True
    options = step[4]
    if step[0] not in ("update", "merge") or len(step) > 5 or not isinstance(options, dict | None):
        return False
    return options is None or isinstance(options.get("upsert"), bool | None)


def _check_entity(steps: Json, path: list[object], entity: Json) -> None:
    pair = isinstance(entity, list) and len(entity) == 2 and isinstance(entity[0], str)
    text = isinstance(entity, str) and (as_uuid(entity) is not None or entity.startswith("lookup__"))
    if not (pair or text or isinstance(entity, dict)):
        message = f"Invalid entity ID '{entity}'. Entity IDs must be UUIDs or lookup references."
        raise invalid("steps", steps, message, path=path)


def _linked(value: Json) -> list[Json]:
    """The entities that a link step names: one, or a list of them (a pair with a name in front is a lookup)."""
    if not isinstance(value, list):
        return [value]
    is_lookup = len(value) == 2 and isinstance(value[0], str) and not _names_an_entity(value[0])
    return [value] if is_lookup else value


def _names_an_entity(text: str) -> bool:
    return as_uuid(text) is not None or text.startswith("lookup__")


def _lookup_pair(entity: Json) -> tuple[str, Json] | None:
    """The attribute's name and the value, in any of the three spellings; None for a plain id."""
    if isinstance(entity, str):
        if not entity.startswith("lookup__"):
            return None
        _, label, *rest = entity.split("__")
        try:
            return label, clean(json.loads("__".join(rest)))
        except ValueError:
            raise invalid("lookup", entity, "lookup value is invalid", hint={"attribute": label}) from None
    if isinstance(entity, list):
        return entity[0], entity[1]
    if len(entity) != 1:
        raise invalid("lookup", entity, "lookup must be an object with a single unique attr and value.")
    label, value = next(iter(entity.items()))
    return str(label), value


class _Inference:
    """Collects the attributes that the steps need and the catalog lacks."""

    def __init__(self, catalog: Catalog, rng: random.Random) -> None:
        self.catalog = catalog
        self.made: list[Attribute] = []
        self._rng = rng

    def see_lookups(self, step: list[Json]) -> None:
        action = step[0]
        if action not in _ENTITY_STEPS or action == "ruleParams":
            return
        self._see_lookup(step[1], step[2])
        if action != "link":
            return
        for label, value in step[3].items():
            for entity in _linked(value):
                if _lookup_pair(entity) is not None:
                    hop = self.catalog.hop(step[1], label)
                    if hop is None:
                        self._make_link(step[1], label, unique=True, indexed=True, many=False)
                    self._see_lookup(hop.etype if hop else label, entity)

    def see_labels(self, step: list[Json]) -> None:
        action = step[0]
        if action not in (*_OBJECT_STEPS, *_LINK_STEPS):
            return
        etype = step[1]
        if not self.catalog.knows(etype):
            self._make_blob(etype, "id", unique=True)
        for label in step[3]:
            if action in _LINK_STEPS:
                if self.catalog.hop(etype, label) is None:
                    self._make_link(etype, label)
            elif (etype, label) not in self.catalog.forward:
                self._make_blob(etype, label)

    def _see_lookup(self, etype: str, entity: Json) -> None:
        pair = _lookup_pair(entity)
        if pair is None or (etype, pair[0]) in self.catalog.forward:
            return
        label, dot, rest = pair[0].partition(".")
        if not dot:
            self._make_blob(etype, label, unique=True, indexed=True)
        elif rest != "id":
            raise invalid("lookup", entity, f"{pair[0]} is not a valid lookup attribute.")
        elif self.catalog.hop(etype, label) is None:
            self._make_link(etype, label, unique=True, indexed=True, many=False)

    def _make_blob(self, etype: str, label: str, *, unique: bool = False, indexed: bool = False) -> None:
        self._add(self._attribute(etype, label, unique=unique, indexed=indexed))

    def _make_link(
        self, etype: str, label: str, *, unique: bool = False, indexed: bool = False, many: bool = True
    ) -> None:
        attr = self._attribute(etype, label, unique=unique, indexed=indexed)
        ident = new_uuid(self._rng)
        self._add(replace(attr, many=many, reverse_ident=ident, reverse_etype=label, reverse_label=etype))

    def _attribute(self, etype: str, label: str, *, unique: bool, indexed: bool) -> Attribute:
        attr_id, ident = new_uuid(self._rng), new_uuid(self._rng)
        return Attribute(attr_id, etype, label, ident, unique=unique, indexed=indexed)

    def _add(self, attr: Attribute) -> None:
        check_new_name(self.catalog, attr)
        self.made.append(attr)
        self.catalog = self.catalog.extended([attr])


def check_new_name(catalog: Catalog, attr: Attribute) -> None:
    """Refuse names that are the system's, that are taken by the other side of a link, or cannot be stored."""
    etype, label = attr.etype, attr.label
    reserved = etype.startswith("$") and etype not in OPEN_NAMESPACES
    if reserved or etype in SYSTEM_NAMESPACES - set(OPEN_NAMESPACES):
        shown = {name: value for name, value in attr.as_step().items() if name != "required?"}
        raise invalid("attributes", shown, f"$ is reserved for system tables. You can't create {etype}")
    if not label or not etype or set('"\\') & set(label):
        raise invalid("attributes", [etype, label], "An attribute needs a name without quotes")
    if catalog.hop(etype, label) is not None:
        raise invalid("attributes", [etype, label], f"{etype}.{label} is a link")


def _expand(catalog: Catalog, step: list[Json]) -> Iterator[Op]:
    action = step[0]
    if action == "add-attr":
        yield _add_attr(step)
    elif action == "delete-attr":
        yield Op("delete-attr", "", "", value=step[1])
    elif action == "update-attr":
        raise invalid("action", action, f"Unsupported action {action}", hint={"value": action})
    elif action in _LINK_STEPS:
        yield from _expand_link(catalog, step)
    else:
        etype = step[1]
        entity = entity_ref(catalog, etype, step[2])
        if action == "delete":
            yield Op("delete", etype, entity)
        elif action == "ruleParams":
            yield Op("rule-params", etype, entity, value=step[3])
        else:
            yield from _expand_object(catalog, step, entity)


def _expand_object(catalog: Catalog, step: list[Json], entity: EntityRef) -> Iterator[Op]:
    action, etype, _, values = step[:4]
    mode: Mode | None = "create" if action == "create" else None
    if len(step) > 4 and step[4] and step[4].get("upsert") is False:
        mode = "update"
    yield Op("add", etype, entity, mode=mode)
    for label, value in values.items():
        if label == "id":
            continue
        attr = catalog.forward[etype, label]
        if attr.is_link:
            if action == "merge":
                raise sql_raise("merge operation is not supported for links")
            value = _link_value(catalog, attr.reverse_etype or "", value)
        yield Op("merge" if action == "merge" else "add", etype, entity, attr, value, mode)


def _expand_link(catalog: Catalog, step: list[Json]) -> Iterator[Op]:
    action, etype, raw_entity, labels = step[:4]
    kind: Kind = "add" if action == "link" else "retract"
    entity = entity_ref(catalog, etype, raw_entity)
    if isinstance(entity, Lookup):
        yield Op("add", etype, entity)
    for label, value in labels.items():
        hop = catalog.hop(etype, label)
        if hop is None:
            raise invalid("steps", step, f"{etype}.{label} is not a link")
        for raw_other in _linked(value):
            other = _link_value(catalog, hop.etype, raw_other)
            if hop.forward:
                yield Op(kind, etype, entity, hop.attr, other)
            else:
                yield Op(kind, hop.etype, other, hop.attr, entity)


def _add_attr(step: list[Json]) -> Op:
    try:
        attr = attribute_from_json(step[1])
    except (KeyError, TypeError, ValueError) as exc:
        raise invalid("tx-steps", step, f"Not an attribute: {exc}") from None
    return Op("add-attr", attr.etype, "", attr)


def _link_value(catalog: Catalog, etype: str, value: Json) -> EntityRef:
    if value is None or (isinstance(value, str) and not _names_an_entity(value)):
        raise invalid("eid", value, "Expected link value to be a uuid.")
    return entity_ref(catalog, etype, value)


def entity_ref(catalog: Catalog, etype: str, entity: Json) -> EntityRef:
    """The id, or the lookup on a unique attribute of `etype`, that `entity` spells."""
    pair = _lookup_pair(entity)
    if pair is None:
        return str(entity)
    label, value = pair
    attr = catalog.forward.get((etype, label))
    if attr is None and "." in label:
        attr = catalog.forward.get((etype, label.partition(".")[0]))
    if attr is None or not attr.unique:
        raise invalid("lookup", entity, f"{label} is not a unique attribute on {etype}")
    if attr.label == "id" or attr.is_link:
        entity_id = as_uuid(value)
        if entity_id is None:
            raise invalid("lookup", entity, f"{label} is looked up by a uuid")
        value = entity_id
        if attr.label == "id":
            return entity_id
    return Lookup(attr.id, index_key(value, attr.checked_type), json.dumps(value))


def missing_target(catalog: Catalog, lookup: Lookup) -> ApiError:
    """A link's other end was named by a value that no entity has."""
    attr = catalog.by_id[lookup.attr_id]
    given = {
        "attribute-id": attr.id,
        "namespace": attr.etype,
        "label": attr.label,
        "value": lookup.value,
    }
    return invalid("lookup", given, "The entity for the lookup does not exist.")
