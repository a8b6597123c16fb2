"""Over a real port, as a process that can be killed."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.sandbox.instant.harness import new_id
from tests.sandbox.instant.process import DEADLINE_S, ROOT, Process


def test_it_answers_over_http(served: Process) -> None:
    post = new_id()
    answer = served.transact(["create", "posts", post, {"title": "Ünïcode ✓"}])
    assert (answer.status_code, set(answer.json())) == (200, {"tx-id"})
    assert served.query({"posts": {}}) == {"posts": [{"id": post, "title": "Ünïcode ✓"}]}


def test_a_refusal_arrives_with_its_status_and_shape(served: Process) -> None:
    answer = requests.post(f"{served.uri}/admin/query", json={"query": {}}, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["type"] == "param-missing"
    assert answer.json()["hint"] == {
        "in": ["headers", "app-id"],
        "possible-ins": [["query-params", "app_id"]],
    }


def test_printing_the_app_starts_nothing_and_keeps_it(tmp_path: Path) -> None:
    chosen = new_id()
    command = [sys.executable, "-m", "sandbox.instant", "--data", str(tmp_path / "x.sqlite3"), "--print-app"]
    command += ["--app-id", chosen]
    said = [
        json.loads(subprocess.check_output(command, cwd=ROOT, timeout=DEADLINE_S))  # noqa: S603 (our own)
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert said[0]["app_id"] == chosen


def test_an_answer_can_be_dropped_after_the_work_was_done(served: Process) -> None:
    rule = {"method": "POST", "path": "^/admin/transact$", "fault": "drop_after"}
    requests.post(f"{served.uri}/_sandbox/faults", json=rule, timeout=5)
    post = new_id()
    with pytest.raises(requests.ConnectionError):
        served.transact(["create", "dropped", post, {}])
    requests.delete(f"{served.uri}/_sandbox/faults", timeout=5)
    assert served.query({"dropped": {}}) == {"dropped": [{"id": post}]}


class Writers:
    """Threads that write pairs of posts until the server is gone, and remember what it acknowledged."""

    def __init__(self, process: Process, count: int) -> None:
        self.acknowledged: list[str] = []
        self._process = process
        self._threads = [threading.Thread(target=self._write) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while True:
            pair = [new_id(), new_id()]
            steps = [["create", "posts", each, {"key": pair[0]}] for each in pair]
            try:
                answer = self._process.transact(*steps)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                self.acknowledged.append(pair[0])

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=DEADLINE_S)


def test_a_kill_loses_nothing_that_was_acknowledged_and_keeps_no_half_transaction(tmp_path: Path) -> None:
    process = Process(tmp_path / "instant.sqlite3")
    process.start()
    acknowledged: set[str] = set()
    for _ in range(3):
        writers = Writers(process, 4)
        writers.wait_for(20)
        process.stop(signal.SIGKILL)
        writers.join()
        acknowledged.update(writers.acknowledged)
        process.start("--app-id", process.app_id)
        keys = Counter(post["key"] for post in process.query({"posts": {}})["posts"])
        assert acknowledged <= set(keys)
        assert set(keys.values()) == {2}
    process.stop()
