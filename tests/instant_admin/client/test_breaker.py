"""A service that does not answer is left alone, and what is asked again stays a tenth of what is answered."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import requests
from responses import RequestsMock

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.breaker import FAILURES_LIMIT, RETRIES_SAVED, TRIAL_EVERY_S, Breaker
from instant_admin.client.errors import InstantError, InstantUnreachable
from tests.instant_admin.client.wires import APP, TOKEN, URI


@dataclass
class Clock:
    """It stands still until it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("Instant", clock=clock)


@pytest.fixture
def instant(breaker: Breaker, pauses: list[float]) -> InstantAdmin:
    return InstantAdmin(api_uri=URI, app_id=APP, admin_token=TOKEN, sleep=pauses.append, breaker=breaker)


def open_it(breaker: Breaker) -> None:
    for _ in range(FAILURES_LIMIT):
        assert breaker.lets_through()
        breaker.failed()


def test_it_opens_after_some_failures_in_a_row(breaker: Breaker) -> None:
    for _ in range(FAILURES_LIMIT):
        for _ in range(FAILURES_LIMIT - 1):
            breaker.failed()
        breaker.answered()
    assert breaker.lets_through()
    open_it(breaker)
    assert not breaker.lets_through()


def test_one_call_sees_whether_the_service_is_back_and_lets_everybody_in(
    breaker: Breaker, clock: Clock
) -> None:
    open_it(breaker)
    for _ in range(3):
        clock.now += TRIAL_EVERY_S
        # What began before it opened, and fails only now, keeps nobody from looking.
        breaker.failed()
        assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
        breaker.failed()
    breaker.answered()
    assert breaker.lets_through()
    assert breaker.lets_through()
    assert TRIAL_EVERY_S <= 5


def test_whoever_wants_to_know_is_told_when_it_opens_and_when_it_closes() -> None:
    told: list[bool] = []
    breaker = Breaker("Instant", on_turn=told.append)
    for _ in range(2):
        for _ in range(FAILURES_LIMIT + 1):
            breaker.failed()
        breaker.answered()
        breaker.answered()
    assert told == [True, False] * 2


def test_what_is_asked_again_is_a_tenth_of_what_is_answered(breaker: Breaker) -> None:
    assert [breaker.lets_retry() for _ in range(int(RETRIES_SAVED) + 1)].count(True) == RETRIES_SAVED
    granted = 0
    for _ in range(1000):
        breaker.answered()
        granted += breaker.lets_retry()
    assert 99 <= granted <= 100


def test_nothing_is_asked_again_of_who_does_not_answer(breaker: Breaker) -> None:
    open_it(breaker)
    assert not breaker.lets_retry()


def test_nothing_is_sent_while_it_is_open_and_everybody_knows(
    wire: RequestsMock, instant: InstantAdmin, pauses: list[float], clock: Clock
) -> None:
    wire.post(f"{URI}/admin/query", body=requests.ConnectionError("aborted"))
    for _ in range(2):
        with pytest.raises(InstantUnreachable):
            instant.query({})
    sent, waited = len(wire.calls), len(pauses)
    assert (sent, waited) == (FAILURES_LIMIT, 3)
    for ask in (lambda: instant.query({}), lambda: instant.transact([])):
        with pytest.raises(InstantUnreachable) as raised:
            ask()
        assert (raised.value.may_have_been_written, raised.value.was_asked) == (False, False)
    assert (len(wire.calls), len(pauses)) == (sent, waited)
    clock.now += TRIAL_EVERY_S
    wire.replace("POST", f"{URI}/admin/query", json={})
    assert instant.query({}) == {}
    assert instant.query({}) == {}


@pytest.mark.parametrize(
    ("status", "answer", "opens"),
    [
        (500, {"type": "unknown"}, True),
        (502, None, True),
        (400, {"type": "record-not-found"}, False),
        (429, {"type": "rate-limited"}, False),
        (429, {"type": "sql-exception", "hint": {"condition": "query-canceled"}}, False),
        (500, {"type": "sql-exception", "hint": {"condition": "deadlock-detected"}}, False),
        (500, {"type": "sql-exception"}, False),
        (200, None, False),
    ],
)
def test_only_a_service_that_fails_is_left_alone(
    wire: RequestsMock, instant: InstantAdmin, breaker: Breaker, status: int, answer: object, opens: bool
) -> None:
    wire.post(f"{URI}/admin/transact", json=answer, status=status)
    for _ in range(FAILURES_LIMIT):
        with pytest.raises(InstantError) as raised:
            instant.transact([])
        assert raised.value.was_asked
    assert breaker.lets_through() is not opens
