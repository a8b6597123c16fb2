"""Signing people in and out, and who there is: the part of the client about `$users`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from instant_admin.client import protocol
from instant_admin.client.protocol import Call, Identity
from instant_admin.client.transport import Transport
from instant_admin.client.types import SignedIn, User

# What a new user gets besides an email, by name of a custom attribute of `$users`. No rule looks at it: never
# pass on what came from a browser.
ExtraFields = Mapping[str, Any]


class People:
    """A part of `InstantAdmin`. Source: the `/admin/magic_code` family of routes, and `/admin/users`."""

    app_id: str
    _transport: Transport

    def magic_code(self, email: str) -> str:
        """A new six-digit sign-in code, valid for a day and once. Nothing is mailed."""
        answer = self._transport.send(Call("POST", "/admin/magic_code", {"email": email}))
        code = answer.get("code")
        if not isinstance(code, str):
            raise protocol.nonsense("a sign-in code that is no text")
        return code

    def send_magic_code(self, email: str) -> None:
        """Have Instant mail a sign-in code itself."""
        self._transport.send(Call("POST", "/admin/send_magic_code", {"email": email}))

    def verify_magic_code(
        self,
        email: str,
        code: str,
        *,
        extra_fields: ExtraFields | None = None,
        guest_token: str | None = None,
    ) -> SignedIn:
        """Trade a code for a user with a `refresh_token`, making the user if new.

        A guest whose refresh token is `guest_token` becomes that user, or is linked to them if they exist.
        `extra_fields` only count for a new user. Raises `InstantRejected` with type `record-not-found` for a
        wrong or used code, `record-expired` for an old one, and `InstantBusy` after 20 tries in an hour.
        """
        body = _without_none(
            {"email": email, "code": code, "refresh-token": guest_token, "extra-fields": _dict(extra_fields)}
        )
        return self._signed_in("/admin/verify_magic_code", body)

    def create_token(
        self,
        *,
        email: str | None = None,
        user_id: UUID | None = None,
        extra_fields: ExtraFields | None = None,
    ) -> SignedIn:
        """A refresh token without a code; **makes the user if there is none**.

        With both, the user is sought by `email`, and gets `user_id` if new.
        """
        body = {"email": email, "id": str(user_id) if user_id else None, "extra-fields": _dict(extra_fields)}
        return self._signed_in("/admin/refresh_tokens", _without_none(body))

    def sign_in_guest(self, *, extra_fields: ExtraFields | None = None) -> SignedIn:
        """A new guest with a refresh token."""
        return self._signed_in("/admin/sign_in_guest", _without_none({"extra-fields": _dict(extra_fields)}))

    def verify_refresh_token(self, refresh_token: str) -> User:
        """Whose refresh token this is; raises `MemberTokenRefused` when it is used up.

        Source: `POST /runtime/auth/verify_refresh_token`.
        """
        body = {"app-id": self.app_id, "refresh-token": refresh_token}
        identity = Identity(needs_admin_token=False, is_member_token=True)
        call = Call("POST", "/runtime/auth/verify_refresh_token", body, identity=identity, effect="none")
        return _signed_in_user(self._transport.send(call))

    def sign_out(self, refresh_token: str) -> None:
        """Revoke one refresh token; an unknown one is no error."""
        self._transport.send(Call("POST", "/admin/sign_out", {"refresh_token": refresh_token}, effect="same"))

    def sign_out_everywhere(self, user_id: UUID) -> None:
        """Revoke all refresh tokens of a user; an unknown user is no error."""
        self._transport.send(Call("POST", "/admin/sign_out", {"id": str(user_id)}, effect="same"))

    def user(
        self, *, email: str | None = None, user_id: UUID | None = None, refresh_token: str | None = None
    ) -> User | None:
        """One user by email, id or refresh token, or None."""
        answer = self._transport.send(
            Call("GET", "/admin/users", params=_user_params(email, user_id, refresh_token), effect="none")
        )
        return cast("User | None", answer.get("user"))

    def delete_user(self, *, email: str | None = None, user_id: UUID | None = None) -> User | None:
        """Delete a user with everything that cascades from them, and return who it was."""
        answer = self._transport.send(
            Call("DELETE", "/admin/users", params=_user_params(email, user_id, None), effect="same")
        )
        return cast("User | None", answer.get("deleted"))

    def _signed_in(self, path: str, body: dict[str, Any]) -> SignedIn:
        answer = self._transport.send(Call("POST", path, body))
        _signed_in_user(answer)
        return cast(SignedIn, answer)


def _signed_in_user(answer: Mapping[str, Any]) -> User:
    user = answer.get("user")
    if not isinstance(user, dict) or not isinstance(user.get("refresh_token"), str):
        raise protocol.nonsense("a sign-in without a user and a token")
    protocol.uuid_of(user.get("id"))
    return cast(User, user)


def _user_params(email: str | None, user_id: UUID | None, refresh_token: str | None) -> dict[str, str]:
    return _without_none(
        {"email": email, "id": str(user_id) if user_id else None, "refresh_token": refresh_token}
    )


def _dict(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(values)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
