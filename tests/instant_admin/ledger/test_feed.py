"""The feed: from trees to told balances on plain values, and over a real socket to a stand-in that comes and goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from requests.adapters import HTTPAdapter

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import create
from instant_admin.ledger.feed import SLICE, Feed, Listeners
from instant_admin.ledger.movements import Purchase
from instant_admin.ledger.rules import Account
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import Writer, row_id
from tests.drivers.faults import Faults
from tests.drivers.instant import never_open
from tests.drivers.waiting import await_that
from tests.sandbox.instant.process import Process

ADA, BEN = UUID(int=1), UUID(int=2)
SUBSCRIBES, QUERIES = "^/admin/subscribe-query$", "^/admin/query$"


# On plain values


def row(account_id: UUID, seq: int, balance: Any) -> dict[str, Any]:
    """What a tree has of an entry."""
    return {"id": f"{account_id}/{seq}", "slot": f"{account_id}:{seq}", "balance": balance}


class Told(list[tuple[int, int]]):
    """The numbers and balances that a listener was told."""

    def __call__(self, account: Account) -> None:
        self.append((account.seq, account.credits))


class Story:
    """Ada listens and knows her entry number 4, which a tree has brought; Ben listens and knows nothing yet."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.ada, self.ben = Told(), Told()
        self.of_ada = self.listeners.add(ADA, self.ada)
        self.of_ben = self.listeners.add(BEN, self.ben)
        self.listeners.hear([row(ADA, 4, 40)])
        self.listeners.tell(Account(ADA, credits=40, seq=4))
        self.ada.clear()
        self.listeners.unread.clear()


@pytest.fixture
def story() -> Story:
    return Story()


def test_what_a_tree_has_that_the_one_before_had_not_is_told_in_its_order(story: Story) -> None:
    story.listeners.hear([row(ADA, 6, 38), row(ADA, 5, 39), row(BEN, 1, 10), row(ADA, 4, 40)])
    assert (story.ada, story.ben) == ([(5, 39), (6, 38)], [(1, 10)])
    story.listeners.hear([row(BEN, 2, 9), row(ADA, 6, 38), row(ADA, 5, 39), row(BEN, 1, 10)])
    assert (story.ada, story.ben) == ([(5, 39), (6, 38)], [(1, 10), (2, 9)])
    assert story.listeners.unread == set()


def test_only_a_higher_number_counts(story: Story) -> None:
    story.listeners.tell(Account(ADA, credits=38, seq=6))
    story.listeners.hear([row(ADA, 6, 38), row(ADA, 5, 39), row(ADA, 4, 40)])
    story.listeners.tell(Account(ADA, credits=39, seq=5))
    assert story.ada == [(6, 38)]
    assert story.listeners.unread == set()


def test_a_tree_that_shares_nothing_with_the_one_before_has_all_balances_read(story: Story) -> None:
    story.listeners.hear([row(ADA, 300, 3)])
    assert (story.ada, story.ben) == ([], [])
    assert story.listeners.unread == {ADA, BEN}


def test_the_first_tree_of_a_new_subscription_has_all_balances_read(story: Story) -> None:
    story.listeners.forget()
    story.listeners.hear([row(ADA, 5, 39), row(ADA, 4, 40)])
    assert story.ada == []
    assert story.listeners.unread == {ADA, BEN}


def test_a_skipped_number_has_all_balances_read(story: Story) -> None:
    story.listeners.hear([row(ADA, 6, 38), row(ADA, 4, 40)])
    assert story.ada == [(6, 38)]
    assert story.listeners.unread == {ADA, BEN}


def test_a_number_that_others_may_have_skipped_has_nothing_read(story: Story) -> None:
    stranger = UUID(int=3)
    story.listeners.hear([row(stranger, 9, 1), row(stranger, 7, 3), row(ADA, 4, 40)])
    assert story.listeners.unread == set()


@pytest.mark.parametrize(
    "damaged",
    [
        row(UUID(int=3), 1, "many"),
        row(UUID(int=3), 1, 0.5),
        {"id": "x"},
        {"id": "x", "slot": 7, "balance": 1},
    ],
)
def test_a_damaged_row_keeps_nobody_from_being_told(
    story: Story, damaged: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        story.listeners.hear([row(ADA, 5, 39), damaged, row(ADA, 4, 40)])
    assert story.ada == [(5, 39)]
    # It may have been anybody's.
    assert story.listeners.unread == {ADA, BEN}
    assert len(caplog.records) == 1


def test_who_has_left_is_told_nothing_and_nothing_is_read_for_them(story: Story) -> None:
    story.listeners.remove(story.of_ada)
    story.listeners.hear([row(ADA, 6, 38), row(ADA, 4, 40)])
    story.listeners.hear([row(ADA, 300, 3)])
    assert story.ada == []
    assert story.listeners.unread == {BEN}


# Over a real socket


class NotingAdapter(HTTPAdapter):
    """Notes the path of each call that was answered."""

    def __init__(self, answered: list[str]) -> None:
        super().__init__()
        self._answered = answered

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        answer = super().send(request, *args, **options)
        self._answered.append(request.path_url)
        return answer


class Ledger:
    """A stand-in in a process of its own, a feed of it, and another process that writes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._others = set(threading.enumerate())
        self.faults = Faults(process.uri)
        self.answered: list[str] = []
        self.admin = InstantAdmin(
            api_uri=process.uri,
            app_id=process.app_id,
            admin_token=process.admin_token,
            sleep=lambda seconds: None,
            adapter=NotingAdapter(self.answered),
            breaker=never_open(),
        )
        self.feed = Feed(self.admin, first_pause_s=0.01, linger_s=0.05)
        self.elsewhere = BalanceStore(self.admin)
        self.here = BalanceStore(self.admin, writer=Writer(self.admin, on_written=self.feed.wrote))

    def threads(self) -> int:
        """How many the feed has."""
        return sum(
            thread.name == "ledger-feed" and thread not in self._others for thread in threading.enumerate()
        )

    def member(self) -> UUID:
        return UUID(self.admin.create_token(email=f"{uuid4().hex}@example.com")["user"]["id"])

    def restart(self) -> None:
        """Start the stand-in again after it was killed, with the same app."""
        app = ("--app-id", self.process.app_id, "--admin-token", self.process.admin_token)
        self.process.start(*app)

    def buy(self, account_id: UUID, store: BalanceStore | None = None) -> None:
        """Ten credits more."""
        (store or self.elsewhere).post(account_id, Purchase(key=f"purchase:{uuid4()}", credits=10))


@pytest.fixture
def ledger(process: Process) -> Iterator[Ledger]:
    """After a test, its feed's threads are gone."""
    ledger = Ledger(process)
    yield ledger
    ledger.faults.clear()
    await_that(lambda: ledger.threads() == 0)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_balance_is_told_at_once_and_whenever_another_process_moves_it(
    ledger: Ledger, stack: ExitStack
) -> None:
    ada, ben = ledger.member(), ledger.member()
    ledger.buy(ada)
    told, told_ben = Told(), Told()
    stack.enter_context(ledger.feed.listen(ada, told))
    stack.enter_context(ledger.feed.listen(ben, told_ben))
    await_that(lambda: (told, told_ben) == ([(1, 10)], [(0, 0)]))
    ledger.buy(ada)
    await_that(lambda: told == [(1, 10), (2, 20)])
    ledger.buy(ben)
    await_that(lambda: told_ben == [(0, 0), (1, 10)])
    assert told == [(1, 10), (2, 20)]


def test_many_accounts_cost_two_threads_one_subscription_and_a_query_for_so_many(
    ledger: Ledger, stack: ExitStack
) -> None:
    ada, ben = ledger.member(), ledger.member()
    told, told_ben = Told(), Told()
    stack.enter_context(ledger.feed.listen(ben, told_ben))
    await_that(lambda: told_ben == [(0, 0)])
    ledger.buy(ben)
    await_that(lambda: told_ben == [(0, 0), (1, 10)])
    ledger.faults.add("hold_before", QUERIES)
    stack.enter_context(ledger.feed.listen(uuid4(), Told()))
    ledger.faults.await_held()
    ledger.answered.clear()
    for account_id in [ada, *(uuid4() for _ in range(SLICE))]:
        stack.enter_context(ledger.feed.listen(account_id, told))
    ledger.faults.clear()
    await_that(lambda: told == [(0, 0)] and len(ledger.answered) == 3)
    ledger.buy(ada)
    await_that(lambda: told == [(0, 0), (1, 10)])
    assert set(ledger.answered[:3]) == {"/admin/query"}
    assert ledger.answered.count("/admin/query") == 3 + 1  # the last is of who buys
    assert ledger.threads() == 2


def test_what_this_process_writes_is_told_without_the_way_round(ledger: Ledger, stack: ExitStack) -> None:
    ada, told = ledger.member(), Told()
    ledger.faults.add("hold_before", SUBSCRIBES)
    stack.enter_context(ledger.feed.listen(ada, told))
    ledger.faults.await_held()
    await_that(lambda: told == [(0, 0)])
    ledger.buy(ada, ledger.here)
    assert told == [(0, 0), (1, 10)]


@pytest.mark.slow
def test_what_was_written_while_instant_was_away_is_told_when_it_is_back(
    ledger: Ledger, stack: ExitStack
) -> None:
    ada, ben = ledger.member(), ledger.member()
    told, told_ben = Told(), Told()
    stack.enter_context(ledger.feed.listen(ada, told))
    await_that(lambda: told == [(0, 0)])
    ledger.buy(ada)
    await_that(lambda: told == [(0, 0), (1, 10)])
    ledger.process.kill()
    ledger.answered.clear()
    ledger.restart()
    await_that(lambda: ledger.answered == ["/admin/subscribe-query", "/admin/query"])
    ledger.process.kill()
    # Who comes meanwhile waits.
    stack.enter_context(ledger.feed.listen(ben, told_ben))
    ledger.restart()
    ledger.buy(ada)
    await_that(lambda: told[-1] == (2, 20))
    await_that(lambda: told_ben == [(0, 0)])
    ledger.buy(ada)
    await_that(lambda: told[-1] == (3, 30))


@pytest.mark.parametrize(
    "fault",
    [{"fault": "refuse"}, {"fault": "answer", "status": 400, "body": {"type": "validation-failed"}}],
    ids=lambda fault: fault["fault"],
)
def test_it_asks_until_it_is_answered_and_says_so_once(
    ledger: Ledger, stack: ExitStack, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    ada, told = ledger.member(), Told()
    for path in (SUBSCRIBES, QUERIES):
        ledger.faults.add(path=path, times=5, **fault)
    stack.enter_context(ledger.feed.listen(ada, told))
    await_that(lambda: told == [(0, 0)])
    await_that(lambda: [rule["hits"] for rule in ledger.faults.rules()] == [5, 5])
    ledger.buy(ada)
    await_that(lambda: told == [(0, 0), (1, 10)])
    assert caplog.text.count("trying again") == 2
    assert ledger.process.admin_token not in caplog.text


def test_a_damaged_entry_of_somebody_else_is_only_theirs(
    ledger: Ledger, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    ada, told = ledger.member(), Told()
    stack.enter_context(ledger.feed.listen(ada, told))
    await_that(lambda: told == [(0, 0)])
    nothing = {"key": str(uuid4()), "kind": "spend", "amount": 1, "balance": 1, "createdAt": 0}
    ledger.admin.transact([create("creditEntries", row_id(), nothing | {"slot": str(uuid4())})])
    await_that(lambda: "not what an entry looks like" in caplog.text)
    ledger.buy(ada)
    await_that(lambda: told == [(0, 0), (1, 10)])


def test_it_ends_after_the_last_one_has_left_and_begins_again(ledger: Ledger) -> None:
    ada, first, second = ledger.member(), Told(), Told()
    with ledger.feed.listen(ada, first):
        await_that(lambda: first == [(0, 0)])
    await_that(lambda: ledger.threads() == 0)
    ledger.buy(ada, ledger.here)
    with ledger.feed.listen(ada, second):
        await_that(lambda: second == [(1, 10)])
        ledger.buy(ada)
        await_that(lambda: second == [(1, 10), (2, 20)])
    assert first == [(0, 0)]
