"""The rules of credit, on plain values."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from instant_admin.ledger.movements import Grant, Purchase, Reset, Spend, Take, opening_of, undo_of
from instant_admin.ledger.rules import Account, BalanceMoved, Entry, Kind, Movement, NoSpend, OutOfCredits

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")


def account(credits: int, seq: int = 1) -> Account:
    return Account(id=ADA, credits=credits, seq=seq)


def entry_for(movement: Movement, before: Account) -> Entry:
    return Entry(
        id=uuid4(),
        account_id=before.id,
        key=movement.key,
        seq=before.seq + 1,
        kind=movement.kind,
        amount=movement.amount_on(before),
        balance=movement.balance_after(before),
        note=movement.note,
        actor=movement.actor,
        ref=movement.ref,
        product=movement.product,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_purchase_adds_its_credits_and_a_spend_takes_its_price() -> None:
    assert Purchase(key="k", credits=10).balance_after(account(3)) == 13
    assert Spend(key="k", price=1).amount_on(account(1)) == -1


@pytest.mark.parametrize("balance", [0, -4])
def test_a_spend_that_the_balance_cannot_cover_is_refused(balance: int) -> None:
    with pytest.raises(OutOfCredits) as refusal:
        Spend(key="k", price=1).amount_on(account(balance))
    assert (refusal.value.needed, refusal.value.balance) == (1, balance)
    assert not refusal.value.may_have_been_written


@pytest.mark.parametrize(("balance", "amount"), [(3, 4), (9, -2), (7, 0), (-5, 12)])
def test_a_reset_leaves_its_number_whatever_was_there(balance: int, amount: int) -> None:
    reset = Reset(key="k", credits=7)
    assert reset.amount_on(account(balance)) == amount
    assert reset.balance_after(account(balance)) == 7


@pytest.mark.parametrize("balance", [3, 0, -5])
def test_a_grant_adds_its_number_whatever_was_there(balance: int) -> None:
    assert Grant(key="k", credits=7).balance_after(account(balance)) == balance + 7


def test_what_is_taken_is_there() -> None:
    assert Take(key="k", credits=7).balance_after(account(7)) == 0
    for balance in (6, 0, -5):
        with pytest.raises(OutOfCredits):
            Take(key="k", credits=7).amount_on(account(balance))


@pytest.mark.parametrize("movement", [Grant, Take, Reset])
def test_what_was_decided_on_another_balance_is_refused(movement: type[Grant | Take | Reset]) -> None:
    decided = movement(key="k", credits=2, seen=5)
    assert decided.amount_on(account(5)) == movement(key="k", credits=2).amount_on(account(5))
    with pytest.raises(BalanceMoved) as refusal:
        decided.amount_on(account(6))
    assert refusal.value.balance == 6
    assert not refusal.value.may_have_been_written


def test_a_spend_is_given_back_under_one_key_and_nothing_else_can_be() -> None:
    spend = entry_for(Spend(key="spend:1", price=2, product="haiku", ref="row"), account(5))
    undo = undo_of(spend, note="Sorry", actor="grace")
    assert (undo.key, undo.amount_on(account(-1))) == ("undo:spend:1", 2)
    assert (undo.ref, undo.product) == ("row", "haiku")
    with pytest.raises(NoSpend):
        undo_of(entry_for(undo, account(3)), note="Again", actor="grace")


def test_credits_from_before_the_ledger_are_recorded_and_stay_as_they_are() -> None:
    opening = opening_of(account(7, seq=0))
    assert opening is not None
    assert (opening.amount_on(account(7, seq=0)), opening.balance_after(account(7, seq=0))) == (7, 7)


@pytest.mark.parametrize(("credits", "seq"), [(0, 0), (7, 1), (0, 5)])
def test_an_account_without_credits_or_with_a_ledger_needs_no_opening(credits: int, seq: int) -> None:
    assert opening_of(account(credits, seq)) is None


@pytest.mark.parametrize(
    ("movement", "another"),
    [
        (Purchase(key="k", credits=10), Purchase(key="k", credits=50)),
        (Spend(key="k", price=1, note="rain"), Spend(key="k", price=1, note="snow")),
        (Reset(key="k", credits=4), Reset(key="k", credits=11)),
        (Grant(key="k", credits=4), Grant(key="k", credits=5)),
        (Take(key="k", credits=4), Take(key="k", credits=5)),
    ],
)
def test_an_entry_is_believed_only_when_it_records_the_same_movement(
    movement: Movement, another: Movement
) -> None:
    entry = entry_for(movement, account(5))
    assert movement.is_recorded_by(entry, account_id=ADA)
    assert not another.is_recorded_by(entry, account_id=ADA)
    assert not movement.is_recorded_by(entry, account_id=uuid4())
    assert not movement.is_recorded_by(replace(entry, kind=Kind.OPENING), account_id=ADA)
