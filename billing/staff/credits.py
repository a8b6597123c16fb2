"""What staff do with balances: give, take, set a number, and give a spend back. Each is an entry with who and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from billing.errors import RequestIdReused, UnknownMember
from billing.products import credits_text
from instant_admin.configured import balance_store
from instant_admin.ledger.entries import NoSuchAccount
from instant_admin.ledger.movements import Grant, Reset, Take, undo_of
from instant_admin.ledger.rules import Entry, KeyReused, Kind, Movement, NoSpend


class Action(StrEnum):
    """What staff may do with a balance; each has a permission of its own."""

    GRANT = "grant"
    TAKE = "take"
    RESET = "reset"


_MOVEMENTS: Final[dict[Action, type[Grant | Take | Reset]]] = {
    Action.GRANT: Grant,
    Action.TAKE: Take,
    Action.RESET: Reset,
}


def move_credits(
    action: Action,
    *,
    member_id: UUID,
    credits: int,
    reason: str,
    staff_name: str,
    cause: object,
    seen: int | None = None,
) -> Entry:
    """Do it, once for a `cause`, such as the id of a form, however often it is asked for.

    With `seen`, only while that is the balance. Raises `UnknownMember`, `RequestIdReused` when the cause has done
    something else, `BalanceMoved`, `OutOfCredits` when there is less to take, and what `BalanceStore.post` raises.
    """
    movement = _MOVEMENTS[action](
        key=_key(action, cause), credits=credits, note=reason, actor=staff_name, seen=seen
    )
    return _post(member_id, movement)


def foresee(action: Action, balance: int, credits: int) -> int:
    """The balance that an action would leave. Raises `OutOfCredits`."""
    return balance + _MOVEMENTS[action](key="", credits=credits).change_of(balance)


def recorded(action: Action, member_id: UUID, cause: object) -> Entry | None:
    """What a cause has done to a member already, as when the answer was lost; None for nothing."""
    entry = entry_under(_key(action, cause))
    return entry if entry is not None and entry.account_id == member_id else None


def entry_under(key: str) -> Entry | None:
    """What stands under a key."""
    return balance_store().entries([key]).get(key)


def spend_at(member_id: UUID, key: str) -> Entry:
    """An entry of a member by its key, to be given back. Raises `NoSpend` for none, and for another's."""
    spend = entry_under(key)
    if spend is None or spend.account_id != member_id:
        raise NoSpend(f"{key} is no spend of {member_id}")
    return spend


def give_back(*, member_id: UUID, spend_key: str, reason: str, staff_name: str) -> Entry:
    """Give the credits of one spend back, once. Raises `NoSpend`, `UnknownMember`, and what the store raises."""
    return _post(member_id, undo_of(spend_at(member_id, spend_key), note=reason, actor=staff_name))


def done_text(entry: Entry) -> str:
    """What an entry of staff did, such as "5 credits given, from 10 to 15"."""
    done = {
        Kind.RESET: _("Credits reset from %(before)s to %(after)s"),
        Kind.GRANT: _("%(moved)s given, from %(before)s to %(after)s"),
        Kind.TAKE: _("%(moved)s taken, from %(before)s to %(after)s"),
        Kind.UNDO: _("%(moved)s given back, from %(before)s to %(after)s"),
    }
    return done[Kind(entry.kind)] % {
        "moved": credits_text(abs(entry.amount)),
        "before": entry.balance - entry.amount,
        "after": entry.balance,
    }


def _key(action: Action, cause: object) -> str:
    return f"{action}:{cause}"


def _post(member_id: UUID, movement: Movement) -> Entry:
    try:
        return balance_store().post(member_id, movement).entry
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc
    except KeyReused as exc:
        raise RequestIdReused("this id has done something else") from exc
