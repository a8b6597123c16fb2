"""What staff do with balances: give, take, set a number, and give a spend back. Each is an entry with who and why."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _

from billing.errors import RequestIdReused, UnknownMember
from billing.products import credits_text
from instant_admin.configured import balance_store
from instant_admin.ledger.entries import NoSuchAccount
from instant_admin.ledger.movements import ByStaff, Grant, Reset, Take, undo_of
from instant_admin.ledger.rules import Entry, KeyReused, Kind, Movement, NoSpend


class Action(StrEnum):
    """What staff may do with a balance; each has a permission of its own."""

    GRANT = "grant"
    TAKE = "take"
    RESET = "reset"


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
    movement = movement_of(
        action, credits=credits, reason=reason, staff_name=staff_name, cause=cause, seen=seen
    )
    return _post(member_id, movement)


def movement_of(
    action: Action, *, credits: int, reason: str, staff_name: str, cause: object, seen: int | None = None
) -> ByStaff:
    """The movement that an action makes."""
    match action:
        case Action.GRANT:
            return Grant(key=f"grant:{cause}", credits=credits, note=reason, actor=staff_name, seen=seen)
        case Action.TAKE:
            return Take(key=f"take:{cause}", credits=credits, note=reason, actor=staff_name, seen=seen)
        case Action.RESET:
            return Reset(key=f"reset:{cause}", credits=credits, note=reason, actor=staff_name, seen=seen)


def foresee(action: Action, balance: int, credits: int) -> int:
    """The balance that an action would leave. Raises `OutOfCredits`."""
    movement = movement_of(action, credits=credits, reason="", staff_name="", cause="")
    return balance + movement.change_of(balance)


def recorded(action: Action, member_id: UUID, cause: object) -> Entry | None:
    """What a cause has done to a member already, as when the answer was lost; None for nothing."""
    key = movement_of(action, credits=0, reason="", staff_name="", cause=cause).key
    entry = entry_under(key)
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


def _post(member_id: UUID, movement: Movement) -> Entry:
    try:
        return balance_store().post(member_id, movement).entry
    except NoSuchAccount as exc:
        raise UnknownMember("no such member") from exc
    except KeyReused as exc:
        raise RequestIdReused("this id has done something else") from exc
