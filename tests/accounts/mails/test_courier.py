"""The thread that has mails sent."""

from __future__ import annotations

import threading

import pytest

from accounts.mails.courier import Courier
from tests.drivers.waiting import await_that


def test_it_sends_when_it_is_woken_and_goes_on_after_what_nobody_foresaw(
    caplog: pytest.LogCaptureFixture,
) -> None:
    courier, sent = Courier(), threading.Semaphore(0)

    def send() -> None:
        sent.release()
        raise ValueError("nobody foresaw this")

    courier.start(send)
    for _ in range(2):
        courier.wake()
        assert sent.acquire(timeout=30)
    await_that(lambda: caplog.text.count("cannot be sent") == 2)
