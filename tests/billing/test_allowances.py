"""What a product spends under a daily limit: whatever ends its work, what is left of it, and what the audit says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.members import Member
from billing.audit.run import Audit
from billing.spending import (
    Allowance,
    AllowanceSpent,
    Held,
    RequestIdReused,
    Spent,
    cancel,
    hold,
    spend,
)
from haikus.store import HAIKU
from instant_admin import configured
from instant_admin.client.steps import update
from instant_admin.ledger.movements import Grant, Reset, undo_of
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import Writer
from tests.billing.test_holds import asked, expire, written
from tests.drivers.site import LoopbackSite, haiku

FIVE = Allowance("key:1", 5)
TODAY = "key:1:2026-07-01"


@pytest.fixture
def rich(site: LoopbackSite, ada: Member) -> Iterator[Member]:
    """A member with 30 credits, whose day does not end."""
    writer = Writer(site.admin, now=lambda: datetime(2026, 7, 1, 12, tzinfo=UTC))
    store = BalanceStore(site.admin, writer=writer)
    store.post(ada.id, Reset(key="reset:1", credits=30))
    with configured.using(site.admin, store):
        yield ada


def bought(
    member: Member, allowance: Allowance | None = FIVE, *, request_id: UUID | None = None, note: str = "rain"
) -> Spent:
    return spend(
        member=member,
        product=HAIKU,
        request_id=request_id or uuid4(),
        note=note,
        steps=lambda row: haiku(row, member.id),
        allowance=allowance,
    )


def begun(member: Member, most: int = 5, allowance: Allowance | None = FIVE) -> Held:
    return hold(**asked(member, most=most, allowance=allowance))


def left(member: Member) -> int:
    """How much may still be spent; asked by asking for too much."""
    with pytest.raises(AllowanceSpent) as refusal:
        begun(member, most=6)
    return refusal.value.most - refusal.value.used


def test_more_than_the_limit_is_refused_and_nothing_is_written(site: LoopbackSite, rich: Member) -> None:
    for _ in range(5):
        bought(rich)
    with pytest.raises(AllowanceSpent) as refusal:
        bought(rich)
    assert (refusal.value.needed, refusal.value.used, refusal.value.most) == (1, 5, 5)
    assert not refusal.value.may_have_been_written
    assert (site.credits(rich), len(site.admin.query({"haikus": {}})["haikus"])) == (25, 5)
    bought(rich, None)
    bought(rich, Allowance("key:2", 1))
    assert (site.credits(rich), list(Audit().violations())) == (23, [])


def test_the_same_request_by_another_key_is_the_same_request(rich: Member) -> None:
    request_id = uuid4()
    first = bought(rich, request_id=request_id)
    again = bought(rich, Allowance("key:2", 0), request_id=request_id)
    assert (again.item_id, again.replayed) == (first.item_id, True)
    assert left(rich) == 4
    with pytest.raises(RequestIdReused):
        bought(rich, request_id=request_id, note="snow")


def captured(site: LoopbackSite, settings: Any, work: Held, member: Member) -> None:
    work.capture(2, written(work))


def released(site: LoopbackSite, settings: Any, work: Held, member: Member) -> None:
    work.release("failed")


def cancelled(site: LoopbackSite, settings: Any, work: Held, member: Member) -> None:
    assert cancel(member, work.item_id)


def swept(site: LoopbackSite, settings: Any, work: Held, member: Member) -> None:
    assert expire(site, settings) == [work.entry.key]


@pytest.mark.parametrize(
    ("end", "over"),
    [(captured, 3), (released, 5), (cancelled, 5), (swept, 5)],
)
def test_what_work_does_not_use_may_be_spent_again(
    site: LoopbackSite, rich: Member, settings: Any, end: Callable[..., None], over: int
) -> None:
    work = begun(rich)
    assert left(rich) == 0
    end(site, settings, work, rich)
    assert left(rich) == over
    assert list(Audit().violations()) == []


def test_a_block_that_fails_has_spent_nothing(rich: Member) -> None:
    with pytest.raises(ZeroDivisionError), hold(**asked(rich, allowance=FIVE)):
        raise ZeroDivisionError
    assert left(rich) == 5


def test_what_staff_give_back_stays_spent(site: LoopbackSite, rich: Member) -> None:
    bought(rich)
    site.store.post(rich.id, undo_of(site.entries(rich)[-1], note="sorry", actor="grace"))
    assert (site.credits(rich), left(rich)) == (30, 4)
    assert list(Audit().violations()) == []


# What the audit says


def edited_entry(number: int, label: str) -> Callable[[LoopbackSite, Member], None]:
    def edit(site: LoopbackSite, member: Member) -> None:
        entry_id = site.entries(member)[number].id
        site.admin.transact([update("creditEntries", entry_id, {"allowance": label}, upsert=False)])

    return edit


def edited_account(**spent: int) -> Callable[[LoopbackSite, Member], None]:
    def edit(site: LoopbackSite, member: Member) -> None:
        site.admin.transact([update("$users", member.id, {"allowances": spent}, upsert=False)])

    return edit


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (edited_account(), "`allowances` is {}, but {'key:1:"),
        (edited_account(**{TODAY: 4}), "`allowances` is {'key:1:"),
        (edited_entry(1, ""), "`allowances` is {'key:1:"),
        (edited_entry(2, ""), "ends a hold that counts under nothing, and counts under key:1:"),
        (edited_entry(3, "key:2:2020-01-01"), "and counts under key:2:2020-01-01"),
        (edited_entry(4, TODAY), "is a grant and counts under key:1:"),
        (edited_entry(1, "key:1:2999-01-01"), "after key:1:2999-01-01"),
    ],
)
def test_the_audit_names_what_does_not_add_up(
    site: LoopbackSite, rich: Member, harm: Callable[[LoopbackSite, Member], None], text: str
) -> None:
    bought(rich)
    work = begun(rich, most=4)
    work.capture(2, written(work))
    site.store.post(rich.id, Grant(key="grant:1", credits=2))
    assert list(Audit().violations()) == []
    harm(site, rich)
    assert any(text in violation.text for violation in Audit().violations())
