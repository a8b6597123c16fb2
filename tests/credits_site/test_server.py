"""The server's own guards, over real sockets: who is slow, silent or deaf is cut off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
import uvicorn

from credits_site.descriptors import BACKLOG
from credits_site.server import GuardedProtocol

pytestmark = pytest.mark.slow

LIMIT_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
# More than the buffers of both ends hold.
DEAF_BYTES = 64 * 1024 * 1024


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers `ok`, or to a request for `/long` more than a deaf client's buffers hold."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = bytes(DEAF_BYTES) if scope["path"] == "/long" else b"ok"
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(**options: Any) -> Iterator[uvicorn.Server]:
    """The application behind the guarded protocol, in a thread."""
    config = uvicorn.Config(
        application, port=0, http=GuardedProtocol, ws="none", lifespan="off", log_config=None, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.005)


def connect(server: uvicorn.Server) -> socket.socket:
    port = server.servers[0].sockets[0].getsockname()[1]
    return socket.create_connection(("127.0.0.1", port), LIMIT_S)


def heard(connection: socket.socket) -> bytes:
    """All that the server says until it closes the connection; fails when it does not."""
    said = b""
    # What the server has not read when it closes the connection makes it a reset.
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            said += piece
    return said


@pytest.fixture
def impatient(settings: Any) -> None:
    settings.CLIENT_TIMEOUT_S = 0.2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-1]], ids=str)
def test_a_connection_on_which_no_request_arrives_ends(sent: bytes) -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(sent)
        assert heard(client).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
def test_headers_that_drip_for_ever_end() -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(REQUEST[:-2])
        client.settimeout(0.02)
        said = b""
        deadline = time.monotonic() + LIMIT_S
        while not said:
            assert time.monotonic() < deadline
            client.sendall(b"X: y\r\n")
            try:
                said = client.recv(65_536)
            except TimeoutError:
                continue
        assert said.startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
def test_the_second_request_of_a_connection_is_timed_too() -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(REQUEST)
        assert b"200 OK" in client.recv(65_536)
        client.sendall(REQUEST[:-1])
        assert b"HTTP/1.1 408 " in heard(client)


@pytest.mark.usefixtures("impatient")
def test_who_does_not_read_the_answer_is_cut_off() -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(REQUEST.replace(b"/", b"/long", 1))
        until(lambda: server.server_state.total_requests)
        until(lambda: not server.server_state.connections)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nContent-Type: " + b"a" * 120_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 120_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"no HTTP\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        # What a proxy may read in another way than we do, so that a request hides in another.
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ],
    ids=[
        "header",
        "address",
        "nonsense",
        "coding",
        "both",
        "two lengths",
        "signed",
        "bare",
        "folded",
        "space",
    ],
)
def test_what_cannot_be_read_is_refused_with_its_status(sent: bytes, status: int) -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(sent)
        assert heard(client).startswith(b"HTTP/1.1 %d " % status)


def test_a_request_of_http_1_0_needs_no_host() -> None:
    """As HAProxy asks whether a machine is well, when it is told nothing else."""
    with served() as server, closing(connect(server)) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert heard(client).startswith(b"HTTP/1.1 200 ")


def test_a_chunk_that_makes_no_sense_ends_the_connection() -> None:
    with served() as server, closing(connect(server)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b"200 OK" in client.recv(65_536)
        client.sendall(b"no number\r\n")
        assert b"400" not in heard(client)


def test_of_more_connections_than_there_may_be_only_a_probe_is_answered_and_only_so_many_are_listened_to() -> (
    None
):
    with served(limit_concurrency=2) as server:
        silent = [connect(server) for _ in range(2)]
        until(lambda: len(server.server_state.connections) == 2)
        for path, status in (("/", 503), ("/healthz", 200)):
            with closing(connect(server)) as client:
                client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode())
                assert heard(client).startswith(b"HTTP/1.1 %d " % status)
        silent += [connect(server) for _ in range(BACKLOG)]
        until(lambda: len(server.server_state.connections) == 2 + BACKLOG)
        with closing(connect(server)) as client:
            assert heard(client).startswith(b"HTTP/1.1 503 ")
        for client in silent:
            client.close()
