"""What browsers are told with every answer, and what they keep."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.browsers import know, known_as
from credits_site import settings as settings_file
from tests.drivers.signed_in import ADA, JSON
from tests.drivers.wire import get

YEAR_S = 60 * 60 * 24 * 365
STYLE, HEALTH = "/static/credits_site/site.css", "/healthz"
ANSWERS = {
    "/": 200,
    "/nothing-here/": 404,
    "/api/credits": 303,
    "/admin/login/": 200,
    STYLE: 200,
    HEALTH: 200,
}


@pytest.fixture
def https(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """The site as `.env.example` sets it up, where it differs over https."""
    monkeypatch.delenv("HTTPS_ONLY")
    for name, value in runpy.run_path(settings_file.__file__).items():
        if name.startswith(("COOKIE_", "CSRF_COOKIE_", "SESSION_COOKIE_", "SECURE_")):
            setattr(settings, name, value)


@pytest.mark.django_db
@pytest.mark.usefixtures("https")
def test_cookies_are_for_this_host_over_https_and_for_no_script() -> None:
    client = Client()
    client.get("/", secure=True)
    client.post("/sign-in/", {"email": "no address"}, secure=True)
    answer = HttpResponse()
    know(RequestFactory().get("/"), answer, ADA.email)
    cookies = client.cookies | answer.cookies
    assert set(cookies) == {"__Host-csrftoken", "__Host-sessionid", "__Host-known"}
    for name, cookie in cookies.items():
        kept = {key: cookie[key] for key in ("secure", "path", "domain", "samesite")}
        assert kept == {"secure": True, "path": "/", "domain": "", "samesite": "Lax"}
        # The token of forms is in each page anyway.
        assert bool(cookie["httponly"]) is (name != "__Host-csrftoken")
    later = RequestFactory().get("/")
    later.COOKIES = {name: cookie.value for name, cookie in cookies.items()}
    assert known_as(later, ADA.email) is not None


@pytest.mark.django_db
@pytest.mark.usefixtures("https")
def test_browsers_insist_on_https_for_a_year() -> None:
    assert Client().get("/", secure=True)["Strict-Transport-Security"] == f"max-age={YEAR_S}"
    assert Client().get("/sign-in/")["Location"] == "https://testserver/sign-in/"


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), ANSWERS.items())
def test_no_answer_is_taken_for_something_else_or_shown_inside_another_site(path: str, status: int) -> None:
    answer = get(path)
    assert answer.status == status
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert not [name for name, _ in answer.headers if name.lower() == b"access-control-allow-origin"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ANSWERS)
def test_a_text_says_how_it_is_encoded(path: str) -> None:
    kind = get(path, **JSON if path.startswith("/api/") else {})["Content-Type"]
    assert kind.lower().replace('"', "") in (
        "application/json",
        "application/problem+json",
        "text/html; charset=utf-8",
        "text/css; charset=utf-8",
        "text/plain; charset=utf-8",
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"), {"/": 405, "/admin/": 302, "/api/credits": 405, HEALTH: 405}.items()
)
def test_a_trace_echoes_nothing(path: str, status: int) -> None:
    answer = get(path, method="TRACE", **{"X-Secret": "of-a-proxy"})
    assert answer.status == status
    assert b"of-a-proxy" not in answer.body


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/static/", "/static/credits_site/", "/.git/config", "/static/../.env"])
def test_no_folder_is_listed_and_no_file_served_that_is_not_meant_to_be(path: str) -> None:
    assert get(path).status == 404


@pytest.mark.django_db
def test_what_is_said_to_somebody_is_in_no_cookie() -> None:
    client = Client()
    client.post("/sign-in/", {"email": ADA.email})
    client.post("/sign-in/code/resend/")
    assert set(client.cookies) == {"sessionid"}
    assert "A new code is on its way" in client.get("/sign-in/code/").content.decode()
