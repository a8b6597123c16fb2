"""Credits to begin with: at the first sign-in of a mailbox, said there, and never again."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from django.core import mail
from django.test import Client, override_settings

from accounts.members import Member
from billing.welcome import welcome
from sandbox.serving import Request, Response
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


def test_a_mailbox_is_welcomed_once_however_it_is_spelled_and_whatever_account_it_has(
    site: LoopbackSite, ada: Member
) -> None:
    assert [welcome(ada, credits=3), welcome(ada, credits=3), welcome(ada, credits=5)] == [3, 0, 0]
    assert welcome(site.member("ada+again@example.com"), credits=3) == 0
    assert welcome(site.member("grace@example.com"), credits=3) == 3
    assert site.ledger(ada) == [("grant", 3, 3)]
    assert "ada" not in site.entries(ada)[0].key


def test_who_left_and_comes_back_gets_nothing(site: LoopbackSite, ada: Member) -> None:
    assert welcome(ada, credits=3) == 3
    site.admin.delete_user(email=ada.email)
    back = site.member(ada.email)
    assert back.id != ada.id
    assert welcome(back, credits=3) == 0
    assert site.credits(back) == 0


def sign_in(client: Client) -> Any:
    """From the landing page to the home page; the answer of the latter."""
    client.post("/sign-in/", {"email": "grace@example.com", "next": "/"})
    (code,) = re.findall(r"^(\d{6}) ", str(mail.outbox[-1].subject))
    return client.post("/sign-in/code/", {"code": code}, follow=True)


@override_settings(WELCOME_CREDITS=3)
def test_it_is_promised_before_and_said_after_the_first_sign_in_with_the_topic_still_there(
    site: LoopbackSite,
) -> None:
    client = Client()
    assert "you get 3 credits for nothing" in client.get("/").content.decode()
    client.post("/api/generate", {"topic": "first snow"})
    page = sign_in(client).content.decode()
    assert "To begin with you have 3 credits" in page
    assert 'value="first snow"' in page
    assert "To begin with" not in sign_in(Client()).content.decode()


def test_by_default_nothing_is_given_or_promised(site: LoopbackSite) -> None:
    client = Client()
    assert "for nothing" not in client.get("/").content.decode()
    assert "To begin with" not in sign_in(client).content.decode()


@override_settings(WELCOME_CREDITS=3)
def test_what_could_not_be_given_comes_with_the_next_sign_in(site: LoopbackSite) -> None:
    away = Response.json({}, status=500)
    site.tamper = lambda request, answer: away if b"creditEntries" in request.body else answer
    assert "To begin with" not in sign_in(Client()).content.decode()
    site.tamper = lambda request, answer: answer
    assert "To begin with you have 3 credits" in sign_in(Client()).content.decode()
    assert site.ledger(site.member("grace@example.com")) == [("grant", 3, 3)]


@pytest.mark.parametrize("status", [None, 429, 500])
def test_an_outage_at_the_sign_in_speaks_of_no_charge_and_the_code_still_works(
    site: LoopbackSite, status: int | None
) -> None:
    client = Client()

    def refuse(request: Request, answer: Response) -> Response:
        if not request.path.endswith("/refresh_tokens"):
            return answer
        if status is None:
            raise requests.ConnectionError("refused")
        return Response.json({"type": "rate-limited", "message": "Later.", "hint": None}, status=status)

    site.tamper = refuse
    page = sign_in(client).content.decode()
    assert "We cannot sign anybody in right now." in page
    assert "charge" not in page.rpartition("</head>")[2]
    site.tamper = lambda request, answer: answer
    (code,) = re.findall(r"^(\d{6}) ", str(mail.outbox[-1].subject))
    assert client.post("/sign-in/code/", {"code": code})["Location"] == "/"
