"""Signing in by a mailed code, and out again."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import MemberTokenRefused
from sandbox.world import World
from tests.drivers.member import JSON, MemberClient
from tests.drivers.worlds import running_world


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


@pytest.mark.parametrize(
    "page", ["/history/?before=7", "/?session_id=cs_test_1", "/?checkout=cancelled", "/haikus/"]
)
def test_signing_in_brings_people_back_to_where_they_were(signed_out: MemberClient, page: str) -> None:
    shown = signed_out.get(page)
    sign_in = shown if page.startswith("/?") else signed_out.get(shown.headers["Location"])
    assert led_to(signed_out, unescape(re.findall(r'name="next" value="([^"]*)"', sign_in.text)[0])) == page


def test_who_mistyped_the_address_still_comes_back_to_where_they_were(signed_out: MemberClient) -> None:
    page = "/?session_id=cs_test_1"
    signed_out.post("/sign-in/", {"email": "mistyped@example.com", "next": page})
    code_page = signed_out.get("/sign-in/code/").text
    again = unescape(re.findall(r'<a href="([^"]*)">Use a different email', code_page)[0])
    wanted = re.findall(r'name="next" value="([^"]*)"', signed_out.get(again).text)[0]
    assert led_to(signed_out, unescape(wanted)) == page


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


def tokens_of(instant: InstantAdmin, email: str) -> int:
    """How many tokens of the member are good."""
    tree = instant.query({"$users": {"$": {"where": {"email": email}}, "$userRefreshTokens": {}}})
    return len(tree["$users"][0]["$userRefreshTokens"])


def test_of_fifty_guesses_at_once_at_two_processes_five_are_looked_at(
    signed_out: MemberClient, world: World
) -> None:
    signed_out.ask_for_code("crowd@example.com")
    right = int(signed_out.code("crowd@example.com"))

    def guess(number: int) -> requests.Response:
        browser = signed_out.tab(world.site_urls[number % 2])
        return browser.enter_code(f"{(right + number) % 1_000_000:06}", **JSON)

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(guess, range(1, 51)), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 45
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_signing_in_as_another_revokes_the_token_that_was_there(
    ada: MemberClient, instant: InstantAdmin
) -> None:
    first = ada.email
    ada.sign_in()
    assert tokens_of(instant, first) == 0


def test_signing_out_everywhere_ends_every_session_and_token(
    ada: MemberClient, instant: InstantAdmin, world: World
) -> None:
    elsewhere = MemberClient.at(world).sign_in(ada.email)
    assert ada.get("/account/sessions/").text.count("since <time") == 2
    assert ada.get("/account/sessions/").text.count("this browser") == 1
    assert ada.post("/account/sessions/end/").headers["Location"] == "/"
    for browser in (ada, elsewhere):
        assert browser.get("/api/credits", **JSON).status_code == 401
    assert tokens_of(instant, ada.email) == 0


def test_signing_out_revokes_the_token_in_instant_too(ada: MemberClient, instant: InstantAdmin) -> None:
    assert tokens_of(instant, ada.email) == 1
    answer = ada.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert tokens_of(instant, ada.email) == 0


def test_a_member_signed_out_elsewhere_is_asked_to_sign_in(ada: MemberClient, instant: InstantAdmin) -> None:
    user = instant.create_token(email=ada.email)["user"]
    instant.delete_user(email=ada.email)
    with pytest.raises(MemberTokenRefused):
        instant.as_member(user["refresh_token"]).query({"haikus": {}})
    assert ada.get("/api/credits", **JSON).status_code == 401
    assert ada.get("/history/").headers["Location"] == "/sign-in/?next=%2Fhistory%2F"


@pytest.mark.one_process
def test_an_address_is_the_one_that_the_proxy_saw_and_not_the_one_that_was_made_up(
    signed_out: MemberClient,
) -> None:
    signed_out.http.headers["X-Forwarded-For"] = "192.0.2.66, 198.51.100.9"
    page = signed_out.sign_in().get("/account/sessions/").text
    assert "198.51.100.9" in page
    assert "192.0.2.66" not in page


@pytest.mark.deep
def test_a_limit_is_one_for_all_processes_and_outlives_them(tmp_path: Path) -> None:
    def ask(number: int) -> int:
        browser = MemberClient(world.site_urls[number % 2], world.mail_dir)
        return browser.post("/sign-in/", {"email": "many@example.com"}, **JSON).status_code

    with running_world(tmp_path, env={}, site_ports=(0, 0)) as world:
        with ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(ask, range(12)))
        assert (statuses.count(200), statuses.count(429)) == (5, 7)
        for site in world.sites:
            site.stop()
            site.start()
            site.await_answer("/healthz")
        assert ask(0) == 429
