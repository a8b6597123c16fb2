"""A member's program: it has a key, and nothing of a browser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.test import Client

from accounts.keys.making import Scope, make_key


class ProgramClient(Client):
    """Django's test client with a key. It asks for CSRF tokens, as the site does."""

    def __init__(self, token: str, **options: Any) -> None:
        super().__init__(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"}, **options)


def program_of(member_id: UUID, scope: Scope = Scope.SPEND, daily_limit: int | None = None) -> ProgramClient:
    """A program with a new key."""
    return ProgramClient(make_key(member_id, name="a program", scope=scope, daily_limit=daily_limit)[1])
