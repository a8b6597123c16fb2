"""Who is signed in: one of Instant's `$users`, remembered in Django's session."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from accounts.emails import readable
from accounts.safe import locked, unlocked
from instant_admin.client.admin import Connection
from instant_admin.client.protocol import text_of
from instant_admin.client.types import Query
from instant_admin.configured import instant
from instant_admin.ledger.allowances import Allowance

# `{"id": …, "email": …, "token": …, "since": …, "place": …}`; of who was signed in last, the id alone.
_SESSION_KEY: Final = "member"


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-in member. The refresh token lets the site read Instant as them, under Instant's rules."""

    id: UUID
    email: str
    refresh_token: str = field(repr=False)

    @property
    def at_instant(self) -> Connection:
        """Instant with the member's own rights: its rules decide what they see and delete."""
        return instant().as_member(self.refresh_token)

    @property
    def allowance(self) -> Allowance | None:
        """How much may be spent for the member in this way. Whoever signs in may spend all there is."""
        return None

    @property
    def shown_email(self) -> str:
        """The email as its owner would write it."""
        return readable(self.email)


def email_of(member_id: UUID) -> str | None:
    """The email of a member; None of who is gone. Raises `InstantError`."""
    wanted: Query = {"where": {"id": str(member_id)}, "fields": ["email"]}
    rows = instant().query({"$users": {"$": wanted}})["$users"]
    return text_of(rows[0], "email") if rows else None


def remember(session: SessionBase, member: Member, *, place: str = "") -> None:
    """Sign `member` in to `session`, under a fresh session key, until it ends. `place` is where they are, in words.

    What the session holds of another member goes; what somebody typed before they signed in stays.
    """
    if session.get(_SESSION_KEY, {}).get("id") not in (None, str(member.id)):
        session.flush()
    session.cycle_key()
    # Counted from here: using the site makes no sign-in longer.
    session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    session[_SESSION_KEY] = {
        "id": str(member.id),
        "email": member.email,
        "token": locked(member.refresh_token),
        "since": int(time.time()),
        "place": place,
    }


def forget(session: SessionBase) -> None:
    """End the sign-in of `session`, under a fresh session key. What is left in it is for the same member only."""
    session.cycle_key()
    session[_SESSION_KEY] = {"id": session[_SESSION_KEY]["id"]}


def recall(session: SessionBase) -> Member | None:
    """The member that `session` was signed in with, if any."""
    stored = session.get(_SESSION_KEY, {})
    if member_id_in(session) is None:
        return None
    token = unlocked(stored["token"])
    if token is None:
        return None
    return Member(id=UUID(stored["id"]), email=stored["email"], refresh_token=token)


def member_id_in(session: Mapping[str, Any] | SessionBase) -> UUID | None:
    """Whose sign-in a session holds."""
    stored = session.get(_SESSION_KEY, {})
    return UUID(stored["id"]) if "token" in stored else None


def where_and_since(session: Mapping[str, Any]) -> tuple[str, int]:
    """Where a session was signed in, in words, and when, in seconds since 1970."""
    stored = session[_SESSION_KEY]
    return stored["place"], stored["since"]
