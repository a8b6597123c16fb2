"""A schema as Instant's routes show it, and the plan that leads from the present one to a pushed one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sandbox.instant.catalog import HIDDEN_COLUMNS, SHOWN_SYSTEM_NAMESPACES, Attribute, Catalog
from sandbox.instant.errors import ApiError, invalid, invalid_all
from sandbox.instant.values import CHECKED_TYPES, Json, new_uuid

Step = tuple[str, Json]

# A flag of an attribute, the step that sets it and the step that takes it away.
REQUIRED: Final = ("required", "required", "remove-required")
FLAGS: Final = (("indexed", "index", "remove-index"), ("unique", "unique", "remove-unique"), REQUIRED)


def shown_attributes(catalog: Catalog) -> list[Attribute]:
    """The attributes that a schema shows: the app's own, and the system's that are of use to it."""
    return [
        attr
        for attr in catalog.attributes
        if (not attr.etype.startswith("$") or attr.etype in SHOWN_SYSTEM_NAMESPACES)
        and (attr.reverse_etype is None or not _internal(attr.reverse_etype))
        and (attr.etype, attr.label) not in HIDDEN_COLUMNS
    ]


def schema_json(catalog: Catalog, *, separator: str | None = "-") -> dict[str, Any]:
    """`{"blobs", "refs"}`. The keys of refs are the four names, joined; without a separator as a vector."""
    blobs: dict[str, dict[str, Any]] = {}
    refs: dict[str, Any] = {}
    for attr in shown_attributes(catalog):
        if attr.is_link:
            refs[_vector(attr) if separator is None else separator.join(_names(attr))] = attr.as_json()
        else:
            blobs.setdefault(attr.etype, {})[attr.label] = attr.as_json()
    return {"blobs": blobs, "refs": refs}


class Planner:
    """Compares a pushed schema with the catalog. What the push leaves out stays as it is."""

    def __init__(self, catalog: Catalog, rng: random.Random, *, check_types: bool, background: bool) -> None:
        self._catalog = catalog
        self._rng = rng
        self._check_types = check_types
        self._background = background

    def steps(self, definitions: Json) -> list[Step]:
        """The steps to take, in order. Raises `validation-failed` for links that conflict."""
        entities = _part(definitions, "entities")
        steps = list(self._namespaces(entities))
        for etype, label, definition in _columns(entities):
            steps += self._column(etype, label, definition)
        for link in _part(definitions, "links").values():
            steps += self._link(link)
        return steps

    def new_schema(self, definitions: Json) -> dict[str, Json]:
        """The pushed schema as the answer repeats it: in the form of stored attributes, without any ids."""
        blobs: dict[str, dict[str, Json]] = {
            etype: {} for etype, entity in _part(definitions, "entities").items() if entity
        }
        for etype, label, definition in _columns(_part(definitions, "entities")):
            if (etype, label) in self._catalog.forward and self._catalog.forward[etype, label].system:
                continue
            column = _column_of(etype, label, definition, check_types=self._check_types)
            catalog = "system" if etype.startswith("$") else "user"
            shown = {**_nameless(column), "catalog": catalog}
            blobs[etype][label] = {"checked-data-type": None, **shown}
        links = [self._link_of(link) for link in _part(definitions, "links").values()]
        return {"blobs": blobs, "refs": {_vector(link): _nameless(link) for link in links}}

    def _namespaces(self, entities: Mapping[str, Json]) -> Iterator[Step]:
        for etype, entity in entities.items():
            if isinstance(entity, dict) and not self._catalog.knows(etype):
                yield "add-attr", _without(self._new(etype, "id", unique=True).as_step(), "required?")

    def _column(self, etype: str, label: str, definition: Json) -> Iterator[Step]:
        wanted = _column_of(etype, label, definition, check_types=self._check_types)
        attr = self._catalog.forward.get((etype, label))
        if label == "id" or (attr is not None and attr.system):
            return
        if attr is None:
            idents = self._new(etype, label)
            yield "add-attr", replace(wanted, id=idents.id, forward_ident=idents.forward_ident).as_step()
            return
        if attr.is_link:
            raise _conflict(etype, label)
        if self._background:
            yield from _flag_steps(attr, wanted, FLAGS)
        elif any(getattr(attr, flag) != getattr(wanted, flag) for flag, _, _ in FLAGS):
            flagged = replace(attr, unique=wanted.unique, indexed=wanted.indexed, required=wanted.required)
            yield "update-attr", _without(flagged.as_step(), "checked-data-type")
        if self._check_types and attr.checked_type != wanted.checked_type:
            yield _type_step(attr, wanted.checked_type)

    def _link_of(self, link: Json) -> Attribute:
        forward, reverse = link["forward"], link["reverse"]
        return replace(
            self._new(forward["on"], forward["label"]),
            reverse_ident=new_uuid(self._rng),
            reverse_etype=reverse["on"],
            reverse_label=reverse["label"],
            many=forward["has"] == "many",
            unique=reverse["has"] == "one",
            required=forward.get("required") is True,
            on_delete=forward.get("onDelete"),
            on_delete_reverse=reverse.get("onDelete"),
        )

    def _link(self, link: Json) -> Iterator[Step]:
        wanted = self._link_of(link)
        _check_cascades(wanted)
        attr = self._existing_link(wanted)
        if attr is None:
            yield "add-attr", wanted.as_step()
            return
        merged = replace(
            wanted,
            id=attr.id,
            forward_ident=attr.forward_ident,
            reverse_ident=attr.reverse_ident,
            indexed=attr.indexed,
        )
        same = replace(attr, key=0, inferred=0, system=False)
        if self._background:
            yield from _flag_steps(attr, wanted, (REQUIRED,))
            same, merged = replace(same, required=False), replace(merged, required=False)
        if same != merged and not attr.system:
            yield "update-attr", replace(merged, required=wanted.required).as_step()

    def _existing_link(self, wanted: Attribute) -> Attribute | None:
        """The link of these four names. Another link or column in the way is a conflict."""
        near, far = (wanted.etype, wanted.label), (wanted.reverse_etype or "", wanted.reverse_label or "")
        attr = self._catalog.forward.get(near)
        if attr is not None and (attr.reverse_etype, attr.reverse_label) == far:
            return attr
        hop = self._catalog.hop(*far)
        if attr is not None or self._catalog.hop(*near) is not None:
            raise _conflict(*near)
        if hop is not None or self._catalog.blob(*far) is not None:
            raise _conflict(*far)
        return None

    def _new(self, etype: str, label: str, *, unique: bool = False) -> Attribute:
        return Attribute(new_uuid(self._rng), etype, label, new_uuid(self._rng), unique=unique)


def _names(link: Attribute) -> tuple[str, str, str, str]:
    return link.etype, link.label, link.reverse_etype or "", link.reverse_label or ""


def _vector(link: Attribute) -> str:
    return "[" + " ".join(f'"{name}"' for name in _names(link)) + "]"


def _without(step: dict[str, Json], name: str) -> dict[str, Json]:
    return {key: value for key, value in step.items() if key != name}


def _nameless(attr: Attribute) -> dict[str, Json]:
    shown: dict[str, Json] = {**attr.as_step(), "id": None}
    for side in ("forward-identity", "reverse-identity"):
        if side in shown:
            shown[side] = [None, *shown[side][1:]]
    return shown


def _part(definitions: Json, name: str) -> Mapping[str, Json]:
    """The entities or the links of a schema; what is not there, or not an object, counts as none.

    Raises TypeError for a schema that is a list, which the real server does not survive either.
    """
    if isinstance(definitions, list):
        raise TypeError("a schema is an object")
    part = definitions.get(name) if isinstance(definitions, dict) else None
    return part if isinstance(part, dict) else {}


def _columns(entities: Mapping[str, Json]) -> Iterator[tuple[str, str, Json]]:
    for etype, entity in entities.items():
        for label, definition in _part(entity, "attrs").items():
            yield etype, label, definition


def _column_of(etype: str, label: str, definition: Json, *, check_types: bool) -> Attribute:
    config = definition.get("config") or {}
    kind = definition.get("valueType")
    return Attribute(
        id="",
        etype=etype,
        label=label,
        forward_ident="",
        unique=bool(config.get("unique")),
        indexed=bool(config.get("indexed")),
        required=definition.get("required") is True,
        checked_type=kind if check_types and kind in CHECKED_TYPES else None,
    )


def _flag_steps(
    attr: Attribute, wanted: Attribute, flags: tuple[tuple[str, str, str], ...]
) -> Iterator[Step]:
    for flag, on, off in flags:
        if getattr(attr, flag) != getattr(wanted, flag):
            yield (on if getattr(wanted, flag) else off), _reference(attr)


def _type_step(attr: Attribute, checked_type: str | None) -> Step:
    if checked_type is None:
        return "remove-data-type", _reference(attr)
    return "check-data-type", _reference(attr) | {"checked-data-type": checked_type}


def _reference(attr: Attribute) -> dict[str, Json]:
    return {"attr-id": attr.id, "forward-identity": [attr.forward_ident, attr.etype, attr.label]}


def _check_cascades(attr: Attribute) -> None:
    bad = []
    if attr.on_delete == "cascade" and attr.many:
        bad.append(f"{attr.etype}->{attr.label}")
    if attr.on_delete_reverse == "cascade" and not attr.unique:
        bad.append(f"{attr.reverse_etype}->{attr.reverse_label}")
    if bad:
        message = "Cascade delete is only possible on links with `has: 'one'`."
        complaints = [{"message": f"{name}: {message}", "in": ["schema"]} for name in bad]
        raise invalid_all("schema", "plan", complaints)


def _conflict(etype: str, label: str) -> ApiError:
    message = f"{etype}->{label}: there is an attribute or a link of this name already"
    return invalid("schema", "plan", message, path=["schema"])


def _internal(etype: str) -> bool:
    return etype.startswith("$") and etype not in SHOWN_SYSTEM_NAMESPACES
