"""Django in a fixed number of threads: who answers what, and what becomes of it when the client has gone."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from credits_site.threads import ThreadedHandler
from tests.drivers.wire import RawRequest, ask

HOST = [(b"host", b"localhost")]
said: ContextVar[str] = ContextVar("said", default="nothing")


def who_answers(request: HttpRequest) -> HttpResponse:
    """The thread, and what its context knows."""
    return HttpResponse(f"{threading.get_ident()} {said.get()}", headers={"X-Twice": "a"})


async def awaited(request: HttpRequest) -> HttpResponse:
    """A coroutine among views that are none."""
    return HttpResponse(request.body)


def in_parts(request: HttpRequest) -> StreamingHttpResponse:
    """Parts that are made in turn, each in a thread."""
    return StreamingHttpResponse(f"{threading.get_ident()} " for _ in range(3))


urlpatterns = [path("who", who_answers), path("awaited", awaited), path("parts", in_parts)]


@pytest.fixture(autouse=True)
def bare(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []


def test_requests_share_threads_and_each_has_the_context_it_was_made_in() -> None:
    with ThreadPoolExecutor(1) as threads:
        handler = ThreadedHandler(threads)
        answers = []
        for word in ("one", "two"):
            said.set(word)
            answers.append(ask(RawRequest("GET", "/who", HOST), of=handler).body.decode().split())
    (first_thread, first_word), (second_thread, second_word) = answers
    assert first_thread == second_thread != str(threading.get_ident())
    assert (first_word, second_word) == ("one", "two")


def test_a_body_arrives_and_cookies_and_headers_leave() -> None:
    with ThreadPoolExecutor(1) as threads:
        handler = ThreadedHandler(threads)
        answer = ask(RawRequest("POST", "/awaited", HOST, b"rain"), of=handler)
        assert (answer.status, answer.body) == (200, b"rain")
        assert ask(RawRequest("GET", "/who", HOST), of=handler)["X-Twice"] == "a"
        assert ask(RawRequest("GET", "/nothing", HOST), of=handler).status == 404


def test_what_is_made_in_parts_is_made_and_sent_in_turn() -> None:
    with ThreadPoolExecutor(1) as threads:
        answer = ask(RawRequest("GET", "/parts", HOST), of=ThreadedHandler(threads), parts=4)
        (thread,) = set(answer.body.decode().split())
    assert len(answer.body.split()) == 3
    assert thread != str(threading.get_ident())


class Waiting(Executor):
    """Has no thread free."""

    def __init__(self) -> None:
        self.job: Future[Any] = Future()

    def submit(self, work: Any, /, *args: Any, **options: Any) -> Future[Any]:
        return self.job


def left(threads: Waiting, *, has_begun: bool) -> list[dict[str, Any]]:
    """What is sent to a client that goes before its answer is there."""
    sent: list[dict[str, Any]] = []
    if has_begun:
        threads.job.set_running_or_notify_cancel()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def exchange() -> None:
        messages: list[dict[str, Any]] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b""}]

        async def receive() -> dict[str, Any]:
            return messages.pop()

        answering = asyncio.create_task(ThreadedHandler(threads)({"type": "http"}, receive, send))
        for _ in range(10):
            await asyncio.sleep(0)
        assert answering.done() is not has_begun
        if has_begun:
            threads.job.set_result(HttpResponse(b"done"))
        await answering

    asyncio.run(exchange())
    return sent


def test_what_has_not_begun_when_its_client_goes_is_never_done() -> None:
    threads = Waiting()
    assert left(threads, has_begun=False) == []
    assert threads.job.cancelled()


def test_what_has_begun_is_waited_for_since_it_still_takes_a_thread() -> None:
    assert [message.get("body") for message in left(Waiting(), has_begun=True)] == [None, b"done"]
