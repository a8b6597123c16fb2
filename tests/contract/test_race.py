"""The one guard that credits stand on, over a real port."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from instant_admin.client.errors import NotUnique
from instant_admin.client.steps import create
from tests.sandbox.instant.process import Process

THREADS = 32
TURNS = 100


@pytest.mark.deep
def test_of_32_threads_that_create_one_unique_value_exactly_one_wins_a_hundred_times(served: Process) -> None:
    instant = served.admin()
    start = threading.Barrier(THREADS)

    def write(key: str) -> str:
        start.wait(timeout=30)
        steps = [create("seals", uuid4(), {"color": key}), create("notes", uuid4(), {"key": key})]
        try:
            instant.transact(steps)
        except NotUnique as exc:
            return f"{exc.refusal.etype}.{exc.refusal.label}"
        return "won"

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for _ in range(TURNS):
            key = str(uuid4())
            outcomes = Counter(pool.map(write, [key] * THREADS))
            assert outcomes == {"won": 1, "notes.key": THREADS - 1}
            for namespace, label in (("notes", "key"), ("seals", "color")):
                assert len(instant.query({namespace: {"$": {"where": {label: key}}}})[namespace]) == 1
