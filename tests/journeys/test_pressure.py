"""One process of the site over real sockets, and what strangers may send it: it says no, and goes on answering."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import TIMEOUT_S, MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world

pytestmark = [pytest.mark.deep, pytest.mark.one_process]
STREAMS_OF_A_MEMBER, STREAMS_OF_AN_ADDRESS, DESCRIPTORS = 4, 10, 600
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One process of the site that gives its clients a second, and may open few files."""
    env = UNLIMITED | {
        "CLIENT_TIMEOUT_S": "1",
        "STREAMS_PER_MEMBER": str(STREAMS_OF_A_MEMBER),
        "STREAMS_PER_ADDRESS": str(STREAMS_OF_AN_ADDRESS),
    }
    with running_world(tmp_path_factory.mktemp("world"), env=env) as world:
        start_afresh(world)
        yield world


def start_afresh(world: World) -> None:
    """Start the site again, with few descriptors, and with no price known."""
    site = world.sites[0]
    site.stop()
    site.start()
    resource.prlimit(site.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    site.await_answer("/healthz")


def connect(world: World) -> socket.socket:
    parts = urlsplit(world.site_url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), TIMEOUT_S)


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def status(world: World, *pieces: bytes) -> int:
    """What the site says to what is sent, and then it ends the connection; 0 for nothing."""
    with closing(connect(world)) as client:
        said = b""
        # A site that does not read on may break the connection while more is being sent.
        with suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
        with suppress(ConnectionError):
            while piece := client.recv(65_536):
                said += piece
        return int(said.split()[1]) if said else 0


def is_well(world: World) -> bool:
    return requests.get(f"{world.site_url}/healthz", timeout=TIMEOUT_S).text == "ok"


@pytest.mark.parametrize("name", ["Content-Type", "Accept", "Cookie", "Stripe-Signature", "X-Whatever"])
@pytest.mark.parametrize("length", [8_000, 120_000])
def test_a_long_header_is_refused(world: World, name: str, length: int) -> None:
    sent = head("POST", "/api/stripe/webhook", f'{name}: a/b;"' + ";" * length, "Content-Length: 0")
    assert status(world, sent) == 431
    assert is_well(world)


@pytest.mark.parametrize(
    ("path", "length", "expected"),
    [
        ("/sign-in/", 64 * 1024, 403),  # no CSRF token
        ("/sign-in/", 64 * 1024 + 1, 413),
        ("/api/stripe/webhook", MIB, 400),  # no signature
        ("/api/stripe/webhook", MIB + 1, 413),
        ("/api/stripe/webhook", 512 * MIB, 413),
    ],
)
def test_a_long_body_is_refused_before_it_is_sent(
    world: World, path: str, length: int, expected: int
) -> None:
    sent = head("POST", path, f"Content-Length: {length}", "Connection: close")
    assert status(world, sent, *([bytes(length)] if expected != 413 else [])) == expected


def test_a_body_of_unknown_length_is_refused_when_it_is_too_long(world: World) -> None:
    chunk = b"%x\r\n" % MIB + bytes(MIB) + b"\r\n"
    sent = head("POST", "/api/stripe/webhook", "Transfer-Encoding: chunked")
    assert status(world, sent, chunk, chunk, chunk) == 413
    assert is_well(world)


@pytest.mark.parametrize(
    "sent",
    [head("POST", "/sign-in/", "Content-Length: 10") + b"email=", b"", head("GET", "/")[:-2]],
    ids=["half the body", "nothing", "half the headers"],
)
def test_who_does_not_finish_a_request_is_cut_off(world: World, sent: bytes) -> None:
    assert status(world, sent) == 408


def test_a_connection_that_is_kept_and_not_used_ends(world: World) -> None:
    with closing(connect(world)) as client:
        client.sendall(head("GET", "/healthz"))
        said = b""
        while piece := client.recv(65_536):
            said += piece
        assert said.count(b"HTTP/1.1 200 ") == 1


def test_more_connections_than_there_are_descriptors_leave_the_site_well(
    world: World, stack: ExitStack
) -> None:
    silent = [stack.enter_context(closing(connect(world))) for _ in range(DESCRIPTORS + 100)]
    await_that(lambda: is_well_by_now(world))
    for client in silent:
        client.close()
    log = (world.data_dir / "site1.log").read_text()
    assert "out of system resource" not in log
    assert log.count("limit") <= 1


def is_well_by_now(world: World) -> bool:
    with suppress(requests.ConnectionError):
        return is_well(world)
    return False


def test_streams_of_many_accounts_do_not_use_up_the_descriptors(world: World, stack: ExitStack) -> None:
    members = [MemberClient.at(world).sign_in() for _ in range(5)]
    # As many as one member may have; a page understands the refusal and looks again later.
    tabs = [stack.enter_context(StreamClient(members[0])) for _ in range(STREAMS_OF_A_MEMBER)]
    for tab in tabs:
        tab.await_credits(0)
    refused = members[0].get("/api/credits/stream")
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (503, True)
    # And of one address, however many accounts it has.
    for member in members[1:]:
        for _ in range(2 * STREAMS_OF_A_MEMBER):
            tabs.append(stack.enter_context(StreamClient(member)))
    opened = [tab for tab in tabs if tab.response.status_code == 200]
    assert {tab.response.status_code for tab in tabs} == {200, 503}
    assert len(opened) == STREAMS_OF_AN_ADDRESS
    assert len(list(Path(f"/proc/{world.sites[0].pid}/fd").iterdir())) < DESCRIPTORS / 2
    assert is_well(world)
    # Who leaves makes room, of their own and of the address.
    opened[0].close()
    await_that(lambda: gets_in(members[0]))


def gets_in(member: MemberClient) -> bool:
    url = f"{member.site}/api/credits/stream"
    with member.http.get(url, stream=True, timeout=TIMEOUT_S) as answer:
        return answer.status_code == 200


def test_a_flood_of_complaints_is_one_line(world: World) -> None:
    before = (world.data_dir / "site1.log").read_text().count("Invalid HTTP")
    for _ in range(50):
        status(world, b"no HTTP\r\n\r\n")
    after = (world.data_dir / "site1.log").read_text().count("Invalid HTTP")
    assert after - before <= 1
    assert after >= 1


def test_strangers_who_look_whether_the_site_is_ready_do_not_load_instant(
    world: World, instant_faults: Faults
) -> None:
    instant_faults.add("delay", "/admin/query", seconds=0.0, times=None)
    started_s = time.monotonic()
    for _ in range(100):
        assert requests.get(f"{world.site_url}/readyz", timeout=TIMEOUT_S).status_code == 200
    elapsed_s = time.monotonic() - started_s
    assert instant_faults.rules()[0]["hits"] <= 1 + elapsed_s / 5


def test_the_front_page_stands_while_stripe_stalls_and_asks_it_once(
    world: World, stripe_faults: Faults
) -> None:
    start_afresh(world)
    stripe_faults.add("hold_before", "^/v1/prices/", times=None)
    front = [requests.get(world.site_url, timeout=TIMEOUT_S) for _ in range(5)]
    assert [page.status_code for page in front] == [200] * 5
    assert all("The prices cannot be read from Stripe right now" in page.text for page in front)
    assert stripe_faults.rules()[0]["hits"] == 1
    stripe_faults.clear()
    await_that(lambda: "$5.00" in requests.get(world.site_url, timeout=TIMEOUT_S).text)
