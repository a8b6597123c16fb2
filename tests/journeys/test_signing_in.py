"""Signing in by a mailed code, and out again."""

from __future__ import annotations

import pytest

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import MemberTokenRefused
from sandbox.world import World
from tests.journeys.faults import Faults
from tests.journeys.visitor import HTMX, JSON, Visitor


def test_signing_in_with_the_code_from_the_mail(visitor: Visitor) -> None:
    visitor.sign_in("Ada.Lovelace@Example.com")
    assert "ada.lovelace@example.com" in visitor.get("/").text
    assert visitor.credits() == 0


def test_a_wrong_code_says_so_and_signs_nobody_in(visitor: Visitor) -> None:
    visitor.ask_for_code("wrong@example.com")
    for code in ("999999", "", "12345", "abcdef", "0" * 500):
        answer = visitor.post("/sign-in/code/", {"email": "wrong@example.com", "code": code})
        assert answer.status_code == 422, code
    assert "wrong" in visitor.post("/sign-in/code/", {"email": "wrong@example.com", "code": "999999"}).text
    assert visitor.get("/api/credits", **JSON).status_code == 401


def test_a_code_signs_in_once(visitor: Visitor, world: World) -> None:
    visitor.sign_in("once@example.com")
    other = Visitor(world.site_url, world.mail_dir)
    answer = other.post("/sign-in/code/", {"email": "once@example.com", "code": visitor.code()})
    assert answer.status_code == 422
    assert "used" in answer.text


def test_a_code_is_only_for_the_email_it_was_sent_to(visitor: Visitor) -> None:
    visitor.ask_for_code("mine@example.com")
    code = visitor.code("mine@example.com")
    assert visitor.post("/sign-in/code/", {"email": "yours@example.com", "code": code}).status_code == 422


def test_an_expired_code_says_so(visitor: Visitor, instant_faults: Faults) -> None:
    visitor.ask_for_code("late@example.com")
    instant_faults.add(
        "answer",
        "/admin/verify_magic_code",
        status=400,
        body={"type": "record-expired", "hint": {"args": []}},
    )
    answer = visitor.post(
        "/sign-in/code/", {"email": "late@example.com", "code": visitor.code("late@example.com")}
    )
    assert answer.status_code == 422
    assert "expired" in answer.text


@pytest.mark.parametrize("email", ["", "nobody", "a@", "a b@example.com", "x" * 400 + "@example.com"])
def test_what_is_no_email_gets_no_code(visitor: Visitor, email: str) -> None:
    assert visitor.post("/sign-in/", {"email": email}).status_code == 422


def test_too_many_codes_for_one_email_are_refused(visitor: Visitor) -> None:
    for _ in range(5):
        visitor.ask_for_code("many@example.com")
    assert visitor.post("/sign-in/", {"email": "many@example.com"}).status_code == 429


def test_guessing_codes_ends(visitor: Visitor) -> None:
    visitor.ask_for_code("guess@example.com")
    statuses = [
        visitor.post("/sign-in/code/", {"email": "guess@example.com", "code": f"{number:06}"}).status_code
        for number in range(22)
    ]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_signing_out_revokes_the_token_in_instant_too(
    ada: Visitor, instant: InstantAdmin, visitor: Visitor
) -> None:
    token = instant.query({"$users": {"$": {"where": {"email": ada.email}}, "$userRefreshTokens": {}}})
    assert len(token["$users"][0]["$userRefreshTokens"]) == 1
    answer = ada.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert ada.get("/api/credits", **JSON).status_code == 401
    token = instant.query({"$users": {"$": {"where": {"email": ada.email}}, "$userRefreshTokens": {}}})
    assert token["$users"][0]["$userRefreshTokens"] == []


def test_a_member_signed_out_elsewhere_is_asked_to_sign_in(ada: Visitor, instant: InstantAdmin) -> None:
    user = instant.create_token(email=ada.email)["user"]
    instant.delete_user(email=ada.email)
    with pytest.raises(MemberTokenRefused):
        instant.as_member(user["refresh_token"]).query({"haikus": {}})
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert ada.get("/history/").headers["Location"] == "/"


def test_signed_out_every_door_answers_in_its_callers_language(visitor: Visitor) -> None:
    haiku = "/haikus/ffff0000-0000-4000-8000-000000000000/delete/"
    for method, path in (
        ("GET", "/api/credits"),
        ("POST", "/api/stripe/checkout"),
        ("POST", "/api/stripe/sync"),
        ("POST", "/api/generate"),
        ("GET", "/haikus/"),
        ("POST", haiku),
        ("GET", "/history/"),
    ):
        ask = visitor.get if method == "GET" else lambda path, **headers: visitor.post(path, {}, **headers)
        json_answer, htmx_answer, page = ask(path, **JSON), ask(path, **HTMX), ask(path)
        assert (json_answer.status_code, json_answer.json()) == (401, {"error": "Sign in first"}), path
        assert (htmx_answer.status_code, htmx_answer.headers["HX-Redirect"]) == (200, "/"), path
        assert (page.status_code, page.headers["Location"]) == (302, "/"), path


def test_without_a_csrf_token_nothing_is_accepted(ada: Visitor) -> None:
    for path in (
        "/sign-in/",
        "/sign-in/code/",
        "/sign-out/",
        "/api/stripe/checkout",
        "/api/stripe/sync",
        "/api/generate",
    ):
        answer = ada.post(path, {"topic": "rain"}, **{"X-CSRFToken": ""})
        assert answer.status_code == 403, path
    assert ada.get("/api/credits", **JSON).status_code == 200


def test_posts_are_not_made_by_links(ada: Visitor) -> None:
    for path in (
        "/sign-in/",
        "/sign-in/code/",
        "/sign-out/",
        "/api/stripe/checkout",
        "/api/stripe/sync",
        "/api/stripe/webhook",
        "/api/generate",
        "/haikus/ffff0000-0000-4000-8000-000000000000/delete/",
    ):
        assert ada.get(path).status_code == 405, path


def test_health_names_what_fails(visitor: Visitor, instant_faults: Faults) -> None:
    assert (visitor.get("/healthz").status_code, visitor.get("/readyz").status_code) == (200, 200)
    instant_faults.add("refuse", "/admin/query", times=None)
    away = visitor.get("/readyz")
    assert away.status_code == 503
    assert "instant" in away.text
    assert visitor.get("/healthz").text == "ok"
