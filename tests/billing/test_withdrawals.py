"""Taking a purchase back: what comes back, once, whatever fails on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.mails.sending import send_waiting
from accounts.members import Member
from billing.clawback import Payment, Withdrawal, claw_back, clawed_back, withdrawal_of
from billing.models import Attention
from instant_admin.ledger.rules import Entry, Kind
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


def entry(amount: int, kind: Kind = Kind.PURCHASE) -> Entry:
    return Entry(uuid4(), uuid4(), "key", 1, kind, amount, amount, "", "", "cs_test_1", "", datetime.now(UTC))


# What comes back, on plain values


def test_three_of_seven_credits_for_500_are_215() -> None:
    withdrawn = withdrawal_of(entry(7), [], Payment(paid=500, refunded=0, disputed=0), unspent=3)
    assert withdrawn == Withdrawal(credits=3, amount=215)
    assert [clawed_back(7, Payment(paid=500, refunded=cents, disputed=0))[0] for cents in (214, 215)] == [
        2,
        3,
    ]


@given(
    credits=st.integers(1, 2000),
    paid=st.integers(1, 2000),
    refunded=st.integers(0, 2000),
    unspent=st.integers(-5, 2000),
)
def test_the_refund_takes_exactly_what_was_given(
    credits: int, paid: int, refunded: int, unspent: int
) -> None:
    bought, payment = entry(credits), Payment(paid=paid, refunded=min(refunded, paid), disputed=0)
    before, _ = clawed_back(credits, payment)
    so_far = [entry(-before, Kind.REFUND)] if before else []
    withdrawn = withdrawal_of(bought, so_far, payment, unspent=unspent)
    if withdrawn is None:
        return
    assert 0 < withdrawn.credits <= min(unspent, credits - before)
    assert 0 < withdrawn.amount <= paid - payment.refunded
    after = Payment(paid=paid, refunded=payment.refunded + withdrawn.amount, disputed=0, is_withdrawn=True)
    assert claw_back(bought, [*so_far, entry(-withdrawn.credits, Kind.REFUND)], after, key="next") is None


def test_nothing_comes_back_of_what_is_spent_disputed_or_free() -> None:
    paid = Payment(paid=500, refunded=0, disputed=0)
    assert withdrawal_of(entry(7), [], paid, unspent=0) is None
    assert withdrawal_of(entry(7), [entry(-7, Kind.REFUND)], paid, unspent=9) is None
    assert withdrawal_of(entry(7), [], Payment(paid=500, refunded=0, disputed=1), unspent=7) is None
    assert withdrawal_of(entry(7), [], Payment(paid=0, refunded=0, disputed=0), unspent=7) is None


# On the site


@pytest.fixture
def bought(site: LoopbackSite, ada: Member) -> str:
    """Ten credits for 500, of which three are spent."""
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.spend(ada, 3)
    return checkout_id


def page(checkout_id: str) -> str:
    return f"/history/purchases/{checkout_id}/withdraw/"


def refunds(site: LoopbackSite, checkout_id: str) -> list[int]:
    payment = site.payment_of(checkout_id)
    return [refund["amount"] for refund in site.ask("/v1/refunds", payment_intent=payment)["data"]]


def confirmations() -> list[EmailMessage]:
    send_waiting()
    return [each for each in mail.outbox if each.subject == "You took a purchase back"]


SEVEN = {"credits": "7", "amount": "350"}


def test_a_buyer_gives_back_what_is_unspent_and_is_told_so_by_mail(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    browser = browser_of(ada)
    assert page(bought) in browser.get("/history/").content.decode()
    offer = browser.get(page(bought)).content.decode()
    assert "7 credits" in offer
    assert "$3.50" in offer
    assert refunds(site, bought) == []
    answer = browser.post(page(bought), SEVEN)
    assert (answer.status_code, answer["Location"]) == (303, "/history/")
    assert "$3.50 is on its way to you" in browser.get("/history/").content.decode()
    assert (refunds(site, bought), site.credits(ada)) == ([350], 0)
    site.deliver_all()
    assert site.ledger(ada)[-1] == ("refund", -7, 0)
    (told,) = confirmations()
    assert (told.to, "$3.50" in str(told.body), bought in str(told.body)) == ([ada.email], True, True)


def test_pressed_twice_it_is_once(site: LoopbackSite, ada: Member, bought: str) -> None:
    browser = browser_of(ada)
    answers = [browser.post(page(bought), SEVEN, headers=JSON) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json() == {"credits": 7, "amount": 350, "currency": "usd", "repaid": True}
    assert (refunds(site, bought), site.credits(ada)) == ([350], 0)
    assert browser.get(page(bought), headers=JSON).status_code == 409


def test_the_history_offers_only_what_has_credits_left_to_give_back(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    browser = browser_of(ada)
    browser.post(page(bought), SEVEN)
    again, free = site.buy(ada), site.buy(ada, promotion_code="TESTING100")
    site.deliver_all()
    offered = browser.get("/history/").content.decode()
    assert [each for each in (bought, again, free) if page(each) in offered] == [again]
    assert [browser.get(page(each)).status_code for each in (bought, again, free)] == [409, 200, 409]
    site.spend(ada, 20)
    assert page(again) not in browser.get("/history/").content.decode()
    assert browser.get(page(again)).status_code == 409


def test_what_was_shown_is_taken_back_or_nothing(site: LoopbackSite, ada: Member, bought: str) -> None:
    site.spend(ada)
    browser = browser_of(ada)
    answer = browser.post(page(bought), SEVEN, headers=JSON)
    assert (answer.status_code, answer.json()["credits"]) == (409, 6)
    assert browser.post(page(bought), SEVEN)["Location"] == page(bought)
    assert "has changed meanwhile" in browser.get(page(bought)).content.decode()
    assert browser.post(page(bought), {"credits": "x"}, headers=JSON).status_code == 422
    assert (refunds(site, bought), site.credits(ada)) == ([], 6)
    assert not Attention.objects.filter(closed_at=None).exists()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_takes_back_what_is_not_theirs_or_too_old(
    site: LoopbackSite, ada: Member, bought: str, settings: Any, method: str
) -> None:
    grace = site.member()
    assert browser_of(grace).generic(method, page(bought), headers=JSON).status_code == 404
    assert Client().generic(method, page(bought), headers=JSON).status_code == 401
    settings.WITHDRAWAL_DAYS = 0
    assert page(bought) not in browser_of(ada).get("/history/").content.decode()
    answer = browser_of(ada).post(page(bought), SEVEN, headers=JSON)
    assert (answer.status_code, "older than 0 days" in answer.json()["error"]) == (409, True)
    assert (refunds(site, bought), site.credits(ada)) == ([], 7)


def test_when_stripe_refuses_the_credits_come_back(site: LoopbackSite, ada: Member, bought: str) -> None:
    site.refuse("POST", "^/v1/refunds", "unheard-of", times=1)
    browser = browser_of(ada)
    browser.post(page(bought), SEVEN)
    assert "you have your credits again" in browser.get("/history/").content.decode()
    assert (refunds(site, bought), site.credits(ada), confirmations()) == ([], 7, [])
    assert [line[:2] for line in site.ledger(ada)[-2:]] == [("refund", -7), ("refund", 7)]
    call_command("reconcile_credits", "--all", verbosity=0)
    assert (refunds(site, bought), site.credits(ada)) == ([], 7)


def test_what_was_begun_is_finished_by_whoever_looks(site: LoopbackSite, ada: Member, bought: str) -> None:
    site.refuse("POST", "^/v1/refunds", "rate_limit")
    answer = browser_of(ada).post(page(bought), SEVEN, headers=JSON)
    assert (answer.status_code, answer.json()["retry"]) == (503, True)
    assert (refunds(site, bought), site.credits(ada)) == ([], 0)
    assert Attention.objects.get(closed_at=None).checkout_id == bought
    assert confirmations() == []
    site.let()
    call_command("reconcile_credits", "--since", "1h", verbosity=0)
    assert (refunds(site, bought), site.credits(ada)) == ([350], 0)
    (told,) = confirmations()
    assert ("$3.50" in str(told.body), "7 credits" in str(told.body)) == (True, True)
    assert not Attention.objects.filter(closed_at=None).exists()


def test_a_refund_that_fails_later_gives_the_credits_back(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    browser_of(ada).post(page(bought), SEVEN)
    refund_id = site.newest("refunds", site.payment_of(bought))
    site.post(f"/dashboard/refunds/{refund_id}/fail")
    site.deliver_all()
    assert site.credits(ada) == 7
