"""Live counters over real sockets: two processes of the site, a server that comes and goes, and who may listen."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import requests

from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import TIMEOUT_S, MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that

SUBSCRIBES = "^/admin/subscribe-query$"


def test_what_a_webhook_credits_in_one_process_is_shown_by_the_other(
    ada: MemberClient, world: World, stack: ExitStack
) -> None:
    tab = stack.enter_context(StreamClient(ada.tab(world.site_urls[1])))
    tab.await_credits(0)
    ada.buy()
    tab.await_credits(10)
    ada.write()
    tab.await_credits(9)
    assert tab.balances == [0, 10, 9]
    assert tab.response.headers["Content-Type"].startswith("text/event-stream")
    assert "no-store" in tab.response.headers["Cache-Control"]
    assert tab.text.startswith("retry: ")


def test_ten_tabs_share_one_subscription_one_thread_and_no_database_connection(
    ada: MemberClient, world: World, instant_faults: Faults, stack: ExitStack
) -> None:
    instant_faults.add("delay", SUBSCRIBES, seconds=0.0, times=None)
    here, pid = ada.tab(world.site_urls[1]), world.sites[1].pid
    tabs = [stack.enter_context(StreamClient(here))]
    tabs[0].await_credits(0)
    threads = threads_of(pid)
    tabs += [stack.enter_context(StreamClient(here)) for _ in range(9)]
    for tab in tabs:
        tab.await_credits(0)
    assert instant_faults.rules()[0]["hits"] == 1
    assert threads_of(pid) <= threads
    assert database_files_of(pid) <= 3  # one connection: the file, its log, and their index
    ada.buy()
    for tab in tabs:
        tab.await_credits(10)
    stack.close()
    await_that(lambda: threads_of(pid) < threads)


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def database_files_of(pid: int) -> int:
    return sum("site.sqlite3" in str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())


def test_signing_out_ends_the_streams_of_this_sign_in_and_no_others(
    ada: MemberClient, world: World, stack: ExitStack
) -> None:
    phone = MemberClient.at(world).sign_in(ada.email)
    at_desk = [stack.enter_context(StreamClient(ada)) for _ in range(2)]
    on_phone = stack.enter_context(StreamClient(phone))
    for tab in (*at_desk, on_phone):
        tab.await_credits(0)
    ada.post("/sign-out/")
    for tab in at_desk:
        assert "event: signed-out\n" in tab.await_end()
    assert ada.get("/api/credits/stream").status_code == 401
    phone.buy()
    on_phone.await_credits(10)


def test_a_token_that_was_revoked_elsewhere_ends_its_stream(
    ada: MemberClient, world: World, instant_faults: Faults, stack: ExitStack
) -> None:
    # The subscription is to be opened after the sign-out, as it would be by the next renewal.
    instant_faults.add("hold_before", SUBSCRIBES)
    tab = stack.enter_context(StreamClient(ada.tab(world.site_urls[1])))
    instant_faults.await_held()
    ada.post("/sign-out/")
    instant_faults.clear()
    assert "event: signed-out\n" in tab.await_end()
    assert tab.balances == []


def test_streams_recover_when_instant_was_killed(ada: MemberClient, world: World, stack: ExitStack) -> None:
    tabs = [stack.enter_context(StreamClient(each)) for each in (ada, ada.tab(world.site_urls[1]))]
    for tab in tabs:
        tab.await_credits(0)
    checkout_id = ada.buy()
    for tab in tabs:
        tab.await_credits(10)
    world.instant.kill()
    world.instant.start()
    world.instant.await_answer("/health/system")
    assert ada.sync(checkout_id).json()["credits"] == 10
    ada.write()
    for tab in tabs:
        tab.await_credits(9)
        assert not tab.over


def test_a_stream_opened_in_an_outage_or_refused_is_asked_for_until_it_begins(
    ada: MemberClient, instant_faults: Faults, stack: ExitStack
) -> None:
    instant_faults.add("refuse", SUBSCRIBES, times=2)
    instant_faults.add("answer", SUBSCRIBES, status=500, body={"type": "unknown"})
    instant_faults.add("answer", SUBSCRIBES, status=400, body={"type": "validation-failed"})
    tab = stack.enter_context(StreamClient(ada))
    tab.await_credits(0)
    assert [rule["hits"] for rule in instant_faults.rules()] == [2, 1, 1]


def test_the_site_still_answers_while_instant_lets_subscribers_wait(
    ada: MemberClient, instant_faults: Faults, stack: ExitStack
) -> None:
    instant_faults.add("hold_before", SUBSCRIBES, times=None)
    for _ in range(8):
        stack.enter_context(StreamClient(ada))
    assert requests.get(f"{ada.site}/healthz", timeout=TIMEOUT_S).text == "ok"
    assert ada.credits() == 0
