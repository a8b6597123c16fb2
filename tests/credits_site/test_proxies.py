"""What proxies say of a request, in every way in which they write it."""

from __future__ import annotations

from typing import Any

import pytest

from credits_site.plain_text import Application
from credits_site.proxies import as_sent, scheme_of, visitor_behind
from tests.drivers.wire import RawAnswer, RawRequest, ask, made_anew

PROXIES = {"10.0.0.1", "10.0.0.2", "2001:db8::7"}
VISITOR = "192.0.2.9"


@pytest.mark.parametrize(
    ("forwarded_for", "visitor"),
    [
        ([], "10.0.0.1"),
        ([VISITOR], VISITOR),
        (["192.0.2.9:5678"], VISITOR),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["2001:DB8::1"], "2001:db8::1"),
        (["::ffff:192.0.2.9"], VISITOR),
        # What the visitor wrote comes first, and counts for nothing.
        (["198.51.100.1", VISITOR], VISITOR),
        (["10.0.0.2", VISITOR], VISITOR),
        # Several proxies of ours, with and without ports.
        (["198.51.100.1", VISITOR, "[2001:db8::7]:80", "10.0.0.2:80"], VISITOR),
        (["10.0.0.2"], "10.0.0.2"),
        # Where it makes no sense, the last one known is who asks.
        (["unknown"], "10.0.0.1"),
        ([VISITOR, "unknown"], "10.0.0.1"),
        ([VISITOR, "unknown", "10.0.0.2"], "10.0.0.2"),
        (["192.0.2.9:x"], "10.0.0.1"),
        (["[192.0.2.9"], "10.0.0.1"),
        (["192.0.2.999"], "10.0.0.1"),
        (["\xff"], "10.0.0.1"),
    ],
)
def test_the_visitor_is_whom_the_outermost_proxy_of_ours_saw(forwarded_for: list[str], visitor: str) -> None:
    assert visitor_behind("10.0.0.1", forwarded_for, is_proxy=PROXIES.__contains__) == visitor


@pytest.mark.parametrize(
    ("forwarded_proto", "scheme"),
    [
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["https", "http"], "https"),
        (["http", "https"], "http"),
        (["x", "Https"], "https"),
        (["on"], None),
        (["\xff"], None),
        ([], None),
    ],
)
def test_the_scheme_is_the_one_the_visitor_came_by(forwarded_proto: list[str], scheme: str | None) -> None:
    assert scheme_of(forwarded_proto) == scheme


def seen(*headers: tuple[bytes, bytes], client: tuple[str, int] | None) -> tuple[str | None, str]:
    """Address and scheme after a look at the headers."""
    scope: dict[str, Any] = as_sent({"headers": headers, "client": client, "scheme": "http"})
    return scope["client"] and scope["client"][0], scope["scheme"]


SAID = ((b"x-forwarded-for", b"198.51.100.1, 192.0.2.9"), (b"x-forwarded-proto", b"https"))


@pytest.mark.parametrize(
    ("believed", "peer", "address"),
    [
        (["127.0.0.1", "::1"], "127.0.0.1", VISITOR),
        (["127.0.0.1", "::1"], "::1", VISITOR),
        (["127.0.0.1"], "::ffff:127.0.0.1", VISITOR),
        ([" 10.0.0.0/8"], "10.1.2.3", VISITOR),
        (["127.0.0.1"], "10.1.2.3", None),
        (["10.0.0.0/8"], "a socket", None),
        (["10.0.0.0/8"], "", None),
        ([], "127.0.0.1", None),
        # Whoever connects is believed, but nobody else whom they name.
        (["*"], "10.1.2.3", VISITOR),
        (["*"], "a socket", VISITOR),
        (["*", "192.0.2.0/24"], "10.1.2.3", "198.51.100.1"),
    ],
)
def test_only_the_proxies_of_the_settings_are_believed(
    settings: Any, believed: list[str], peer: str, address: str | None
) -> None:
    settings.FORWARDED_ALLOW_IPS = believed
    assert seen(*SAID, client=(peer, 1)) == ((address, "https") if address else (peer, "http"))


def test_a_socket_without_an_address_is_believed_only_if_everybody_is(settings: Any) -> None:
    assert seen(*SAID, client=None) == (None, "http")
    settings.FORWARDED_ALLOW_IPS = ["*"]
    assert seen(*SAID, client=None) == (VISITOR, "https")


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ([b"198.51.100.1", b" 192.0.2.9 "], VISITOR),
        ([b"198.51.100.1,192.0.2.9"], VISITOR),
        ([b"198.51.100.1\t,\t192.0.2.9:80 , ,"], VISITOR),
        ([b"", b"192.0.2.9", b""], VISITOR),
        ([b",,,"], "127.0.0.1"),
        ([b""], "127.0.0.1"),
    ],
)
def test_lists_are_read_over_all_headers_without_what_is_empty(headers: list[bytes], address: str) -> None:
    given = [(b"x-forwarded-for", value) for value in headers]
    assert seen(*given, client=("127.0.0.1", 1)) == (address, "http")
    given = [(b"x-forwarded-proto", value) for value in (b" ,", b"HTTPS ", b"http")]
    assert seen(*given, client=("127.0.0.1", 1)) == ("127.0.0.1", "https")


# The site as it goes live: HTTPS only, staff from one network


@pytest.fixture
def live(db: None, settings: Any) -> Application:
    settings.SECURE_SSL_REDIRECT = True
    settings.STAFF_NETWORKS = ["2001:db8:0:1::/64"]
    settings.ALLOWED_HOSTS = ["credits.example"]
    return made_anew()


def answer_of(live: Application, path: str, **said: list[str]) -> RawAnswer:
    """What the site answers when the proxy says this in `X-Forwarded-…`, which may be several of one name."""
    headers = [(f"X-Forwarded-{name}", value) for name, values in said.items() for value in values]
    sent = [(name.encode(), value.encode()) for name, value in [("Host", "credits.example"), *headers]]
    return ask(RawRequest("GET", path, sent), of=live)


@pytest.mark.parametrize(
    "said", [["https"], ["HTTPS"], ["https, http"], ["https", "http"], [" https ,"]], ids=str
)
def test_who_came_by_https_is_not_redirected_to_it(live: Application, said: list[str]) -> None:
    assert answer_of(live, "/sign-in/", Proto=said).status == 200


@pytest.mark.parametrize("said", [[], ["http"], ["http, https"], ["nonsense"]], ids=str)
def test_who_came_by_http_is_redirected_once(live: Application, said: list[str]) -> None:
    answer = answer_of(live, "/sign-in/", Proto=said)
    assert (answer.status, answer["Location"]) == (301, "https://credits.example/sign-in/")


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
def test_staff_are_let_in_by_the_address_that_the_proxy_saw(
    live: Application, said: list[str], status: int
) -> None:
    assert answer_of(live, "/admin/login/", Proto=["https"], For=said).status == status


def test_nobody_but_the_proxy_is_believed(live: Application, settings: Any) -> None:
    settings.FORWARDED_ALLOW_IPS = ["127.0.0.2"]
    assert answer_of(live, "/admin/login/", Proto=["https"], For=["2001:db8:0:1::7"]).status == 301
