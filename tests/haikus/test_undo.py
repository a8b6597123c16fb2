"""A haiku deleted and brought back: by its member, within seconds, as it was."""

from __future__ import annotations

import re
import time
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client

from accounts.members import Member
from haikus.errors import TooLate
from haikus.store import Haiku, haikus_of, write_haiku
from haikus.undo import opened as opened_haiku
from haikus.undo import sealed
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


@pytest.fixture
def haiku(ada: Member) -> Haiku:
    """A haiku of hers."""
    return write_haiku(member=ada, topic="<first snow>", request_id=uuid4()).haiku


def token_in(page: str) -> str:
    """What the form to undo would send."""
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    return str(token)


def test_a_haiku_has_a_page_that_its_member_alone_can_see(
    site: LoopbackSite, ada: Member, haiku: Haiku
) -> None:
    page, address = browser_of(ada), f"/haikus/{haiku.id}/"
    assert "&lt;first snow&gt;" in page.get(address).content.decode()
    assert page.get(address, headers=JSON).json()["content"] == haiku.content
    assert browser_of(site.member()).get(address).status_code == 404
    assert page.get(f"/haikus/{uuid4()}/").status_code == 404
    signed_out = Client().get(address)
    assert (signed_out.status_code, signed_out["Location"]) == (
        303,
        f"/sign-in/?{urlencode({'next': address})}",
    )


def test_htmx_has_it_back_where_it_was_and_no_credit_moves(
    site: LoopbackSite, ada: Member, haiku: Haiku
) -> None:
    browser, before = browser_of(ada), site.ledger(ada)
    gone = browser.post(f"/haikus/{haiku.id}/delete/", headers=FRAGMENT).content.decode()
    assert haikus_of(ada).haikus == ()
    for _ in range(2):
        back = browser.post("/haikus/undo/", {"token": token_in(gone)}, headers=FRAGMENT)
        assert back.content.decode().startswith(f'<article id="haiku-{haiku.id}"')
        assert [(one.id, one.content) for one in haikus_of(ada).haikus] == [(haiku.id, haiku.content)]
    assert site.ledger(ada) == before


@pytest.mark.parametrize("came_from", ["/", "/haikus/", "page of the haiku"])
def test_without_javascript_the_next_page_offers_it_once(ada: Member, haiku: Haiku, came_from: str) -> None:
    browser, own = browser_of(ada), f"/haikus/{haiku.id}/"
    referer = "http://testserver" + (came_from if came_from.startswith("/") else own)
    sent = browser.post(f"{own}delete/", headers={"Referer": referer})
    assert (sent.status_code, sent["Location"]) == (303, came_from if came_from == "/" else "/haikus/")
    token = token_in(browser.get(sent["Location"]).content.decode())
    assert 'name="token"' not in browser.get(sent["Location"]).content.decode()
    assert browser.post("/haikus/undo/", {"token": token}).status_code == 303
    assert [one.id for one in haikus_of(ada).haikus] == [haiku.id]


def test_nobody_brings_back_anothers_haiku_or_a_poem_of_their_own(
    site: LoopbackSite, ada: Member, haiku: Haiku
) -> None:
    grace = browser_of(site.member())
    for token in (sealed(ada, haiku), "", "nonsense", sealed(ada, haiku) + "x"):
        answer = grace.post("/haikus/undo/", {"token": token}, headers=JSON)
        assert (answer.status_code, "10 seconds" in answer.json()["error"]) == (410, True)


def test_after_some_seconds_it_is_gone(ada: Member, haiku: Haiku, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.time() - 16
    with monkeypatch.context() as then:
        then.setattr(time, "time", lambda: long_ago)
        token = sealed(ada, haiku)
    with pytest.raises(TooLate):
        opened_haiku(ada, token)


def test_a_topic_to_try_fills_in_the_form_signed_in_or_not(ada: Member) -> None:
    for browser in (Client(), browser_of(ada)):
        page = browser.get("/", {"topic": "first snow" + "x" * 100}).content.decode()
        assert f'value="first snow{"x" * 70}"' in page
