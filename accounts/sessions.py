"""Django's sessions in the database, with a hash of the cookie and with whose sign-in it is (`SESSION_ENGINE`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.utils import timezone

from accounts.members import member_id_in, where_and_since
from accounts.models import Session


class SessionStore(db.SessionStore):
    """Also tells which sessions are a member's. What is as it was found is not written."""

    _found: bytes | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row for `data`."""
        row = cast(Session, super().create_model_instance(data))
        row.member_id = member_id_in(data)
        return row

    def load(self) -> dict[str, Any]:
        """What the row holds."""
        data: dict[str, Any] = super().load()
        self._found = self.serializer().dumps(data)
        return data

    def save(self, must_create: bool = False) -> None:
        """Write the row, if need be, and an old one in one statement where Django has a transaction of three.

        Raises `UpdateError` when it is gone: somebody has signed out elsewhere.
        """
        if must_create or self.session_key is None:
            self._found = None
            super().save(must_create)
            return
        data = self._get_session()  # type: ignore[attr-defined]
        wanted = self.serializer().dumps(data)
        if wanted == self._found:
            return
        row = self.create_model_instance(data)
        written = {
            "session_data": row.session_data,
            "expire_date": row.expire_date,
            "member_id": row.member_id,
        }
        if not Session.objects.filter(pk=row.pk).update(**written):
            raise UpdateError
        self._found = wanted


@dataclass(frozen=True, slots=True)
class MemberSession:
    """A session in which somebody is signed in, for its owner to look at."""

    place: str
    since: datetime
    is_here: bool


def sessions_of(member_id: UUID, *, here: str | None) -> Sequence[MemberSession]:
    """The member's sessions, newest first; `here` is the key of the one that asks."""
    rows = Session.objects.filter(member_id=member_id, expire_date__gt=timezone.now())
    is_here = set(rows.filter(session_key=here).values_list("pk", flat=True))
    found = []
    for row in rows:
        place, since = where_and_since(row.get_decoded())
        found.append(MemberSession(place, datetime.fromtimestamp(since, tz=UTC), row.pk in is_here))
    return sorted(found, key=lambda session: session.since, reverse=True)


def ended(sign_ins: Collection[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """Which of these, each a session's key and its member, are over: signed out, expired, or somebody else's now.

    One query, unless they are more than the database takes at once.
    """
    unexpired = Session.objects.filter(expire_date__gt=timezone.now()).only("member_id")
    found = unexpired.in_bulk({key for key, _ in sign_ins})
    still = {(row.pk, row.member_id) for row in found.values()}
    stored = Session._meta.get_field("session_key").get_prep_value
    return {(key, member_id) for key, member_id in sign_ins if (stored(key), member_id) not in still}


def end_sessions_about(member_id: UUID, email: str) -> None:
    """End the member's sessions, those they were signed in with before, and those that wait for a code to `email`."""
    end_sessions_of(member_id)
    # Nothing but its text says whom a session is about in which nobody is signed in.
    for row in Session.objects.filter(member_id=None).iterator():
        if {str(member_id), email or None} & set(_texts_in(row.get_decoded())):
            row.delete()


def _texts_in(value: object) -> Iterator[str]:
    """Every text in what a session holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_in(each)


def end_sessions_of(member_id: UUID) -> None:
    """Sign the member out wherever they are."""
    Session.objects.filter(member_id=member_id).delete()
