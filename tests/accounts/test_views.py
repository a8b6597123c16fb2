"""Signing in, as far as it goes without Instant; the rest is in the journeys."""

from html import escape
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client

from accounts.members import recall
from tests.drivers.instant import LoopbackInstant
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, JSON, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_for_sale(settings: Any) -> None:
    settings.STRIPE_PRICE_ID = ""
    settings.CREDIT_PACKS = []


def waiting() -> Client:
    """A browser to which a code was sent."""
    client = Client()
    session = client.session
    session["sign-in"] = {"place": "here", "email": "ada@example.com", "next": "/history/"}
    session.save()
    return client


def member_of(client: Client) -> UUID:
    """Who is signed in."""
    member = recall(client.session)
    assert member is not None
    return member.id


@pytest.mark.parametrize("page", ["/", "/sign-in/", "/sign-in/?next=/history/"])
@pytest.mark.parametrize(
    ("email", "said"), [("<ada>", "does not look like an email address"), ("", "Enter your email address")]
)
def test_a_bad_email_stands_again_on_its_page_and_the_fault_once(page: str, email: str, said: str) -> None:
    client = Client()
    response = client.post("/sign-in/", {"email": email}, headers={"Referer": f"http://testserver{page}"})
    assert (response.status_code, response["Location"]) == (303, page)
    shown = client.get(page).content.decode()
    assert said in shown
    assert f'value="{escape(email)}"' in shown
    assert ('name="next" value="/history/"' in shown) == ("next=" in page)
    assert said not in client.get(page).content.decode()


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/code/"])
def test_a_program_gets_the_fault_as_json(path: str) -> None:
    response = waiting().post(path, headers=JSON)
    assert problem_in(response)[0] == 422


def test_a_code_that_is_none_is_said_on_the_code_page_and_never_kept() -> None:
    client = waiting()
    response = client.post("/sign-in/code/", {"code": "12"})
    assert (response.status_code, response["Location"]) == (303, "/sign-in/code/")
    page = client.get("/sign-in/code/").content.decode()
    assert "The code is six digits" in page
    assert "ada@example.com" in page
    assert "code" not in client.session["code form"]["typed"]


@pytest.mark.parametrize("path", ["/sign-in/code/", "/sign-in/code/resend/"])
def test_without_an_email_that_waits_signing_in_starts_over(path: str) -> None:
    response = Client().post(path, {"code": "123456"})
    assert (response.status_code, response["Location"]) == (303, "/sign-in/")
    assert Client().get("/sign-in/code/")["Location"] == "/sign-in/"
    assert problem_in(Client().post(path, headers=JSON)) == (422, "Ask for a code first")


def test_following_the_link_in_the_mail_signs_nobody_in(client: Client) -> None:
    client.post("/sign-in/", {"email": ADA.email})
    code = str(mail.outbox[-1].subject)[:6]
    page = client.get(f"/sign-in/code/?code={code}")
    assert f'value="{code}"' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert recall(client.session) is None
    assert Client().get(f"/sign-in/code/?code={code}")["Location"] == "/sign-in/"


def test_a_code_is_only_for_the_browser_that_asked(client: Client) -> None:
    def asks(browser: Client) -> str:
        browser.post("/sign-in/", {"email": ADA.email})
        return str(mail.outbox[-1].subject)[:6]

    other = Client()
    code = asks(client)
    if asks(other) != code:
        assert other.post("/sign-in/code/", {"code": code}, headers=JSON).status_code == 422
    with LoopbackInstant().asked_by_the_site():
        assert client.post("/sign-in/code/", {"code": code})["Location"] == "/"


def test_signing_in_and_out_leaves_no_cookie_as_it_was(client: Client) -> None:
    client.post("/sign-in/", {"email": ADA.email})
    before = client.cookies["sessionid"].value
    with LoopbackInstant().asked_by_the_site():
        client.post("/sign-in/code/", {"code": str(mail.outbox[-1].subject)[:6]})
        signed_in = client.cookies["sessionid"].value
        client.post("/sign-out/")
    assert signed_in not in (before, client.cookies["sessionid"].value)
    assert len(signed_in) >= 32
    for old in (before, signed_in):
        assert Client(headers={"Cookie": f"sessionid={old}"}).get("/account/sessions/").status_code == 303


def test_who_is_signed_in_already_goes_where_they_wanted_to_be() -> None:
    ada = browser_of(ADA)
    assert ada.get("/sign-in/?next=/history/")["Location"] == "/history/"
    for address in ("/sign-in/", "/sign-in/?next=//elsewhere.example", "/sign-in/code/"):
        assert ada.get(address)["Location"] == "/"


@pytest.mark.parametrize(
    ("email", "spellings"),
    {
        "kate@example.com": ["\u212aate@example.com", " KATE@Example.com"],  # the Kelvin sign
        "zoe@xn--bcher-kva.example": ["zoe@bücher.example", "zoe@bu\u0308cher.example"],
        "ada@xn--fa-hia.de": ["ada@faß.de"],
    }.items(),
)
def test_however_an_address_is_typed_its_one_member_is_signed_in_and_its_mailbox_gets_the_code(
    email: str, spellings: list[str]
) -> None:
    members = set()
    with LoopbackInstant().asked_by_the_site():
        for typed in (email, *spellings):
            client = Client()
            client.post("/sign-in/", {"email": typed})
            assert mail.outbox[-1].to == [email]
            client.post("/sign-in/code/", {"code": str(mail.outbox[-1].subject)[:6]})
            members.add(member_of(client))
    assert len(members) == 1


def test_links_in_a_code_mail_lead_to_where_the_settings_say(client: Client, settings: Any) -> None:
    settings.SITE_URL = "https://credits.example"
    client.post("/sign-in/", {"email": "ada@example.com"}, headers={"Host": "127.0.0.1:8000"})
    assert "https://credits.example/sign-in/code/?code=" in str(mail.outbox[-1].body)
    assert "127.0.0.1" not in mail.outbox[-1].message().as_string()


def test_while_instant_is_down_a_right_code_is_not_used_up(client: Client) -> None:
    client.post("/sign-in/", {"email": "ada@example.com"})
    code = str(mail.outbox[-1].subject)[:6]
    response = client.post(
        "/sign-in/code/", {"code": code}, headers={"Referer": "http://testserver/sign-in/code/"}
    )
    assert (response.status_code, response["Location"]) == (303, "/sign-in/code/")
    assert "Try again in a moment" in client.get("/sign-in/code/").content.decode()
    assert client.post("/sign-in/code/", {"code": code}, headers=JSON).status_code == 503
    with LoopbackInstant().asked_by_the_site():
        assert client.post("/sign-in/code/", {"code": code})["Location"] == "/"


def test_signing_out_works_while_instant_is_down() -> None:
    client = browser_of(ADA)
    assert recall(client.session) == ADA
    response = client.post("/sign-out/")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert recall(client.session) is None


def test_signing_out_twice_is_no_mistake() -> None:
    assert Client().post("/sign-out/").status_code == 302
