"""Keys for a member's programs: made, listed, revoked. The key itself is told once, and nobody can read it again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver

from accounts.models import ApiKey
from accounts.signals import member_deleted

# By this, people and programs that look for secrets in the wrong places know one of ours.
PREFIX: Final = "ic_"
_BYTES: Final = 32
# Characters of a key that the list shows.
_SHOWN: Final = len(PREFIX) + 6


class Scope(StrEnum):
    """What a program with a key may do. Who may spend may read, too."""

    READ = "read"
    SPEND = "spend"

    def allows(self, needed: Scope) -> bool:
        """Whether it is enough for what needs `needed`."""
        return self is Scope.SPEND or needed is Scope.READ


class TooManyKeys(Exception):
    """The member has as many as `KEYS_PER_MEMBER` allows."""


def make_key(member_id: UUID, *, name: str, scope: Scope, daily_limit: int | None) -> tuple[ApiKey, str]:
    """A new key and the token that it is used by. `daily_limit` is in credits. Raises `TooManyKeys`."""
    token = PREFIX + secrets.token_urlsafe(_BYTES)
    with transaction.atomic():
        if len(ApiKey.objects.select_for_update().filter(member_id=member_id)) >= settings.KEYS_PER_MEMBER:
            raise TooManyKeys(member_id)
        key = ApiKey.objects.create(
            member_id=member_id,
            token=token,
            beginning=token[:_SHOWN],
            name=name,
            scope=scope,
            daily_limit=daily_limit,
        )
    return key, token


def keys_of(member_id: UUID) -> Sequence[ApiKey]:
    """The member's keys, newest first."""
    return list(ApiKey.objects.filter(member_id=member_id).order_by("-made_at"))


def key_as_json(key: ApiKey) -> dict[str, Any]:
    """A key without its secret. Times are UTC, in ISO 8601."""
    return {
        "id": str(key.pk),
        "name": key.name,
        "beginning": key.beginning,
        "scope": key.scope,
        "dailyLimit": key.daily_limit,
        "madeAt": key.made_at.isoformat(),
        "usedAt": key.used_at and key.used_at.isoformat(),
    }


def revoke(member_id: UUID, key_id: UUID) -> bool:
    """End one of the member's own keys at once; false when there is none."""
    return bool(ApiKey.objects.filter(member_id=member_id, pk=key_id).delete()[0])


def revoke_all(member_id: UUID) -> None:
    """End all of a member's keys at once."""
    ApiKey.objects.filter(member_id=member_id).delete()


@receiver(member_deleted)
def _forget(*, member_id: UUID, **kwargs: Any) -> None:
    revoke_all(member_id)
