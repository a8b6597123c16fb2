"""nginx and Caddy as `deploy/` sets them up, with the site behind them: who a visitor is, how much they may send, and
that the live counter moves.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from billing.counter.stream import HEARTBEAT_S
from credits_site.gate import BODY_LIMIT_BYTES
from sandbox.world import HOST, Part, World, free_port
from tests.deploy.files import DEPLOY, tool
from tests.drivers.member import MemberClient
from tests.drivers.nginx import certificate, nginx, trusting
from tests.drivers.stream import StreamClient
from tests.drivers.worlds import UNLIMITED, running_world

pytestmark = pytest.mark.deep

OFFICE, ELSEWHERE = "127.0.0.3", "127.0.0.2"
STRIPE_LIMIT_BYTES = 1024 * 1024
TIMEOUT_S = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site that is reached by https alone, with staff in one place."""
    env = UNLIMITED | {"HTTPS_ONLY": "true", "STAFF_NETWORKS": OFFICE}
    with running_world(tmp_path_factory.mktemp("site"), env=env, deliver_webhooks=False) as world:
        yield world


def caddy(folder: Path, upstreams: Sequence[str], port: int) -> Part:
    """Caddy with our file and a certificate that it need not ask for, at ports of its own."""
    text, url = (DEPLOY / "Caddyfile").read_text(), f"https://{HOST}:{port}"
    for ours, here in (
        ("\n{\n", f"\n{{\n\tadmin off\n\thttp_port {free_port()}\n\tdefault_bind {HOST}\n"),
        ("{$SITE_URL} {\n", "{$SITE_URL} {\n\ttls " + " ".join(map(str, certificate())) + "\n"),
    ):
        assert text.count(ours) == 1, ours
        text = text.replace(ours, here)
    (folder / "Caddyfile").write_text(text)
    env = os.environ | {
        "SITE_URL": url,
        "SITE_UPSTREAM": " ".join(upstreams),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }
    command = [tool("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    return Part("Caddy", command, env=env, url=url, log=folder / "log")


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "Caddy"])
def proxy(
    request: pytest.FixtureRequest,
    site: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a proxy before the site, which this process trusts."""
    folder = tmp_path_factory.mktemp(request.param.__name__)
    part: Part = request.param(folder, [urlsplit(site.site_url).netloc], free_port())
    with trusting():
        try:
            part.start()
            part.await_answer("/healthz")
            yield part.url
        finally:
            part.stop()


def ask(proxy: str, method: str, path: str, *, size: int = 0, comes_from: str = HOST, says: str = "") -> int:
    """The status of the answer to one request with a body of `size` bytes."""
    connection = HTTPSConnection(
        urlsplit(proxy).netloc,
        timeout=TIMEOUT_S,
        source_address=(comes_from, 0),
        context=ssl.create_default_context(),
    )
    with closing(connection):
        connection.request(method, path, b"x" * size, {"X-Forwarded-For": says} if says else {})
        with connection.getresponse() as answer:
            return answer.status


def test_a_visitor_is_who_the_proxy_sees_and_not_who_they_say_they_are(proxy: str) -> None:
    assert ask(proxy, "GET", "/admin/login/", comes_from=OFFICE) == 200
    assert ask(proxy, "GET", "/admin/login/", comes_from=ELSEWHERE) == 404
    assert ask(proxy, "GET", "/admin/login/", comes_from=ELSEWHERE, says=OFFICE) == 404


def test_who_came_by_https_stays_there(proxy: str) -> None:
    assert ask(proxy, "GET", "/sign-in/") == 200


@pytest.mark.parametrize(
    ("path", "limit_bytes"),
    [
        ("/sign-in/", BODY_LIMIT_BYTES),
        ("/api/stripe/webhook", STRIPE_LIMIT_BYTES),
        ("/api/stripe/webhook/", STRIPE_LIMIT_BYTES),
    ],
)
def test_the_proxy_lets_through_what_the_site_takes_and_no_more(
    proxy: str, path: str, limit_bytes: int
) -> None:
    taken, refused = (ask(proxy, "POST", path, size=limit_bytes + more) for more in (0, 1))
    assert taken == (400 if "webhook" in path else 403)
    # Caddy says 502 when the site has refused and hung up before all of it was handed on.
    assert refused in (413, 502)


def test_the_live_counter_moves_through_the_proxy(proxy: str, site: World) -> None:
    ada = MemberClient(proxy, site.mail_dir).sign_in()
    with StreamClient(ada) as stream:
        stream.await_credits(0)
        site.manage(
            "credits", "give", "--to", ada.email, "--credits", "5", "--reason", "Hello", "--actor", "grace"
        )
        stream.await_credits(5)


def test_streams_are_silent_for_less_long_than_the_proxies_wait() -> None:
    assert HEARTBEAT_S * 2 <= 60
    for name, waits in (
        ("nginx.conf", "proxy_read_timeout 60s;"),
        ("Caddyfile", "response_header_timeout 60s"),
    ):
        assert waits in (DEPLOY / name).read_text()
