"""A short run at every run of the tests; `python -m tests.chaos --cycles 500` is a long one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.customer import Answer, Asked, Told, together
from tests.chaos.run import Run
from tests.chaos.verify import Facts, double_entries, untruths

CYCLES = 12

PURCHASE = {"key": "purchase:cs_test_1", "amount": 10, "ref": "cs_test_1"}
SPEND = {"key": "spend:ada:r1", "amount": -1, "ref": "h1"}
HAIKU = {"id": "h1", "topic": "rain", "content": "a haiku"}
# Somebody bought a pack and wrote a haiku.
FACTS = Facts(
    member_id="ada", paid={"cs_test_1": 10}, entries=[PURCHASE, SPEND], haikus={"h1": HAIKU}, credits=9
)


def asked(*rounds: Sequence[Answer], shown: Mapping[str, str] | None = None) -> Told:
    write = Asked("rain", [list(answers) for answers in rounds], dict(shown or {}))
    return Told(writes={"r1": write}, paid={"cs_test_1"}, credited={"cs_test_1"})


WRITTEN = asked([Answer.LOST, Answer.LOST], [Answer.WRITTEN], shown={"h1": "a haiku"})


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_killed_processes_lose_nothing_and_invent_nothing(tmp_path: Path) -> None:
    report = Run(tmp_path, seed=7, customers=6, accounts=3).run(CYCLES)
    assert report.problems == [], str(report)
    assert "3 accounts" in report.audited
    assert report.cycles == sum(report.kills.values()) == CYCLES
    assert report.counts["refused"] + report.counts["lost answers"] > 0
    assert report.purchases > 0
    assert report.haikus > 0


@pytest.mark.deep
def test_killed_processes_hold_nothing_for_ever(tmp_path: Path) -> None:
    report = Run(tmp_path, seed=8, customers=6, accounts=3, slow=True).run(CYCLES)
    assert report.problems == [], str(report)
    assert report.haikus > 0


def test_what_is_true_is_not_called_untrue() -> None:
    assert list(untruths(WRITTEN, FACTS)) == []
    assert list(untruths(asked([Answer.LOST], [Answer.NOTHING_CAME]), FACTS)) == []
    unpaid = replace(FACTS, entries=[PURCHASE], haikus={}, credits=10)
    assert list(untruths(asked([Answer.LOST], [Answer.NO_CREDITS]), unpaid)) == []
    edited = replace(FACTS, paid={}, entries=[SPEND], credits=-1, edited=frozenset({"cs_test_1"}))
    assert list(untruths(replace(WRITTEN, credited=set()), edited)) == []


@pytest.mark.parametrize(
    ("told", "changed", "untruth"),
    [
        (WRITTEN, {"entries": [PURCHASE], "haikus": {}, "credits": 10}, "there is no such spend"),
        (WRITTEN, {"haikus": {}, "credits": 10}, "paid for h1, which is not there"),
        (WRITTEN, {"haikus": {"h1": HAIKU | {"content": "another"}}}, "asked for rain, was shown"),
        (asked([Answer.WRITTEN], shown={"h2": "a haiku"}), {}, "was shown ['h2'], and paid for h1"),
        (asked([Answer.NOTHING_CAME], [Answer.NO_CREDITS]), {}, "nothing came of it"),
        (asked([Answer.LOST], [Answer.NO_CREDITS]), {}, "nothing came of it"),
        (Told(credited={"cs_test_1"}), {}, "spend:ada:r1 was never asked for"),
        (WRITTEN, {"credits": 8}, "the site shows 8 credits; bought less spent is 9"),
        (WRITTEN, {"held": 3}, "3 credits are still held"),
        (WRITTEN, {"paid": {}, "credits": -1}, "cs_test_1 was paid, and Stripe says no"),
        (WRITTEN, {"paid": {}, "edited": frozenset({"cs_test_1"})}, "the ledger has the purchases"),
        (WRITTEN, {"entries": [SPEND]}, "cs_test_1 was called credited, and is not"),
        (WRITTEN, {"entries": [SPEND, PURCHASE | {"amount": 50}]}, "the ledger has the purchases"),
        (Told(surprises=["500"], writes=WRITTEN.writes), {}, "500"),
    ],
)
def test_whatever_is_untrue_is_found(told: Told, changed: dict[str, Any], untruth: str) -> None:
    found = list(untruths(told, replace(FACTS, **changed)))
    assert any(untruth in text for text in found), found


def test_what_the_customers_of_one_account_were_told_is_judged_together() -> None:
    paid, wrote = Told(paid=WRITTEN.paid, credited=WRITTEN.credited), Told(writes=WRITTEN.writes)
    assert list(untruths(together([paid, wrote]), FACTS)) == []
    told = together([paid, wrote, Told(credited={"cs_test_2"}, surprises=["500"])])
    assert list(untruths(told, FACTS)) == ["500", "cs_test_2 was called credited, and is not"]


def test_an_entry_that_stands_twice_is_found() -> None:
    assert list(double_entries([PURCHASE, SPEND, PURCHASE])) == ["purchase:cs_test_1 stands 2 times"]
