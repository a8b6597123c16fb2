"""What the site has of a member, in whatever service. Each app registers its own: how it is downloaded, how it goes.

What is in this site's own database goes when `member_deleted` is sent.

register(Holding(name="orders", export=orders_of, erase=delete_orders))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.keys.making import key_as_json, keys_of
from accounts.mails.wishes import wanted_by
from accounts.members import Member
from accounts.sessions import sessions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One kind of data. `export` gives it as JSON, read with the member's own rights.

    `erase` is called with the member's id before the account is gone, and once more after, for what came meanwhile:
    it may find nothing.
    """

    name: str
    export: Callable[[Member], Any]
    erase: Callable[[UUID], None]


_holdings: dict[str, Holding] = {}


def register(holding: Holding) -> None:
    """Have `holding` in every download and every deletion."""
    _holdings[holding.name] = holding


def holdings() -> tuple[Holding, ...]:
    """All that were registered."""
    return tuple(_holdings.values())


def everything_of(member: Member, *, session_key: str | None) -> dict[str, Any]:
    """All that the site has of a member, as JSON. Times are UTC, in ISO 8601."""
    sessions = sessions_of(member.id, here=session_key)
    return {
        "account": {"id": str(member.id), "email": member.email},
        "sessions": [{"place": each.place, "since": each.since.isoformat()} for each in sessions],
        "keys": [key_as_json(key) for key in keys_of(member.id)],
        "mails": wanted_by(member.id),
        **{holding.name: holding.export(member) for holding in holdings()},
    }
