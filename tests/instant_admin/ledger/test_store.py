"""The balance store against Instant's own semantics: what happens once, what is refused, what is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantRejected
from instant_admin.client.steps import update
from instant_admin.client.types import Step
from instant_admin.ledger.batches import Posted
from instant_admin.ledger.entries import NoSuchAccount, read_page
from instant_admin.ledger.movements import Purchase, Reset, Spend
from instant_admin.ledger.retries import LOST_RACES_LIMIT, OutcomeUnknown
from instant_admin.ledger.rules import KeyReused, Kind, Movement, OutOfCredits
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import GuardsMissing, row_id
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant, Network, Work, schema_without_guard
from tests.drivers.site import haiku


def store_of(instant: InstantAdmin) -> BalanceStore:
    return BalanceStore(instant, sleep=lambda seconds: None)


@dataclass(frozen=True)
class Ledger:
    """An account, the store that moves its credits, and what stands in Instant of them."""

    instant: LoopbackInstant
    account: UUID
    store: BalanceStore

    def over(self, network: Network) -> Ledger:
        """The same account, by a store behind `network`."""
        return replace(self, store=store_of(self.instant.client(network)))

    def post(self, movement: Movement) -> Posted:
        """Post a movement; a spend with its haiku."""
        if isinstance(movement, Spend):
            return self.store.post(self.account, movement, steps=lambda row: haiku(row, self.account))
        return self.store.post(self.account, movement)

    def spent(self, request: str = "r1") -> Spend:
        """One credit for a haiku."""
        return Spend(key=f"spend:{self.account}:{request}", price=1, note="rain")

    def entries(self) -> list[tuple[str, int, int]]:
        """All that was moved: kinds, amounts and balances, oldest first."""
        page = read_page(self.instant.admin, self.account, before_seq=None, limit=100)
        return [(str(entry.kind), entry.amount, entry.balance) for entry in reversed(page.entries)]

    def rows(self, namespace: str) -> list[str]:
        """The ids of all rows."""
        return [row["id"] for row in self.instant.admin.query({namespace: {}})[namespace]]


@pytest.fixture
def ada(loopback: LoopbackInstant) -> Ledger:
    return Ledger(loopback, loopback.member()[0], store_of(loopback.admin))


def bought(credits: int = 10, key: str = "purchase:cs_test_1") -> Purchase:
    return Purchase(key=key, credits=credits)


# What happens once


def test_a_purchase_is_an_entry_and_a_balance_and_the_same_again_adds_nothing(ada: Ledger) -> None:
    account = ada.store.account(ada.account)
    assert (account.credits, account.seq, ada.entries()) == (0, 0, [])
    posted = ada.post(bought())
    assert (posted.credits, posted.replayed) == (10, False)
    assert ada.entries() == [("purchase", 10, 10)]
    assert ada.store.account(ada.account).credits == 10
    ada.post(ada.spent())
    again = ada.post(bought())
    assert (again.credits, again.replayed, again.entry.balance) == (9, True, 10)
    assert len(ada.entries()) == 2


def test_a_spend_and_what_it_pays_for_are_written_together_under_ids_that_sort_last(ada: Ledger) -> None:
    ada.post(bought())
    entry = ada.post(ada.spent()).entry
    assert ada.rows("haikus") == [entry.ref]
    assert ada.entries()[-1] == ("spend", -1, 9)
    assert entry.id.bytes[:2] == UUID(entry.ref).bytes[:2] == b"\xff\xff"
    assert len({row_id() for _ in range(1000)}) == 1000


def test_a_spend_that_is_not_covered_writes_nothing_and_makes_nothing(ada: Ledger) -> None:
    made: list[UUID] = []

    def steps(haiku_id: UUID) -> list[Step]:
        made.append(haiku_id)
        return []

    with pytest.raises(OutOfCredits):
        ada.store.post(ada.account, ada.spent(), steps=steps)
    assert (ada.entries(), made) == ([], [])


def test_a_key_of_another_movement_is_not_confused_with_it(ada: Ledger) -> None:
    ada.post(bought(10))
    grace = replace(ada, account=ada.instant.member("grace@example.com")[0])
    for ledger, movement in (
        (ada, bought(50)),
        (grace, bought(10)),
        (ada, Reset(key=bought().key, credits=10)),
    ):
        with pytest.raises(KeyReused):
            ledger.post(movement)
    assert grace.entries() == []


def test_a_reset_says_who_and_why(ada: Ledger) -> None:
    ada.post(bought())
    entry = ada.post(Reset(key="reset:1", credits=3, actor="staff", note="a mistake")).entry
    assert (entry.amount, entry.balance, entry.actor, entry.note) == (-7, 3, "staff", "a mistake")


def test_nobody_has_no_balance(ada: Ledger) -> None:
    with pytest.raises(NoSuchAccount):
        ada.store.post(uuid4(), bought())


def test_credits_from_before_the_ledger_are_taken_over_as_they_are(ada: Ledger) -> None:
    ada.instant.admin.transact([update("$users", ada.account, {"credits": 7})])
    assert ada.store.account(ada.account).credits == 7
    ada.post(ada.spent())
    assert ada.entries() == [("opening", 7, 7), ("spend", -1, 6)]


# What is refused beforehand


@pytest.mark.parametrize("label", ["key", "slot"])
def test_no_credit_moves_in_an_app_whose_guards_are_not_unique(label: str) -> None:
    loopback = LoopbackInstant(documents=False)
    loopback.admin.push_schema(schema_without_guard(label))
    with pytest.raises(GuardsMissing, match=rf"creditEntries\.{label} is not unique.*instant_push"):
        store_of(loopback.admin).post(loopback.member()[0], bought())
    assert loopback.admin.query({"creditEntries": {}})["creditEntries"] == []


def test_no_credit_moves_in_an_app_without_our_schema() -> None:
    loopback = LoopbackInstant(documents=False)
    with pytest.raises(GuardsMissing, match=r"creditEntries\.key is missing"):
        store_of(loopback.admin).post(loopback.member()[0], bought())


# What is doubtful: one fault at one call, for each fault and each call


Fault = Callable[[Work], Response]


def refuse(work: Work) -> Response:
    raise requests.ConnectionError("aborted")


def lose_the_answer(work: Work) -> Response:
    work()
    raise requests.ConnectionError("aborted")


def time_out(work: Work) -> Response:
    work()
    raise requests.ReadTimeout


def not_done(status: int, body: dict[str, Any]) -> Fault:
    return lambda work: Response.json(body, status=status)


def done(status: int, body: dict[str, Any]) -> Fault:
    def answer(work: Work) -> Response:
        work()
        return Response.json(body, status=status)

    return answer


DEADLOCK = {"type": "sql-exception", "hint": {"condition": "deadlock-detected"}}
FAULTS = {
    "refused": refuse,
    "answer lost": lose_the_answer,
    "timeout": time_out,
    "rate limited": not_done(429, {"type": "rate-limited"}),
    "statement timeout, not done": not_done(429, {"type": "timeout"}),
    "statement timeout, done": done(429, {"type": "timeout"}),
    "deadlock": not_done(500, DEADLOCK),
    "500, not done": not_done(500, {"type": "unknown"}),
    "502, done": done(502, {}),
    "half a body": done(200, {"tx": None}),
}


class FaultyNetwork:
    """Lets calls pass, but for those of one path from `first` on, `times` long."""

    def __init__(
        self, fault: Fault, *, path: str = "/admin/transact", first: int = 0, times: int = 1
    ) -> None:
        self._fault = fault
        self._path = path
        self._hits = range(first, first + times)
        self._calls = count()
        self.hit = 0

    def __call__(self, request: Request, work: Work) -> Response:
        if request.path != self._path or next(self._calls) not in self._hits:
            return work()
        self.hit += 1
        return self._fault(work)


def settled(post: Callable[[], Posted]) -> Posted:
    """What a caller does who must have it done: ask again, with the same key."""
    for _ in range(5):
        try:
            return post()
        except OutcomeUnknown:
            continue
    raise AssertionError("it never settled")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
# Every call there is when nothing goes wrong.
@pytest.mark.parametrize(
    ("path", "first"),
    [("/admin/query", 0), ("/admin/schema", 0), *(("/admin/transact", first) for first in range(3))],
)
@pytest.mark.parametrize("times", [1, 2, 3, 6])
def test_whatever_goes_wrong_a_movement_happens_exactly_once(
    ada: Ledger, fault: Fault, path: str, first: int, times: int
) -> None:
    network = FaultyNetwork(fault, path=path, first=first, times=times)
    faulty = ada.over(network)
    assert settled(lambda: faulty.post(bought())).credits == 10
    assert settled(lambda: faulty.post(ada.spent())).credits == 9
    assert settled(lambda: faulty.post(ada.spent("r2"))).credits == 8
    assert ada.entries() == [("purchase", 10, 10), ("spend", -1, 9), ("spend", -1, 8)]
    assert len(ada.rows("haikus")) == 2
    assert network.hit


@pytest.mark.parametrize(
    ("fault", "doubt"), [("answer lost", True), ("rate limited", False), ("refused", True)]
)
def test_giving_up_says_whether_anything_may_have_been_written(ada: Ledger, fault: str, doubt: bool) -> None:
    network = FaultyNetwork(FAULTS[fault], times=99)

    def cut_off(request: Request, work: Work) -> Response:
        # After the write nothing can be looked up either.
        if request.path == "/admin/query" and network.hit:
            raise requests.ConnectionError("aborted")
        return network(request, work)

    with pytest.raises(OutcomeUnknown) as raised:
        ada.over(cut_off).post(bought())
    assert raised.value.may_have_been_written is doubt


def test_a_lost_write_whose_slot_was_taken_meanwhile_is_no_longer_in_doubt(ada: Ledger) -> None:
    """The first answer is lost with the write; another movement takes the slot; then Instant is gone."""
    tries = count()

    def fault(work: Work) -> Response:
        if next(tries) == 0:
            ada.post(bought(5, key="purchase:cs_test_other"))
            raise requests.ReadTimeout
        return Response.json({"type": "rate-limited"}, status=429)

    with pytest.raises(OutcomeUnknown) as raised:
        ada.over(FaultyNetwork(fault, times=99)).post(bought())
    assert not raised.value.may_have_been_written


def test_a_late_write_and_its_repetition_cannot_both_happen(ada: Ledger) -> None:
    """The first request is stuck on its way, is given up and repeated, and arrives after all."""
    stuck: list[Work] = []

    def give_up(work: Work) -> Response:
        stuck.append(work)
        raise requests.ReadTimeout

    ada.over(FaultyNetwork(give_up)).post(bought())
    assert stuck[0]().status == 400
    assert ada.entries() == [("purchase", 10, 10)]


def test_two_writers_of_one_balance_are_decided_one_after_the_other(ada: Ledger) -> None:
    """Another spend of the last credit comes between our read and our write."""
    ada.post(bought(1))

    def meddle(work: Work) -> Response:
        ada.post(ada.spent("theirs"))
        return work()

    with pytest.raises(OutOfCredits):
        ada.over(FaultyNetwork(meddle)).post(ada.spent("ours"))
    assert len(ada.rows("haikus")) == 1
    assert ada.entries()[-1] == ("spend", -1, 0)


def test_losing_every_race_ends_and_says_that_nothing_was_written(ada: Ledger) -> None:
    races = count()

    def win(work: Work) -> Response:
        ada.post(bought(1, key=f"purchase:{next(races)}"))
        return work()

    with pytest.raises(OutcomeUnknown) as raised:
        ada.over(FaultyNetwork(win, times=1000)).post(bought(10, key="purchase:ours"))
    assert not raised.value.may_have_been_written
    assert next(races) == LOST_RACES_LIMIT + 1


def test_an_account_that_is_deleted_meanwhile_is_refused(ada: Ledger) -> None:
    def delete_first(work: Work) -> Response:
        ada.instant.admin.delete_user(user_id=ada.account)
        return work()

    with pytest.raises(InstantRejected) as raised:
        ada.over(FaultyNetwork(delete_first)).post(bought())
    assert not raised.value.may_have_been_written
    assert ada.rows("creditEntries") == []


# Reading


def test_the_ledger_is_read_in_pages(ada: Ledger) -> None:
    for number in range(7):
        ada.post(bought(1, key=f"purchase:{number}"))

    def seqs(before_seq: int | None) -> list[int]:
        page = read_page(ada.instant.admin, ada.account, before_seq=before_seq, limit=3)
        return [entry.seq for entry in page.entries]

    assert [seqs(None), seqs(5), seqs(2), seqs(1)] == [[7, 6, 5], [4, 3, 2], [1], []]


def test_members_read_their_own_balance_and_ledger_and_nobody_elses(ada: Ledger) -> None:
    ada.post(bought())
    admin = ada.instant.admin
    token = admin.create_token(email="ada@example.com")["user"]["refresh_token"]
    page = read_page(admin.as_member(token), ada.account, before_seq=None, limit=5)
    assert (page.account.credits, [entry.kind for entry in page.entries]) == (10, [Kind.PURCHASE])
    as_grace = admin.as_member(ada.instant.member("grace@example.com")[1])
    for before_seq in (None, 99):
        with pytest.raises(NoSuchAccount):
            read_page(as_grace, ada.account, before_seq=before_seq, limit=100)


# Closing


def test_an_account_is_closed_at_nothing_and_only_its_numbers_stay(ada: Ledger) -> None:
    ada.post(bought(3))
    ada.post(ada.spent())
    numbers = ada.entries()
    ada.store.close(ada.account)
    assert (ada.rows("$users"), ada.rows("haikus")) == ([], [])
    assert len(ada.rows("creditEntries")) == len(numbers) + 1
    (closing,) = ada.store.entries([f"closing:{ada.account}"]).values()
    assert (closing.kind, closing.seq, closing.amount, closing.balance) == (Kind.CLOSING, 3, -2, 0)
    ada.store.close(ada.account)
    assert len(ada.rows("creditEntries")) == 3
    with pytest.raises(NoSuchAccount):
        ada.post(bought(key="purchase:cs_test_2"))


def test_credits_of_before_the_ledger_are_recorded_before_they_lapse(ada: Ledger) -> None:
    ada.instant.admin.transact([update("$users", ada.account, {"credits": 7})])
    ada.store.close(ada.account)
    keys = [f"opening:{ada.account}", f"closing:{ada.account}"]
    found = ada.store.entries(keys)
    assert [(found[key].amount, found[key].balance) for key in keys] == [(7, 7), (-7, 0)]
    assert ada.rows("$users") == []


def test_what_was_decided_before_an_account_was_closed_brings_nothing_of_it_back() -> None:
    """Instant asks whether an account is there before it writes, and would bring back a part of one that has gone."""
    meanwhile: list[Callable[[], None]] = []
    loopback = LoopbackInstant(pause=lambda where: meanwhile.pop()() if meanwhile else None)
    ada = Ledger(loopback, loopback.member()[0], store_of(loopback.admin))
    meanwhile.append(lambda: store_of(loopback.admin).close(ada.account))
    with pytest.raises(NoSuchAccount):
        ada.post(bought())
    assert meanwhile == []
    assert ada.rows("$users") == []
