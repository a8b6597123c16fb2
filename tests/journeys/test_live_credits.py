"""Live counters over real sockets: two processes of the site, a server that comes and goes, and who may listen."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from billing.counter.stream import HEARTBEAT_S
from billing.counter.tabs import LOOK_AGAIN_S
from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.stream import StreamClient

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


def test_each_tab_hears_in_its_language(ada: MemberClient, stack: ExitStack) -> None:
    german, english = (stack.enter_context(StreamClient(ada, language=spoken)) for spoken in ("de", "en"))
    ada.buy()
    for tab, words in ((german, "Keine Credits."), (english, "No credits.")):
        tab.await_credits(10)
        assert words in tab.text
    assert "No credits." not in german.text


@pytest.mark.one_process
def test_tabs_cost_no_thread_and_no_connection_and_hear_of_their_own_member_only(
    world: World, instant_faults: Faults, stack: ExitStack
) -> None:
    instant_faults.add("delay", SUBSCRIBES, seconds=0.0, times=None)
    pid = world.sites[1].pid
    members = [MemberClient.at(world).sign_in() for _ in range(3)]
    tabs = [stack.enter_context(StreamClient(members[0].tab(world.site_urls[1])))]
    tabs[0].await_credits(0)
    threads, files = threads_of(pid), database_files_of(pid)
    for member in members * 3:
        tabs.append(stack.enter_context(StreamClient(member.tab(world.site_urls[1]))))
    for tab in tabs:
        tab.await_credits(0)
    assert threads_of(pid) <= threads
    assert database_files_of(pid) <= files
    assert instant_faults.rules()[0]["hits"] <= 1
    members[0].buy()
    members[1].buy(pack="price_sandbox50")
    for tab in (tabs[0], *tabs[1::3]):
        tab.await_credits(10)
    for tab in tabs[2::3]:
        tab.await_credits(50)
    assert [tab.balances for tab in tabs[1:]] == [[0, 10], [0, 50], [0]] * 3


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def database_files_of(pid: int) -> int:
    return sum("site.sqlite3" in str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.one_process
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
    assert ada.get("/api/credits/stream").text.startswith("event: signed-out\n")
    phone.buy()
    on_phone.await_credits(10)


@pytest.mark.deep
def test_a_session_that_ended_in_another_process_ends_its_streams(
    ada: MemberClient, world: World, stack: ExitStack
) -> None:
    phone = MemberClient.at(world).sign_in(ada.email)
    tab = stack.enter_context(StreamClient(phone.tab(world.site_urls[1])))
    tab.await_credits(0)
    assert ada.post("/account/sessions/end/").status_code == 302
    assert "event: signed-out\n" in tab.await_end(2 * (LOOK_AGAIN_S + HEARTBEAT_S))


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
