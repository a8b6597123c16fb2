"""JSON as it travels to and from Instant, with Instant's own spelling."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

# An InstaQL query or result tree: namespaces to options, children and rows. Its shape is the caller's business.
Query: TypeAlias = dict[str, Any]
Tree: TypeAlias = dict[str, list[dict[str, Any]]]
# One transaction step, such as `["create", "notes", "…", {"text": "rain"}]`.
Step: TypeAlias = list[Any]


class User(TypedDict):
    """One of Instant's `$users`; keys that were never set are absent."""

    id: str
    email: NotRequired[str | None]
    type: NotRequired[str]
    isGuest: NotRequired[bool]
    refresh_token: NotRequired[str]
    created_at: NotRequired[str]
    app_id: NotRequired[str]


class SignedIn(TypedDict):
    """What the sign-in routes answer: the user with a refresh token, and whether they are new."""

    user: User
    created: NotRequired[bool]
