"""Transacts that meet, as they do in PostgreSQL."""

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from instant_admin.ledger.rules import Purchase
from instant_admin.ledger.store import BalanceStore, row_id
from sandbox.instant.contention import Contention
from sandbox.serving import Request, Response
from tests.drivers.instant import LoopbackInstant

WRITERS = 4
MOVEMENTS_EACH = 6


class Account:
    """One member's balance on a stand-in with contention, and how many transacts ended in a deadlock."""

    def __init__(self, contention: Contention) -> None:
        self._loopback = LoopbackInstant()
        self.id, _ = self._loopback.member()
        self._loopback.standin = self._loopback.standin.copy(
            clock=time.time, rng=random.Random(1), contention=contention
        )
        self.deadlocks: list[Response] = []

    def store(self, new_id: Callable[[], UUID]) -> BalanceStore:
        client = self._loopback.client(self._count)
        return BalanceStore(client, new_id=new_id, sleep=lambda seconds: None)

    def _count(self, request: Request, work: Callable[[], Response]) -> Response:
        answer = work()
        if answer.status == 500:
            self.deadlocks.append(answer)
        return answer


@pytest.mark.parametrize(("new_id", "deadlocks"), [(uuid4, True), (row_id, False)])
def test_many_movements_of_one_account_deadlock_unless_their_ids_sort_behind_it(
    new_id: Callable[[], UUID], deadlocks: bool
) -> None:
    account = Account(Contention(transact_s=0.004, deadlock_s=0.05))
    store = account.store(new_id)

    def buy(writer: int) -> None:
        for n in range(MOVEMENTS_EACH):
            store.post(account.id, Purchase(key=f"purchase:{writer}-{n}", credits=1))

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(buy, range(WRITERS)))
    assert store.account(account.id).credits == WRITERS * MOVEMENTS_EACH
    assert bool(account.deadlocks) is deadlocks
    for answer in account.deadlocks:
        body = json.loads(answer.body)
        assert (body["type"], body["hint"]["condition"]) == ("sql-exception", "deadlock-detected")
