"""Programs that ask with a key: what they may do, and what they are told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as site_settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.account.deleting import delete_account
from accounts.account.personal_data import everything_of
from accounts.keys.making import Scope, keys_of, make_key
from accounts.members import Member
from accounts.models import ApiKey, Bucket, Session
from tests.drivers.problems import problem_in
from tests.drivers.program import ProgramClient, program_of
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite

A_HAIKU = "/haikus/aaaaaaaa-1111-4111-8111-111111111111/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(site: LoopbackSite) -> Member:
    """A member with ten credits."""
    ada = site.member("ada@example.com")
    site.buy(ada)
    site.deliver_all()
    return ada


def write(program: Client, key: str = "", **body: str) -> Any:
    return program.post(
        "/api/generate",
        {"topic": "rain"} | body,
        content_type="application/json",
        headers={"Idempotency-Key": key} if key else {},
    )


def test_a_program_writes_and_reads_as_its_member(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    written = write(program, str(uuid4()))
    assert (written.status_code, written.json()["credits"]) == (201, 9)
    haiku = written.json()["haiku"]
    assert program.get("/api/credits").json() == {"credits": 9, "held": 0}
    assert program.get("/haikus/").json()["haikus"] == [haiku]
    assert program.get(f"/haikus/{haiku['id']}/").json() == haiku
    assert program.post(f"/haikus/{haiku['id']}/cancel/").json() == haiku
    assert [entry["amount"] for entry in program.get("/history/").json()["entries"]] == [-1, 10]
    assert "no-store" in program.get("/api/credits")["Cache-Control"]


def test_a_key_shows_and_spends_nothing_of_another_member(site: LoopbackSite, ada: Member) -> None:
    haiku = write(program_of(ada.id), "a").json()["haiku"]
    theirs = program_of(site.member().id)
    assert theirs.get(f"/haikus/{haiku['id']}/").status_code == 404
    assert theirs.post(f"/haikus/{haiku['id']}/cancel/").status_code == 404
    assert theirs.get("/haikus/").json()["haikus"] == []
    assert theirs.get("/api/credits").json()["credits"] == 0
    assert problem_in(write(theirs, "a")) == (402, "Insufficient credits")


def test_instants_rules_hold_for_a_program_too(site: LoopbackSite, ada: Member) -> None:
    """What is asked of Instant, is asked with the rights of the member: a wrong query would show nothing."""
    grace = site.member("grace@example.com")
    haiku = write(program_of(ada.id), "a").json()["haiku"]
    asked: list[dict[str, str]] = []

    def note(request: Any, answer: Any) -> Any:
        asked.append(request.headers)
        return answer

    site.tamper = note
    program_of(grace.id).get(f"/haikus/{haiku['id']}/")
    assert [call.get("as-email") for call in asked] == [None, "grace@example.com"]
    assert not any("as-token" in call for call in asked)


def test_a_new_email_changes_nothing_for_a_program(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    browser = browser_of(ada)
    browser.post("/account/email/", {"email": "new@example.com"})
    browser.post("/account/email/code/", {"code": str(mail.outbox[-1].subject)[:6]})
    # Who has the old one from now on is somebody else.
    assert site.member("ada@example.com").id != ada.id
    assert program.get("/api/credits").json()["credits"] == 10


@pytest.mark.parametrize("token", ["", "ic_", "ic_" + "x" * 43, "x\0", "ä", "x" * 5000, "a b"])
def test_a_token_that_is_none_is_401(site: LoopbackSite, token: str) -> None:
    answer = ProgramClient(token.encode().decode("latin-1")).get("/api/credits")
    assert problem_in(answer) == (401, "This key is unknown, or was revoked")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_program_without_a_token_is_told_to_bring_one() -> None:
    answer = Client().get("/api/credits", headers={"Accept": "application/json"})
    assert problem_in(answer) == (401, "Sign in first")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_dead_at_once(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    assert program.get("/api/credits").status_code == 200
    ApiKey.objects.all().delete()
    assert program.get("/api/credits").status_code == 401


def test_the_keys_of_a_deleted_account_go_with_it(site: LoopbackSite, ada: Member) -> None:
    program, other = program_of(ada.id), program_of(site.member().id)
    delete_account(ada.id, email=ada.email)
    assert (keys_of(ada.id), program.get("/api/credits").status_code) == ([], 401)
    assert other.get("/api/credits").status_code == 200


def test_the_key_of_a_member_whom_instant_has_no_more_is_dead(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    site.instant.admin.delete_user(user_id=ada.id)
    assert program.get("/haikus/").status_code == 401


def test_the_download_has_the_keys_without_their_secrets(site: LoopbackSite, ada: Member) -> None:
    _, token = make_key(ada.id, name="the printer", scope=Scope.READ, daily_limit=None)
    (key,) = everything_of(ada, session_key=None)["keys"]
    assert (key["name"], key["scope"], key["beginning"]) == ("the printer", "read", token[:9])
    assert token not in str(key)


# What a key may do


@pytest.mark.parametrize("path", ["/api/generate", f"{A_HAIKU}cancel/"])
def test_a_key_that_only_reads_spends_nothing(site: LoopbackSite, ada: Member, path: str) -> None:
    reads = program_of(ada.id, Scope.READ)
    assert reads.get("/api/credits").status_code == 200
    answer = reads.post(path, {"topic": "rain"}, headers={"Idempotency-Key": "a"})
    assert problem_in(answer) == (403, "This key is not good for that")
    assert answer.json()["type"].endswith("/api/#wrong-key")
    assert site.credits(ada) == 10


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/account/"),
        ("GET", "/account/keys/"),
        ("POST", "/account/keys/"),
        ("GET", "/account/export.json"),
        ("POST", "/account/delete/"),
        ("POST", "/account/sessions/end/"),
        ("POST", "/api/stripe/checkout"),
        ("GET", "/api/credits/stream"),
        ("GET", "/history/export.csv"),
        ("POST", f"{A_HAIKU}delete/"),
        ("POST", "/sign-out/"),
        ("GET", "/admin/"),
    ],
)
def test_no_key_reaches_anything_else(site: LoopbackSite, ada: Member, method: str, path: str) -> None:
    assert problem_in(program_of(ada.id).generic(method, path))[0] == 403


def test_what_is_not_there_is_404_and_a_wrong_method_405(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    assert problem_in(program.get("/nothing/"))[0] == 404
    wrong = program.get("/api/generate")
    assert (problem_in(wrong)[0], wrong["Allow"]) == (405, "POST")


def test_a_key_spends_so_much_a_day_and_is_told_when_it_may_again(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id, daily_limit=2)
    assert [write(program, key).status_code for key in "aab"] == [201, 201, 201]
    refused = write(program, "c")
    status, said = problem_in(refused)
    assert (status, said) == (429, "The limit of today is 2 credits, and 2 are spent. This needs 1 more")
    assert refused.json()["type"].endswith("/api/#daily-limit")
    assert 1 <= int(refused["Retry-After"]) <= 86_400
    # What was asked for before is answered, other keys and the member themself go on.
    assert write(program, "a").status_code == 201
    assert write(program_of(ada.id, daily_limit=2), "d").status_code == 201
    form = {"topic": "rain", "request_id": str(uuid4())}
    assert browser_of(ada).post("/api/generate", form, headers=JSON).status_code == 201
    assert site.credits(ada) == 6


# No browser


def test_no_session_is_read_or_written_and_no_form_token_asked_for(site: LoopbackSite, ada: Member) -> None:
    grace = browser_of(site.member())
    key = grace.cookies[site_settings.SESSION_COOKIE_NAME].value
    before = Session.objects.get().session_data
    program = program_of(ada.id)
    program.cookies[site_settings.SESSION_COOKIE_NAME] = key
    with CaptureQueriesContext(connection) as asked:
        answer = write(program, "a")
    assert (answer.status_code, answer.json()["credits"], answer.cookies) == (201, 9, {})
    assert not [query for query in asked if Session._meta.db_table in query["sql"]]
    assert Session.objects.get().session_data == before
    # A browser's own requests are held to their token as ever.
    strict = browser_of(ada, enforce_csrf_checks=True)
    assert strict.post("/api/generate", {"topic": "rain"}).status_code != 201
    assert site.credits(ada) == 9


def test_a_key_in_the_clear_is_not_led_to_https_but_refused(
    site: LoopbackSite, ada: Member, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    _, token = make_key(ada.id, name="a program", scope=Scope.READ, daily_limit=None)
    program = Client(headers={"Authorization": f"Bearer {token}"})
    refused = program.get("/api/credits", headers={"Accept-Language": "de"})
    assert (problem_in(refused)[0], "Benutze https" in refused.json()["detail"]) == (403, True)
    assert refused["X-Content-Type-Options"] == "nosniff"
    assert keys_of(ada.id)[0].used_at is None
    assert program.get("/api/credits", secure=True).status_code == 200


def test_a_form_works_as_well_as_json_and_anything_else_is_400(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    as_form = program.post("/api/generate", {"topic": "rain", "request_id": str(uuid4())})
    assert as_form.status_code == 201
    for body in (b"{", b"[]", b"7", b'"x"', b"\xff", b'{"topic": "\\ud800"}', b"[" * 50_000):
        answer = program.post("/api/generate", body, content_type="application/json")
        assert problem_in(answer)[0] == 400, body
    for topic in ("[]", "{}", "null", "1.5", '"\\u0000"'):
        body = f'{{"topic": {topic}}}'.encode()
        answer = program.post(
            "/api/generate", body, content_type="application/json", headers={"Idempotency-Key": "a"}
        )
        assert problem_in(answer)[0] == 422, body
    assert site.credits(ada) == 9


# Idempotency-Key


def test_the_same_key_is_the_same_haiku_whatever_it_looks_like(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    for key in ("a", str(uuid4()), "order 7/ä", "x" * 255):
        first, again = write(program, key), write(program, f'"{key}"')
        assert (again.status_code, again.json()) == (201, first.json())
    assert site.credits(ada) == 6


def test_a_uuid_is_the_request_id_itself_and_counts_before_the_one_in_the_body(
    site: LoopbackSite, ada: Member
) -> None:
    program, key = program_of(ada.id), str(uuid4())
    first = write(program, key, request_id=str(uuid4()))
    assert write(program, request_id=key).json()["haiku"] == first.json()["haiku"]
    assert site.entries(ada)[-1].key == f"spend:{ada.id}:{UUID(key)}"


def test_a_request_without_any_id_or_with_one_of_another_request_is_422(
    site: LoopbackSite, ada: Member
) -> None:
    program = program_of(ada.id)
    status, said = problem_in(write(program))
    assert (status, "Idempotency-Key" in said) == (422, True)
    write(program, "a")
    assert problem_in(write(program, "a", topic="snow"))[0] == 422
    assert site.credits(ada) == 9


# How often, and when


def test_last_used_is_written_once_a_minute(site: LoopbackSite, ada: Member) -> None:
    program = program_of(ada.id)
    assert keys_of(ada.id)[0].used_at is None
    program.get("/api/credits")
    used = keys_of(ada.id)[0].used_at
    program.get("/api/credits")
    assert used is not None
    assert keys_of(ada.id)[0].used_at == used
    ApiKey.objects.update(used_at=timezone.now() - timedelta(minutes=2))
    program.get("/api/credits")
    again = keys_of(ada.id)[0].used_at
    assert again is not None
    assert again >= used


def test_a_key_asks_so_often_and_is_told_what_is_left(site: LoopbackSite, ada: Member, settings: Any) -> None:
    settings.REQUESTS_PER_KEY_PER_MINUTE = 3
    program, other = program_of(ada.id), program_of(ada.id)
    first = program.get("/api/credits")
    assert first["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert first["RateLimit"] == '"requests";r=2;t=20'
    # What a route counts besides stands beside it.
    assert re.fullmatch(r'"writes";r=59;t=1, "requests";r=1;t=\d+', write(program, "a")["RateLimit"])
    assert program.get("/api/credits").status_code == 200
    refused = program.get("/api/credits")
    assert problem_in(refused)[0] == 429
    assert refused["RateLimit"].startswith('"requests";r=0;t=')
    assert 1 <= int(refused["Retry-After"]) <= 20
    assert other.get("/api/credits").status_code == 200


def test_guessing_is_limited_and_a_good_key_from_there_is_answered(
    site: LoopbackSite, ada: Member, settings: Any
) -> None:
    settings.WRONG_KEYS_PER_ADDRESS_PER_HOUR = 2
    wrong, elsewhere = ProgramClient("ic_wrong"), ProgramClient("ic_wrong", REMOTE_ADDR="192.0.2.1")
    assert [wrong.get("/api/credits").status_code for _ in range(3)] == [401, 401, 429]
    assert elsewhere.get("/api/credits").status_code == 401
    assert program_of(ada.id).get("/api/credits").status_code == 200


def test_without_limits_none_is_told_of(site: LoopbackSite, ada: Member, settings: Any) -> None:
    settings.LIMITS_ENABLED = False
    assert "RateLimit" not in program_of(ada.id).get("/api/credits")
    assert not Bucket.objects.exists()
