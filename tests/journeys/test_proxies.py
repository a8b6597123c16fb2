"""What stands before the server: probes, and proxies that write their headers in every way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from sandbox.world import World

pytestmark = pytest.mark.one_process
OFFICE = "2001:db8:0:1::/64"
TIMEOUT_S = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a site as it goes live: HTTPS only, staff from one network. Nothing it stands on is there."""
    env = {"HTTPS_ONLY": "true", "ALLOWED_HOSTS": "credits.example", "STAFF_NETWORKS": OFFICE}
    world = World(tmp_path_factory.mktemp("site"), env=env)
    world.manage("migrate", "--verbosity", "0")
    world.manage("collectstatic", "--noinput", "--verbosity", "0")
    (part,) = world.sites
    try:
        part.start()
        part.await_answer("/healthz")
        yield urlsplit(part.url).netloc
    finally:
        part.stop()


def ask(
    site: str,
    path: str,
    *headers: tuple[str, str],
    host: str | None = "credits.example",
    method: str = "GET",
    version: str = "HTTP/1.1",
    comes_from: str = "127.0.0.1",
) -> tuple[int, str | None]:
    """Status and `Location` of the answer to one request, whose headers may be several of one name."""
    connection = HTTPConnection(site, timeout=TIMEOUT_S, source_address=(comes_from, 0))
    connection._http_vsn_str = version  # type: ignore[attr-defined]
    with closing(connection):
        connection.putrequest(method, path, skip_host=True)
        for name, value in [*([("Host", host)] if host else []), *headers]:
            connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as answer:
            return answer.status, answer.headers["Location"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 503)])
def test_probes_are_answered_by_the_address_of_the_machine(
    site: str, path: str, status: int, method: str
) -> None:
    for host in ("10.1.2.3", "[2001:db8::1]:8000", "credits.example"):
        assert ask(site, path, host=host, method=method)[0] == status
    # As HAProxy asks when it is told nothing else.
    assert ask(site, path, host=None, method=method, version="HTTP/1.0")[0] == status


@pytest.mark.parametrize(
    "said", [["https"], ["HTTPS"], ["https, http"], ["https", "http"], [" https ,"]], ids=str
)
def test_who_came_by_https_is_not_redirected_to_it(site: str, said: list[str]) -> None:
    assert ask(site, "/sign-in/", *[("X-Forwarded-Proto", value) for value in said])[0] == 200


@pytest.mark.parametrize("said", [[], ["http"], ["http, https"], ["nonsense"]], ids=str)
def test_who_came_by_http_is_redirected_once(site: str, said: list[str]) -> None:
    answer = ask(site, "/sign-in/", *[("X-Forwarded-Proto", value) for value in said])
    assert answer == (301, "https://credits.example/sign-in/")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["2001:db8:0:1::7"], 200),
        (["[2001:db8:0:1::7]:443"], 200),
        (["192.0.2.9, [2001:db8:0:1::7]:443 ,"], 200),
        (["192.0.2.9:80", "2001:db8:0:1::7"], 200),
        (["2001:db8:0:1::7, 192.0.2.9:80"], 404),
        (["2001:db8:0:1::7", "192.0.2.9"], 404),
        ([], 404),
    ],
    ids=str,
)
def test_staff_are_let_in_by_the_address_that_the_proxy_saw(site: str, said: list[str], status: int) -> None:
    headers = [("X-Forwarded-Proto", "https"), *[("X-Forwarded-For", value) for value in said]]
    assert ask(site, "/admin/login/", *headers)[0] == status


def test_nobody_but_the_proxy_is_believed(site: str) -> None:
    headers = ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "2001:db8:0:1::7")
    assert ask(site, "/admin/login/", *headers, comes_from="127.0.0.2")[0] == 301
