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


def test_signing_in_with_the_code_from_the_mail(signed_out: MemberClient) -> None:
    signed_out.sign_in("Ada.Lovelace@Example.com")
    assert "ada.lovelace@example.com" in signed_out.get("/").text
    assert signed_out.credits() == 0


def test_a_wrong_code_says_so_and_signs_nobody_in(signed_out: MemberClient) -> None:
    signed_out.ask_for_code("wrong@example.com")
    assert signed_out.enter_code("999999", **JSON).status_code == 422
    assert signed_out.enter_code("999999").headers["Location"] == "/sign-in/code/"
    assert "wrong" in signed_out.get("/sign-in/code/").text
    assert signed_out.get("/api/credits", **JSON).status_code == 401


def test_the_code_page_is_reloaded_without_a_second_mail_and_the_mail_leads_to_it(
    signed_out: MemberClient,
) -> None:
    signed_out.email = "reload@example.com"
    signed_out.ask_for_code(signed_out.email)
    for _ in range(3):
        assert signed_out.email in signed_out.get("/sign-in/code/").text
    (mail,) = signed_out.mails()
    assert f"{signed_out.site}/sign-in/code/" in mail
    assert signed_out.post("/sign-in/code/resend/").headers["Location"] == "/sign-in/code/"
    assert len(signed_out.mails()) == 2


@pytest.mark.parametrize("page", ["/history/?before=7", "/?session_id=cs_test_1", "/haikus/"])
def test_signing_in_brings_people_back_to_where_they_were(signed_out: MemberClient, page: str) -> None:
    shown = signed_out.get(page)
    sign_in = shown if page.startswith("/?") else signed_out.get(shown.headers["Location"])
    assert led_to(signed_out, unescape(re.findall(r'name="next" value="([^"]*)"', sign_in.text)[0])) == page


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"]
)
def test_signing_in_leads_to_no_other_site(signed_out: MemberClient, elsewhere: str) -> None:
    assert led_to(signed_out, elsewhere) == "/"


def led_to(client: MemberClient, wanted: str) -> str:
    """Where signing in leads somebody who wanted to be there."""
    client.email = f"{uuid4().hex}@example.com"
    client.post("/sign-in/", {"email": client.email, "next": wanted})
    return client.enter_code(client.code()).headers["Location"]


def test_a_code_signs_in_once(signed_out: MemberClient, world: World) -> None:
    signed_out.sign_in("once@example.com")
    used = signed_out.code()
    other = MemberClient.at(world)
    other.ask_for_code("once@example.com")
    answer = other.enter_code(used, **JSON)
    assert answer.status_code == 422
    assert "used" in answer.text


def test_a_code_is_only_for_the_email_it_was_sent_to(signed_out: MemberClient, world: World) -> None:
    signed_out.ask_for_code("mine@example.com")
    other = MemberClient.at(world)
    other.ask_for_code("yours@example.com")
    assert other.enter_code(signed_out.code("mine@example.com"), **JSON).status_code == 422


def test_an_expired_code_says_so(signed_out: MemberClient, instant_faults: Faults) -> None:
    signed_out.ask_for_code("late@example.com")
    expired = {"type": "record-expired", "hint": {"args": []}}
    instant_faults.add("answer", "/admin/verify_magic_code", status=400, body=expired)
    answer = signed_out.enter_code(signed_out.code("late@example.com"), **JSON)
    assert answer.status_code == 422
    assert "expired" in answer.text


@pytest.mark.parametrize("email", ["ada@localhost", "ada@[127.0.0.1]"])
def test_what_instant_takes_for_no_email_gets_no_code(signed_out: MemberClient, email: str) -> None:
    assert signed_out.post("/sign-in/", {"email": email}, **JSON).status_code == 422


def test_too_many_codes_for_one_email_are_refused(signed_out: MemberClient) -> None:
    for _ in range(5):
        signed_out.ask_for_code("many@example.com")
    refused = signed_out.post("/sign-in/", {"email": "many@example.com"}, **JSON)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


def test_guessing_codes_ends(signed_out: MemberClient) -> None:
    signed_out.ask_for_code("guess@example.com")
    statuses = [signed_out.enter_code(f"{number:06}", **JSON).status_code for number in range(22)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_signing_out_revokes_the_token_in_instant_too(ada: MemberClient, instant: InstantAdmin) -> None:
    def tokens() -> int:
        where = {"$": {"where": {"email": ada.email}}, "$userRefreshTokens": {}}
        return len(instant.query({"$users": where})["$users"][0]["$userRefreshTokens"])

    assert tokens() == 1
    answer = ada.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert tokens() == 0


def test_a_member_signed_out_elsewhere_is_asked_to_sign_in(ada: MemberClient, instant: InstantAdmin) -> None:
    user = instant.create_token(email=ada.email)["user"]
    instant.delete_user(email=ada.email)
    with pytest.raises(MemberTokenRefused):
        instant.as_member(user["refresh_token"]).query({"haikus": {}})
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert ada.get("/history/").headers["Location"] == "/sign-in/?next=%2Fhistory%2F"
