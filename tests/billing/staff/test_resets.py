"""A form of the staff that is sent twice."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.members import Member
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

FORM = {"credits": "5", "reason": "Goodwill", "request_id": "aaaaaaaa-1111-4111-8111-111111111111"}


@pytest.fixture
def grace() -> Client:
    """Staff who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("grace", password="correct horse"))
    return client


def send(client: Client, member: Member, **changes: str) -> str:
    """Send the form; the page after it."""
    address = f"/admin/billing/member/{member.id}"
    response = client.post(f"{address}/reset/", FORM | changes, follow=True)
    assert response.redirect_chain == [(f"{address}/change/", 303)]
    return response.content.decode()


def test_the_same_form_sent_twice_sets_the_balance_once(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    for _ in range(2):
        assert "Credits reset from 0 to 5" in send(grace, ada)
    assert [kind for kind, _, _ in site.ledger(ada)] == ["reset"]


def test_a_form_sent_again_with_another_balance_is_shown_anew_and_then_works(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    send(grace, ada)
    page = send(grace, ada, credits="7")
    assert "This form has set another balance before." in page
    assert "errornote" not in page
    assert (site.credits(ada), 'value="7"' in page, 'value="Goodwill"' in page) == (5, True, True)
    (fresh,) = re.findall(r'name="request_id" value="([0-9a-f-]+)"', page)
    send(grace, ada, credits="7", request_id=fresh)
    assert site.credits(ada) == 7
