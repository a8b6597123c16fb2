"""The view of live credits, as far as it needs no stream; the rest is in the journeys."""

import threading

import pytest
from django.test import Client

from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of

pytestmark = pytest.mark.django_db
PATH = "/api/credits/stream"


@pytest.mark.parametrize("headers", [{}, FRAGMENT, JSON, {"Accept": "text/event-stream"}])
def test_the_signed_out_are_refused_however_they_ask(headers: dict[str, str]) -> None:
    response = Client().get(PATH, headers=headers)
    assert problem_in(response) == (401, "Sign in first")
    assert "no-store" in response["Cache-Control"]


def test_a_server_that_cannot_stream_says_so_and_starts_nothing() -> None:
    before = feed_threads()
    response = browser_of(ADA).get(PATH)
    assert (response.status_code, response.content) == (204, b"")
    assert "no-store" in response["Cache-Control"]
    assert feed_threads() <= before


def feed_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "ledger-feed"}
