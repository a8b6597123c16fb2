"""The mails that the ledger causes, from the entry to the mailbox."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from post_office.models import Email

from accounts.mails import wishes
from accounts.mails.sending import send_waiting
from accounts.members import Member
from accounts.models import MailKey
from billing.mails import LOW_BALANCE, RECEIPTS
from instant_admin.ledger.holds import Capture, Hold
from instant_admin.ledger.movements import Purchase, Reset
from instant_admin.ledger.store import BalanceStore
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site_url(settings: Any) -> None:
    """Where mails lead."""
    settings.SITE_URL = "https://credits.example"
    settings.ALLOWED_HOSTS = ["*"]


def subjects() -> list[str]:
    """Of the mails sent now."""
    before = len(mail.outbox)
    send_waiting()
    return [str(each.subject) for each in mail.outbox[before:]]


def tell_all(site: LoopbackSite) -> None:
    """Bring the site whatever webhooks wait, over HTTP, each twice."""
    for body in site.events():
        for _ in range(2):
            assert site.tell(body).status_code == 200


def crashing(site: LoopbackSite) -> BalanceStore:
    """A process of the site that dies as soon as it has written."""
    return BalanceStore(site.admin, sleep=lambda seconds: None)


# What causes them


def test_who_buys_gets_the_receipt_once(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    tell_all(site)
    browser_of(ada).post("/api/stripe/sync", {"session_id": checkout_id}, headers=JSON)
    assert subjects() == ["You bought 10 credits"]
    receipt = mail.outbox[-1]
    assert receipt.to == [ada.email]
    assert f"    https://credits.example/history/receipts/{checkout_id}/\n" in str(receipt.body)


def test_the_host_of_a_request_is_in_no_mail(site: LoopbackSite, ada: Member) -> None:
    browser_of(ada).post("/api/stripe/sync", {"session_id": site.buy(ada)}, headers={"Host": "evil.example"})
    assert subjects() == ["You bought 10 credits"]
    assert "evil" not in mail.outbox[-1].message().as_string()


def test_a_low_balance_is_said_once_a_crossing(site: LoopbackSite, ada: Member) -> None:
    site.store.post(ada.id, Purchase(key="purchase:cs_1", credits=5))
    subjects()
    site.spend(ada, 5)
    assert subjects() == ["You have 3 credits left"]
    assert mail.outbox[-1].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    site.store.post(ada.id, Reset(key="reset:1", credits=4))
    site.spend(ada)
    assert subjects() == ["You have 3 credits left"]


def test_a_mail_speaks_the_language_in_which_its_member_signed_in(site: LoopbackSite, ada: Member) -> None:
    visitor = Client(headers={"Accept-Language": "de"})
    visitor.post("/sign-in/", {"email": ada.email})
    code = str(mail.outbox[-1].subject)[:6]
    visitor.post("/sign-in/code/", {"code": code})
    site.buy(ada)
    tell_all(site)
    assert subjects() == ["Du hast 10 Credits gekauft"]
    assert '<html lang="de">' in mail.outbox[-1].message().as_string()


def test_what_is_held_for_work_is_left_until_it_is_paid(site: LoopbackSite, ada: Member) -> None:
    site.store.post(ada.id, Purchase(key="purchase:cs_1", credits=6))
    site.store.post(ada.id, Hold(key="hold:1", most=2))
    site.store.post(ada.id, Hold(key="hold:2", most=4))
    assert subjects() == ["You bought 6 credits"]
    site.store.post(ada.id, Capture(key="end:hold:2", most=4, used=3))
    assert subjects() == ["You have 3 credits left"]


def test_a_dispute_is_told_when_it_opens_and_when_it_is_won(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    subjects()
    dispute_id = site.dispute(bought)
    tell_all(site)
    assert subjects() == ["Your payment is disputed"]
    site.post(f"/dashboard/disputes/{dispute_id}/win")
    tell_all(site)
    assert subjects() == ["The dispute is over, and you have your credits again"]


def test_a_dispute_that_is_lost_is_told_too(site: LoopbackSite, ada: Member, bought: str) -> None:
    dispute_id = site.dispute(bought)
    tell_all(site)
    subjects()
    site.post(f"/dashboard/disputes/{dispute_id}/lose")
    tell_all(site)
    assert subjects() == ["The dispute is over, and you have your money again"]
    assert "10 credits" in str(mail.outbox[-1].body)
    assert "List-Unsubscribe" not in mail.outbox[-1].extra_headers


def test_an_inquiry_that_is_closed_is_told_to_nobody(site: LoopbackSite, ada: Member, bought: str) -> None:
    subjects()
    dispute_id = site.dispute(bought, kind="inquiry")
    site.post(f"/dashboard/disputes/{dispute_id}/win")
    tell_all(site)
    assert subjects() == []


def test_a_mail_costs_webhook_and_sync_no_outside_call(site: LoopbackSite, ada: Member) -> None:
    asked = []
    for wanted in ([], [], [RECEIPTS.name]):
        wishes.want(ada.id, wanted)
        site.buy(ada)
        before = site.asked_instant + site.asked_stripe
        site.deliver_all()
        asked.append(site.asked_instant + site.asked_stripe - before)
    assert Email.objects.count() == 1
    # The very first one also looks whether the ledger is guarded.
    assert asked[1] == asked[2]


# What a crash left


def test_reconciliation_sends_what_a_crash_left_and_nothing_twice(site: LoopbackSite, ada: Member) -> None:
    crashing(site).post(ada.id, Purchase(key="purchase:cs_0", credits=1, ref="cs_0"))
    call_command("reconcile_credits", "--all", verbosity=0)
    assert subjects() == []  # it begins here: nobody waits for a mail about what was before
    crashing(site).post(ada.id, Purchase(key="purchase:cs_1", credits=8, ref="cs_1"))
    site.spend(ada, 6)  # told at once
    MailKey.objects.filter(pk=f"mail:receipt:{ada.id}:1").delete()
    for _ in range(2):
        call_command("reconcile_credits", verbosity=0)
    assert sorted(subjects()) == ["You bought 1 credit", "You bought 8 credits", "You have 3 credits left"]


def test_a_dry_run_sends_nothing(site: LoopbackSite, ada: Member) -> None:
    call_command("reconcile_credits", verbosity=0)
    crashing(site).post(ada.id, Purchase(key="purchase:cs_1", credits=8, ref="cs_1"))
    call_command("reconcile_credits", "--dry-run", verbosity=0)
    assert subjects() == []


# Wishes


def test_members_choose_on_the_page_of_their_account(site: LoopbackSite, ada: Member) -> None:
    browser = browser_of(ada)
    page = browser.get("/account/").content.decode()
    assert page.count('type="checkbox"') == page.count(" checked>") == 2
    answer = browser.post("/account/mails/", {"mail": ["receipts", "nonsense"]})
    assert (answer.status_code, answer["Location"]) == (303, "/account/")
    page = browser.get("/account/").content.decode()
    assert ('value="receipts" checked>' in page, page.count(" checked>")) == (True, 1)
    assert browser.get("/account/export.json").json()["mails"] == {"receipts": True, "low_balance": False}
    assert browser.post("/account/mails/", headers=JSON).json() == {"receipts": False, "low_balance": False}
    site.buy(ada)
    site.deliver_all()
    assert subjects() == []
    assert browser.get("/account/mails/").status_code == 405
    assert Client().post("/account/mails/", headers=JSON).status_code == 401
    assert Client(enforce_csrf_checks=True).post("/account/mails/").status_code == 403


@pytest.mark.parametrize("name", [LOW_BALANCE.name, RECEIPTS.name])
def test_a_mail_program_unsubscribes_with_one_click(site: LoopbackSite, ada: Member, name: str) -> None:
    page = f"/mails/unsubscribe/{wishes.token_for(ada.id, name)}/"
    answer = Client(enforce_csrf_checks=True).post(page, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert wishes.wanted_by(ada.id) == {"receipts": True, "low_balance": True} | {name: False}


def test_a_person_unsubscribes_on_a_page_signed_out_and_looking_changes_nothing(
    site: LoopbackSite, ada: Member
) -> None:
    page = f"/mails/unsubscribe/{wishes.token_for(ada.id, LOW_BALANCE.name)}/"
    stranger = Client()
    assert "No more of these mails?" in stranger.get(page).content.decode()
    assert wishes.wanted_by(ada.id)[LOW_BALANCE.name]
    answer = stranger.post(page)
    assert (answer.status_code, answer["Location"]) == (303, page)
    answer = stranger.get(page)
    assert "You get no more of these mails" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert not wishes.wanted_by(ada.id)[LOW_BALANCE.name]


def test_a_token_that_is_not_ours_ends_nothing(site: LoopbackSite, ada: Member, settings: Any) -> None:
    token = wishes.token_for(ada.id, LOW_BALANCE.name)
    settings.SECRET_KEY = "another"
    for wrong in (token, token[:-1], "x", wishes.token_for(uuid4(), "codes")):
        assert Client().get(f"/mails/unsubscribe/{wrong}/").status_code == 404
        one_click = {"List-Unsubscribe": "One-Click"}
        assert Client().post(f"/mails/unsubscribe/{wrong}/", one_click).status_code == 404
    assert wishes.wanted_by(ada.id)[LOW_BALANCE.name]
