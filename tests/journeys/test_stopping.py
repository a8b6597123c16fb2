"""A process that is told to stop, over real sockets: it says so first, and lets go of its pages."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from os import kill
from pathlib import Path

import requests

from sandbox.world import World
from tests.conftest import UNLIMITED, running_world
from tests.drivers.member import TIMEOUT_S, MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that


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
