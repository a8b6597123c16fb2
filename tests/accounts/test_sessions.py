"""A copy of the database and the cache opens no account and no token, and one member leaves nothing to the next."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core import mail
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.browsers import place_of
from accounts.members import Member, forget, recall, remember
from accounts.models import Bucket, Session, SignInCode
from accounts.sessions import SessionStore
from tests.drivers.database import site_database
from tests.drivers.instant import LoopbackInstant
from tests.drivers.signed_in import ADA, JSON, browser_of

pytestmark = pytest.mark.django_db
BABBAGE = Member(
    id=UUID("bbbbbbbb-1111-4111-8111-111111111111"), email="b@example.com", refresh_token="token-of-b"
)


def test_the_database_holds_no_cookie_no_token_and_no_code(client: Client) -> None:
    client.post("/sign-in/", {"email": "ada@example.com"})
    code = str(mail.outbox[-1].subject)[:6]
    place = client.session["sign-in"]["place"]
    # The session, signed but legible, says for which place; what is stored of the code says nothing.
    assert SignInCode.objects.get(place=place).code_hmac not in (code, "")
    with LoopbackInstant().asked_by_the_site():
        assert client.post("/sign-in/code/", {"code": code})["Location"] == "/"
    member = recall(client.session)
    assert member is not None
    (session,) = Session.objects.exclude(member_id=None)
    copy = site_database()
    assert str(member.id) in copy
    assert member.refresh_token not in copy
    for key in ("sessionid", "known"):
        assert client.cookies[key].value not in copy
    assert Client(headers={"Cookie": f"sessionid={session.pk}"}).get("/account/sessions/").status_code == 303


def test_a_session_is_read_and_written_in_one_statement_each_and_only_when_it_changed(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    store = SessionStore()
    store["topic"] = "rain"
    store.save()
    with django_assert_num_queries(1):
        found = SessionStore(store.session_key)
        found["topic"] = "snow"
        found["topic"] = "rain"
        found.save()
    with django_assert_num_queries(1):
        found["topic"] = "snow"
        found.save()
    with django_assert_num_queries(1):
        found["topic"] = "rain"
        found.save()
    assert SessionStore(store.session_key)["topic"] == "rain"
    SessionStore(store.session_key).delete()
    found["topic"] = "snow"
    with pytest.raises(UpdateError):
        found.save()


def test_tokens_are_read_under_the_key_before_and_not_under_another(settings: Any) -> None:
    client = browser_of(ADA)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another secret"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert recall(client.session) == ADA
    settings.SECRET_KEY_FALLBACKS = []
    assert recall(client.session) is None


def test_what_is_left_of_a_member_is_not_for_the_next(client: Client) -> None:
    session = client.session
    remember(session, ADA)
    session["checkout"] = "cs_test_of_ada"
    forget(session)
    remember(session, ADA)
    assert session["checkout"] == "cs_test_of_ada"
    forget(session)
    assert recall(session) is None
    remember(session, BABBAGE)
    assert "checkout" not in session
    assert recall(session) == BABBAGE


def test_a_sign_in_ends_after_a_month_however_busy_its_member_is() -> None:
    browser = browser_of(ADA)
    session = browser.session
    (signed_in,) = Session.objects.all()
    assert (
        0
        <= timedelta(days=30).total_seconds() - (signed_in.expire_date - timezone.now()).total_seconds()
        < 60
    )
    session["draft"] = "rain"
    session.save()
    (used,) = Session.objects.all()
    assert used.session_data != signed_in.session_data
    assert used.expire_date == signed_in.expire_date
    Session.objects.update(expire_date=timezone.now())
    assert browser.get("/account/sessions/").status_code == 303


@pytest.mark.parametrize("path", ["/nothing-here/", "/account/sessions/", "/sign-in/?next=/history/"])
def test_a_members_pages_are_kept_by_nobody(path: str) -> None:
    assert "no-store" in browser_of(ADA).get(path)["Cache-Control"]


@pytest.mark.parametrize("path", ["/account/sessions/", "/history/"])
def test_every_page_of_a_member_lets_them_sign_out(path: str) -> None:
    assert 'action="/sign-out/"' in browser_of(ADA).get(path).content.decode()


def test_an_error_page_holds_nothing_personal() -> None:
    assert ADA.email not in browser_of(ADA).get("/nothing-here/").content.decode()


@pytest.mark.parametrize(
    ("agent", "place"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Linux, 127.0.0.1",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Mobile Safari/604",
            "Safari, iPhone, 127.0.0.1",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge, Windows, 127.0.0.1",
        ),
        ("curl/8.0", "curl, 127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_a_place_is_told_by_names(agent: str, place: str) -> None:
    assert place_of(RequestFactory().get("/", headers={"User-Agent": agent})) == place


def test_what_is_over_is_cleared() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now)
    SignInCode.objects.create(place="old", email="a@example.com", code_hmac="", ends_at=now)
    Bucket.objects.create(key="old", empty_at=now)
    browser_of(ADA)
    call_command("clear_expired")
    assert (Session.objects.count(), SignInCode.objects.count(), Bucket.objects.count()) == (1, 0, 0)


def test_the_security_log_says_who_and_where_and_no_secret(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "security")
    client.post("/sign-in/", {"email": "ada@example.com"})
    code = str(mail.outbox[-1].subject)[:6]
    with LoopbackInstant().asked_by_the_site():
        client.post("/sign-in/code/", {"code": f"{(int(code) + 1) % 1_000_000:06}"})
        client.post("/sign-in/code/", {"code": code}, headers={"X-Request-ID": "0123456789abcdef"})
        member = recall(client.session)
    client.post("/api/stripe/webhook", b"{}", "application/json", headers={"Stripe-Signature": "t=1\nx"})
    assert member is not None
    wrong, right, webhook = [record.getMessage() for record in caplog.records if record.name == "security"]
    assert re.fullmatch(r"code refused why=WrongCode address=127\.0\.0\.1 request=[0-9a-f]{32}", wrong)
    assert right == f"signed in member={member.id} address=127.0.0.1 request=0123456789abcdef"
    assert webhook.startswith("webhook refused reason=")
    assert "ada@example.com" not in caplog.text
    assert code not in caplog.text


def test_a_member_is_limited_and_told_when_to_come_back(settings: Any) -> None:
    settings.WRITES_PER_MEMBER_PER_MINUTE = settings.STRIPE_CALLS_PER_MEMBER_PER_HOUR = 1
    ada = browser_of(ADA)
    for path, form in (
        ("/api/generate", {"topic": "", "request_id": "1"}),
        ("/api/stripe/sync", {"session_id": ""}),
    ):
        assert ada.post(path, form, headers=JSON).status_code == 422
        refused = ada.post(path, form, headers=JSON)
        assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
        assert "Try again in" in refused.json()["error"]
        assert ada.post(path, form).status_code == 303
    assert ada.post("/api/stripe/checkout", headers=JSON).status_code == 429
