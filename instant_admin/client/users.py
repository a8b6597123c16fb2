"""Signing people in and out, and who there is: the part of the client about `$users`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from instant_admin.client import protocol
from instant_admin.client.protocol import Call
from instant_admin.client.transport import Transport
from instant_admin.client.types import SignedIn, User


class Users:
    """A part of `InstantAdmin`. Source: the `/admin/magic_code` family of routes, and `/admin/users`."""

    _transport: Transport

    def magic_code(self, email: str) -> str:
        """A new six-digit sign-in code, valid for a day and once. Nothing is mailed."""
        answer = self._transport.send(Call("POST", "/admin/magic_code", {"email": email}))
        code = answer.get("code")
        if not isinstance(code, str):
            raise protocol.nonsense("a sign-in code that is no text")
        return code

    def verify_magic_code(self, email: str, code: str) -> SignedIn:
        """Trade a code for a user with a `refresh_token`, making the user if new.

        Raises `InstantRejected` with type `record-not-found` for a wrong or used code, `record-expired` for an old
        one, and `InstantBusy` after 20 tries in an hour.
        """
        return self._signed_in("/admin/verify_magic_code", {"email": email, "code": code})

    def create_token(self, *, email: str, extra: Mapping[str, Any] | None = None) -> SignedIn:
        """A refresh token without a code; **makes the user if there is none**, with `extra` attributes of the app."""
        return self._signed_in(
            "/admin/refresh_tokens", {"email": email} | ({"extra-fields": dict(extra)} if extra else {})
        )

    def find_user(self, *, email: str) -> User | None:
        """The user of an email as Instant stores it, or None.

        Raises `InstantRejected` with type `param-malformed` for an address that nobody can sign in with.
        """
        call = Call("GET", "/admin/users", params={"email": email}, effect="none")
        return cast("User | None", self._transport.send(call).get("user"))

    def sign_out(self, refresh_token: str) -> None:
        """Revoke one refresh token; an unknown one is no error."""
        self._transport.send(Call("POST", "/admin/sign_out", {"refresh_token": refresh_token}, effect="same"))

    def sign_out_user(self, user_id: UUID) -> None:
        """Revoke every refresh token of a user; an unknown one is no error."""
        self._transport.send(Call("POST", "/admin/sign_out", {"id": str(user_id)}, effect="same"))

    def delete_user(self, *, email: str | None = None, user_id: UUID | None = None) -> User | None:
        """Delete a user, by either, with everything that cascades from them; return who it was."""
        params = {"email": email} if email is not None else {"id": str(user_id)}
        call = Call("DELETE", "/admin/users", params=params, effect="same")
        return cast("User | None", self._transport.send(call).get("deleted"))

    def _signed_in(self, path: str, body: dict[str, Any]) -> SignedIn:
        answer = self._transport.send(Call("POST", path, body))
        user = answer.get("user")
        if not isinstance(user, dict) or not isinstance(user.get("refresh_token"), str):
            raise protocol.nonsense("a sign-in without a user and a token")
        protocol.uuid_of(user.get("id"))
        return cast(SignedIn, answer)
