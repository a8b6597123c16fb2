"""The apps in one file: their tokens, their status and their rules documents."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import dataclass, field, replace

from sandbox.instant import attributes
from sandbox.instant.catalog import system_attributes
from sandbox.instant.errors import app_closed
from sandbox.instant.rules import Rules
from sandbox.instant.storage import Storage
from sandbox.instant.values import Json, new_uuid


@dataclass(frozen=True, slots=True)
class App:
    """One app. `status` is "active", "read-only" or "disabled"; `code_minutes` is how long a code lives."""

    id: str
    admin_token: str
    title: str = ""
    status: str = "active"
    code_minutes: int = 1440
    rules: Rules = field(default_factory=lambda: Rules(None))

    def check_readable(self) -> None:
        """Refuse everything when the app is disabled."""
        if self.status == "disabled":
            raise app_closed(self.status)

    def check_writable(self) -> None:
        """Refuse writes unless the app is active."""
        if self.status != "active":
            raise app_closed(self.status)


class Apps:
    """The table of apps, remembered between requests."""

    def __init__(self, storage: Storage, rng: random.Random) -> None:
        self._storage = storage
        self._rng = rng
        self._apps: dict[str, App] = {}

    def ensure(self, title: str, app_id: str | None, admin_token: str | None) -> App:
        """The app of this id, made if it is not there. A token that is given replaces the stored one."""
        wanted = app_id or new_uuid(self._rng)
        with self._storage.writing(wanted) as connection:
            if connection.execute("SELECT 1 FROM apps WHERE id = ?", (wanted,)).fetchone() is None:
                token = admin_token or new_uuid(self._rng)
                connection.execute(
                    "INSERT INTO apps (id, title, admin_token) VALUES (?, ?, ?)", (wanted, title, token)
                )
                attributes.insert(connection, wanted, system_attributes())
            elif admin_token is not None:
                connection.execute("UPDATE apps SET admin_token = ? WHERE id = ?", (admin_token, wanted))
            self._apps.pop(wanted, None)
        self._storage.forget_catalog(wanted)
        found = self.get(wanted)
        if found is None:
            raise LookupError(wanted)
        return found

    def get(self, app_id: str) -> App | None:
        """The app of this id, if there is one."""
        app = self._apps.get(app_id)
        if app is None:
            with self._storage.reading() as connection:
                app = _load(connection, app_id)
            if app is not None:
                self._apps[app_id] = app
        return app

    def has_token(self, token: str) -> bool:
        """Whether any app has this admin token."""
        with self._storage.reading() as connection:
            row = connection.execute("SELECT 1 FROM apps WHERE admin_token = ?", (token,)).fetchone()
        return row is not None

    def set_status(self, app_id: str, status: str) -> None:
        """Open the app, make it read-only or disable it."""
        self._change(app_id, "UPDATE apps SET status = ? WHERE id = ?", status)

    def set_rules(self, app_id: str, code: Json) -> None:
        """Replace the whole rules document."""
        self._change(app_id, "UPDATE apps SET rules = ? WHERE id = ?", json.dumps(code))

    def _change(self, app_id: str, sql: str, value: str) -> None:
        with self._storage.writing(app_id) as connection:
            connection.execute(sql, (value, app_id))
            app = _load(connection, app_id)
        if app is not None:
            self._apps[app_id] = app


def with_rules(app: App, code: Json) -> App:
    """The app as if this were its rules document."""
    return replace(app, rules=Rules(code))


def _load(connection: sqlite3.Connection, app_id: str) -> App | None:
    row = connection.execute(
        "SELECT admin_token, title, status, code_minutes, rules FROM apps WHERE id = ?", (app_id,)
    ).fetchone()
    if row is None:
        return None
    token, title, status, minutes, rules = row
    return App(app_id, token, title, status, minutes, Rules(None if rules is None else json.loads(rules)))
