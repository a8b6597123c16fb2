"""A program that asks with a member's key: whose it is, and which views it may use.

Only views that are opened with `@for_programs` answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, TypeVar

from django.utils import timezone

from accounts.keys.making import Scope
from accounts.members import Member, email_of
from accounts.models import ApiKey
from instant_admin.client.admin import Connection
from instant_admin.client.errors import MemberTokenRefused, Refusal
from instant_admin.configured import instant
from instant_admin.ledger.allowances import Allowance

# How exact "last used" is: a key in use is written no more often.
USED_EVERY: Final = timedelta(minutes=1)

V = TypeVar("V", bound=Callable[..., Any])
_open_to: dict[Callable[..., Any], Scope] = {}


class UnknownKey(Exception):
    """No key has this token: it is mistyped, revoked, or its member is gone."""


@dataclass(frozen=True)
class Program(Member):
    """A member, by a program of theirs: nobody has signed in, so there is neither an email nor a refresh token."""

    key: ApiKey

    @property
    def allowance(self) -> Allowance | None:
        """What the key may spend in a day, if its member set a limit."""
        most = self.key.daily_limit
        return None if most is None else Allowance(f"key:{self.key.pk}", most=most)

    @cached_property
    def at_instant(self) -> Connection:
        """As for the member: Instant's rules decide what they see, under the email that they have now."""
        email = email_of(self.id)
        if email is None:
            raise MemberTokenRefused(Refusal(status=400, type="record-not-found", record_type="app-user"))
        return instant().as_email(email)


def for_programs(scope: Scope) -> Callable[[V], V]:
    """Let programs use a view whose key has this scope. The outermost decorator: it knows a view by itself."""

    def opened(view: V) -> V:
        _open_to[view] = scope
        return view

    return opened


def needed_for(view: Callable[..., Any]) -> Scope | None:
    """The scope that a key needs for this view; None for one that is closed to all keys."""
    return _open_to.get(view)


def may_use(program: Program, view: Callable[..., Any]) -> bool:
    """Whether the program's key is good for this view."""
    needed = needed_for(view)
    return needed is not None and Scope(program.key.scope).allows(needed)


def program_with(token: str) -> Program:
    """Whose program brings this token; notes that its key is in use. Raises `UnknownKey`."""
    key = ApiKey.objects.filter(token=token).first()
    if key is None:
        raise UnknownKey("no such key")
    now = timezone.now()
    if key.used_at is None or key.used_at < now - USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(used_at=now)
    return Program(id=key.member_id, email="", refresh_token="", key=key)
