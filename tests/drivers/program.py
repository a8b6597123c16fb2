"""A member's program: it has a key, and nothing of a browser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.test import Client

from accounts.keys.making import Scope, make_key
from tests.drivers import openapi


class ProgramClient(Client):
    """Django's test client with a key. It asks for CSRF tokens, as the site does.

    Every answer is as the description for programs says; `seen` has those that it got.
    """

    def __init__(self, token: str, **options: Any) -> None:
        super().__init__(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"}, **options)
        self.seen: set[str] = set()

    def request(self, **request: Any) -> Any:
        """Ask, and check the answer."""
        answer: Any = super().request(**request)
        said = openapi.check(
            request["REQUEST_METHOD"],
            request["PATH_INFO"],
            answer.status_code,
            answer.headers,
            answer.content if not answer.streaming else b"",
        )
        if said is not None:
            self.seen.add(said)
        return answer


def program_of(member_id: UUID, scope: Scope = Scope.SPEND, daily_limit: int | None = None) -> ProgramClient:
    """A program with a new key."""
    return ProgramClient(make_key(member_id, name="a program", scope=scope, daily_limit=daily_limit)[1])
