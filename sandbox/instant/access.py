"""Who is asking, and what the rules say to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from sandbox.instant import entities
from sandbox.instant.apps import App
from sandbox.instant.catalog import Catalog
from sandbox.instant.entities import Entity
from sandbox.instant.errors import rate_limited
from sandbox.instant.limits import Limiter, limits_from_json
from sandbox.instant.rules import Program, Scope
from sandbox.instant.values import Json, moment


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request runs: the app's admin, an end user, or (without `user_id`) a guest."""

    app: App
    admin: bool
    user_id: str | None = None
    ip: str | None = None
    origin: str | None = None
    show_errors: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What one rule is asked about. The maps are entities, as `data` and so on show them."""

    etype: str
    data: Entity | None
    new_data: Entity | None = None
    linked_etype: str = ""
    linked_data: Entity | None = None
    actions: Mapping[str, str] = field(default_factory=dict)
    rule_params: Mapping[str, Json] = field(default_factory=dict)
    modified_fields: tuple[str, ...] = ()

    def as_json(self, action: str) -> dict[str, Json]:
        """The facts as permission checks report them."""
        if self.etype == "attrs":
            return {"data": self.data}
        shown: dict[str, Json] = {"data": self.data, "rule-params": dict(self.rule_params) or None}
        if action in ("create", "update", "link", "unlink"):
            shown["new-data"] = self.new_data
        if action in ("create", "update"):
            shown["modified-fields"] = list(self.modified_fields)
        if action in ("link", "unlink"):
            shown |= {"linked-data": self.linked_data, "linked-etype": self.linked_etype}
        if action == "link":
            shown["actions"] = dict(self.actions)
        return shown


class Access:
    """Asks rules on behalf of one caller, within one snapshot or transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalog: Catalog,
        caller: Caller,
        *,
        limiter: Limiter,
        now: float,
    ) -> None:
        self.rules = caller.app.rules
        self._connection = connection
        self._catalog = catalog
        self._caller = caller
        self._limiter = limiter
        self._now = now
        self._auth: Entity | None = None

    def ask(self, program: Program, facts: Facts) -> Json:
        """What the rule answers; anything but false and null lets it pass."""
        request: dict[str, Any] = {
            "time": datetime.fromtimestamp(self._now, UTC),
            "ip": self._caller.ip,
            "origin": self._caller.origin,
            "modifiedFields": list(facts.modified_fields),
        }
        values: dict[str, Mapping[str, Json]] = {
            "auth": self._signed_in(),
            "data": facts.data or {},
            "newData": facts.new_data or {},
            "linkedData": facts.linked_data or {},
            "actions": facts.actions,
            "ruleParams": facts.rule_params,
            "request": request,
        }
        refs = _Refs(self._connection, self._catalog, facts, values)
        return program.evaluate(Scope(values, refs.values_at, self._limit, self._caller.show_errors))

    def _signed_in(self) -> Entity:
        if self._auth is None:
            user_id = self._caller.user_id
            found = None
            if user_id is not None:
                found = entities.load(self._connection, self._catalog, "$users", user_id)
            self._auth = found or {}
        return self._auth

    def _limit(self, name: str, key: Json, tokens: int) -> bool:
        for limit in limits_from_json(self.rules.limits(name)):
            bucket = (self._caller.app.id, name, json.dumps(key, sort_keys=True))
            wait_s = self._limiter.take(bucket, limit, now=self._now, tokens=int(tokens))
            if wait_s is not None:
                wait_s = ceil(wait_s)
                retry_at = moment(int((self._now + wait_s) * 1000))
                raise rate_limited({"retry-at": retry_at, "retry-after": wait_s, "remaining-tokens": 0})
        return True


class _Refs:
    """Paths that start at one of a rule's variables, followed when the rule comes to them."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalog: Catalog,
        facts: Facts,
        values: Mapping[str, Mapping[str, Json]],
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._facts = facts
        self._values = values

    def values_at(self, root: str, path: str) -> list[Json]:
        """The values at the end of `path`. Raises `record-not-found` for a path that leads nowhere."""
        labels = str(path).split(".")
        etype = self._facts.etype
        if root == "auth":
            if labels[0] != "$user":
                raise KeyError(path)
            etype, labels = "$users", labels[1:]
        elif root == "linkedData":
            etype = self._facts.linked_etype
        entity = self._values[root]
        start = entity.get("id")
        if start is None:
            return []
        hop = self._catalog.hop(etype, labels[0])
        if len(labels) == 2 and labels[1] == "id" and hop is not None and hop.forward and hop.to_one:
            # The id is part of the entity already.
            linked = entity.get(labels[0])
            return [] if linked is None else [linked]
        return entities.follow(self._connection, self._catalog, etype, [start], labels)
