"""What happens between the questions that a transact asks and its write."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.instant.harness import Gap, Harness, Refused, attrs, new_id


def overtaken(rules: dict[str, Any] | None = None) -> tuple[Harness, Gap]:
    """An app with unique keys, and the gap in the middle of its next transact."""
    gap = Gap()
    instant = Harness(pause=gap)
    instant.push({"entities": {"posts": attrs(key="string!#", a="number", b="number")}})
    if rules is not None:
        instant.push_rules(rules)
    return instant, gap


def test_two_racing_creates_of_one_id_both_succeed_and_mix() -> None:
    instant, gap = overtaken()
    post = new_id()
    gap.fill(lambda: instant.transact(["create", "posts", post, {"key": "same", "a": 1, "b": 1}]))
    instant.transact(["create", "posts", post, {"key": "same", "b": 2}])
    assert instant.find("posts") == [{"id": post, "key": "same", "a": 1, "b": 2}]


def test_racing_creates_of_different_ids_with_one_unique_value_leave_one_winner() -> None:
    instant, gap = overtaken()
    first, second = new_id(), new_id()
    gap.fill(lambda: instant.transact(["create", "posts", second, {"key": "same"}]))
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["create", "posts", first, {"key": "same"}])
    assert [post["id"] for post in instant.find("posts")] == [second]


def test_racing_updates_through_a_lookup_converge_on_one_row() -> None:
    instant, gap = overtaken()
    gap.fill(lambda: instant.transact(["update", "posts", ["key", "k"], {"a": 1}]))
    instant.transact(["update", "posts", ["key", "k"], {"b": 2}])
    ((a, b),) = [(post["a"], post["b"]) for post in instant.find("posts")]
    assert (a, b) == (1, 2)


def test_an_update_that_wants_the_row_can_bring_it_back_after_a_racing_delete() -> None:
    instant, gap = overtaken()
    post = new_id()
    instant.transact(["create", "posts", post, {"key": "k", "a": 1}])
    gap.fill(lambda: instant.transact(["delete", "posts", post]))
    instant.transact(["update", "posts", post, {"b": 2}, {"upsert": False}])
    assert instant.find("posts") == [{"id": post, "key": None, "b": 2}]


def test_a_rule_judges_what_was_there_before_the_gap() -> None:
    rules = {"posts": {"allow": {"update": "data.a == 1"}}}
    instant, gap = overtaken(rules)
    post = new_id()
    instant.transact(["create", "posts", post, {"a": 1}])
    gap.fill(lambda: instant.transact(["update", "posts", post, {"a": 2}]))
    instant.transact(["update", "posts", post, {"b": 5}], headers={"as-guest": "1"})
    assert instant.find("posts") == [{"id": post, "key": None, "a": 2, "b": 5}]


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


@pytest.mark.parametrize("where", ["memory", "file"])
def test_of_32_threads_with_one_unique_value_exactly_one_wins_and_the_rest_leave_nothing(
    tmp_path: Path, where: str
) -> None:
    instant = Harness(":memory:" if where == "memory" else tmp_path / "instant.sqlite3")
    instant.push({"entities": {"posts": attrs(key="string!#"), "notes": attrs(n="number")}})
    for turn in range(5):

        def work(number: int, turn: int = turn) -> None:
            instant.transact(
                ["create", "notes", new_id(), {"n": turn}], ["create", "posts", new_id(), {"key": f"{turn}"}]
            )

        assert race(32, work) == {"ok": 1, "record-not-unique": 31}
        assert len(instant.find("posts", {"key": f"{turn}"})) == 1
        assert len(instant.find("notes", {"n": turn})) == 1
    instant.standin.close()


def test_writers_and_readers_on_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    instant = Harness(tmp_path / "instant.sqlite3")
    instant.push({"entities": {"posts": attrs(n="number#")}})
    pair = [new_id(), new_id()]
    instant.transact(*(["create", "posts", each, {"n": 0}] for each in pair))
    torn: list[Any] = []

    def work(number: int) -> None:
        for turn in range(20):
            if number % 2:
                value = number * 100 + turn
                instant.transact(*(["update", "posts", each, {"n": value}] for each in pair))
            else:
                seen = instant.query({"posts": {}})["posts"]
                if seen[0]["n"] != seen[1]["n"]:
                    torn.append(seen)

    assert race(8, work) == {"ok": 8}
    assert torn == []
    instant.standin.close()


def test_one_code_signs_in_once_however_many_try_together(tmp_path: Path) -> None:
    instant = Harness(tmp_path / "instant.sqlite3")
    code = instant.call("POST", "/admin/magic_code", {"email": "ada@example.com"})["code"]

    def work(number: int) -> None:
        instant.call("POST", "/admin/verify_magic_code", {"email": "ada@example.com", "code": code})

    assert race(10, work) == {"ok": 1, "record-not-found": 9}
    instant.standin.close()
