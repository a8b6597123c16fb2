"""`/metrics`: who may read it, and what it says without anybody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from credits_site.asgi import site
from credits_site.measured import outcome_of, outside_call
from credits_site.metrics import read
from instant_admin.configured import instant_called
from tests.drivers.prometheus import Numbers
from tests.drivers.wire import RawRequest, ask, get

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TOKEN = "for tests only, and long enough for the check"


def status(method: str = "GET", **headers: str) -> int:
    return get("/metrics", method=method, **headers).status


def test_nobody_reads_the_numbers_unless_the_settings_say_who() -> None:
    assert (status(), status(authorization="Bearer ")) == (404, 404)


@pytest.mark.parametrize(
    ("networks", "token", "sent", "expected"),
    [
        (["127.0.0.0/8"], "", "", 200),
        (["10.0.0.0/8"], "", "", 404),
        ([], TOKEN, f"Bearer {TOKEN}", 200),
        ([], TOKEN, f"bearer {TOKEN}", 200),
        ([], TOKEN, f"Bearer {TOKEN[:-1]}", 404),
        ([], TOKEN, TOKEN, 404),
        ([], TOKEN, "Bearer é", 404),
        ([], TOKEN, "", 404),
        (["127.0.0.1"], TOKEN, f"Bearer {TOKEN}", 200),
        (["127.0.0.1"], TOKEN, "", 404),
        (["10.0.0.0/8"], TOKEN, f"Bearer {TOKEN}", 404),
    ],
)
def test_a_reader_comes_from_the_networks_and_has_the_token(
    settings: Any, networks: list[str], token: str, sent: str, expected: int
) -> None:
    settings.METRICS_NETWORKS, settings.METRICS_TOKEN = networks, token
    assert status(**({"authorization": sent} if sent else {})) == expected


def test_the_address_is_the_one_that_the_proxy_saw(settings: Any) -> None:
    settings.METRICS_NETWORKS = ["127.0.0.1"]
    assert status(**{"x-forwarded-for": "203.0.113.9"}) == 404


def test_the_numbers_cannot_be_posted_to(settings: Any) -> None:
    settings.METRICS_NETWORKS = ["127.0.0.1"]
    assert (status("POST"), status("HEAD")) == (405, 200)


def test_the_numbers_need_neither_https_nor_a_thread_of_the_site(settings: Any) -> None:
    class NoThread(Executor):
        """Would fail if anything was submitted."""

    settings.METRICS_NETWORKS = ["127.0.0.1"]
    settings.SECURE_SSL_REDIRECT = True
    answer = ask(RawRequest("GET", "/metrics"), of=site(NoThread()))
    assert answer.status == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert "credits_open_streams" in Numbers(answer.body.decode()).families


def test_what_needs_no_database_is_told_without_one() -> None:
    def away(*arguments: Any) -> Any:
        raise OperationalError("away")

    with connection.execute_wrapper(away):
        without = Numbers(read()).families
    assert set(Numbers(read()).families) - set(without) == {
        *("credits_attention_open", "credits_outstanding", "credits_audit_timestamp_seconds"),
    }


def test_a_request_is_counted_by_the_name_of_its_route() -> None:
    before = Numbers(read())
    Client().get("/sign-in/")
    Client().get("/nothing/of/the/kind/")
    after = Numbers(read())

    def counted(route: str, status: str) -> float:
        labels = {"route": route, "status": status}
        return after.of("credits_requests_total", **labels) - before.of("credits_requests_total", **labels)

    assert (counted("accounts:sign-in", "200"), counted("none", "404")) == (1, 1)
    assert after.of("credits_request_seconds_count") - before.of("credits_request_seconds_count") == 2
    assert "/nothing" not in read()


def test_of_a_process_that_has_ended_only_what_it_counted_stays(settings: Any, tmp_path: Path) -> None:
    """Such as a worker that was killed, or a command: its counters go on being part of the sum, its open streams are
    closed. Who comes next goes on in its files, so that they do not pile up.
    """
    folder = tmp_path / "made"
    settings.METRICS_FOLDER = str(folder)
    text = (
        "import django; django.setup()\n"
        "from credits_site.metrics import BREAKER_OPEN, OPEN_STREAMS, REFUSED\n"
        "REFUSED.labels('431').inc(2); OPEN_STREAMS.inc(3); BREAKER_OPEN.labels('stripe').set(1)\n"
        "print(flush=True); input()"
    )
    env = {**os.environ, "METRICS_FOLDER": str(folder)}

    @contextmanager
    def worker() -> Iterator[None]:
        command = [sys.executable, "-c", text]
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  our own text
            assert process.stdout
            process.stdout.readline()
            yield
            process.kill()

    def told() -> tuple[float, ...]:
        numbers = Numbers(read())
        names = ("credits_refused_total", "credits_open_streams", "credits_breaker_open")
        return tuple(numbers.of(name) for name in names)

    with worker():
        assert told() == (2, 3, 1)
    files = sorted(folder.iterdir())
    with worker():
        assert told() == (4, 3, 1)
        assert sorted(folder.iterdir()) == files
    assert told() == (4, 0, 0)


def test_what_is_refused_before_django_is_counted() -> None:
    before = Numbers(read()).of("credits_refused_total", status="431")
    assert get("/", cookie="x" * 5000).status == 431
    assert Numbers(read()).of("credits_refused_total", status="431") - before == 1


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "ok"), (303, "ok"), (400, "refused"), (429, "refused"), (503, "failed")]
)
def test_a_call_is_counted_by_what_the_service_did(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome


def test_a_call_that_raises_has_failed() -> None:
    def failed() -> float:
        numbers = Numbers(read())
        return numbers.of("credits_outside_call_seconds_count", service="tests", outcome="failed")

    with pytest.raises(LookupError), outside_call("tests"):
        raise LookupError
    assert failed() == 1


def test_no_answer_of_instant_is_a_failed_call() -> None:
    labels = {"service": "instant", "outcome": "failed"}
    before = Numbers(read()).of("credits_outside_call_seconds_sum", **labels)
    instant_called.send_robust(None, status=None, seconds=2.5)
    assert Numbers(read()).of("credits_outside_call_seconds_sum", **labels) - before == 2.5
