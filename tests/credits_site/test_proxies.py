"""What proxies say of a request, in every way in which they write it."""

from __future__ import annotations

from typing import Any

import pytest

from credits_site.proxies import as_sent, scheme_of, visitor_behind

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
