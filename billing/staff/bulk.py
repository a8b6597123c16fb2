"""Credits for many members at once: first what would be done, then some at a time until all have theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.emails import as_stored
from billing.staff.credits import Action, move_credits
from billing.staff.search import FoundMember, members_called
from credits_site.outages import OUTAGES, outage_message
from instant_admin.configured import balance_store
from instant_admin.ledger.rules import Entry

# So many in one answer: a browser waits for it.
AT_ONCE: Final = 50
_KEYS_AT_ONCE: Final = 100


class State(StrEnum):
    """What became of a line."""

    DONE = "done"
    WAITS = "waits"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list and what is said of it; `entry` is what gave it."""

    name: str
    state: State
    text: str
    member: FoundMember | None = None
    entry: Entry | None = None


def grant_to_many(
    names: Sequence[str], *, credits: int, reason: str, staff_name: str, cause: UUID, dry_run: bool
) -> list[Line]:
    """A result for each of `names`, emails or ids of members. Gives to `AT_ONCE` of them at most.

    Each member has a key of their own under `cause`. So the same list again goes on where it stopped, and who stands
    in it twice gets the credits once. It stops at the first outage. Raises what reading from Instant raises.
    """
    members = members_called(names)
    keys = {member.id: f"{cause}:{member.id}" for member in members.values()}
    there = _written([f"grant:{key}" for key in keys.values()])
    lines: list[Line] = []
    seen: set[UUID] = set()
    left = 0 if dry_run else AT_ONCE
    for name in names:
        member = members.get(as_stored(name))
        if member is None or member.id in seen:
            text = _("There is no such member.") if member is None else _("Stands in the list already.")
            lines.append(Line(name, State.WRONG, text))
            continue
        seen.add(member.id)
        before = there.get(f"grant:{keys[member.id]}")
        if before is not None:
            lines.append(_done(name, member, before, credits))
        elif left:
            left -= 1
            lines.append(_give(name, member, credits, reason, staff_name, keys[member.id]))
            left = left if lines[-1].state is State.DONE else 0
        else:
            after = member.credits + credits
            text = _("Has %(has)s and will have %(after)s.") % {"has": member.credits, "after": after}
            lines.append(Line(name, State.WAITS, text, member))
    return lines


def _give(name: str, member: FoundMember, credits: int, reason: str, staff_name: str, cause: str) -> Line:
    try:
        entry = move_credits(
            Action.GRANT,
            member_id=member.id,
            credits=credits,
            reason=reason,
            staff_name=staff_name,
            cause=cause,
        )
    except OUTAGES as exc:
        return Line(name, State.WAITS, outage_message(exc, writing=True), member)
    return _done(name, member, entry, credits)


def _done(name: str, member: FoundMember, entry: Entry, credits: int) -> Line:
    if entry.amount != credits:
        text = _("Was given %(given)s with this list before. Begin a new list to give more.")
        text %= {"given": entry.amount}
        return Line(name, State.WRONG, text, member)
    had = entry.balance - entry.amount
    text = _("Had %(had)s and has %(has)s.") % {"had": had, "has": entry.balance}
    return Line(name, State.DONE, text, member, entry)


def _written(keys: Sequence[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        found |= balance_store().entries(keys[start : start + _KEYS_AT_ONCE])
    return found
