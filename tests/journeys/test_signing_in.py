"""Signing in by a mailed code, and out again."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import MemberTokenRefused
from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import JSON, MemberClient


def test_signing_in_with_the_code_from_the_mail(visitor: MemberClient) -> None:
    visitor.sign_in("Ada.Lovelace@Example.com")
    assert "ada.lovelace@example.com" in visitor.get("/").text
    assert visitor.credits() == 0


def test_a_wrong_code_says_so_and_signs_nobody_in(visitor: MemberClient) -> None:
    visitor.ask_for_code("wrong@example.com")
    for code in ("999999", "", "12345", "abcdef", "0" * 500):
        assert visitor.enter_code(code, **JSON).status_code == 422, code
    assert visitor.enter_code("999999").headers["Location"] == "/sign-in/code/"
    assert "wrong" in visitor.get("/sign-in/code/").text
    assert visitor.get("/api/credits", **JSON).status_code == 401


def test_the_code_page_is_reloaded_without_a_second_mail_and_the_mail_leads_to_it(
    visitor: MemberClient,
) -> None:
    visitor.email = "reload@example.com"
    visitor.ask_for_code(visitor.email)
    for _ in range(3):
        assert visitor.email in visitor.get("/sign-in/code/").text
    (mail,) = visitor.mails()
    assert f"{visitor.site}/sign-in/code/" in mail
    assert visitor.post("/sign-in/code/resend/").headers["Location"] == "/sign-in/code/"
    assert len(visitor.mails()) == 2


@pytest.mark.parametrize("page", ["/history/?before=7", "/?session_id=cs_test_1", "/haikus/"])
def test_signing_in_brings_people_back_to_where_they_were(visitor: MemberClient, page: str) -> None:
    visitor.email = f"back-{uuid4().hex}@example.com"
    if page.startswith("/?"):
        sign_in = visitor.get(page).text
    else:
        sign_in = visitor.get(visitor.get(page).headers["Location"]).text
    asked_for = unescape(re.findall(r'name="next" value="([^"]*)"', sign_in)[0])
    visitor.post("/sign-in/", {"email": visitor.email, "next": asked_for})
    assert visitor.enter_code(visitor.code()).headers["Location"] == page


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"]
)
def test_signing_in_leads_to_no_other_site(visitor: MemberClient, elsewhere: str) -> None:
    visitor.email = f"next-{uuid4().hex}@example.com"
    visitor.post("/sign-in/", {"email": visitor.email, "next": elsewhere})
    assert visitor.enter_code(visitor.code()).headers["Location"] == "/"


def test_a_code_signs_in_once(visitor: MemberClient, world: World) -> None:
    visitor.sign_in("once@example.com")
    used = visitor.code()
    other = MemberClient(world.site_url, world.mail_dir)
    other.ask_for_code("once@example.com")
    answer = other.enter_code(used, **JSON)
    assert answer.status_code == 422
    assert "used" in answer.text


def test_a_code_is_only_for_the_email_it_was_sent_to(visitor: MemberClient, world: World) -> None:
    visitor.ask_for_code("mine@example.com")
    other = MemberClient(world.site_url, world.mail_dir)
    other.ask_for_code("yours@example.com")
    assert other.enter_code(visitor.code("mine@example.com"), **JSON).status_code == 422


def test_an_expired_code_says_so(visitor: MemberClient, instant_faults: Faults) -> None:
    visitor.ask_for_code("late@example.com")
    instant_faults.add(
        "answer",
        "/admin/verify_magic_code",
        status=400,
        body={"type": "record-expired", "hint": {"args": []}},
    )
    answer = visitor.enter_code(visitor.code("late@example.com"), **JSON)
    assert answer.status_code == 422
    assert "expired" in answer.text


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@", "a b@example.com", "x" * 400 + "@example.com", "ada@localhost", "ada@[127.0.0.1]"],
)
def test_what_is_no_email_gets_no_code(visitor: MemberClient, email: str) -> None:
    assert visitor.post("/sign-in/", {"email": email}, **JSON).status_code == 422


def test_too_many_codes_for_one_email_are_refused(visitor: MemberClient) -> None:
    for _ in range(5):
        visitor.ask_for_code("many@example.com")
    refused = visitor.post("/sign-in/", {"email": "many@example.com"}, **JSON)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


def test_guessing_codes_ends(visitor: MemberClient) -> None:
    visitor.ask_for_code("guess@example.com")
    statuses = [visitor.enter_code(f"{number:06}", **JSON).status_code for number in range(22)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_signing_out_revokes_the_token_in_instant_too(
    ada: MemberClient, instant: InstantAdmin, visitor: MemberClient
) -> None:
    token = instant.query({"$users": {"$": {"where": {"email": ada.email}}, "$userRefreshTokens": {}}})
    assert len(token["$users"][0]["$userRefreshTokens"]) == 1
    answer = ada.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert ada.get("/api/credits", **JSON).status_code == 401
    token = instant.query({"$users": {"$": {"where": {"email": ada.email}}, "$userRefreshTokens": {}}})
    assert token["$users"][0]["$userRefreshTokens"] == []


def test_a_member_signed_out_elsewhere_is_asked_to_sign_in(ada: MemberClient, instant: InstantAdmin) -> None:
    user = instant.create_token(email=ada.email)["user"]
    instant.delete_user(email=ada.email)
    with pytest.raises(MemberTokenRefused):
        instant.as_member(user["refresh_token"]).query({"haikus": {}})
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert ada.get("/history/").headers["Location"] == "/sign-in/?next=%2Fhistory%2F"


def test_health_names_what_fails(visitor: MemberClient, instant_faults: Faults) -> None:
    assert (visitor.get("/healthz").status_code, visitor.get("/readyz").status_code) == (200, 200)
    instant_faults.add("refuse", "/admin/query", times=None)
    away = visitor.get("/readyz")
    assert away.status_code == 503
    assert "instant" in away.text
    assert visitor.get("/healthz").text == "ok"
