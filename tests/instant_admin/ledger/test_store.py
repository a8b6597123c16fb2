"""The balance store against Instant's own semantics: what happens once, what is refused, what is doubtful."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import create, link, update
from instant_admin.client.types import Step
from instant_admin.ledger.entries import NoSuchAccount, read_page
from instant_admin.ledger.retries import LOST_RACES_LIMIT, OutcomeUnknown
from instant_admin.ledger.rules import KeyReused, Kind, Movement, OutOfCredits, Purchase, Reset, Spend
from instant_admin.ledger.store import BalanceStore, GuardsMissing, Posted, row_id
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant

Work = Callable[[], Response]


@pytest.fixture
def loopback() -> Iterator[LoopbackInstant]:
    loopback = LoopbackInstant()
    yield loopback
    loopback.standin.close()


@pytest.fixture
def ada(loopback: LoopbackInstant) -> UUID:
    return loopback.member()[0]


def store_of(instant: InstantAdmin) -> BalanceStore:
    return BalanceStore(instant, sleep=lambda seconds: None)


@pytest.fixture
def store(loopback: LoopbackInstant) -> BalanceStore:
    return store_of(loopback.admin)


def ledger(loopback: LoopbackInstant, account: UUID) -> list[tuple[str, int, int]]:
    entries = read_page(loopback.admin, account, before_seq=None, limit=100).entries
    return [(str(entry.kind), entry.amount, entry.balance) for entry in reversed(entries)]


def bought(credits: int = 10, key: str = "purchase:cs_test_1") -> Purchase:
    return Purchase(key=key, credits=credits)


def spent(account: UUID, request: str = "r1", topic: str = "rain") -> Spend:
    return Spend(key=f"spend:{account}:{request}", price=1, note=topic)


def haiku_for(account: UUID) -> Callable[[UUID], list[Step]]:
    return lambda haiku_id: [
        create("haikus", haiku_id, {"topic": "rain", "content": "a\nb\nc", "createdAt": 1}),
        link("haikus", haiku_id, {"author": account}),
    ]


def haikus(loopback: LoopbackInstant) -> list[str]:
    return [row["id"] for row in loopback.admin.query({"haikus": {}})["haikus"]]


# What happens once


def test_a_new_member_has_no_credits_and_no_ledger(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    assert (store.account(ada).credits, store.account(ada).seq) == (0, 0)
    assert ledger(loopback, ada) == []


def test_a_purchase_is_an_entry_and_a_balance(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    posted = store.post(ada, bought())
    assert (posted.credits, posted.replayed) == (10, False)
    assert ledger(loopback, ada) == [("purchase", 10, 10)]
    assert store.account(ada).credits == 10


def test_the_same_purchase_again_adds_nothing(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    store.post(ada, bought())
    store.post(ada, spent(ada))
    again = store.post(ada, bought())
    assert (again.credits, again.replayed, again.entry.balance) == (9, True, 10)
    assert len(ledger(loopback, ada)) == 2


def test_a_spend_and_what_it_pays_for_are_written_together(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    store.post(ada, bought())
    posted = store.post(ada, spent(ada), steps=haiku_for(ada))
    assert haikus(loopback) == [posted.entry.ref]
    assert ledger(loopback, ada)[-1] == ("spend", -1, 9)


def test_a_spend_that_is_not_covered_writes_nothing_and_makes_nothing(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    made: list[UUID] = []

    def steps(haiku_id: UUID) -> list[Step]:
        made.append(haiku_id)
        return []

    with pytest.raises(OutOfCredits):
        store.post(ada, spent(ada), steps=steps)
    assert (ledger(loopback, ada), made) == ([], [])


def test_a_key_of_another_movement_is_not_confused_with_it(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    store.post(ada, bought(10))
    grace = loopback.member("grace@example.com")[0]
    for account, movement in (
        (ada, bought(50)),
        (grace, bought(10)),
        (ada, Reset(key=bought().key, credits=10)),
    ):
        with pytest.raises(KeyReused):
            store.post(account, movement)
    assert ledger(loopback, grace) == []


def test_a_reset_says_who_and_why(loopback: LoopbackInstant, store: BalanceStore, ada: UUID) -> None:
    store.post(ada, bought())
    entry = store.post(ada, Reset(key="reset:1", credits=3, actor="staff", note="a mistake")).entry
    assert (entry.amount, entry.balance, entry.actor, entry.note) == (-7, 3, "staff", "a mistake")


def test_nobody_has_no_balance(store: BalanceStore) -> None:
    with pytest.raises(NoSuchAccount):
        store.post(uuid4(), bought())


def test_credits_from_before_the_ledger_are_taken_over_as_they_are(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    loopback.admin.transact([update("$users", ada, {"credits": 7})])
    assert store.account(ada).credits == 7
    store.post(ada, spent(ada))
    assert ledger(loopback, ada) == [("opening", 7, 7), ("spend", -1, 6)]


def test_ids_sort_after_the_accounts_and_are_random(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    store.post(ada, bought())
    posted = store.post(ada, spent(ada), steps=haiku_for(ada))
    assert posted.entry.id.bytes[:2] == b"\xff\xff"
    assert UUID(posted.entry.ref).bytes[:2] == b"\xff\xff"
    assert len({row_id() for _ in range(1000)}) == 1000


# What is refused beforehand


@pytest.mark.parametrize("label", ["key", "slot"])
def test_no_credit_moves_in_an_app_whose_guards_are_not_unique(label: str) -> None:
    from tests.drivers.instant import DOCUMENTS

    schema = json.loads(json.dumps(DOCUMENTS.schema))
    schema["entities"]["creditEntries"]["attrs"][label]["config"]["unique"] = False
    loopback = LoopbackInstant(documents=False)
    loopback.admin.push_schema(schema)
    ada = loopback.member()[0]
    with pytest.raises(GuardsMissing, match=rf"creditEntries\.{label} is not unique.*instant_push"):
        store_of(loopback.admin).post(ada, bought())
    assert loopback.admin.query({"creditEntries": {}})["creditEntries"] == []


def test_no_credit_moves_in_an_app_without_our_schema() -> None:
    loopback = LoopbackInstant(documents=False)
    with pytest.raises(GuardsMissing, match=r"creditEntries\.key is missing"):
        store_of(loopback.admin).post(loopback.member()[0], bought())


# What is doubtful: one fault at one call, for each fault and each call


def refuse(request: Request, work: Work) -> Response:
    raise requests.ConnectionError("aborted")


def lose_the_answer(request: Request, work: Work) -> Response:
    work()
    raise requests.ConnectionError("aborted")


def time_out(request: Request, work: Work) -> Response:
    work()
    raise requests.ReadTimeout


def answer_with(status: int, body: dict[str, Any], *, after: bool) -> Callable[[Request, Work], Response]:
    def fault(request: Request, work: Work) -> Response:
        if after:
            work()
        return Response.json(body, status=status)

    return fault


DEADLOCK = {"type": "sql-exception", "hint": {"condition": "deadlock-detected"}}
FAULTS = {
    "refused": refuse,
    "answer lost": lose_the_answer,
    "timeout": time_out,
    "rate limited": answer_with(429, {"type": "rate-limited"}, after=False),
    "statement timeout, not done": answer_with(429, {"type": "timeout"}, after=False),
    "statement timeout, done": answer_with(429, {"type": "timeout"}, after=True),
    "deadlock": answer_with(500, DEADLOCK, after=False),
    "500, not done": answer_with(500, {"type": "unknown"}, after=False),
    "502, done": answer_with(502, {}, after=True),
    "half a body": answer_with(200, {"tx": None}, after=True),
}


class FaultyNetwork:
    """Lets calls pass, but for those of one path from `first` on, `times` long."""

    def __init__(
        self, fault: Callable[[Request, Work], Response], *, path: str, first: int = 0, times: int = 1
    ) -> None:
        self._fault = fault
        self._path = path
        self._hits = range(first, first + times)
        self._count = 0
        self.hit = 0

    def __call__(self, request: Request, work: Work) -> Response:
        if request.path != self._path:
            return work()
        self._count += 1
        if self._count - 1 not in self._hits:
            return work()
        self.hit += 1
        return self._fault(request, work)


def settled(post: Callable[[], Posted]) -> Posted:
    """What a caller does who must have it done: ask again, with the same key."""
    for _ in range(5):
        try:
            return post()
        except OutcomeUnknown:
            continue
    raise AssertionError("it never settled")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("path", ["/admin/transact", "/admin/query", "/admin/schema"])
@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("times", [1, 2, 3, 6])
def test_whatever_goes_wrong_a_movement_happens_exactly_once(
    loopback: LoopbackInstant,
    ada: UUID,
    fault: Callable[[Request, Work], Response],
    path: str,
    first: int,
    times: int,
) -> None:
    network = FaultyNetwork(fault, path=path, first=first, times=times)
    store = store_of(loopback.client(network))

    def post(movement: Movement, **bought: Any) -> Posted:
        return settled(lambda: store.post(ada, movement, **bought))

    assert post(bought()).credits == 10
    assert post(spent(ada), steps=haiku_for(ada)).credits == 9
    assert post(spent(ada, "r2"), steps=haiku_for(ada)).credits == 8
    assert ledger(loopback, ada) == [("purchase", 10, 10), ("spend", -1, 9), ("spend", -1, 8)]
    assert len(haikus(loopback)) == 2


@pytest.mark.parametrize(
    ("fault", "doubt"), [("answer lost", True), ("rate limited", False), ("refused", True)]
)
def test_giving_up_says_whether_anything_may_have_been_written(
    loopback: LoopbackInstant, ada: UUID, fault: str, doubt: bool
) -> None:
    network = FaultyNetwork(FAULTS[fault], path="/admin/transact", times=99)

    def cut_off(request: Request, work: Work) -> Response:
        # After the write nothing can be looked up either.
        if request.path == "/admin/query" and network.hit:
            raise requests.ConnectionError("aborted")
        return network(request, work)

    with pytest.raises(OutcomeUnknown) as raised:
        store_of(loopback.client(cut_off)).post(ada, bought())
    assert raised.value.may_have_been_written is doubt


def test_a_lost_write_whose_slot_was_taken_meanwhile_is_no_longer_in_doubt(
    loopback: LoopbackInstant, ada: UUID
) -> None:
    """The first answer is lost with the write; another movement takes the slot; then Instant is gone."""
    other = store_of(loopback.admin)
    tries: list[Request] = []

    def network(request: Request, work: Work) -> Response:
        if request.path != "/admin/transact":
            return work()
        tries.append(request)
        if len(tries) == 1:
            other.post(ada, bought(5, key="purchase:cs_test_other"))
            raise requests.ReadTimeout
        return Response.json({"type": "rate-limited"}, status=429)

    with pytest.raises(OutcomeUnknown) as raised:
        store_of(loopback.client(network)).post(ada, bought())
    assert not raised.value.may_have_been_written


def test_a_late_write_and_its_repetition_cannot_both_happen(loopback: LoopbackInstant, ada: UUID) -> None:
    """The first request is stuck on its way, is given up and repeated, and arrives after all."""
    stuck: list[Work] = []

    def network(request: Request, work: Work) -> Response:
        if request.path == "/admin/transact" and not stuck:
            stuck.append(work)
            raise requests.ReadTimeout
        return work()

    store = store_of(loopback.client(network))
    store.post(ada, bought())
    assert stuck[0]().status == 400
    assert ledger(loopback, ada) == [("purchase", 10, 10)]


def test_two_writers_of_one_balance_are_decided_one_after_the_other(
    loopback: LoopbackInstant, ada: UUID
) -> None:
    """Another spend of the last credit comes between our read and our write."""
    other = store_of(loopback.admin)
    other.post(ada, bought(1))
    meddled: list[bool] = []

    def network(request: Request, work: Work) -> Response:
        if request.path == "/admin/transact" and not meddled:
            meddled.append(True)
            other.post(ada, spent(ada, "theirs"), steps=haiku_for(ada))
        return work()

    with pytest.raises(OutOfCredits):
        store_of(loopback.client(network)).post(ada, spent(ada, "ours"), steps=haiku_for(ada))
    assert len(haikus(loopback)) == 1
    assert ledger(loopback, ada)[-1] == ("spend", -1, 0)


def test_losing_every_race_ends_and_says_that_nothing_was_written(
    loopback: LoopbackInstant, ada: UUID
) -> None:
    other = store_of(loopback.admin)
    races = iter(range(1000))

    def network(request: Request, work: Work) -> Response:
        if request.path == "/admin/transact":
            other.post(ada, bought(1, key=f"purchase:{next(races)}"))
        return work()

    with pytest.raises(OutcomeUnknown) as raised:
        store_of(loopback.client(network)).post(ada, bought(10, key="purchase:ours"))
    assert not raised.value.may_have_been_written
    assert next(races) == LOST_RACES_LIMIT + 1


def test_an_account_that_is_deleted_meanwhile_is_refused(loopback: LoopbackInstant, ada: UUID) -> None:
    def network(request: Request, work: Work) -> Response:
        if request.path == "/admin/transact":
            loopback.admin.delete_user(user_id=ada)
        return work()

    with pytest.raises(Exception, match="refused") as raised:
        store_of(loopback.client(network)).post(ada, bought())
    assert not raised.value.may_have_been_written  # type: ignore[attr-defined]
    assert loopback.admin.query({"creditEntries": {}})["creditEntries"] == []


# Reading


def test_the_ledger_is_read_in_pages(loopback: LoopbackInstant, store: BalanceStore, ada: UUID) -> None:
    for number in range(7):
        store.post(ada, bought(1, key=f"purchase:{number}"))
    first = read_page(loopback.admin, ada, before_seq=None, limit=3).entries
    second = read_page(loopback.admin, ada, before_seq=first[-1].seq, limit=3).entries
    third = read_page(loopback.admin, ada, before_seq=second[-1].seq, limit=3).entries
    assert [entry.seq for entry in (*first, *second, *third)] == [7, 6, 5, 4, 3, 2, 1]
    assert read_page(loopback.admin, ada, before_seq=1, limit=3).entries == ()


def test_members_read_their_own_balance_and_ledger_and_nobody_elses(
    loopback: LoopbackInstant, store: BalanceStore, ada: UUID
) -> None:
    store.post(ada, bought())
    ada_token = loopback.admin.create_token(email="ada@example.com")["user"]["refresh_token"]
    grace_token = loopback.member("grace@example.com")[1]
    as_ada, as_grace = loopback.admin.as_member(ada_token), loopback.admin.as_member(grace_token)
    page = read_page(as_ada, ada, before_seq=None, limit=5)
    assert (page.account.credits, [entry.kind for entry in page.entries]) == (10, [Kind.PURCHASE])
    for before_seq in (None, 99):
        with pytest.raises(NoSuchAccount):
            read_page(as_grace, ada, before_seq=before_seq, limit=100)
