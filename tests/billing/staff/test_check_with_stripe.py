"""The staff's button that holds one member's purchases against Stripe."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.members import Member
from billing.errors import UnknownMember
from billing.history import history_of
from billing.staff.members import member_page
from instant_admin.client.steps import update
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace() -> Client:
    """Staff who may set balances."""
    return browser_of_staff("view_member", "reset_credits")


def address(member: Member) -> str:
    return f"/admin/billing/member/{member.id}/check/"


def press(client: Client, member: Member) -> str:
    """Press the button; the page after it."""
    response = client.post(address(member), follow=True)
    assert response.redirect_chain == [(f"/admin/billing/member/{member.id}/change/", 303)]
    return response.content.decode()


def test_what_is_found_is_fixed_said_and_logged(site: LoopbackSite, ada: Member, grace: Client) -> None:
    credited, refunded = site.buy(ada), site.buy(ada)
    site.refund(refunded, 150)
    page = press(grace, ada)
    assert f"Checkout {credited}: credited 10" in page
    assert f"Checkout {refunded}: credited 10, took back 3" in page
    assert site.credits(ada) == 17
    assert {entry.change_message for entry in LogEntry.objects.all()} == {
        f"Checked with Stripe. Checkout {credited}: credited 10",
        f"Checked with Stripe. Checkout {refunded}: credited 10, took back 3",
    }
    assert "Nothing to do" in press(grace, ada)
    assert LogEntry.objects.count() == 2


def test_what_needs_review_is_said_to_be_so(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.edit(bought, credits="99")
    assert "This needs review" in press(grace, ada)
    assert LogEntry.objects.count() == 0


def test_a_refund_of_what_a_replaced_customer_bought_is_found(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.ask(f"/v1/customers/{history_of(ada).customer_id}", method="DELETE")
    site.buy(ada)
    site.deliver_all()
    site.refund(bought, 500)
    assert f"Checkout {bought}: took back 10" in press(grace, ada)
    assert site.credits(ada) == 10


def test_a_purchase_of_another_account_is_passed_over(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    (entry,) = site.entries(ada)
    site.admin.transact([update("creditEntries", entry.id, {"ref": "cs_live_of_before"})])
    assert "Nothing to do" in press(grace, ada)


def test_who_never_bought_has_nothing_to_check(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert "Nothing to do" in press(grace, ada)
    assert site.asked_stripe == 0


def test_a_stranger_is_404(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert grace.post(f"/admin/billing/member/{uuid4()}/check/").status_code == 404
    with pytest.raises(UnknownMember):
        member_page(uuid4())


def test_an_outage_is_a_message_on_the_members_page(site: LoopbackSite, ada: Member, grace: Client) -> None:
    site.buy(ada)
    site.stripe_is_away = True
    page = press(grace, ada)
    assert '<li class="error">' in page
    assert ada.email in page
    site.stripe_is_away = False
    assert "credited 10" in press(grace, ada)
