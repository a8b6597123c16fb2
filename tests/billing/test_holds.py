"""Credits held for work: what it pays, who may do it, and what becomes of it when nobody ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.members import Member
from billing.audit.run import Audit
from billing.history import account_of, history_of
from billing.products import State
from billing.spending import (
    ATTEMPTS_LIMIT,
    Held,
    HeldBefore,
    HoldEnded,
    OutOfCredits,
    RequestIdReused,
    give_back,
    hold,
)
from billing.sweeping import EXPIRED, release_expired
from haikus.store import HAIKU
from instant_admin.client.errors import InstantError
from instant_admin.client.steps import create, delete, link, update
from instant_admin.client.types import Step
from instant_admin.ledger.movements import Reset, undo_of
from instant_admin.ledger.open_holds import open_holds
from instant_admin.ledger.rules import Kind
from tests.drivers.site import LoopbackSite


@pytest.fixture
def rich(site: LoopbackSite) -> Member:
    """A member with ten credits."""
    return site.member(credits=10)


@pytest.fixture
def work(rich: Member) -> Held:
    """Five of them, held."""
    return begin(rich)


def asked(member: Member, request_id: UUID | None = None, **changed: Any) -> dict[str, Any]:
    def steps(row_id: UUID) -> list[Step]:
        row = {"topic": "rain", "content": "", "createdAt": 1_800_000_000_000}
        return [create("haikus", row_id, row), link("haikus", row_id, {"author": member.id})]

    usual = {"product": HAIKU, "most": 5, "note": "rain", "steps": steps}
    return {"member": member, "request_id": request_id or uuid4(), **usual, **changed}


def begin(member: Member, request_id: UUID | None = None, **changed: Any) -> Held:
    return hold(**asked(member, request_id, **changed))


def written(work: Held) -> list[Step]:
    return [update("haikus", work.item_id, {"content": "a\nb\nc"}, upsert=False)]


def row(site: LoopbackSite, work: Held) -> dict[str, Any]:
    (found,) = site.admin.query({"haikus": {"$": {"where": {"id": str(work.item_id)}}}})["haikus"]
    return found


def expire(site: LoopbackSite, settings: Any) -> list[str]:
    """Have every open hold be past its end; the keys of those that were released."""
    settings.HOLD_EXPIRES_AFTER_S = -120
    return [entry.key for entry in release_expired()]


@pytest.mark.parametrize(("used", "left"), [(5, 5), (2, 8), (0, 10)])
def test_work_costs_what_it_used_and_is_there_with_its_payment(
    site: LoopbackSite, rich: Member, work: Held, used: int, left: int
) -> None:
    account = account_of(rich)
    assert (work.account.credits, account.credits, account.held, row(site, work)["state"]) == (
        5,
        5,
        5,
        "writing",
    )
    assert work.capture(used, written(work)).credits == left
    account = account_of(rich)
    assert (account.credits, account.held) == (left, 0)
    assert (row(site, work)["state"], row(site, work)["content"]) == (State.DONE, "a\nb\nc")
    assert list(Audit().violations()) == []


def test_to_capture_again_pays_nothing_more(site: LoopbackSite, work: Held) -> None:
    first = work.capture(2, written(work))
    assert work.capture(2, written(work)) == replace(first, replayed=True)


@pytest.mark.parametrize("used", [-1, 6])
def test_no_more_is_used_than_was_held(work: Held, used: int) -> None:
    with pytest.raises(ValueError, match="held"):
        work.capture(used, [])


def test_what_fails_costs_nothing_and_can_be_tried_again(site: LoopbackSite, rich: Member) -> None:
    request_id = uuid4()
    first = begin(rich, request_id)
    first.release("failed")
    assert (row(site, first)["state"], row(site, first)["error"]) == (State.FAILED, "failed")
    second = begin(rich, request_id)
    assert second.is_new
    assert second.item_id != first.item_id
    second.capture(1, written(second))
    assert [kind for kind, _, _ in site.ledger(rich)] == ["reset", "hold", "release", "hold", "capture"]
    assert (site.credits(rich), list(Audit().violations())) == (9, [])


def test_of_two_ends_the_first_counts(site: LoopbackSite, rich: Member, work: Held) -> None:
    work.release("cancelled")
    with pytest.raises(HoldEnded):
        work.capture(5, written(work))
    assert (site.credits(rich), row(site, work)["state"], row(site, work)["content"]) == (
        10,
        State.FAILED,
        "",
    )
    other = begin(rich)
    other.capture(5, written(other))
    assert not give_back(other.entry, error="cancelled")
    assert (site.credits(rich), row(site, other)["state"]) == (5, State.DONE)


def test_a_second_tab_joins_what_runs_and_finds_what_is_done(rich: Member) -> None:
    request_id = uuid4()
    first = begin(rich, request_id)
    joined = begin(rich, request_id)
    assert (joined.item_id, joined.state, joined.is_new) == (first.item_id, State.WRITING, False)
    first.capture(1, written(first))
    found = begin(rich, request_id)
    assert (found.item_id, found.state, found.is_new, found.account.credits) == (
        first.item_id,
        State.DONE,
        False,
        9,
    )


@pytest.mark.parametrize("changed", [{"note": "snow"}, {"most": 4}], ids=["note", "most"])
def test_a_request_id_is_for_one_work(rich: Member, changed: dict[str, Any]) -> None:
    request_id = uuid4()
    begin(rich, request_id)
    with pytest.raises(RequestIdReused):
        begin(rich, request_id, **changed)


def test_a_request_is_not_tried_for_ever(rich: Member) -> None:
    request_id = uuid4()
    for _ in range(ATTEMPTS_LIMIT):
        begin(rich, request_id).release("failed")
    with pytest.raises(RequestIdReused):
        begin(rich, request_id)


def test_held_credits_cannot_be_spent(site: LoopbackSite, rich: Member, work: Held) -> None:
    with pytest.raises(OutOfCredits) as refused:
        begin(rich, most=6)
    assert (refused.value.needed, refused.value.balance) == (6, 5)
    site.spend(rich, 5)
    work.release("failed")
    assert site.credits(rich) == 5


# As a block


def test_a_block_that_captures_nothing_or_fails_gives_all_of_it_back(
    site: LoopbackSite, rich: Member
) -> None:
    with hold(**asked(rich)) as idle:
        pass
    with pytest.raises(ZeroDivisionError), hold(**asked(rich)) as failing:
        raise ZeroDivisionError
    assert [row(site, work)["state"] for work in (idle, failing)] == [State.FAILED] * 2
    with hold(**asked(rich)) as work:
        work.capture(3, written(work))
    assert site.credits(rich) == 7


def test_a_block_is_not_entered_for_what_somebody_else_does(rich: Member) -> None:
    request_id = uuid4()
    first = begin(rich, request_id)
    with pytest.raises(HeldBefore) as met, hold(**asked(rich, request_id)):
        pytest.fail("it was entered")
    assert met.value.held.item_id == first.item_id


def test_a_block_fails_as_it_does_when_instant_is_away_too(site: LoopbackSite, rich: Member) -> None:
    def fail() -> None:
        site.instant_is_away = True
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), hold(**asked(rich)):
        fail()
    site.instant_is_away = False
    assert account_of(rich).held == 5


# Nobody ends it


def test_what_nobody_ends_is_released_when_its_end_has_passed(
    site: LoopbackSite, rich: Member, work: Held, settings: Any
) -> None:
    assert list(release_expired()) == []
    assert expire(site, settings) == [work.entry.key]
    assert (site.credits(rich), row(site, work)["error"]) == (10, EXPIRED)
    assert expire(site, settings) == []
    with pytest.raises(HoldEnded):
        work.capture(5, written(work))


def test_a_hold_is_found_however_much_came_after_it(
    site: LoopbackSite, rich: Member, work: Held, settings: Any
) -> None:
    begin(rich, most=1).release("failed")
    site.store.post(rich.id, Reset(key="reset:2", credits=300))
    site.spend(rich, 220)
    later = begin(rich)
    assert [entry.key for entry in open_holds(site.admin, rich.id)] == [later.entry.key, work.entry.key]
    assert set(expire(site, settings)) == {later.entry.key, work.entry.key}


def test_a_row_that_was_deleted_keeps_no_credits(
    site: LoopbackSite, rich: Member, work: Held, settings: Any
) -> None:
    site.admin.transact([delete("haikus", work.item_id)])
    with pytest.raises(InstantError):
        work.capture(5, written(work))
    assert expire(site, settings) == [work.entry.key]
    assert site.credits(rich) == 10


def test_a_member_who_left_holds_nothing(site: LoopbackSite, rich: Member, work: Held, settings: Any) -> None:
    site.store.close(rich.id)
    assert expire(site, settings) == []


# For people


@pytest.fixture
def busy(rich: Member) -> Member:
    """Somebody with one work done, one failed and one under way."""
    done = begin(rich, most=3)
    done.capture(2, written(done))
    begin(rich, most=3).release("failed")
    begin(rich, most=4)
    return rich


def test_work_is_one_line_of_the_history_and_what_is_held_is_still_theirs(busy: Member) -> None:
    page = history_of(busy)
    assert [(entry.title, entry.amount, entry.balance) for entry in page.entries] == [
        ("Wrote a haiku", -2, 8),
        ("Balance set by staff", 10, 10),
    ]
    assert (page.credits, page.held) == (4, 4)


def test_staff_give_back_what_work_has_cost(site: LoopbackSite, busy: Member) -> None:
    (capture,) = (entry for entry in site.entries(busy) if entry.kind == Kind.CAPTURE)
    for _ in range(2):
        site.store.post(busy.id, undo_of(capture, note="sorry", actor="grace"))
    assert site.credits(busy) == 6
    assert list(Audit().violations()) == []


# What the audit says


def test_the_audit_names_what_is_held_for_too_long(site: LoopbackSite, work: Held, settings: Any) -> None:
    settings.HOLD_EXPIRES_AFTER_S = -timedelta(hours=2).total_seconds()
    (violation,) = Audit().violations()
    assert violation.entry == work.entry.key


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        ({"used": 4}, "ends a hold of 5 credits"),
        ({"ref": str(uuid4())}, "ends a hold of 5 credits"),
        ({"kind": "release"}, "is a release and has used 2"),
    ],
)
def test_the_audit_names_an_end_that_does_not_fit(
    site: LoopbackSite, rich: Member, work: Held, damage: dict[str, Any], text: str
) -> None:
    work.capture(2, written(work))
    site.admin.transact([update("creditEntries", site.entries(rich)[-1].id, damage)])
    assert any(text in violation.text for violation in Audit().violations())


@pytest.mark.parametrize(
    ("state", "text"), [("writing", "that 1 spends of its owner paid for, not 0"), ("done", "not 1")]
)
def test_the_audit_names_a_row_that_is_not_as_it_was_paid(
    site: LoopbackSite, rich: Member, work: Held, state: str, text: str
) -> None:
    if state == "writing":
        work.capture(2, written(work))
    site.admin.transact([update("haikus", work.item_id, {"state": state})])
    assert any(text in violation.text for violation in Audit().violations())


def test_the_audit_names_an_edited_number_of_held_credits(
    site: LoopbackSite, rich: Member, work: Held
) -> None:
    site.admin.transact([update("$users", rich.id, {"creditsHeld": 3})])
    assert any("`creditsHeld` is 3, but the holds keep 5" in each.text for each in Audit().violations())
