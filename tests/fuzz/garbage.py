"""What a browser, a program, a proxy or a scanner may send: strategies of raw requests to every route."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from tests.drivers.routes import routes
from tests.drivers.wire import RawRequest

# With both, a form passes for one of ours.
CSRF: Final = b"a" * 32
METHODS: Final = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "")

# Every name that some view, form, middleware or page of the admin looks for.
FIELDS: Final = (
    *("email", "next", "code", "topic", "request_id", "pack", "quantity", "session_id", "attempt"),
    *(
        "returned",
        "credits",
        "reason",
        "q",
        "before",
        "kind",
        "days",
        "checkout",
        "csrfmiddlewaretoken",
        "username",
    ),
    *("password", "password1", "password2", "old_password", "new_password1", "new_password2"),
    *("usable_password", "is_active", "is_staff", "groups", "user_permissions", "date_joined_0"),
    *("last_login_0", "name", "permissions", "action", "_selected_action", "select_across", "index"),
    *("post", "_save", "_popup", "_to_field", "_changelist_filters", "p", "o", "all", "e", "id"),
    *("id__exact", "is_staff__exact", "term", "app_label", "model_name", "field_name", "groups__id__exact"),
    *("password__startswith", "date_joined__gte"),
)
TEXTS: Final = (
    *("", " ", "0", "-1", "1", "10", "1e999", "NaN", "\u0661", "9" * 30, "9" * 300, "9" * 5000, "0x10"),
    *("1_0", "\0", "a\0b", "\x0b", "\r\n", "a\r\nSet-Cookie: x=y", "\ud800", "\udfff\ud800", "\ufffe"),
    *("\u202e", "\u200b", "ada@example.com", "ada\x0b@example.com", "a@b\x0b.example"),
    *("ada@" + "\u00fc" * 59 + ".de", "a@[127.0.0.1]", "\u212aate@example.com", "ada@example.com\n"),
    *('"a\\@b"@example.com', "a@" + "x" * 64 + ".de", "a@xn--a.de", "aaaaaaaa-1111-4111-8111-111111111111"),
    *("{aaaaaaaa-1111-4111-8111-111111111111}", "cs_test_1", "cs_test_%00", "price_ten", "//evil.example"),
    *("/\\evil.example", "http://[", "http://[::1", "http://a]b/", "javascript:1", "/history/?before=1"),
    *("{}", "[]", "[" * 2000, "<b>&\"'", "%", "%s", "{0.__class__}", "../../etc/passwd", "2026-13-99"),
    *("99999-01-01", "12:00", "True", "null", "rain", "\U0001f9d1\u200d\U0001f33e", "e\u0301" * 40),
    *("1800000000000.aaaaaaaa-1111-4111-8111-111111111111", "-1.aaaaaaaa-1111-4111-8111-111111111111"),
    "9" * 300 + ".aaaaaaaa-1111-4111-8111-111111111111",
    *("123456", "\uff11\uff12\uff13\uff14\uff15\uff16"),
)
# Of each header, what it may honestly be and what breaks parsers.
HEADERS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"accept": (
        *(b"application/json", b"text/html", b"*/*", b"", b",", b"text/html;q=x", b"a/b;q*=foo'en'%41"),
        *(b";", b"/", b"text/event-stream", b"text/*;q=1e999, application/json;q=nan", b'a/b;c="'),
        *(b"\xe9/\xff", b"*/json"),
    ),
    b"content-type": (
        *(b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data", b""),
        *(b"text/plain", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=xx"),
        *(b"x/y; q*=foo'en'%41", b";;;", b"application/x-www-form-urlencoded; charset=utf-16"),
        *(b"multipart/form-data; boundary*=foo'en'%41", b"multipart/form-data; boundary*=utf-8''xx"),
        *(b"application/json; charset=rot13", b"x/y; charset=idna", b"multipart/form-data; boundary=\xe9"),
        *(b'x/y; a="', b"x/y; a*='", b"x/y; a*=b'c", b"x/y; charset=\xff\0"),
        *(b"x/y; charset*=no-such'en'%41", b"application/x-www-form-urlencoded; charset=hex"),
        b"x/y; charset=x\0",
    ),
    b"stripe-signature": (
        *(b"", b"t=1,v1=00", b"t=1,v1=\xe9", b"t=x", b"t=", b"v1=1", b"t=99999999999999999999,v1=0"),
    ),
    b"hx-request": (b"true", b"false", b"", b"\xff"),
    b"hx-boosted": (b"true", b"\xff"),
    b"hx-history-restore-request": (b"true",),
    b"hx-current-url": (
        *(b"http://testserver/", b"http://testserver/history/?before=1", b"http://[", b"//", b"\xff\xfe"),
        *(b"http://a]/", b"http://testserver:99999/", b"http://testserver:x/", b"%ff%00"),
        b"http://testserver\\@evil.example/",
    ),
    b"hx-current-url-uri-autoencoded": (b"true",),
    b"hx-prompt": (b"\xe9", b"%ff"),
    b"hx-prompt-uri-autoencoded": (b"true",),
    b"hx-target": (b"%00", b"\xff"),
    b"hx-target-uri-autoencoded": (b"true",),
    b"hx-trigger": (b"x",),
    b"triggering-event": (b"{", b"[]", b"NaN", b"[" * 2000, b"\xff"),
    b"triggering-event-uri-autoencoded": (b"true",),
    b"cookie": (
        *(b"sessionid=", b"sessionid=\0", b"sessionid=\xff\xfe", b"csrftoken=x", b"csrftoken=\xe9"),
        *(b"=;=;=", b"a", b'sessionid="\\777"', b"messages=x", b"messages=[[", b"sessionid=" + b"a" * 3000),
        b'messages="\\054"',
    ),
    b"referer": (
        *(b"http://testserver/", b"http://testserver/sign-in/", b"http://[", b"http://testserver:x/"),
        *(b"\xff", b"//", b"http://testserver/?\xff#\xe9", b"http://testserver//evil.example"),
        *(b"http://testserver/\t", b"data:,"),
    ),
    b"origin": (b"null", b"http://testserver", b"http://[", b"http://testserver:x", b"\xff"),
    b"host": (
        *(b"testserver", b"testserver:x", b"", b"[::1", b"a@b", b"testserver:99999", b"\xff"),
        *(b"evil.example", b"["),
    ),
    b"content-length": (b"0", b"1", b"9" * 18),  # servers let nothing else pass
    b"transfer-encoding": (b"chunked", b"x"),
    b"x-forwarded-for": (b"1.2.3.4", b"[::1]:80", b"x", b"", b"\xff", b",,,"),
    b"x-forwarded-proto": (b"https", b"HTTPS", b"https, http", b"", b"\xff"),
    b"x-forwarded-host": (b"evil.example", b"\xff"),
    b"x-forwarded-port": (b"x",),
    b"x-requested-with": (b"XMLHttpRequest",),
    b"x-csrftoken": (b"x", b"\xe9", b"a" * 64),
    b"x-http-method-override": (b"DELETE",),
    b"if-modified-since": (
        *(b"x", b"Mon, 01 Jan 99999 00:00:00 GMT", b"Mon, 01 Jan 0000 00:00:00 GMT", b"\xff"),
    ),
    b"if-unmodified-since": (b"Thu, 30 Feb 2020 00:00:00 GMT", b"1" * 20),
    b"if-none-match": (b'"', b"*", b"W/", b"\xff", b'"x", y'),
    b"if-match": (b"*", b'"x"'),
    b"if-range": (b"x",),
    b"range": (
        *(b"bytes=0-", b"bytes=-", b"bytes=9-1", b"bytes=" + b"9" * 300 + b"-", b"bytes=x", b"lines=1"),
        b"\xff",
    ),
    b"accept-language": (b"en", b"de-\xff", b"*;q=x", b",", b"x" * 600),
    b"accept-encoding": (b"gzip;q=x", b"br", b"\xff"),
    b"authorization": (b"Basic x", b"Bearer \xff"),
    b"expect": (b"100-continue", b"x"),
    b"user-agent": (b"", b"\xff"),
    b"date": (b"x",),
}


# Requests as the pages make them; an argument is filled with an id that something stands under.
_USER: Final = {
    "username": "bob",
    "is_active": "on",
    "date_joined_0": "2026-01-01",
    "date_joined_1": "12:00:00",
}
_ID: Final = "aaaaaaaa-1111-4111-8111-111111111111"
_MOVE: Final = {"credits": "5", "reason": "Goodwill", "request_id": _ID}
RIGHT: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("GET", "/", {"session_id": "cs_test_1"}),
    ("GET", "/", {"checkout": "cancelled"}),
    ("GET", "/", {"topic": "rain"}),
    ("GET", "/sign-in/", {"next": "/history/"}),
    ("POST", "/sign-in/", {"email": "ada@example.com", "next": "/history/"}),
    ("POST", "/sign-in/code/", {"code": "123456"}),
    ("POST", "/sign-in/code/resend/", {}),
    ("POST", "/sign-out/", {}),
    ("GET", "/api/credits", {}),
    ("POST", "/api/stripe/checkout", {"pack": "price_ten", "quantity": "1", "request_id": _ID}),
    ("POST", "/api/stripe/sync", {"session_id": "cs_test_1", "attempt": "1", "returned": "cancelled"}),
    ("POST", "/api/stripe/sync", {"session_id": "cs_test_1", "returned": "unasked"}),
    ("POST", "/api/generate", {"topic": "rain", "request_id": _ID}),
    ("GET", "/history/", {"before": "1"}),
    ("GET", "/history/", {"before": "1800000000000.1", "kind": "spent", "days": "30"}),
    ("GET", "/history/export.csv", {}),
    ("GET", "/history/receipts/<id>/", {}),
    ("POST", "/account/email/", {"email": "ada@lovelace.example"}),
    ("POST", "/account/email/code/", {"code": "123456"}),
    ("GET", "/account/export.json", {}),
    ("POST", "/account/delete/", {}),
    ("POST", "/account/delete/code/", {"code": "123456"}),
    ("GET", "/haikus/", {"before": f"1800000000000.{_ID}"}),
    ("GET", "/haikus/<id>/", {}),
    ("POST", "/haikus/<id>/delete/", {}),
    ("POST", "/haikus/undo/", {"token": "WyJhIl0:1vNqsC:x"}),
    ("POST", "/admin/login/", {"username": "grace", "password": "correct horse", "next": "/admin/"}),
    ("GET", "/admin/billing/member/", {"q": "ada", "below": "5", "page": "1"}),
    ("GET", "/admin/billing/member/totals/", {}),
    ("GET", "/admin/billing/member/totals.csv", {}),
    ("GET", "/admin/billing/member/<id>/payments/cs_test_1/", {}),
    ("GET", "/admin/billing/member/<id>/change/", {"before": "1"}),
    *(
        ("POST", f"/admin/billing/member/<id>/{action}/", _MOVE | changes)
        for action in ("grant", "take", "reset")
        for changes in ({}, {"confirm": "1", "balance": "10", "credits_again": "5"})
    ),
    ("GET", "/admin/billing/member/grant/", {"member": _ID}),
    ("POST", "/admin/billing/member/grant/", _MOVE | {"members": f"ada@example.com\n{_ID}", "confirm": "1"}),
    ("GET", "/admin/billing/member/<id>/give-back/", {"spend": f"spend:{_ID}:{_ID}"}),
    ("POST", "/admin/billing/member/<id>/give-back/", {"spend": f"spend:{_ID}:{_ID}", "reason": "Sorry"}),
    ("POST", "/admin/billing/member/<id>/check/", {}),
    ("GET", "/admin/billing/attention/", {"q": "pi_1", "o": "1.2", "state": "open", "kind__exact": "x"}),
    (
        "POST",
        "/admin/billing/attention/",
        {"action": "close_selected", "_selected_action": "1", "select_across": "0"},
    ),
    ("GET", "/admin/billing/attention/<id>/change/", {}),
    ("GET", "/admin/auth/user/", {"q": "a", "o": "1.2", "p": "0", "is_staff__exact": "1"}),
    (
        "POST",
        "/admin/auth/user/",
        {"action": "delete_selected", "_selected_action": "1", "select_across": "0"},
    ),
    ("POST", "/admin/auth/user/add/", _USER | {"password1": "correct horse", "password2": "correct horse"}),
    ("POST", "/admin/auth/user/<id>/change/", _USER),
    ("POST", "/admin/auth/user/<id>/password/", {"password1": "correct horse", "password2": "correct horse"}),
    ("POST", "/admin/auth/user/<id>/delete/", {"post": "yes"}),
    ("POST", "/admin/auth/group/add/", {"name": "staff", "permissions": "1"}),
    (
        "GET",
        "/admin/autocomplete/",
        {"app_label": "auth", "model_name": "user", "field_name": "groups", "term": "a"},
    ),
    ("GET", "/admin/r/<id>/<id>/", {}),
)


# Whatever a header may carry over a socket.
_octets = st.binary(max_size=40).map(lambda raw: bytes(byte for byte in raw if byte > 31 or byte == 9))
_texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=60)


def _quoted(text: str, *, safe: str = "") -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def _filled(route: str, argument: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The addresses of a route."""
    first, *others = re.split(r"<[^>]+>", route)
    gaps = st.tuples(*(argument for _ in others))
    return gaps.map(lambda found: first + "".join(map("".join, zip(found, others, strict=True))))


def _targets(known: tuple[str, ...]) -> st.SearchStrategy[str]:
    argument = st.sampled_from(known) | _texts.map(_quoted)
    odd = st.binary(max_size=20).map(lambda raw: "/" + quote_from_bytes(raw))
    static = _texts.map(lambda text: "/static/" + _quoted(text, safe="/"))
    paths = st.sampled_from(sorted(routes())).flatmap(cache(lambda route: _filled(route, argument)))
    return st.builds(_asking, st.one_of(*[paths] * 6, odd, static), st.just("") | _forms())


def _asking(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _forms() -> st.SearchStrategy[str]:
    pair = st.tuples(st.sampled_from(FIELDS), _texts).map(lambda pair: "=".join(map(_quoted, pair)))
    return st.lists(pair, max_size=6).map("&".join)


def _urlencoded(form: str) -> tuple[bytes, bytes]:
    return b"application/x-www-form-urlencoded", form.encode()


def _multipart() -> st.SearchStrategy[tuple[bytes, bytes]]:
    heads = st.sampled_from(
        (
            *(b'Content-Disposition: form-data; name="topic"', b"Content-Disposition: form-data", b"", b"x"),
            *(
                b'Content-Disposition: form-data; name="email"; filename="a\xff"',
                b"Content-Disposition: \xff",
            ),
            *(b"Content-Disposition: form-data; name*=foo'en'%41", b"Content-Transfer-Encoding: base64"),
            *(b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", b"a" * 1100),
            *(b"Content-Disposition: form-data; name=\"a\"; filename*=x''%ff", b"Content-Disposition"),
            *(b"Content-Disposition: form-data; name=topic; a*=;a*0*=", b"Content-Type: text/x; charset=\0"),
        )
    )
    part = st.builds(lambda head, text: b"--xx\r\n" + head + b"\r\n\r\n" + text + b"\r\n", heads, _octets)
    whole = st.builds(
        lambda parts, end: b"".join(parts) + end,
        st.lists(part, max_size=4),
        st.sampled_from((b"--xx--", b"", b"--xx")),
    )
    return whole.map(lambda body: (b"multipart/form-data; boundary=xx", body))


def json_values() -> st.SearchStrategy[Any]:
    """Whatever JSON can say, and some that only Python's reader takes."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | _texts
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | _texts, inner, max_size=3)
        ),
        max_leaves=8,
    )


def _bodies() -> st.SearchStrategy[tuple[bytes, bytes]]:
    urlencoded = _forms().map(_urlencoded)
    as_json = json_values().map(lambda value: (b"application/json", json.dumps(value).encode()))
    anything = st.tuples(st.sampled_from(HEADERS[b"content-type"]), st.binary(max_size=60))
    return st.one_of(st.just((b"", b"")), urlencoded, urlencoded, _multipart(), as_json, anything)


def _headers(at_most: int) -> st.SearchStrategy[dict[bytes, bytes]]:
    return st.lists(st.sampled_from(sorted(HEADERS)).flatmap(_header), max_size=at_most).map(dict)


# What is made anew for each request takes as long as to answer it.
@cache
def _header(name: bytes) -> st.SearchStrategy[tuple[bytes, bytes]]:
    odd = () if name == b"content-length" else (_octets,)
    return st.tuples(st.just(name), st.one_of(*[st.sampled_from(HEADERS[name])] * 3, *odd))


def requests(known: tuple[str, ...], sessions: tuple[bytes, ...]) -> st.SearchStrategy[RawRequest]:
    """Requests by somebody in one of `sessions`; `known` are ids that something stands under."""
    session = st.sampled_from(sessions)
    methods = st.sampled_from((*["GET", "POST"] * len(METHODS), *METHODS))
    wrong = st.builds(_request, methods, _targets(known), session, _bodies(), _headers(5))
    nearly = [_nearly(*right, known=known, session=session) for right in RIGHT]
    return wrong | st.sampled_from(range(len(nearly))).flatmap(nearly.__getitem__)


def _nearly(
    method: str,
    route: str,
    form: dict[str, str],
    *,
    known: tuple[str, ...],
    session: st.SearchStrategy[bytes],
) -> st.SearchStrategy[RawRequest]:
    """A request as a page makes it, with some of its fields and headers replaced."""
    path = _filled(route, st.sampled_from(known))
    names = st.sampled_from(sorted(form) or FIELDS)
    values = st.sampled_from(known) | _texts
    forms = st.dictionaries(names, values, max_size=2).map(
        lambda changed: "&".join(f"{name}={_quoted(value)}" for name, value in (form | changed).items())
    )
    if method == "GET":
        target, bodies = st.builds(_asking, path, forms), st.just((b"", b""))
    else:
        target, bodies = path, forms.map(_urlencoded)
    return st.builds(_request, st.just(method), target, session, bodies, _headers(2))


def _request(
    method: str, target: str, session: bytes, body: tuple[bytes, bytes], changed: dict[bytes, bytes]
) -> RawRequest:
    headers = {
        b"host": b"testserver",
        b"cookie": b"csrftoken=" + CSRF + (b"; sessionid=" + session if session else b""),
        b"x-csrftoken": CSRF,
        b"content-type": body[0],
        b"content-length": str(len(body[1])).encode(),
    }
    return RawRequest(method, target, [*(headers | changed).items()], body[1])
