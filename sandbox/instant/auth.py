"""Sign-in: magic codes, refresh tokens, guests, sign-out, and the users behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sandbox.instant.apps import App
from sandbox.instant.attributes import path
from sandbox.instant.entities import Entity
from sandbox.instant.errors import expired, invalid, malformed_param, missing_param, not_found, rate_limited
from sandbox.instant.limits import PER_HOUR_20
from sandbox.instant.steps import Op
from sandbox.instant.transact import Backend
from sandbox.instant.users import Users, email_of, users_on, uuid_param
from sandbox.instant.values import Json, new_uuid

Mailer = Callable[[str, str], None]

CODE_LENGTH: Final = 6
# The real generator never draws a nine.
_CODE_DIGITS: Final = "012345678"
_IDENTITY: Final = ("email", "id", "refresh_token")


@dataclass(frozen=True, slots=True)
class Auth:
    """The auth routes of one app. Bodies come in as parsed JSON, answers go out the same way."""

    backend: Backend
    app: App
    mailer: Mailer

    def magic_code(self, body: Json, *, send: bool) -> Json:
        """Make a code; with `send` mail it too, at most twenty times an hour."""
        email = _email(body)
        if send:
            self._limit("send", email)
        code = "".join(self.backend.rng.choice(_CODE_DIGITS) for _ in range(CODE_LENGTH))
        with self._writing() as users:
            row_id = new_uuid(users.rng)
            values = {"codeHash": _hash(code), "email": email}
            forward = users.catalog.forward
            users.writer().add(
                Op("add", "$magicCodes", row_id, forward["$magicCodes", k], v) for k, v in values.items()
            )
        if send:
            self.mailer(email, code)
        return {"code": code}

    def verify_magic_code(self, body: Json) -> Json:
        """Exchange a code for a user and a refresh token. A code works once."""
        email, code = _email(body), _field(body, "code")
        if not isinstance(code, str):
            raise malformed_param(("body", "code"), code)
        guest_token = uuid_param(body.get("refresh-token"), ("body", "refresh-token"))
        self._limit("verify", email)
        with self._writing() as users:
            self._use_code(users, email, code.strip())
            user = users.by_email(email)
            created = user is None
            if created:
                extra = users.check_extra(body.get("extra-fields"))
            guest = self._guest(users, guest_token)
            if user is None:
                if guest is None:
                    user = users.create(email=email, kind="user", extra=extra)
                else:
                    users.set(guest["id"], {"email": email, "type": "user", **extra})
                    user = users.by_id(guest["id"]) or {}
            elif guest is not None:
                users.set(guest["id"], {"linkedPrimaryUser": user["id"]})
            token = users.issue_token(user["id"])
            return {"user": users.shown(user, token=token), "created": created}

    def refresh_token(self, body: Json) -> Json:
        """A refresh token for the user of an email or id, who is made if need be."""
        email = None if body.get("email") is None else _email(body)
        user_id = uuid_param(body.get("id"), ("body", "id"))
        if email is None and user_id is None:
            raise invalid("body", body, "Please provide an `email` or `id`")
        with self._writing() as users:
            user = users.by_email(email) if email else users.by_id(user_id or "")
            created = user is None
            if user is None:
                extra = users.check_extra(body.get("extra-fields"))
                user = users.create(email=email, kind=None, user_id=user_id, extra=extra)
            token = users.issue_token(user["id"])
            return {"user": users.shown(user, token=token), "created": created}

    def sign_in_guest(self, body: Json) -> Json:
        """A new user without an email."""
        with self._writing() as users:
            extra = users.check_extra(body.get("extra-fields"))
            user = users.create(email=None, kind="guest", extra=extra)
            return {"user": users.shown(user, token=users.issue_token(user["id"]))}

    def sign_out(self, body: Json) -> Json:
        """End one session, or all of one user's."""
        with self._writing() as users:
            if body.get("email") is not None:
                email = _email(body)
                user = users.by_email(email)
                if user is None:
                    raise not_found("app-user", {"app-id": self.app.id, "email": email})
                users.revoke_all(user["id"])
            elif body.get("id") is not None:
                users.revoke_all(uuid_param(body["id"], ("body", "id")) or "")
            elif body.get("refresh_token") is not None:
                users.revoke_token(uuid_param(body["refresh_token"], ("body", "refresh_token")) or "")
            else:
                raise invalid("body", body, "Please provide an `email`, `id`, or `refresh_token`")
        return {"ok": True}

    def verify_refresh_token(self, token: str) -> Json:
        """The user of a token that still works."""
        with self._reading() as users:
            user = users.by_token(token)
            if user is None:
                raise not_found("app-user", {"app-id": self.app.id, "refresh-token": token})
            return {"user": users.shown(user, token=token)}

    def get_user(self, params: Mapping[str, str]) -> Json:
        """The user whom the parameters name, or null."""
        with self._reading() as users:
            user = self._named(users, params)
            return {"user": None if user is None else users.shown(user)}

    def delete_user(self, params: Mapping[str, str]) -> Json:
        """Delete the user whom the parameters name."""
        with self._writing() as users:
            user = self._named(users, params)
            if user is None:
                return {"deleted": None}
            shown = users.shown(user)
            users.delete(user["id"])
            return {"deleted": shown}

    def _named(self, users: Users, params: Mapping[str, str]) -> Entity | None:
        if params.get("email"):
            return users.by_email(email_of(params["email"], ("params", "email")))
        if params.get("id"):
            return users.by_id(uuid_param(params["id"], ("params", "id")) or "")
        if params.get("refresh_token"):
            token = uuid_param(params["refresh_token"], ("params", "refresh_token"))
            return users.by_token(token or "")
        raise invalid("params", dict(params), f"Please provide one of {', '.join(_IDENTITY)}")

    def _use_code(self, users: Users, email: str, code: str) -> None:
        """Burn the code. Raises when it is wrong, used, another's (`record-not-found`) or too old."""
        catalog = users.catalog
        args = {"email": email, "code": code, "app-id": self.app.id}
        row = users.connection.execute(
            "SELECT e.id, e.created_ms FROM indexed_values v CROSS JOIN entities e"
            " ON e.namespace = :namespace AND e.id = v.id"
            " WHERE v.attribute = :hashes AND v.value = :hash AND json_extract(e.body, :path) = :email"
            " ORDER BY e.created_ms DESC",
            {
                "namespace": catalog.namespaces["$magicCodes"],
                "hashes": catalog.forward["$magicCodes", "codeHash"].key,
                "hash": _hash(code),
                "path": path("email"),
                "email": email,
            },
        ).fetchone()
        if row is None:
            raise not_found("app-user-magic-code", args)
        if users.now_ms - row[1] > self.app.code_minutes * 60_000:
            raise expired("app-user-magic-code", args)
        users.writer().delete([Op("delete", "$magicCodes", row[0])])

    def _guest(self, users: Users, token: str | None) -> Entity | None:
        user = None if token is None else users.by_token(token)
        return user if user is not None and user.get("type") == "guest" else None

    def _limit(self, what: str, email: str) -> None:
        key = (what, self.app.id, email)
        if self.backend.limiter.take(key, PER_HOUR_20, now=self.backend.clock()) is not None:
            raise rate_limited()

    @contextmanager
    def _reading(self) -> Iterator[Users]:
        with self.backend.storage.reading() as connection:
            yield users_on(self.backend, connection, self.app.id)

    @contextmanager
    def _writing(self) -> Iterator[Users]:
        self.app.check_writable()
        with self.backend.storage.writing(self.app.id) as connection:
            yield users_on(self.backend, connection, self.app.id)


def _email(body: Json) -> str:
    return email_of(_field(body, "email"), ("body", "email"))


def _field(body: Json, name: str) -> Json:
    if body.get(name) is None:
        raise missing_param("body", name)
    return body[name]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
