"""No credit is moved by a browser that was left open."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client

from accounts.members import Member
from tests.drivers.site import LoopbackSite
from tests.drivers.staff import PASSWORD, let_pass, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def an_hour_later() -> Client:
    """The browser of staff who logged in an hour ago."""
    client = Client()
    client.force_login(staff())
    let_pass(client, minutes=60)
    return client


def go_on(browser: Client) -> str:
    """Send what the page that asks for the password would send; the page after it."""
    page = browser.get("/admin/confirm/").content.decode()
    action = re.search(r'<form action="(/admin/billing[^"]*)"', page)
    assert action
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    form = {name: unescape(value) for name, value in fields.items()} | {"password_again": PASSWORD}
    return browser.post(action[1], form, follow=True).content.decode()


def test_a_reset_waits_for_the_password_and_is_then_done_as_it_was_typed(
    site: LoopbackSite, ada: Member, an_hour_later: Client
) -> None:
    reset = {"credits": "5", "reason": 'Goodwill, "as agreed"', "request_id": str(uuid4())}
    reset |= {"confirm": "1", "balance": "0"}
    answer = an_hour_later.post(f"/admin/billing/member/{ada.id}/reset/", reset)
    assert (answer.status_code, answer["Location"]) == (303, "/admin/confirm/")
    assert site.credits(ada) == 0
    page = go_on(an_hour_later)
    assert site.credits(ada) == 5
    assert "Credits reset from 0 to 5" in page
    assert "Goodwill, &quot;as agreed&quot;" in page


def test_so_does_what_is_held_against_stripe(site: LoopbackSite, ada: Member, an_hour_later: Client) -> None:
    site.buy(ada)
    answer = an_hour_later.post(f"/admin/billing/member/{ada.id}/check/")
    assert answer["Location"] == "/admin/confirm/"
    assert site.credits(ada) == 0
    assert "credited 10" in go_on(an_hour_later)
    assert site.credits(ada) == 10


def test_looking_needs_no_password(site: LoopbackSite, ada: Member, an_hour_later: Client) -> None:
    assert an_hour_later.get(f"/admin/billing/member/{ada.id}/change/").status_code == 200
