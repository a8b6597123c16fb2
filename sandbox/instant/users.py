"""Users as Instant's auth routes know them: entities of `$users`, found by email, id or refresh token."""

from __future__ import annotations

import hashlib
import random
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.instant import attributes, entities
from sandbox.instant.catalog import Catalog, Hop
from sandbox.instant.entities import Entity
from sandbox.instant.errors import invalid_all, malformed_param
from sandbox.instant.steps import Op
from sandbox.instant.transact import Backend, cascade_of_user
from sandbox.instant.values import Json, as_uuid, moment, new_uuid
from sandbox.instant.writes import Writer

_WORD: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_EMAIL: Final = re.compile(rf"{_WORD}(\.{_WORD})*@({_HOST}\.)+{_HOST}")


def email_of(value: Json, path: tuple[str, ...]) -> str:
    """An address as Instant stores it: in lower case, without space around it. ASCII, at a host with a dot."""
    email = value.lower().strip() if isinstance(value, str) else ""
    if not _EMAIL.fullmatch(email):
        raise malformed_param(path, value)
    return email


def token_hash(token: str) -> str:
    """What is kept of a refresh token."""
    return hashlib.sha256(bytes.fromhex(token.replace("-", ""))).hexdigest()


@dataclass(slots=True)
class Users:
    """The users of one app, on one connection. Changes need the write transaction's."""

    connection: sqlite3.Connection
    catalog: Catalog
    app_id: str
    rng: random.Random
    now_ms: int

    def by_id(self, user_id: str) -> Entity | None:
        """The user of this id."""
        return entities.load(self.connection, self.catalog, "$users", user_id)

    def by_email(self, email: str) -> Entity | None:
        """The user with exactly this stored email."""
        user_id = self._find("$users", "email", email)
        return None if user_id is None else self.by_id(user_id)

    def by_token(self, token: str) -> Entity | None:
        """The user whom a refresh token stands for."""
        row_id = self._find("$userRefreshTokens", "hashedToken", token_hash(token))
        hop = self.catalog.hop("$userRefreshTokens", "$user")
        if row_id is None or hop is None:
            return None
        for user_id in entities.linked_ids(self.connection, hop, [row_id]):
            return self.by_id(user_id)
        return None

    def create(
        self, *, email: str | None, kind: str | None, user_id: str | None = None, extra: Mapping[str, Json]
    ) -> Entity:
        """A new user. `extra` are custom attributes, checked by `check_extra` before."""
        made = user_id or new_uuid(self.rng)
        values = {"email": email, "type": kind, **extra}
        self.set(made, {label: value for label, value in values.items() if value is not None})
        return self.by_id(made) or {}

    def set(self, user_id: str, values: Mapping[str, Json]) -> None:
        """Create or update one user's row."""
        writer = self.writer()
        ops = [Op("add", "$users", user_id)]
        for label, value in values.items():
            ops.append(Op("add", "$users", user_id, self.catalog.forward["$users", label], value))
        writer.add(ops)
        writer.check_required()
        attributes.note_inferred(self.connection, writer.inferred)

    def delete(self, user_id: str) -> None:
        """Delete a user and what is set to go with them."""
        writer = self.writer()
        writer.delete(cascade_of_user(self.connection, self.catalog, user_id))
        writer.check_required()

    def issue_token(self, user_id: str) -> str:
        """A new refresh token for the user."""
        token, row_id = new_uuid(self.rng), new_uuid(self.rng)
        forward = self.catalog.forward
        hashed = forward["$userRefreshTokens", "hashedToken"]
        self.writer().add(
            [
                Op("add", "$userRefreshTokens", row_id, hashed, token_hash(token)),
                Op("add", "$userRefreshTokens", row_id, forward["$userRefreshTokens", "$user"], user_id),
            ]
        )
        return token

    def revoke_token(self, token: str) -> None:
        """Make one refresh token worthless."""
        row_id = self._find("$userRefreshTokens", "hashedToken", token_hash(token))
        if row_id is not None:
            self.writer().delete([Op("delete", "$userRefreshTokens", row_id)])

    def revoke_all(self, user_id: str) -> None:
        """Make every refresh token of the user worthless."""
        hop = Hop(self.catalog.forward["$userRefreshTokens", "$user"], forward=False)
        rows = entities.linked_ids(self.connection, hop, [user_id])
        self.writer().delete(Op("delete", "$userRefreshTokens", row_id) for row_id in rows)

    def check_extra(self, extra: Json) -> dict[str, Json]:
        """The custom attributes for a new user; unknown names and the system's columns are refused."""
        if extra is None:
            return {}
        if not isinstance(extra, dict):
            raise malformed_param(("body", "extra-fields"), extra)
        bad = []
        for label in extra:
            attr = self.catalog.blob("$users", label)
            if attr is None or attr.system:
                bad.append({"message": f"`{label}` is not a custom attribute of $users"})
        if bad:
            raise invalid_all("extra-fields", extra, bad)
        return extra

    def shown(self, user: Entity, *, token: str | None = None) -> dict[str, Json]:
        """The user as the auth routes answer it."""
        row = self.connection.execute(
            "SELECT created_ms FROM entities WHERE namespace = ? AND id = ?",
            (self.catalog.namespaces["$users"], user["id"]),
        ).fetchone()
        shown = {
            "id": user["id"],
            "app_id": self.app_id,
            "created_at": moment(row[0] if row else self.now_ms),
            "isGuest": user.get("type") == "guest",
        }
        columns = self.catalog.forward
        shown |= {
            label: value
            for label, value in user.items()
            if value is not None or not columns["$users", label].system
        }
        if token is not None:
            shown["refresh_token"] = token
        return shown

    def _find(self, etype: str, label: str, value: str) -> str | None:
        row = self.connection.execute(
            "SELECT id FROM unique_values WHERE attribute = ? AND value = ?",
            (self.catalog.forward[etype, label].key, value),
        ).fetchone()
        return None if row is None else str(row[0])

    def writer(self) -> Writer:
        """For changes of the system's other rows in the same transaction."""
        return Writer(self.connection, self.catalog, self.rng, self.now_ms)


def users_on(backend: Backend, connection: sqlite3.Connection, app_id: str) -> Users:
    """The users of an app, on a connection."""
    return Users(connection, backend.storage.catalog(app_id), app_id, backend.rng, backend.now_ms())


def uuid_param(value: Json, path: tuple[str, ...]) -> str | None:
    """A UUID or nothing. Raises `param-malformed` for anything else."""
    if value is None:
        return None
    found = as_uuid(value)
    if found is None:
        raise malformed_param(path, value)
    return found
