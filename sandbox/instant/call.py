"""One request, read the way Instant reads it: whose app, whose token, on whose behalf, which body."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from sandbox.instant.access import Access, Caller
from sandbox.instant.apps import App, Apps
from sandbox.instant.entities import Entity
from sandbox.instant.errors import ApiError, invalid, malformed_param, missing_param, not_found
from sandbox.instant.transact import Backend
from sandbox.instant.users import Users, users_on
from sandbox.instant.values import Json, as_uuid, parse_body
from sandbox.serving import Request


class NotJson(Exception):
    """The body is not JSON. Instant answers this one in plain text."""


@dataclass
class Call:
    """A request together with what is needed to answer it. `args` are the parts of the path."""

    request: Request
    apps: Apps
    backend: Backend
    args: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def body(self) -> Json:
        """The body as an object; empty when there is none or when it does not say that it is JSON."""
        if "application/json" not in self.request.headers.get("content-type", ""):
            return {}
        try:
            parsed = parse_body(self.request.body) if self.request.body else {}
        except ValueError as exc:
            raise NotJson from exc
        return parsed if isinstance(parsed, dict) else {}

    @cached_property
    def params(self) -> dict[str, str]:
        """The query string."""
        return dict(parse_qsl(self.request.query))

    def field(self, name: str, kind: type) -> Any:
        """A part of the body that must be there and of this kind."""
        value = self.body.get(name)
        if value is None:
            raise missing_param("body", name)
        if not isinstance(value, kind):
            raise malformed_param(("body", name), value)
        return value

    def app_id(self) -> str:
        """The app that the request names, known or not."""
        given = self.request.headers.get("app-id") or self.params.get("app_id")
        header, parameter = ["headers", "app-id"], ["query-params", "app_id"]
        if not given:
            raise missing_param(*header, **{"possible-ins": [parameter]})
        app_id = as_uuid(given)
        if app_id is None:
            raise malformed_param(header, given, **{"possible-ins": [header, parameter]})
        return app_id

    def admin_app(self) -> App:
        """The app, for a request that bears its admin token."""
        app_id, token = self.app_id(), self._bearer_uuid()
        app = self.apps.get(app_id)
        if app is None or not hmac.compare_digest(app.admin_token, token):
            raise not_found("app-admin-token", {"app-id": app_id, "token": token})
        app.check_readable()
        return app

    def path_app(self) -> App:
        """The app whose id is in the path, for a request that bears its admin token."""
        app_id = as_uuid(self.args["app_id"])
        if app_id is None:
            raise malformed_param(("params", "app_id"), self.args["app_id"])
        token = self._bearer_uuid()
        app = self.apps.get(app_id)
        if app is not None and hmac.compare_digest(app.admin_token, token):
            return app
        if self.apps.has_token(token):
            message = "This admin token belongs to another app"
            error = invalid("params", {"app-id": app_id}, message)
            raise ApiError(error.kind, message, {**(error.hint or {}), "reason": "admin-token-mismatch"})
        raise not_found("instant-user", {"refresh-token": token}, status=401)

    def caller(self) -> Caller:
        """On whose behalf the request runs. Tokens of end users and guests need no admin token."""
        headers = self.request.headers
        if "as-token" in headers:
            app = self._public_app()
            return self._as(app, self._user_of_token(app, headers["as-token"]))
        if "as-email" in headers:
            app = self.admin_app()
            return self._as(app, self._user_of_email(app, headers["as-email"]))
        if "as-guest" in headers:
            return self._as(self._public_app(), None)
        return self._as(self.admin_app(), None, admin=True)

    def access(self, connection: Any, caller: Caller) -> Access:
        """The rules of the caller's app, on a connection."""
        backend = self.backend
        catalog = backend.storage.catalog(caller.app.id)
        return Access(connection, catalog, caller, limiter=backend.limiter, now=backend.clock())

    def _as(self, app: App, user_id: str | None, *, admin: bool = False) -> Caller:
        headers = self.request.headers
        address = headers.get("x-forwarded-for", "127.0.0.1").split(",")[0].strip()
        return Caller(app, admin, user_id, ip=address, origin=headers.get("origin"), show_errors=admin)

    def _public_app(self) -> App:
        app_id = self.app_id()
        app = self.apps.get(app_id)
        if app is None:
            raise not_found("app", {"app-id": app_id})
        app.check_readable()
        return app

    def _user_of_token(self, app: App, given: str) -> str:
        token = as_uuid(given)
        if token is None:
            raise malformed_param(("asUser", "token"), given)
        return self._user_id(app, lambda users: users.by_token(token), {"refresh-token": token})

    def _user_of_email(self, app: App, email: str) -> str:
        return self._user_id(app, lambda users: users.by_email(email), {"email": email})

    def _user_id(self, app: App, find: Callable[[Users], Entity | None], asked: dict[str, str]) -> str:
        with self.backend.storage.reading() as connection:
            user = find(users_on(self.backend, connection, app.id))
        if user is None:
            raise not_found("app-user", {"app-id": app.id, **asked})
        return str(user["id"])

    def _bearer_uuid(self) -> str:
        given = self.request.headers.get("authorization", "")
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise missing_param("headers", "authorization")
        found = as_uuid(token.strip())
        if found is None:
            raise malformed_param(("headers", "authorization"), given)
        return found
