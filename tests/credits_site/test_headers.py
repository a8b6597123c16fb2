"""Headers and addresses that nobody's browser sends. What a fuzzer finds besides is in `tests/fuzz/`."""

from __future__ import annotations

import json

import pytest
from django.http import QueryDict

from tests.drivers.signed_in import ADA, JSON, browser_of
from tests.drivers.wire import RawAnswer, RawRequest, ask

pytestmark = pytest.mark.django_db

# What `parse_header_parameters` of Django stumbles over.
UNREADABLE = [b"x/y; q*=foo'en'%41", b"x/y; q*=;q*0*=", b"x/y; q*=\0'en'%41", b"x/y; q*=idna'en'%ff"]
HOST = (b"host", b"localhost")


def post(path: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> RawAnswer:
    return ask(RawRequest("POST", path, [HOST, *headers], body))


@pytest.mark.parametrize("kind", [*UNREADABLE, b"x/y; charset=\0", b"x/y; charset=hex"])
def test_a_content_type_that_cannot_be_read_says_nothing(kind: bytes) -> None:
    answer = post("/api/stripe/webhook", (b"content-type", kind))
    assert (answer.status, json.loads(answer.body)["detail"]) == (400, "No signature")
    answer = ask(RawRequest("GET", "/healthz?a=%41", [HOST, (b"content-type", kind)]))
    assert (answer.status, answer.body) == (200, b"ok")


def test_a_form_in_another_encoding_than_utf_8_is_none() -> None:
    kind = b"application/x-www-form-urlencoded; charset="
    program = (b"accept", b"application/json")
    csrf = ((b"cookie", b"csrftoken=" + b"a" * 32), (b"x-csrftoken", b"a" * 32))
    for charset, said in ((b"utf-8", "does not look like an email"), (b"utf-16", "Enter your email")):
        answer = post("/sign-in/", (b"content-type", kind + charset), program, *csrf, body=b"email=x")
        assert (answer.status, said in answer.body.decode()) == (422, True)


@pytest.mark.parametrize("accept", UNREADABLE)
def test_an_accept_that_cannot_be_read_asks_for_a_page(accept: bytes) -> None:
    answer = ask(RawRequest("GET", "/history/", [HOST, (b"accept", accept)]))
    assert (answer.status, dict(answer.headers)[b"Location"]) == (303, b"/sign-in/?next=%2Fhistory%2F")


def test_a_part_with_a_header_that_cannot_be_read_is_400() -> None:
    headers = (b"content-type", b"multipart/form-data; boundary=xx"), (b"cookie", b"csrftoken=" + b"a" * 32)
    body = b"--xx\r\nContent-Disposition: form-data; name=topic; a*=;a*0*=\r\n\r\nrain\r\n--xx--"
    assert post("/api/generate", *headers, (b"content-length", b"%d" % len(body)), body=body).status == 400


@pytest.mark.parametrize("page", ["/history/", "/haikus/"])
@pytest.mark.parametrize(
    "before",
    [
        *("9" * 300, "9" * 16, "-1", "\u0661", "1e3", "1.5", "1.2", "1.", ".", "x"),
        *(f"{number}.{ADA.id}" for number in ("9" * 300, "-1", "x")),
    ],
)
def test_a_cursor_of_no_page_is_422_for_a_program_and_the_first_page_for_a_person(
    page: str, before: str
) -> None:
    query = QueryDict(mutable=True)
    query["before"] = before
    address = f"{page}?{query.urlencode()}"
    assert browser_of(ADA).get(address, headers=JSON).status_code == 422
    answer = browser_of(ADA).get(address)
    assert (answer.status_code, answer["Location"]) == (302, page)


@pytest.mark.parametrize("next_page", ["cs_test_1", "history/", "//evil.example", "http://[", "javascript:1"])
def test_an_address_that_is_none_of_ours_leads_home(next_page: str) -> None:
    query = QueryDict(mutable=True)
    query["next"] = next_page
    assert browser_of(ADA).get(f"/sign-in/?{query.urlencode()}")["Location"] == "/"
