"""A flood of complaints is a line a minute; what nobody can flood stays whole."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory

from credits_site.logs import KINDS_LIMIT, OneObject, Repetitions, knowing, learn
from credits_site.security_log import complain, note


class Log:
    """What is written of what is said, on a clock that a test turns."""

    def __init__(self, *, every_line_of: tuple[str, ...] = ()) -> None:
        self.now_s = 0.0
        self.lines: list[str] = []
        self._filter = Repetitions(every_line_of=every_line_of, clock=lambda: self.now_s)

    def says(
        self,
        text: str,
        *values: object,
        name: str = "asyncio",
        level: int = logging.ERROR,
        exc_info: Any = None,
    ) -> None:
        record = logging.LogRecord(name, level, "here.py", 1, text, values, exc_info)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process has another time zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_what_somebody_sent_is_in_one_line_with_its_time_in_utc(settings: Any) -> None:
    formatters = logging.config.DictConfigurator(settings.LOGGING)
    line = formatters.configure_formatter(settings.LOGGING["formatters"]["line"])
    sent = "/é\n2026-01-01 INFO security: signed in\r\x1b[2J\u2028"
    record = logging.LogRecord("billing", logging.ERROR, "here.py", 1, "GET %s", (sent,), None)
    record.created, record.msecs = 0.25, 250
    said = "/é\\n2026-01-01 INFO security: signed in\\r\\x1b[2J\\u2028"
    assert line.format(record) == f"1970-01-01T00:00:00.250Z ERROR billing: GET {said}"


def written(said: Callable[[], None]) -> list[dict[str, str]]:
    """The objects that are written of what is said."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(OneObject())
    log = logging.getLogger("test")
    log.addHandler(handler)
    try:
        said()
    finally:
        log.removeHandler(handler)
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_an_object_is_one_line_with_its_time_in_utc_whatever_somebody_sent() -> None:
    sent = '/é"\n{"level": "INFO"}\u2028'
    record = logging.LogRecord("billing", logging.ERROR, "here.py", 1, "GET %s", (sent,), None)
    record.created = 0.25
    line = OneObject().format(record)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "ERROR",
        "logger": "billing",
        "message": f"GET {sent}",
    }


def test_an_error_brings_its_traceback_in_the_same_object() -> None:
    def fails() -> None:
        try:
            raise LookupError("no such pack")
        except LookupError:
            logging.getLogger("test").exception("It failed")

    (line,) = written(fails)
    assert line["traceback"].startswith("Traceback")
    assert line["traceback"].endswith("LookupError: no such pack")


def test_a_line_says_what_is_known_where_it_is_logged_and_nothing_that_was_known_before() -> None:
    log = logging.getLogger("test")

    def speaks() -> None:
        with knowing(request="one"):
            log.warning("a")
            learn(member="ada", message="not hers")
            log.warning("b", extra={"about": {"member": "grace", "entry": "spend:1"}})
            with knowing(checkout="cs_1"):
                learn(event="evt_1")
                log.warning("c")
            log.warning("d")
        learn(request="two")
        log.warning("e")

    mine = [
        {name: text for name, text in line.items() if name not in ("time", "level", "logger")}
        for line in written(speaks)
    ]
    assert mine == [
        {"message": "a", "request": "one"},
        {"message": "b", "request": "one", "member": "grace", "entry": "spend:1"},
        {"message": "c", "request": "one", "member": "ada", "checkout": "cs_1", "event": "evt_1"},
        {"message": "d", "request": "one", "member": "ada"},
        {"message": "e"},
    ]


def test_a_complaint_is_written_once_a_minute_with_how_many_were_not() -> None:
    log = Log()
    for number in range(813):
        log.says("%s: no more descriptors", number)
    log.now_s = 60
    log.says("%s: no more descriptors", "again")
    log.says("%s: no more descriptors", "and again")
    assert log.lines == [
        "0: no more descriptors",
        "again: no more descriptors … and 812 more like this",
    ]


def test_another_kind_is_written_at_once() -> None:
    log = Log()
    log.says("one thing")
    log.says("another thing")
    log.says("one thing", level=logging.WARNING)
    log.says("one thing", name="uvicorn.error")
    log.says("one thing", exc_info=(ValueError, ValueError(), None))
    log.says("one thing\nwith details of its own")
    assert len(log.lines) == 5


def test_what_is_no_complaint_is_always_written() -> None:
    log = Log()
    for _ in range(3):
        log.says("served", level=logging.INFO)
    assert len(log.lines) == 3


def test_every_line_of_a_logger_can_be_kept() -> None:
    log = Log(every_line_of=("billing.webhook",))
    for name in ("billing.webhook", "billing.webhook.below", "billing.webhooks"):
        log.says("Checkout %s needs review", 1, name=name)
        log.says("Checkout %s needs review", 2, name=name)
    assert len(log.lines) == 5


def test_texts_that_are_never_the_same_do_not_fill_the_memory() -> None:
    log = Log()
    for number in range(KINDS_LIMIT):
        log.says(f"text {number}")
    log.says("one more")
    log.says("text 0")
    assert log.lines[-1] == "text 0"  # forgotten
    assert len(log.lines) == KINDS_LIMIT + 2


def test_what_a_stranger_causes_is_told_once_and_what_somebody_does_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "security")
    caplog.handler.addFilter(repetitions := Repetitions())
    request = RequestFactory().get("/")
    # The log of this process holds back as well, and adds to the text: these kinds are this test's alone.
    try:
        for _ in range(3):
            complain(request, "door tried")
            complain(request, "window tried", limit="ANY")
            note(request, "signed in")
    finally:
        caplog.handler.removeFilter(repetitions)
    told = Counter(record.getMessage().partition(" address")[0] for record in caplog.records)
    assert told == {"door tried": 1, "window tried limit=ANY": 1, "signed in": 3}


def test_the_token_of_an_address_is_in_no_line_of_django(caplog: pytest.LogCaptureFixture) -> None:
    assert Client().get("/mails/unsubscribe/half-of-it/").status_code == 404
    assert Client().put("/mails/unsubscribe/half-of-it/").status_code == 405
    assert Client().get("/nothing-here/").status_code == 404
    # The log of this process may add how many like it were held back in other tests.
    assert [record.getMessage().partition(" … and ")[0] for record in caplog.records] == [
        "Not Found: /mails/unsubscribe/<token>/",
        "Method Not Allowed (PUT): /mails/unsubscribe/<token>/",
        "Not Found: /nothing-here/",
    ]
