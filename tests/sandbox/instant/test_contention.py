"""Transacts that meet, as they do in PostgreSQL."""

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from instant_admin.ledger.movements import Purchase
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import Writer, row_id
from sandbox.instant.contention import Contention
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant

WRITERS = 4
MOVEMENTS_EACH = 6
# Whether two meet is chance; that none do in so many turns is not.
TURNS = 8


@pytest.mark.parametrize(("new_id", "deadlocks"), [(uuid4, True), (row_id, False)])
def test_many_movements_of_one_account_deadlock_unless_their_ids_sort_behind_it(
    new_id: Callable[[], UUID], deadlocks: bool
) -> None:
    loopback = LoopbackInstant()
    account, _ = loopback.member()
    contention = Contention(transact_s=0.004, deadlock_s=0.05)
    loopback.standin = loopback.standin.copy(clock=time.time, rng=random.Random(1), contention=contention)
    broken: list[Response] = []

    def watched(request: Request, work: Callable[[], Response]) -> Response:
        answer = work()
        if answer.status == 500:
            broken.append(answer)
        return answer

    client = loopback.client(watched)
    # A process each, since one process sends no two transacts at once.
    stores = [
        BalanceStore(client, writer=Writer(client, new_id=new_id), sleep=lambda seconds: None)
        for _ in range(WRITERS)
    ]

    def buy(store: BalanceStore) -> None:
        for _ in range(MOVEMENTS_EACH):
            together.wait()
            store.post(account, Purchase(key=f"purchase:{uuid4()}", credits=1))

    together = threading.Barrier(WRITERS)
    turns = 0
    while turns < TURNS and not broken:
        turns += 1
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(buy, stores))
    assert stores[0].account(account).credits == turns * WRITERS * MOVEMENTS_EACH
    assert bool(broken) is deadlocks
    for answer in broken:
        body = json.loads(answer.body)
        assert (body["type"], body["hint"]["condition"]) == ("sql-exception", "deadlock-detected")
