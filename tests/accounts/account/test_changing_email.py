"""Changing the email of an account."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client

from accounts.mails.sending import send_waiting
from accounts.members import Member, recall
from accounts.models import Session, SignInCode
from instant_admin.client.steps import update
from tests.drivers.instant import LoopbackInstant
from tests.drivers.signed_in import JSON, browser_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OLD, NEW = "ada@example.com", "ada@lovelace.example"


@pytest.fixture
def ada(instant: LoopbackInstant) -> Member:
    """A member."""
    member_id, token = instant.member(OLD)
    return Member(id=member_id, email=OLD, refresh_token=token)


def asks(browser: Client, email: str = NEW) -> str:
    """Ask for the new email; the code that went there."""
    answer = browser.post("/account/email/", {"email": email})
    assert (answer.status_code, answer["Location"]) == (303, "/account/email/code/")
    message = mail.outbox[-1]
    assert (message.to, "to change your email" in message.subject) == ([email.lower()], True)
    return str(message.subject)[:6]


def emails(instant: LoopbackInstant) -> dict[str, str]:
    return {row["email"]: row["id"] for row in instant.admin.query({"$users": {}})["$users"]}


def test_a_code_to_the_new_address_changes_it_and_the_old_one_is_told(
    instant: LoopbackInstant, ada: Member
) -> None:
    browser, other = browser_of(ada), browser_of(ada)
    code = asks(browser, "Ada@Lovelace.example")
    page = browser.get(f"/account/email/code/?code={code}").content.decode()
    assert (NEW in page, f'value="{code}"' in page, emails(instant)) == (True, True, {OLD: str(ada.id)})
    answer = browser.post("/account/email/code/", {"code": code})
    assert (answer.status_code, answer["Location"]) == (303, "/account/")
    assert emails(instant) == {NEW: str(ada.id)}
    send_waiting()
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == ([OLD], "Your email was changed")
    page = browser.get("/account/").content.decode()
    assert ("Your email is changed" in page, NEW in page, OLD in page) == (True, True, False)
    # Signed out elsewhere, and what opened the account before opens it no more.
    assert other.get("/account/").status_code == 303
    (session,) = Session.objects.exclude(member_id=None)
    member = recall(browser.session)
    assert member is not None
    assert (member.id, session.member_id) == (ada.id, ada.id)
    assert instant.admin.as_member(member.refresh_token).query({"$users": {}})["$users"][0]["email"] == NEW
    assert member.refresh_token != ada.refresh_token
    assert SignInCode.objects.count() == 0
    # The next sign-in is by the new one, and the old one is free.
    assert instant.member(NEW)[0] == ada.id
    assert instant.member(OLD)[0] != ada.id


def test_a_code_for_one_thing_is_none_for_another(instant: LoopbackInstant, ada: Member) -> None:
    browser = browser_of(ada)
    code = asks(browser)
    browser.post("/account/delete/")
    assert browser.post("/account/delete/code/", {"code": code}, headers=JSON).status_code == 422
    assert browser.post("/sign-in/code/", {"code": code}, headers=JSON).status_code == 422
    assert emails(instant) == {OLD: str(ada.id)}


def test_a_wrong_code_changes_nothing_and_its_page_says_so(instant: LoopbackInstant, ada: Member) -> None:
    browser = browser_of(ada)
    code = asks(browser)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    answer = browser.post("/account/email/code/", {"code": wrong})
    assert (answer.status_code, answer["Location"]) == (303, "/account/email/code/")
    assert "That code is wrong" in browser.get("/account/email/code/").content.decode()
    assert emails(instant) == {OLD: str(ada.id)}
    assert browser.post("/account/email/code/", {"code": code}, headers=JSON).json() == {"email": NEW}


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_another_member_has_cannot_be_taken(instant: LoopbackInstant, ada: Member, when: str) -> None:
    if when == "before":
        instant.member(NEW)
    browser = browser_of(ada)
    code = asks(browser)
    if when == "meanwhile":
        instant.member(NEW)
    answer = browser.post("/account/email/code/", {"code": code}, headers=JSON)
    assert (answer.status_code, "Another account has this address" in answer.json()["error"]) == (422, True)
    assert emails(instant)[OLD] == str(ada.id)
    assert browser.get("/account/").status_code == 200


def test_what_instant_cannot_sign_in_with_is_no_email(instant: LoopbackInstant, ada: Member) -> None:
    browser = browser_of(ada)
    code = asks(browser)
    # Instant's own rule for addresses is its business, and may be stricter than ours.
    SignInCode.objects.update(email="ada@localhost")
    answer = browser.post("/account/email/code/", {"code": code}, headers=JSON)
    assert (answer.status_code, "Use a different email" in answer.json()["error"]) == (422, True)
    assert emails(instant) == {OLD: str(ada.id)}


def test_an_outage_halfway_is_made_good_by_the_same_code(instant: LoopbackInstant, ada: Member) -> None:
    browser = browser_of(ada)
    code = asks(browser)
    # As if the answer to the change had been lost.
    instant.admin.transact([update("$users", ada.id, {"email": NEW})])
    assert browser.post("/account/email/code/", {"code": code}, headers=JSON).status_code == 200
    send_waiting()
    assert (mail.outbox[-1].to, emails(instant)) == ([OLD], {NEW: str(ada.id)})


@pytest.mark.parametrize(
    ("email", "said"), [("ADA@example.com", "your email already"), ("x", "look like"), ("", "Enter your")]
)
def test_what_is_no_new_email_is_said_on_its_page(ada: Member, email: str, said: str) -> None:
    browser = browser_of(ada)
    answer = browser.post("/account/email/", {"email": email})
    assert (answer.status_code, answer["Location"]) == (303, "/account/email/")
    assert said in browser.get("/account/email/").content.decode()
    assert mail.outbox == []


@pytest.mark.parametrize("page", ["email", "delete"])
def test_a_page_for_a_code_that_nobody_asked_for_leads_back(ada: Member, page: str) -> None:
    browser = browser_of(ada)
    assert browser.get(f"/account/{page}/code/")["Location"] == f"/account/{page}/"
    assert browser.post(f"/account/{page}/code/", headers=JSON).status_code == 422
