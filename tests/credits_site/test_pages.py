"""The landing page and the health checks."""

import re
import threading
from concurrent.futures import Executor
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.test import Client, RequestFactory

from credits_site import health
from credits_site.asgi import site
from credits_site.error_pages import server_error
from credits_site.health import ANSWER_KEPT_S, Readiness
from tests.drivers.signed_in import ADA, JSON, browser_of
from tests.drivers.wire import RawRequest, ask, get, made_anew


@pytest.fixture(autouse=True)
def nothing_is_known_of_readiness() -> None:
    """A test before may have asked, with an Instant that answers, a few seconds ago."""
    health._readiness.cache_clear()


@pytest.fixture
def nothing_for_sale(settings: Any) -> None:
    settings.STRIPE_PRICE_ID = ""
    settings.CREDIT_PACKS = []


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_the_landing_page_asks_for_an_email_and_is_not_kept() -> None:
    response = Client().get("/")
    page = response.content.decode()
    assert response.status_code == 200
    assert 'action="/sign-in/"' in page
    assert 'name="email"' in page
    assert "Nothing is for sale right now" in page
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_the_landing_page_stands_when_stripe_cannot_be_reached() -> None:
    cache.clear()
    response = Client().get("/")
    assert response.status_code == 200
    assert "The prices cannot be read from Stripe right now" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_who_comes_back_from_stripe_signed_out_is_told_to_sign_in() -> None:
    page = Client().get("/?session_id=cs_test_1").content.decode()
    assert "Sign in with the same email to see what you bought" in page


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered_whatever_host_they_name_and_without_https(
    settings: Any, path: str, method: str
) -> None:
    """A load balancer asks each machine by its address."""
    settings.SECURE_SSL_REDIRECT = True
    live = made_anew()
    hosts = (b"localhost", b"10.1.2.3", b"[2001:db8::1]:8000", b"a_b", b"", None)
    usual, *others = [
        ask(RawRequest(method, path, [] if host is None else [(b"Host", host)]), of=live) for host in hosts
    ]
    assert usual.status == (200 if path == "/healthz" else 503)
    assert others == [usual] * 5


def test_healthz_needs_neither_database_nor_session_nor_a_thread() -> None:
    class NoThread(Executor):
        """Would fail if anything was submitted."""

    answer = ask(RawRequest("GET", "/healthz"), of=site(NoThread()))
    assert (answer.status, answer.body) == (200, b"ok")
    assert b"set-cookie" not in dict(answer.headers)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_cannot_be_posted_to(path: str) -> None:
    answer = get(path, method="POST")
    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD")


@pytest.mark.django_db
def test_readyz_names_what_does_not_answer() -> None:
    answer = get("/readyz")
    assert (answer.status, answer.body) == (503, b"not ready: instant")
    assert answer["Retry-After"]


@pytest.mark.django_db
def test_the_counter_has_no_page_of_its_own() -> None:
    response = browser_of(ADA).get("/api/credits")
    assert (response.status_code, response["Location"]) == (302, "/")


def test_a_mistake_of_ours_has_a_page_that_needs_nothing() -> None:
    page = server_error(RequestFactory().get("/"))
    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()
    answer = server_error(RequestFactory().get("/", headers=JSON))
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")


@pytest.mark.django_db
def test_a_mistake_of_ours_is_in_the_log_and_not_on_the_page(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WRITES_PER_MEMBER_PER_MINUTE = "no number"
    ada = browser_of(ADA)
    ada.raise_request_exception = False
    page = ada.post("/api/generate", {"topic": "rain"})
    assert page.status_code == 500
    (mistake,) = [record for record in caplog.records if record.name == "django.request"]
    assert mistake.exc_info is not None
    assert not [
        word for word in ("Traceback", "Error", ADA.email, "no number") if word in page.content.decode()
    ]


def test_readiness_is_asked_every_few_seconds_however_often_somebody_looks() -> None:
    now_s, answers = 0.0, [["instant"], []]
    readiness = Readiness(lambda: answers.pop(0), clock=lambda: now_s)
    assert [readiness.failing() for _ in range(100)] == [["instant"]] * 100
    now_s = ANSWER_KEPT_S
    assert [readiness.failing() for _ in range(100)] == [[]] * 100
    assert answers == []


def test_who_looks_while_readiness_is_asked_is_told_what_was_known() -> None:
    now_s, stalls, asked, answers = 0.0, False, threading.Event(), threading.Event()

    def ask() -> list[str]:
        asked.set()
        assert not stalls or answers.wait(30)
        return ["instant"] if stalls else []

    readiness = Readiness(ask, clock=lambda: now_s)
    assert readiness.failing() == []
    now_s, stalls = ANSWER_KEPT_S, True
    asked.clear()
    slow = threading.Thread(target=readiness.failing)
    slow.start()
    assert asked.wait(30)
    assert readiness.failing() == []
    answers.set()
    slow.join(30)
    assert readiness.failing() == ["instant"]


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_every_page_says_who_sells_here_as_far_as_it_is_set(settings: Any) -> None:
    assert "foot__links" not in Client().get("/").content.decode()
    settings.CONTACT_EMAIL, settings.TERMS_URL = "shop@example.com", "https://example.com/terms"
    for path in ("/", "/sign-in/", "/there-is-nothing-here/"):
        footer = Client().get(path).content.decode().partition("<footer")[2]
        assert '<a href="mailto:shop@example.com">Contact</a>' in footer
        assert '<a href="https://example.com/terms">Terms</a>' in footer
        assert "Refunds" not in footer


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_for_sale")
def test_a_link_to_the_site_has_a_picture_at_the_address_that_the_settings_know(settings: Any) -> None:
    assert "og:image" not in Client().get("/").content.decode()
    settings.SITE_URL = "https://credits.example"
    found = re.search(
        r'og:image" content="https://credits\.example([^"]+)"', Client().get("/").content.decode()
    )
    assert found
    assert finders.find(found[1].removeprefix("/static/"))


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [("/favicon.ico", "image/", b"\0\0\1\0"), ("/robots.txt", "text/plain", b"User-agent: *\n")],
)
def test_what_browsers_and_search_engines_look_for_at_the_root_is_there(
    path: str, kind: str, begins: bytes
) -> None:
    answer = get(path)
    assert answer.status == 200
    assert answer["Content-Type"].startswith(kind)
    assert answer.body.startswith(begins)
