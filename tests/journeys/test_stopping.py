"""A process that is told to stop, over real sockets: it says so first, and lets go of its pages."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from os import kill
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.world import Part, World
from tests.drivers.member import TIMEOUT_S, MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world


def is_ready(world: World) -> bool:
    return requests.get(f"{world.site_url}/readyz", timeout=TIMEOUT_S).status_code == 200


def test_a_process_that_stops_is_first_not_ready_then_keeps_no_page_then_ends(
    tmp_path: Path, stack: ExitStack
) -> None:
    world = stack.enter_context(running_world(tmp_path, env=UNLIMITED | {"DRAIN_S": "3600"}))
    ada, (site,) = MemberClient.at(world).sign_in(), world.sites
    tab = stack.enter_context(StreamClient(ada))
    tab.await_credits(0)
    assert ada.get("/healthz").headers.get("Connection") != "close"
    kill(site.pid, signal.SIGTERM)
    await_that(lambda: not is_ready(world))
    assert "stopping" in ada.get("/readyz").text
    # It answers, and its tabs hear; but no proxy keeps the connection for what comes next.
    page = ada.get("/")
    assert (page.status_code, page.headers["Connection"]) == (200, "close")
    ada.buy()
    tab.await_credits(10)
    # Who is told twice does not wait.
    kill(site.pid, signal.SIGTERM)
    assert "signed-out" not in tab.await_end()
    await_that(lambda: not site.is_running)
    log = (world.data_dir / "site1.log").read_text()
    assert "Finished server process" in log
    assert "Cancel" not in log


def ask_until_refused(site: Part) -> list[bytes]:
    """What the site answers to one connection after another, until none is taken."""
    answers: list[bytes] = []
    host, _, port = urlsplit(site.url).netloc.partition(":")
    while True:
        try:
            connection = socket.create_connection((host, int(port)), TIMEOUT_S)
        except ConnectionRefusedError:
            return answers
        with connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                answers.append(connection.recv(12))
            except ConnectionResetError:
                answers.append(b"reset")


@pytest.mark.deep
def test_whose_connection_was_taken_is_answered(tmp_path: Path, stack: ExitStack) -> None:
    world = stack.enter_context(running_world(tmp_path, env=UNLIMITED | {"DRAIN_S": "0.2"}))
    (site,) = world.sites
    crowd = stack.enter_context(ThreadPoolExecutor(max_workers=8))
    for _ in range(3):
        asking = [crowd.submit(ask_until_refused, site) for _ in range(8)]
        await_that(lambda: is_ready(world))
        site.stop()
        answers = {answer for each in asking for answer in each.result()}
        assert answers <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        site.start()
        site.await_answer("/readyz")
