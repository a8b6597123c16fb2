"""What the site counts, and `/metrics`, where Prometheus reads it.

Each number is counted by one line where it happens. A label is a word of the code, never an id, an address or what
somebody sent, so there are only so many of them.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from secrets import compare_digest
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.dispatch import receiver
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    values,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from credits_site import numbered
from credits_site.addresses import is_in, networks_in
from credits_site.plain_text import Application, Receive, Send, say
from instant_admin.configured import attempt_failed, breaker_turned, entry_written, transaction_written
from instant_admin.ledger.retries import GAVE_UP, LOST_RACE, OUTAGE
from instant_admin.ledger.rules import Entry

METRICS: Final = "/metrics"
_TOKEN: Final = b"bearer "


@functools.cache
def _number_of(pid: int) -> int:
    """Under which number a process counts. It goes on with the counters of who had it before, not with the gauges."""
    number = numbered.take(Path(settings.METRICS_FOLDER))
    _forget_live(number)
    return number


def _own_number() -> int:
    return _number_of(os.getpid())  # a fork is another process


def _forget_live(number: int) -> None:
    mark_process_dead(number, settings.METRICS_FOLDER)  # type: ignore[no-untyped-call]  # has no types


if settings.METRICS_FOLDER:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = settings.METRICS_FOLDER
    values.ValueClass = values.MultiProcessValue(_own_number)  # type: ignore[no-untyped-call]  # nor this

# What is counted while the site runs, and what is asked when somebody reads.
COUNTED: Final = CollectorRegistry()
ASKED: Final = CollectorRegistry()

REQUESTS: Final = Counter(
    "credits_requests", "Requests that Django answered.", ["route", "status"], registry=COUNTED
)
REQUEST_SECONDS: Final = Histogram(
    "credits_request_seconds", "How long Django took to begin an answer.", ["route"], registry=COUNTED
)
REFUSED: Final = Counter("credits_refused", "Requests refused before Django.", ["status"], registry=COUNTED)
CALL_SECONDS: Final = Histogram(
    "credits_outside_call_seconds",
    "How long calls to other services took, each try by itself.",
    ["service", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=COUNTED,
)
MOVEMENTS: Final = Counter("credits_movements", "Entries written to the ledger.", ["kind"], registry=COUNTED)
FAILED_ATTEMPTS: Final = Counter(
    "credits_failed_attempts",
    "Movements that were not written as they were decided: lost races and outages, and those given up at last.",
    ["reason"],
    registry=COUNTED,
)
for _reason in (LOST_RACE, OUTAGE, GAVE_UP):
    FAILED_ATTEMPTS.labels(_reason)  # 0 from the start, so that the first one is seen as a change
TRANSACTION_ENTRIES: Final = Histogram(
    "credits_transaction_entries",
    "Entries written in one transaction, where Instant answered that it did.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
    registry=COUNTED,
)
FULFILMENTS: Final = Counter(
    "credits_fulfilments",
    "Checkouts settled, by who asked and how they stood.",
    ["door", "outcome"],
    registry=COUNTED,
)
WEBHOOK_LAG: Final = Histogram(
    "credits_webhook_lag_seconds",
    "From when an event was made at Stripe until it was acted on here.",
    buckets=(1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21_600, 86_400),
    registry=COUNTED,
)
OPEN_STREAMS: Final = Gauge(
    "credits_open_streams", "Live counters that are open.", multiprocess_mode="livesum", registry=COUNTED
)
BREAKER_OPEN: Final = Gauge(
    "credits_breaker_open",
    "1 while a process asks a service only now and then, because it does not answer; else 0.",
    ["service"],
    multiprocess_mode="livemax",
    registry=COUNTED,
)
for _service in ("cache", "database", "instant", "mail", "stripe"):
    BREAKER_OPEN.labels(_service)


@receiver(entry_written)
def _count_movement(*, entry: Entry, **kwargs: Any) -> None:
    MOVEMENTS.labels(entry.kind).inc()


@receiver(attempt_failed)
def _count_failure(*, reason: str, **kwargs: Any) -> None:
    FAILED_ATTEMPTS.labels(reason).inc()


@receiver(breaker_turned)
def _note_breaker(*, is_spared: bool, **kwargs: Any) -> None:
    BREAKER_OPEN.labels("instant").set(is_spared)


@receiver(transaction_written)
def _count_transaction(*, entries: int, **kwargs: Any) -> None:
    TRANSACTION_ENTRIES.observe(entries)


class _Asked(Collector):
    def __init__(
        self, name: str, text: str, labels: Sequence[str], ask: Callable[[], Mapping[str, float]]
    ) -> None:
        self._described = name, text, labels
        self._ask = ask

    def collect(self) -> Iterable[Metric]:
        name, text, labels = self._described
        gauge = GaugeMetricFamily(name, text, labels=labels)
        try:
            for value, number in self._ask().items():
                gauge.add_metric([value] if labels else [], number)
        except DatabaseError:
            return  # what needs no database is told all the same
        yield gauge

    def describe(self) -> Iterable[Metric]:
        name, text, labels = self._described
        yield GaugeMetricFamily(name, text, labels=labels)


def ask_when_read(name: str, text: str, *, label: str = "", ask: Callable[[], Mapping[str, float]]) -> None:
    """Have a number for each value of `label`, which `ask` finds in the database whenever somebody reads.

    Without a label `ask` finds one value at most, and whatever it is called.
    """
    ASKED.register(_Asked(name, text, [label] if label else [], ask))


class Metrics:
    """An ASGI application in front of `application`: tells the numbers to whom the settings let read them."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a reader, say 404 to anybody else, or pass the request on."""
        if scope["path"] != METRICS:
            await self._application(scope, receive, send)
        elif not may_read(scope):
            await say(send, HTTPStatus.NOT_FOUND, "", {})
        elif scope["method"] not in ("GET", "HEAD"):
            await say(send, HTTPStatus.METHOD_NOT_ALLOWED, "", {"Allow": "GET, HEAD"})
        else:
            text = await asyncio.to_thread(read)
            await say(send, HTTPStatus.OK, text, {"Cache-Control": "no-store"}, kind=CONTENT_TYPE_LATEST)


def may_read(scope: Any) -> bool:
    """Whether a request is from `METRICS_NETWORKS` and has `METRICS_TOKEN`, as far as they are set; one must be."""
    networks, token = networks_in(settings.METRICS_NETWORKS), settings.METRICS_TOKEN
    if not networks and not token:
        return False
    address = scope["client"][0] if scope["client"] else ""
    sent = dict(scope["headers"]).get(b"authorization", b"")
    is_known = sent[: len(_TOKEN)].lower() == _TOKEN and compare_digest(sent[len(_TOKEN) :], token.encode())
    return (not networks or is_in(address, networks)) and (not token or is_known)


def read() -> str:
    """All numbers, in Prometheus's text format; of several processes together, if `METRICS_FOLDER` is set."""
    counted = COUNTED
    if settings.METRICS_FOLDER:
        for number in numbered.given_up(Path(settings.METRICS_FOLDER)):
            _forget_live(number)
        counted = CollectorRegistry()
        MultiProcessCollector(counted, settings.METRICS_FOLDER)  # type: ignore[no-untyped-call]  # has no types
    try:
        return (generate_latest(counted) + generate_latest(ASKED)).decode()
    finally:
        connection.close()  # no request ends here, which would
