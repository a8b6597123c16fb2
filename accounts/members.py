"""Who is signed in: one of Instant's `$users`, remembered in Django's session."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

_SESSION_KEY = "member"


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-in member. The refresh token lets the site read Instant as them, under Instant's rules."""

    id: UUID
    email: str
    refresh_token: str = field(repr=False)


def remember(session: SessionBase, member: Member) -> None:
    """Sign `member` in to `session`, under a fresh session key."""
    session.cycle_key()
    session[_SESSION_KEY] = {
        "id": str(member.id),
        "email": member.email,
        "refresh_token": member.refresh_token,
    }


def forget(session: SessionBase) -> None:
    """End the sign-in of `session`, under a fresh session key."""
    session.cycle_key()
    session.pop(_SESSION_KEY, None)


def recall(session: SessionBase) -> Member | None:
    """The member that `session` was signed in with, if any."""
    stored = session.get(_SESSION_KEY)
    if stored is None:
        return None
    return Member(id=UUID(stored["id"]), email=stored["email"], refresh_token=stored["refresh_token"])
