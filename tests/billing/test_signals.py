"""What an entry tells: the rules on plain values, and that it is told once it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.dispatch import Signal
from hypothesis import given
from hypothesis import strategies as st

from accounts.members import Member
from billing import signals
from billing.mails import DISPUTE, DISPUTE_WON, LOW, RECEIPT, mails_of
from billing.signals import is_low_at, signals_of
from instant_admin.configured import entry_written
from instant_admin.ledger.movements import Grant, Purchase, Spend
from instant_admin.ledger.rules import Entry, Kind, OutOfCredits
from sandbox.serving import Request, Response
from tests.drivers.site import LoopbackSite

NAMES = ("credits_added", "credits_spent", "balance_low", "balance_depleted", "purchase_refunded")


def entry(kind: Kind, amount: int, balance: int) -> Entry:
    return Entry(uuid4(), uuid4(), "key", 2, kind, amount, balance, "", "", "cs_1", "", datetime.now(UTC))


def told_by(kind: Kind, amount: int, balance: int, *, held: int = 0, used: int = 0) -> set[str]:
    found = signals_of(replace(entry(kind, amount, balance), held=held, used=used), low_at=3)
    names = {getattr(signals, name): name for name in NAMES}
    return {names[signal] for signal in found}


@pytest.mark.parametrize(
    ("kind", "amount", "balance", "told"),
    [
        (Kind.PURCHASE, 10, 10, {"credits_added"}),
        (Kind.SPEND, -1, 4, {"credits_spent"}),
        (Kind.SPEND, -1, 3, {"credits_spent", "balance_low"}),
        (Kind.SPEND, -1, 2, {"credits_spent"}),
        (Kind.SPEND, -1, 0, {"credits_spent", "balance_depleted"}),
        (Kind.SPEND, -4, 0, {"credits_spent", "balance_low", "balance_depleted"}),
        (Kind.REFUND, -10, -5, {"balance_low", "balance_depleted", "purchase_refunded"}),
        (Kind.REFUND, 10, 10, {"credits_added"}),
        (Kind.DISPUTE, -10, -12, set()),
        (Kind.DISPUTE_WON, 10, 10, {"credits_added"}),
        (Kind.GRANT, 2, 3, {"credits_added"}),
        (Kind.OPENING, 2, 2, {"credits_added"}),
        (Kind.CLOSING, -5, 0, set()),
        (Kind.CLOSING, 5, 0, set()),
    ],
)
def test_what_an_entry_tells(kind: Kind, amount: int, balance: int, told: set[str]) -> None:
    assert told_by(kind, amount, balance) == told


@pytest.mark.parametrize(
    ("kind", "amount", "balance", "held", "used", "told"),
    [
        # What is owned: what can be spent, and what is held.
        (Kind.HOLD, -5, 5, 5, 0, set()),
        (Kind.HOLD, -5, 0, 5, 0, set()),
        (Kind.CAPTURE, 1, 6, 0, 4, {"credits_spent"}),
        (Kind.CAPTURE, 1, 1, 2, 4, {"credits_spent", "balance_low"}),
        (Kind.CAPTURE, 0, 0, 0, 5, {"credits_spent", "balance_low", "balance_depleted"}),
        (Kind.CAPTURE, 5, 5, 0, 0, set()),
        (Kind.RELEASE, 5, 5, 0, 0, set()),
    ],
)
def test_what_is_held_is_the_members_until_it_is_paid(
    kind: Kind, amount: int, balance: int, held: int, used: int, told: set[str]
) -> None:
    assert told_by(kind, amount, balance, held=held, used=used) == told


@given(st.lists(st.integers(-9, 9), max_size=40), st.integers(1, 9))
def test_a_balance_is_low_once_for_each_time_that_it_goes_below(amounts: list[int], limit: int) -> None:
    balances = [0]
    crossings = 0
    for amount in amounts:
        balances.append(balances[-1] + amount)
        crossings += is_low_at(entry(Kind.RESET, amount, balances[-1]), limit)
    above = "".join("a" if balance > limit else "b" for balance in balances)
    assert crossings == above.count("ab")


def test_zero_turns_low_balances_off() -> None:
    assert not is_low_at(entry(Kind.SPEND, -1, 0), 0)


@pytest.mark.parametrize(
    ("kind", "amount", "balance", "sent"),
    [
        (Kind.PURCHASE, 10, 10, [RECEIPT]),
        (Kind.SPEND, -1, 3, [LOW]),
        (Kind.SPEND, -1, 2, []),
        (Kind.TAKE, -5, 3, [LOW]),
        (Kind.REFUND, -10, 0, []),
        (Kind.DISPUTE, -10, 0, [DISPUTE]),
        (Kind.DISPUTE_WON, 10, 10, [DISPUTE_WON]),
        (Kind.CLOSING, -10, 0, []),
    ],
)
def test_the_mails_of_an_entry(kind: Kind, amount: int, balance: int, sent: list[object]) -> None:
    assert list(mails_of(entry(kind, amount, balance), low_at=3)) == sent


# Told


@contextmanager
def hearing(name: str) -> Iterator[list[Entry]]:
    heard: list[Entry] = []

    def hear(entry: Entry, **kwargs: Any) -> None:
        heard.append(entry)

    signal = getattr(signals, name)
    signal.connect(hear)
    try:
        yield heard
    finally:
        signal.disconnect(hear)


@pytest.mark.django_db
def test_each_entry_is_told_once_by_who_wrote_it(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    with hearing("credits_added") as added, hearing("credits_spent") as spent:
        bodies = site.events()
        for body in [*bodies, *bodies]:
            site.deliver(body)
        spend = Spend(key=f"spend:{ada.id}:{uuid4()}", price=1)
        for _ in range(2):
            site.store.post(ada.id, spend)
        with pytest.raises(OutOfCredits):
            site.store.post(ada.id, Spend(key=f"spend:{ada.id}:{uuid4()}", price=100))
    assert [[each.amount for each in heard] for heard in (added, spent)] == [[10], [-1]]


@pytest.mark.django_db
def test_of_several_entries_written_at_once_each_is_told_once(site: LoopbackSite, ada: Member) -> None:
    site.refund(site.buy(ada), 500)
    with hearing("credits_added") as added, hearing("purchase_refunded") as refunded:
        site.deliver_all()
    assert [[each.amount for each in heard] for heard in (added, refunded)] == [[10], [-10]]


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["post", "settle"])
def test_an_entry_whose_answer_was_lost_is_told_all_the_same(
    site: LoopbackSite, ada: Member, way: str
) -> None:
    answers = iter([True])

    def lost(request: Request, answer: Response) -> Response:
        is_write = request.path == "/admin/transact" and b"creditEntries" in request.body
        return Response(502) if is_write and next(answers, False) else answer

    site.buy(ada)
    site.tamper = lost
    with hearing("credits_added") as added:
        if way == "post":
            site.store.post(ada.id, Purchase(key="purchase:cs_1", credits=10))
        else:
            site.deliver_all()
    assert next(answers, None) is None
    assert [(each.kind, each.amount) for each in added] == [("purchase", 10)]


@pytest.mark.django_db
@pytest.mark.parametrize("signal", [signals.credits_added, entry_written])
def test_a_receiver_that_fails_is_logged_and_breaks_nothing(
    site: LoopbackSite, ada: Member, caplog: pytest.LogCaptureFixture, signal: Signal
) -> None:
    def fail(**kwargs: Any) -> None:
        raise ValueError("a bug of somebody's")

    signal.connect(fail)
    try:
        with hearing("credits_added") as heard:
            site.store.post(ada.id, Grant(key="grant:1", credits=5))
    finally:
        signal.disconnect(fail)
    assert (site.credits(ada), len(heard), "a bug of somebody's" in caplog.text) == (5, 1, True)
