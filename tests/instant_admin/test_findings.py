"""How findings are collected: no check stops another, and none is asked in vain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from instant_admin.findings import Check, Finding, Verdict, compare_clocks, diagnose, ok, warning, wrong

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def found(*checks: Check) -> list[tuple[str, str]]:
    return [(finding.row, str(finding.verdict)) for finding in diagnose(checks)]


def crash() -> Iterator[Finding]:
    yield ok("B", "as far as it got")
    raise LookupError("with a secret in it")


def test_a_check_that_crashes_is_a_wrong_row_and_stops_no_other() -> None:
    checks = [Check("A", lambda: [ok("A", "fine")]), Check("B", crash), Check("C", lambda: [ok("C", "fine")])]
    assert found(*checks) == [("A", "ok"), ("B", "ok"), ("B", "wrong"), ("C", "ok")]
    crashed = list(diagnose(checks))[2]
    assert "LookupError" in crashed.finding
    assert "secret" not in crashed.finding + crashed.remedy
    assert crashed.remedy


def test_what_stands_on_a_wrong_row_is_not_asked_and_neither_is_what_stands_on_that() -> None:
    asked: list[str] = []

    def asking() -> Iterator[Finding]:
        asked.append("asked")
        yield ok("B", "fine")

    checks = [
        Check("A", lambda: [wrong("A", "down", "Start it.")]),
        Check("B", asking, needs=("A",)),
        Check("C", asking, needs=("B",)),
        Check("D", lambda: [ok("D", "fine")]),
    ]
    assert found(*checks) == [("A", "wrong"), ("B", "warning"), ("C", "warning"), ("D", "ok")]
    assert asked == []


def test_a_warning_hides_nothing() -> None:
    checks = [
        Check("A", lambda: [warning("A", "hm", "Look.")]),
        Check("B", lambda: [ok("B", "fine")], needs=("A",)),
    ]
    assert found(*checks) == [("A", "warning"), ("B", "ok")]


@pytest.mark.parametrize(
    ("ahead_s", "verdict"),
    [(0, "ok"), (59, "ok"), (-59, "ok"), (62, "warning"), (-62, "warning"), (242, "wrong"), (-242, "wrong")],
)
def test_a_clock_that_is_minutes_off_is_told_before_signatures_fail(ahead_s: int, verdict: str) -> None:
    finding = compare_clocks("Clock", NOON - timedelta(seconds=ahead_s), asked=NOON, answered=NOON)
    assert finding.verdict == verdict
    assert bool(finding.remedy) == (finding.verdict is not Verdict.OK)
    if verdict != "ok":
        assert ("ahead" if ahead_s > 0 else "behind") in finding.finding


def test_a_slow_answer_is_no_wrong_clock() -> None:
    answered = NOON + timedelta(seconds=130)
    assert compare_clocks("Clock", NOON, asked=NOON, answered=answered).verdict is Verdict.OK


def test_a_server_that_says_no_time_is_worth_a_warning() -> None:
    assert compare_clocks("Clock", None, asked=NOON, answered=NOON).verdict is Verdict.WARNING
