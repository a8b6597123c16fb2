"""A haiku that was just deleted, as the page keeps it: for some seconds its member can have it back.

Nothing of it stays on the server. It is sealed for its member, so nobody can bring in a poem that none was paid for.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core import signing

from accounts.members import Member
from haikus.errors import TooLate
from haikus.store import Haiku
from instant_admin.client.times import from_epoch_ms

UNDO_S: Final = 10
# A press at the last moment takes its time to arrive.
_ON_THE_WAY_S: Final = 5
_SALT: Final = "haikus.undo"


def sealed(member: Member, haiku: Haiku) -> str:
    """The haiku as text, to be given back within `UNDO_S` seconds."""
    return signing.dumps(
        [str(member.id), str(haiku.id), haiku.topic, haiku.content, haiku.created_at_ms],
        salt=_SALT,
        compress=True,
    )


def opened(member: Member, text: str) -> Haiku:
    """The haiku in what `sealed` made for the same member. Raises `TooLate`, for whatever else it is too."""
    try:
        owner, haiku_id, topic, content, created_at_ms = signing.loads(
            text, salt=_SALT, max_age=UNDO_S + _ON_THE_WAY_S
        )
    except signing.BadSignature as exc:
        raise TooLate("too old, or not ours") from exc
    if owner != str(member.id):
        raise TooLate("another member's")
    return Haiku(id=UUID(haiku_id), topic=topic, content=content, created_at=from_epoch_ms(created_at_ms))
