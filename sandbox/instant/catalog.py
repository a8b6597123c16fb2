"""The attributes of one app, and the questions that queries, writes and rules ask about them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from sandbox.instant.values import CHECKED_TYPES

# The order is that of the bits in which the kinds that an attribute has held are kept.
INFERRED_TYPES: Final = ("number", "string", "boolean", "json")
_SYSTEM_IDS: Final = uuid.UUID("5b1f8b9e-6f0f-4d3e-9f6e-0c6c1c3f7a10")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column of a namespace, or (with `reverse_etype`) a link between two namespaces.

    `many` is the forward side of a link: whether one entity may point at several. `unique` on a link says that
    no two entities may point at one. `key` is the attribute's number in this database, 0 before it is stored.
    """

    id: str
    etype: str
    label: str
    forward_ident: str
    key: int = 0
    reverse_ident: str | None = None
    reverse_etype: str | None = None
    reverse_label: str | None = None
    many: bool = False
    unique: bool = False
    indexed: bool = False
    required: bool = False
    checked_type: str | None = None
    on_delete: str | None = None
    on_delete_reverse: str | None = None
    inferred: int = 0
    system: bool = False

    @property
    def is_link(self) -> bool:
        """Whether the values are entities."""
        return self.reverse_etype is not None

    @property
    def name(self) -> str:
        """As it is written in messages."""
        return f"{self.etype}.{self.label}"

    def as_json(self) -> dict[str, Any]:
        """The attribute as the schema routes show it."""
        inferred = [kind for bit, kind in enumerate(INFERRED_TYPES) if self.inferred & (1 << bit)]
        kept = {"inferred-types": inferred or None, "catalog": "system" if self.system else "user"}
        absent = [name for name in ("on-delete", "on-delete-reverse") if not self.as_step().get(name)]
        return {name: value for name, value in self.as_step().items() if name not in absent} | kept

    def as_step(self) -> dict[str, Any]:
        """The attribute as `add-attr` and `update-attr` steps write it."""
        step: dict[str, Any] = {
            "id": self.id,
            "forward-identity": [self.forward_ident, self.etype, self.label],
            "value-type": "ref" if self.is_link else "blob",
            "cardinality": "many" if self.many else "one",
            "unique?": self.unique,
            "index?": self.indexed,
            "required?": self.required,
        }
        if self.is_link:
            step["reverse-identity"] = [self.reverse_ident, self.reverse_etype, self.reverse_label]
            step |= {"on-delete": self.on_delete, "on-delete-reverse": self.on_delete_reverse}
        elif self.checked_type:
            step["checked-data-type"] = self.checked_type
        return step


@dataclass(frozen=True, slots=True)
class Hop:
    """One link followed from `etype`, in the direction of its forward side or against it."""

    attr: Attribute
    forward: bool

    @property
    def etype(self) -> str:
        """The namespace on the other end."""
        return (self.attr.reverse_etype or "") if self.forward else self.attr.etype

    @property
    def to_one(self) -> bool:
        """Whether there is at most one entity on the other end."""
        return not self.attr.many if self.forward else self.attr.unique


class Catalog:
    """All attributes of one app at one moment. Never changed; a change of the schema makes another."""

    def __init__(self, attributes: Iterable[Attribute], namespaces: Mapping[str, int]) -> None:
        self.attributes = tuple(attributes)
        self.namespaces = dict(namespaces)
        self.by_id = {attr.id: attr for attr in self.attributes}
        self.forward = {(attr.etype, attr.label): attr for attr in self.attributes}
        self._reverse = {
            (attr.reverse_etype, attr.reverse_label): attr for attr in self.attributes if attr.is_link
        }

    def extended(self, attributes: Iterable[Attribute]) -> Catalog:
        """This catalog and these attributes, which may not be stored yet."""
        return Catalog([*self.attributes, *attributes], self.namespaces)

    def blob(self, etype: str, label: str) -> Attribute | None:
        """The column of this name."""
        attr = self.forward.get((etype, label))
        return None if attr is None or attr.is_link else attr

    def hop(self, etype: str, label: str) -> Hop | None:
        """The link that `label` names when one stands at `etype`."""
        attr = self.forward.get((etype, label))
        if attr is not None:
            return Hop(attr, forward=True) if attr.is_link else None
        attr = self._reverse.get((etype, label))
        return None if attr is None else Hop(attr, forward=False)

    def knows(self, etype: str) -> bool:
        """Whether there is such a namespace."""
        return (etype, "id") in self.forward

    @cached_property
    def keyed(self) -> dict[str, list[Attribute]]:
        """Columns with an index of either kind, by namespace, in the order in which a write meets them."""
        return self._group(attr for attr in self._blobs if attr.unique or attr.indexed)

    @cached_property
    def born_null(self) -> dict[str, list[str]]:
        """Columns that a new entity holds as null although nobody set them: the app's own indexed ones."""
        grouped = self._group(attr for attr in self._blobs if attr.indexed and not attr.system)
        return {etype: [attr.label for attr in attrs] for etype, attrs in grouped.items()}

    @cached_property
    def required(self) -> dict[str, list[Attribute]]:
        """Columns and links that an entity must have, by namespace."""
        return self._group(attr for attr in self.attributes if attr.required)

    @cached_property
    def to_one(self) -> dict[str, list[Attribute]]:
        """Forward links to at most one entity, by namespace; their ids are part of the entity."""
        return self._group(attr for attr in self.attributes if attr.is_link and not attr.many)

    @cached_property
    def links_from(self) -> dict[str, list[Attribute]]:
        """Links by the namespace of their forward side."""
        return self._group(attr for attr in self.attributes if attr.is_link)

    @cached_property
    def links_to(self) -> dict[str, list[Attribute]]:
        """Links by the namespace that they point at."""
        grouped: dict[str, list[Attribute]] = {}
        for attr in self.attributes:
            if attr.reverse_etype is not None:
                grouped.setdefault(attr.reverse_etype, []).append(attr)
        return grouped

    @property
    def _blobs(self) -> Iterable[Attribute]:
        return (attr for attr in self.attributes if not attr.is_link and attr.label != "id")

    @staticmethod
    def _group(attributes: Iterable[Attribute]) -> dict[str, list[Attribute]]:
        grouped: dict[str, list[Attribute]] = {}
        for attr in sorted(attributes, key=lambda each: each.id):
            grouped.setdefault(attr.etype, []).append(attr)
        return grouped


def attribute_from_json(raw: Mapping[str, Any]) -> Attribute:
    """An attribute as `add-attr` steps and schema steps write it. Raises KeyError, TypeError, ValueError."""
    forward_ident, etype, label = raw["forward-identity"]
    reverse = raw.get("reverse-identity") if raw["value-type"] == "ref" else None
    reverse_ident, reverse_etype, reverse_label = reverse or (None, None, None)
    if raw["value-type"] == "ref" and reverse_etype is None:
        raise ValueError("a link needs a reverse-identity")
    checked = raw.get("checked-data-type")
    if checked is not None and checked not in CHECKED_TYPES:
        raise ValueError(f"{checked} is no checked-data-type")
    return Attribute(
        id=str(uuid.UUID(raw["id"])),
        etype=str(etype),
        label=str(label),
        forward_ident=str(forward_ident),
        reverse_ident=reverse_ident,
        reverse_etype=reverse_etype,
        reverse_label=reverse_label,
        many=raw["cardinality"] == "many",
        unique=bool(raw.get("unique?")),
        indexed=bool(raw.get("index?")),
        required=bool(raw.get("required?")),
        checked_type=checked,
        on_delete=raw.get("on-delete"),
        on_delete_reverse=raw.get("on-delete-reverse"),
    )


# name: type, with ! for unique, # for indexed, * for required; a link is "-> namespace.label", + to many.
_SYSTEM: Final[Mapping[str, Mapping[str, str]]] = {
    "$users": {
        "id": "!#",
        "email": "string!#",
        "type": "string",
        "imageURL": "string",
        "linkedPrimaryUser": "-> $users.linkedGuestUsers",
    },
    "$magicCodes": {"id": "!#", "codeHash": "string#", "email": "string#"},
    "$userRefreshTokens": {"id": "!#", "hashedToken": "string!#", "$user": "#-> $users.$userRefreshTokens"},
    "$oauthProviders": {"id": "!#", "name": "string!#"},
    "$oauthUserLinks": {
        "id": "!#",
        "sub": "string#",
        "$user": "#-> $users.$oauthUserLinks",
        "$oauthProvider": "#-> $oauthProviders.$oauthUserLinks",
        "sub+$oauthProvider": "string!#",
    },
    "$oauthClients": {
        "id": "!#",
        "name": "string!#",
        "clientId": "#",
        "encryptedClientSecret": "string",
        "discoveryEndpoint": "string",
        "meta": "",
        "redirectTo": "string",
        "useSharedCredentials": "boolean",
        "$oauthProvider": "-> $oauthProviders.$oauthClients",
    },
    "$oauthCodes": {
        "id": "!#",
        "codeHash": "string!#",
        "codeChallenge": "string",
        "codeChallengeMethod": "string",
        "userInfo": "",
        "$oauthClient": "-> $oauthClients.$oauthCodes",
    },
    "$oauthRedirects": {
        "id": "!#",
        "stateHash": "string!#",
        "cookieHash": "string",
        "codeChallenge": "string",
        "codeChallengeMethod": "string",
        "redirectTo": "string",
        "redirectUrl": "string",
        "$oauthClient": "-> $oauthClients.$oauthRedirects",
    },
    "$files": {
        "id": "!#",
        "path": "string!#*",
        "size": "number#*",
        "content-type": "string#",
        "content-disposition": "string#",
        "location-id": "string!#*",
        "key-version": "number",
        "url": "string",
    },
    "$streams": {
        "id": "!#",
        "clientId": "string!#*",
        "machineId": "string",
        "done": "boolean",
        "size": "number",
        "hashedReconnectToken": "string",
        "abortReason": "string",
        "$files": "!+-> $files.$stream",
    },
}
SYSTEM_NAMESPACES: Final = frozenset(_SYSTEM)
# Of the system's namespaces a schema shows these, without the columns that only the server uses.
SHOWN_SYSTEM_NAMESPACES: Final = frozenset({"$users", "$files", "$streams"})
HIDDEN_COLUMNS: Final = frozenset(
    {
        ("$files", "content-type"),
        ("$files", "content-disposition"),
        ("$files", "size"),
        ("$files", "location-id"),
        ("$files", "key-version"),
        ("$streams", "hashedReconnectToken"),
        ("$streams", "machineId"),
    }
)


def system_attributes() -> list[Attribute]:
    """The columns and links that every app has from the start, the same ids in each."""
    return [
        _system_attribute(etype, label, form)
        for etype, columns in _SYSTEM.items()
        for label, form in columns.items()
    ]


def _system_attribute(etype: str, label: str, form: str) -> Attribute:
    kind, arrow, target = form.partition("-> ")
    attr = Attribute(
        id=_system_id(f"attr {etype}.{label}"),
        etype=etype,
        label=label,
        forward_ident=_system_id(f"ident {etype}.{label}"),
        many="+" in kind,
        unique="!" in kind,
        indexed="#" in kind,
        required="*" in kind,
        checked_type=kind.rstrip("!#*+") or None,
        inferred=1 << INFERRED_TYPES.index("json" if label == "meta" else "string"),
        system=True,
    )
    if not arrow:
        return attr
    reverse_etype, reverse_label = target.split(".")
    return replace(
        attr,
        reverse_ident=_system_id(f"ident {target}"),
        reverse_etype=reverse_etype,
        reverse_label=reverse_label,
        on_delete=None if attr.many else "cascade",
        on_delete_reverse="cascade" if attr.many else None,
    )


def _system_id(name: str) -> str:
    return str(uuid.uuid5(_SYSTEM_IDS, name))
