"""Over a real port, as a process that can be killed."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.drivers.waiting import await_that
from tests.sandbox.instant.harness import new_id
from tests.sandbox.instant.process import DEADLINE_S, ROOT, Process


def test_printing_the_app_starts_nothing_and_keeps_it(tmp_path: Path) -> None:
    chosen = new_id()
    command = [sys.executable, "-m", "sandbox.instant", "--data", str(tmp_path / "x.sqlite3"), "--print-app"]
    command += ["--app-id", chosen]
    first, again = (
        json.loads(subprocess.check_output(command, cwd=ROOT, timeout=DEADLINE_S))  # noqa: S603 (our own)
        for _ in range(2)
    )
    assert first == again
    assert first["app_id"] == chosen


def test_an_answer_can_be_dropped_after_the_work_was_done(served: Process) -> None:
    faults = f"{served.uri}/_sandbox/faults"
    rule = {"method": "POST", "path": "^/admin/transact$", "fault": "drop_after"}
    requests.post(faults, json=rule, timeout=5)
    post = new_id()
    with pytest.raises(requests.ConnectionError):
        served.transact(["create", "dropped", post, {}])
    requests.delete(faults, timeout=5)
    assert served.query({"dropped": {}}) == {"dropped": [{"id": post}]}


def test_a_kill_loses_nothing_that_was_acknowledged_and_keeps_no_half_transaction(tmp_path: Path) -> None:
    process = Process(tmp_path / "instant.sqlite3")
    process.start()
    acknowledged: list[str] = []

    def write_pairs_until_it_is_gone(_: int) -> None:
        while True:
            key = new_id()
            steps = [["create", "posts", new_id(), {"key": key}] for _ in range(2)]
            try:
                answer = process.transact(*steps)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged.append(key)

    for turn in range(1, 4):
        with ThreadPoolExecutor(4) as writers:
            ends = writers.map(write_pairs_until_it_is_gone, range(4))
            await_that(partial(lambda wanted: len(acknowledged) >= wanted, 20 * turn), DEADLINE_S)
            process.kill()
        assert list(ends) == [None] * 4
        process.start("--app-id", process.app_id)
        keys = Counter(post["key"] for post in process.query({"posts": {}})["posts"])
        assert set(acknowledged) <= set(keys)
        assert set(keys.values()) == {2}
    process.stop()
