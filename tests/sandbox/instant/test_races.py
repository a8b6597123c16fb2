"""What happens between the questions that a transact asks and its write."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Gap, Harness, Refused, attrs, new_id, refused


@pytest.fixture
def overtaken(instant: Harness) -> Harness:
    """An app with unique keys, whose next transact is overtaken by what fills the gap."""
    instant.push({"entities": {"posts": attrs(key="string!#", a="number", b="number")}})
    return instant


def test_two_racing_creates_of_one_id_both_succeed_and_mix(overtaken: Harness, gap: Gap) -> None:
    post = new_id()
    gap.fill(lambda: overtaken.transact(["create", "posts", post, {"key": "same", "a": 1, "b": 1}]))
    overtaken.transact(["create", "posts", post, {"key": "same", "b": 2}])
    assert overtaken.find("posts") == [{"id": post, "key": "same", "a": 1, "b": 2}]


def test_of_racing_creates_with_one_unique_value_the_first_wins(overtaken: Harness, gap: Gap) -> None:
    gap.fill(lambda: overtaken.create("posts", key="same", a=2))
    with refused("record-not-unique"):
        overtaken.create("posts", key="same", a=1)
    assert [post["a"] for post in overtaken.find("posts")] == [2]


def test_racing_updates_through_a_lookup_converge_on_one_row(overtaken: Harness, gap: Gap) -> None:
    gap.fill(lambda: overtaken.transact(["update", "posts", ["key", "k"], {"a": 1}]))
    overtaken.transact(["update", "posts", ["key", "k"], {"b": 2}])
    assert [(post["a"], post["b"]) for post in overtaken.find("posts")] == [(1, 2)]


def test_an_update_without_upsert_brings_back_what_a_race_deleted(overtaken: Harness, gap: Gap) -> None:
    post = overtaken.create("posts", key="k", a=1)
    gap.fill(lambda: overtaken.transact(["delete", "posts", post]))
    overtaken.transact(["update", "posts", post, {"b": 2}, {"upsert": False}])
    assert overtaken.find("posts") == [{"id": post, "key": None, "b": 2}]


def test_a_rule_judges_what_was_there_before_the_gap(overtaken: Harness, gap: Gap) -> None:
    overtaken.push_rules({"posts": {"allow": {"update": "data.a == 1"}}})
    post = overtaken.create("posts", a=1)
    gap.fill(lambda: overtaken.transact(["update", "posts", post, {"a": 2}]))
    overtaken.transact(["update", "posts", post, {"b": 5}], headers=GUEST)
    assert overtaken.find("posts") == [{"id": post, "key": None, "a": 2, "b": 5}]


def race(count: int, work: Callable[[int], None]) -> Counter[str]:
    """Do the work on many threads that start together; how they ended, by the error's type or "ok"."""
    start, ends, lock = threading.Barrier(count), Counter[str](), threading.Lock()

    def run(number: int) -> None:
        start.wait(timeout=30)
        end = "ok"
        try:
            work(number)
        except Refused as exc:
            end = str(exc.kind)
        with lock:
            ends[end] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return ends


@pytest.mark.parametrize("where", ["instant", "on_disk"])
def test_of_32_threads_with_one_unique_value_exactly_one_wins_and_the_rest_leave_nothing(
    request: pytest.FixtureRequest, where: str
) -> None:
    app: Harness = request.getfixturevalue(where)
    app.push({"entities": {"posts": attrs(key="string!#"), "notes": attrs(n="number")}})
    for turn in range(5):

        def work(number: int, turn: int = turn) -> None:
            app.transact(
                ["create", "notes", new_id(), {"n": turn}], ["create", "posts", new_id(), {"key": f"{turn}"}]
            )

        assert race(32, work) == {"ok": 1, "record-not-unique": 31}
        assert len(app.find("posts", {"key": f"{turn}"})) == 1
        assert len(app.find("notes", {"n": turn})) == 1


def test_writers_and_readers_on_one_file_do_not_disturb_each_other(on_disk: Harness) -> None:
    on_disk.push({"entities": {"posts": attrs(n="number#")}})
    pair = [on_disk.create("posts", n=0) for _ in range(2)]
    torn: list[Any] = []

    def work(number: int) -> None:
        for turn in range(20):
            if number % 2:
                value = number * 100 + turn
                on_disk.transact(*(["update", "posts", each, {"n": value}] for each in pair))
            else:
                one, other = on_disk.find("posts")
                if one["n"] != other["n"]:
                    torn.append((one, other))

    assert race(8, work) == {"ok": 8}
    assert torn == []


def test_one_code_signs_in_once_however_many_try_together(on_disk: Harness) -> None:
    body = {"email": "ada@example.com"}
    body |= on_disk.call("POST", "/admin/magic_code", body)
    ends = race(10, lambda number: on_disk.call("POST", "/admin/verify_magic_code", body))
    assert ends == {"ok": 1, "record-not-found": 9}
