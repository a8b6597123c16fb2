"""The staff's button that refunds what a member has not spent of a purchase."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.account.deleting import delete_account
from accounts.mails.sending import send_waiting
from accounts.members import Member
from billing.models import Attention
from tests.billing.staff.conftest import browser_of_staff
from tests.billing.test_withdrawals import SEVEN, page, refunds
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

FORM = SEVEN | {"reason": "Bought twice"}


@pytest.fixture
def grace() -> Client:
    """Staff who may refund."""
    return browser_of_staff("view_member", "refund_unused")


@pytest.fixture
def bought(site: LoopbackSite, ada: Member) -> str:
    """Ten credits for 500, of which three are spent."""
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.spend(ada, 3)
    return checkout_id


def address(member: Member, checkout_id: str) -> str:
    return f"/admin/billing/member/{member.id}/purchases/{checkout_id}/refund/"


def member_page(staff: Client, member: Member) -> str:
    return staff.get(f"/admin/billing/member/{member.id}/change/").content.decode()


def shown(text: str) -> dict[str, str]:
    """The numbers that the form on a page would send."""
    return dict(re.findall(r'name="(credits|amount)" value="(\d+)"', text))


def test_what_is_unused_is_shown_then_refunded_said_and_logged(
    site: LoopbackSite, ada: Member, bought: str, grace: Client, settings: Any
) -> None:
    settings.WITHDRAWAL_DAYS = 0  # staff are not bound to it
    assert address(ada, bought) in member_page(grace, ada)
    offer = grace.get(address(ada, bought)).content.decode()
    assert "ada@example.com has a balance of 7 and will have 0." in offer
    assert ("7 credits" in offer, "$3.50" in offer, shown(offer)) == (True, True, SEVEN)
    assert (refunds(site, bought), site.credits(ada)) == ([], 7)
    answer = grace.post(address(ada, bought), FORM, follow=True)
    assert answer.redirect_chain == [(f"/admin/billing/member/{ada.id}/change/", 303)]
    assert "Refunded what was not spent: 7 credits taken." in answer.content.decode()
    site.deliver_all()
    assert (refunds(site, bought), site.ledger(ada)[-1]) == ([350], ("refund", -7, 0))
    entry = site.entries(ada)[-1]
    assert (entry.key, entry.actor, entry.note) == (f"withdraw:{bought}", "grace", "Bought twice")
    logged = LogEntry.objects.get().change_message
    assert logged == f"Refunded 7 credits. Reason: Bought twice (withdraw:{bought})"
    send_waiting()
    (told,) = [each for each in mail.outbox if each.subject == "We refunded what you have not spent"]
    assert (told.to, "$3.50" in str(told.body)) == ([ada.email], True)
    assert "Reason: Bought twice" in browser_of(ada).get("/history/").content.decode()


def test_sent_twice_it_is_once_and_logged_once(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    assert [grace.post(address(ada, bought), FORM).status_code for _ in range(2)] == [303, 303]
    assert (refunds(site, bought), site.credits(ada), LogEntry.objects.count()) == ([350], 0, 1)
    assert "Nothing of this purchase can be refunded" in grace.get(address(ada, bought)).content.decode()


def test_what_its_buyer_took_back_is_not_the_deed_of_staff(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    browser_of(ada).post(page(bought), SEVEN)
    answer = grace.post(address(ada, bought), FORM, follow=True).content.decode()
    assert "This purchase was taken back before." in answer
    assert (refunds(site, bought), LogEntry.objects.count()) == ([350], 0)


def test_what_was_shown_is_refunded_or_shown_anew(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    site.spend(ada)
    answer = grace.post(address(ada, bought), FORM)
    text = answer.content.decode()
    assert (answer.status_code, shown(text), "Bought twice" in text) == (
        409,
        {"credits": "6", "amount": "300"},
        True,
    )
    assert (refunds(site, bought), site.credits(ada)) == ([], 6)
    assert not Attention.objects.filter(closed_at=None).exists()
    site.spend(ada, 6)
    assert grace.post(address(ada, bought), FORM).status_code == 409
    answer = grace.post(address(ada, bought), FORM | {"reason": " "})
    assert (answer.status_code, "<form" in answer.content.decode().partition("content-main")[2]) == (
        422,
        False,
    )


def test_a_reason_is_needed(site: LoopbackSite, ada: Member, bought: str, grace: Client) -> None:
    answer = grace.post(address(ada, bought), FORM | {"reason": " "})
    assert (answer.status_code, "errorlist" in answer.content.decode()) == (422, True)
    assert site.credits(ada) == 7


def test_when_stripe_refuses_the_credits_are_back_and_it_is_said(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    site.refuse("POST", "^/v1/refunds", "unheard-of", times=1)
    said = grace.post(address(ada, bought), FORM, follow=True).content.decode()
    assert "Stripe refused the refund, and the credits are back: 7 credits." in said
    assert (refunds(site, bought), site.credits(ada)) == ([], 7)
    assert LogEntry.objects.get().change_message.startswith("Stripe refused to refund 7 credits.")


def test_an_outage_is_said_and_reconciling_ends_what_was_begun(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    site.refuse("POST", "^/v1/refunds", "rate_limit")
    answer = grace.post(address(ada, bought), FORM)
    assert (answer.status_code, "Bought twice" in answer.content.decode()) == (503, True)
    note = Attention.objects.get(closed_at=None)
    staff = browser_of_staff("view_attention", name="linus")
    assert "reconcile_credits" in staff.get(f"/admin/billing/attention/{note.pk}/change/").content.decode()
    site.let()
    call_command("reconcile_credits", "--since", "1h", verbosity=0)
    assert (refunds(site, bought), site.credits(ada)) == ([350], 0)
    assert not Attention.objects.filter(closed_at=None).exists()
    site.stripe_is_away = True
    assert grace.get(address(ada, bought)).status_code == 503


@pytest.mark.parametrize("refused", [False, True])
def test_who_has_left_before_the_refund_was_asked_for_gets_it_all_the_same(
    site: LoopbackSite, ada: Member, bought: str, grace: Client, refused: bool
) -> None:
    site.refuse("POST", "^/v1/refunds", "rate_limit")
    grace.post(address(ada, bought), FORM)
    delete_account(ada.id, email=ada.email)
    site.let()
    if refused:
        site.refuse("POST", "^/v1/refunds", "unheard-of")
    for _ in range(2):
        call_command("reconcile_credits", "--since", "1h", verbosity=0)
    # They are owed money that Stripe does not send: that stays until somebody has looked at it.
    assert Attention.objects.filter(closed_at=None).exists() is refused
    assert refunds(site, bought) == ([] if refused else [350])
    assert Attention.objects.get().detail == "$3.50"


def test_a_withdrawal_that_never_began_before_its_owner_left_is_closed(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    note = {"kind": Attention.Kind.WITHDRAWAL, "checkout_id": bought, "member_id": ada.id}
    Attention.objects.create(about=f"withdraw:{bought}", raised_at="2026-01-01T00:00Z", **note)
    delete_account(ada.id, email=ada.email)
    call_command("reconcile_credits", "--since", "1h", verbosity=0)
    assert (refunds(site, bought), Attention.objects.filter(closed_at=None).exists()) == ([], False)


def test_what_is_not_the_members_is_404(site: LoopbackSite, ada: Member, bought: str, grace: Client) -> None:
    for ask in (grace.get, grace.post):
        assert ask(address(site.member(), bought), FORM).status_code == 404
        assert ask(address(ada, f"cs_test_{uuid4().hex}"), FORM).status_code == 404
    assert browser_of(ada).get(page(bought), headers=JSON).json()["credits"] == 7
