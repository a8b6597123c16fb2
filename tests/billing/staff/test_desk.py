"""What the admin's front page says: what is open, balances below zero, and how Stripe's webhook does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from post_office.models import Email

from accounts.mails.sending import send_waiting
from accounts.members import Member
from billing.attention import close, note_review
from billing.models import Attention, WebhookAnswer
from instant_admin.client.steps import update
from instant_admin.client.times import epoch_ms
from instant_admin.ledger.movements import ClawBack
from instant_admin.ledger.rules import Kind
from tests.billing import commands
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import browser_of
from tests.drivers.site import TEN, LoopbackSite

pytestmark = pytest.mark.django_db

CHECKOUT = {"pack": TEN.price_id, "quantity": "1"}


@pytest.fixture
def grace() -> Client:
    """Staff who may look at everything, and check with Stripe."""
    return browser_of_staff("view_attention", "view_member", "reset_credits")


@pytest.fixture
def selling(settings: object, site: LoopbackSite) -> None:
    """The pack is for sale."""
    settings.CREDIT_PACKS = [{"price": TEN.price_id, "credits": 10, "name": "Ten"}]  # type: ignore[attr-defined]


def front_page(browser: Client) -> str:
    page = browser.get("/admin/").content.decode()
    found = re.search(r'<section class="desk">.*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def completed(site: LoopbackSite) -> bytes:
    """The event that a checkout is complete."""
    (body,) = [body for body in site.events() if b'"checkout.session.completed"' in body]
    return body


def is_open(kind: str) -> list[bool]:
    return [noted.closed_at is None for noted in Attention.objects.filter(kind=kind)]


# Selling is paused


def test_that_selling_is_paused_is_noted_until_a_checkout_works_again(
    site: LoopbackSite, ada: Member, grace: Client, selling: None
) -> None:
    browser = browser_of(ada)
    site.refuse("POST", "/v1/checkout/sessions", "account_invalid", times=2)
    for _ in range(2):
        browser.post("/api/stripe/checkout", CHECKOUT)
    (noted,) = Attention.objects.all()
    assert (noted.kind, noted.member_id, "account_invalid" in noted.detail) == ("selling_paused", None, True)
    assert "Selling is paused: 1" in front_page(grace)
    assert "Do what Stripe says" in grace.get(f"/admin/billing/attention/{noted.pk}/change/").content.decode()
    browser.post("/api/stripe/checkout", CHECKOUT)
    assert is_open("selling_paused") == [False]
    assert "Nothing is open." in front_page(grace)
    site.refuse("POST", "/v1/checkout/sessions", "account_invalid", times=1)
    browser.post("/api/stripe/checkout", CHECKOUT)
    assert is_open("selling_paused") == [True]


# Paid, and needs review


def edited(site: LoopbackSite, ada: Member) -> str:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="99")
    return checkout_id


def test_what_needs_review_is_noted_by_the_webhook_until_it_is_settled(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    checkout_id = edited(site, ada)
    body = completed(site)
    for _ in range(2):
        assert site.tell(body).status_code == 200
    (noted,) = Attention.objects.all()
    assert (noted.kind, noted.checkout_id, noted.member_id) == ("review", checkout_id, ada.id)
    assert noted.payment_id == site.payment_of(checkout_id)
    assert "Paid, and needs review: 1" in front_page(grace)
    site.edit(checkout_id, credits="10")
    assert site.tell(body).status_code == 200
    assert (is_open("review"), site.credits(ada)) == ([False], 10)


def test_reconciling_notes_it_too_and_closes_what_is_in_order(site: LoopbackSite, ada: Member) -> None:
    checkout_id = edited(site, ada)
    commands.run("reconcile_credits", "--dry-run")
    assert is_open("review") == []
    commands.run("reconcile_credits")
    assert is_open("review") == [True]
    site.edit(checkout_id, credits="10")
    site.deliver_all()
    commands.run("reconcile_credits")
    assert is_open("review") == [False]


def test_what_somebody_has_looked_at_stays_closed_until_it_is_something_else(
    site: LoopbackSite, ada: Member
) -> None:
    checkout_id = edited(site, ada)
    commands.run("reconcile_credits")
    close(Attention.objects.get(), by="grace")
    commands.run("reconcile_credits")
    assert is_open("review") == [False]
    note_review(checkout_id, "something else", member_id=ada.id)
    assert is_open("review") == [True]
    assert Attention.objects.get().closed_by == ""


def test_so_does_the_button_of_the_staff(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    checkout_id = edited(site, ada)
    button = f"/admin/billing/member/{ada.id}/check/"
    grace.post(button)
    assert is_open("review") == [True]
    noted = Attention.objects.get()
    page = grace.get(f"/admin/billing/attention/{noted.pk}/change/").content.decode()
    assert f"/admin/billing/member/{ada.id}/payments/{checkout_id}/" in page
    site.edit(checkout_id, credits="10")
    grace.post(button)
    assert is_open("review") == [False]


# The webhook


def test_the_last_success_and_the_last_failure_of_the_webhook_are_told(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    assert "last answered well never" in front_page(grace)
    site.buy(ada)
    body = completed(site)
    site.instant_is_away = True
    assert site.tell(body).status_code == 503
    assert "Stripe's webhook fails: OutcomeUnknown" in front_page(grace).replace("&#x27;", "'")
    assert "Balances cannot be read right now." in front_page(grace)
    site.instant_is_away = False
    assert (site.tell(body).status_code, site.credits(ada)) == (200, 10)
    assert "webhook fails" not in front_page(grace)


def test_what_stripe_has_not_signed_alarms_nobody(site: LoopbackSite, grace: Client) -> None:
    """Everybody can send it, as often as they like."""
    assert site.tell(b"{}", signed_at=1.0).status_code == 400
    assert not WebhookAnswer.objects.exists()
    assert "Nothing is open." in front_page(grace)


NOT_TOLD = "no webhook of Stripe's was accepted since"


def test_a_purchase_that_no_webhook_tells_of_is_an_alarm_until_one_comes(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    """As with a wrong signing secret: its buyer came back, so it is credited all the same."""
    site.buy(ada)
    bodies = site.events()
    grace.post(f"/admin/billing/member/{ada.id}/check/")
    assert NOT_TOLD not in front_page(grace)  # it may be on its way
    (entry,) = site.entries(ada)
    an_hour_ago = {"createdAt": epoch_ms(entry.created_at - timedelta(hours=1))}
    site.admin.transact([update("creditEntries", entry.id, an_hour_ago)])
    assert NOT_TOLD in front_page(grace).replace("&#x27;", "'")
    for body in bodies:
        assert site.tell(body).status_code == 200
    assert NOT_TOLD not in front_page(grace).replace("&#x27;", "'")


def test_an_outage_is_a_failure_and_each_is_noted_once_a_minute(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    body = completed(site)
    site.instant_is_away = True
    assert site.tell(body).status_code == 503
    failure = WebhookAnswer.objects.get()
    assert (failure.is_good, failure.detail.startswith("OutcomeUnknown")) == (False, True)
    site.tell(body)
    assert WebhookAnswer.objects.get().at == failure.at
    WebhookAnswer.objects.update(at=failure.at - timedelta(minutes=2))
    site.tell(body)
    assert WebhookAnswer.objects.get().at > failure.at - timedelta(minutes=1)


# Mails


def test_mails_that_wait_for_long_are_told_with_what_to_do(
    site: LoopbackSite, ada: Member, bought: str, grace: Client
) -> None:
    assert "Mails waiting" not in front_page(grace)
    Email.objects.update(created=F("created") - timedelta(minutes=16))
    page = front_page(grace)
    assert "Mails waiting: 1 (since 2" in page
    assert "manage.py send_mails --again" in page
    send_waiting()
    assert "Mails waiting" not in front_page(grace)


# Balances and permissions


def test_balances_below_zero_are_counted(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert "below zero" not in front_page(grace)
    site.store.post(ada.id, ClawBack(key="clawback:cs_test_1:0", kind=Kind.REFUND, amount=-3))
    assert "?only=negative" in front_page(grace)
    assert "Balances below zero: 1" in front_page(grace)


def test_who_may_not_see_what_needs_attention_does_not(site: LoopbackSite) -> None:
    assert front_page(browser_of_staff("view_member")) == ""
