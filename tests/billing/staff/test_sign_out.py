"""The staff's button that ends a member's sessions."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.keys.making import Scope, keys_of, make_key
from accounts.members import Member
from instant_admin.client.errors import MemberTokenRefused
from sandbox.serving import Request, Response
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import ADA as BABBAGE
from tests.drivers.signed_in import browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db
PAGE = "/account/sessions/"


@pytest.fixture
def grace() -> Client:
    """Staff who may sign members out."""
    return browser_of_staff("view_member", "end_sessions")


def address(member: Member) -> str:
    return f"/admin/billing/member/{member.id}/sign-out/"


def is_signed_in(browser: Client) -> bool:
    return browser.get(PAGE).status_code == 200


def test_every_session_token_and_key_of_the_member_ends_and_no_other(
    site: LoopbackSite, ada: Member, grace: Client, caplog: pytest.LogCaptureFixture
) -> None:
    here, elsewhere, another = browser_of(ada), browser_of(ada), browser_of(BABBAGE)
    for member in (ada, BABBAGE):
        make_key(member.id, name="a program", scope=Scope.READ, daily_limit=None)
    assert address(ada) in grace.get(f"/admin/billing/member/{ada.id}/change/").content.decode()
    with caplog.at_level(logging.INFO, logger="security"):
        response = grace.post(address(ada), follow=True)
    assert response.redirect_chain == [(f"/admin/billing/member/{ada.id}/change/", 303)]
    assert f"Signed out everywhere: {ada.email}." in response.content.decode()
    assert [is_signed_in(browser) for browser in (here, elsewhere, another)] == [False, False, True]
    assert (keys_of(ada.id), len(keys_of(BABBAGE.id))) == ([], 1)
    with pytest.raises(MemberTokenRefused):
        site.admin.as_member(ada.refresh_token).query({"haikus": {}})
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(ada.id), "Signed out everywhere")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "security"]
    assert line.startswith(f"staff action path={address(ada)} staff={entry.user_id} ")


def test_what_instant_did_not_confirm_is_said_and_can_be_done_again(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    browser = browser_of(ada)

    def lose_the_answer(request: Request, answer: Response) -> Response:
        return Response(status=500, body=b"") if request.path.endswith("/sign_out") else answer

    site.tamper = lose_the_answer
    assert "Press the button again" in grace.post(address(ada), follow=True).content.decode()
    assert not is_signed_in(browser)


def test_an_outage_is_a_message_on_the_members_page(site: LoopbackSite, ada: Member, grace: Client) -> None:
    site.instant_is_away = True
    assert '<li class="error">' in grace.post(address(ada), follow=True).content.decode()


def test_a_stranger_is_404(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert grace.post(f"/admin/billing/member/{uuid4()}/sign-out/").status_code == 404
