"""What a member can take along, and what is left when they have gone."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.account.deleting import delete_account
from accounts.mails.sending import send_waiting
from accounts.members import Member, forget
from billing.audit.run import Audit
from billing.checkout import buyer_of
from billing.reconciliation import reconcile
from billing.stripe_api import checkouts
from instant_admin.ledger.forgetting import PAGE_SIZE, forget_person
from instant_admin.ledger.movements import Reset
from sandbox.serving import Request, Response
from tests.drivers.database import site_database
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db
TOPIC, REASON, STAFF = "the pond behind my house", "An apology to Ada", "grace.hopper"


@pytest.fixture
def browser(site: LoopbackSite, ada: Member, bought: str, admin_client: Client) -> Client:
    """Ada, who has bought and written, and was given credits by staff."""
    browser = browser_of(ada)
    write(browser)
    form = {"credits": "7", "reason": REASON, "request_id": str(uuid4()), "confirm": "1", "balance": "9"}
    page = f"/admin/billing/member/{ada.id}"
    assert admin_client.post(f"{page}/reset/", form).status_code == 303
    assert REASON in admin_client.get(f"{page}/change/").content.decode()
    User.objects.update(username=STAFF)
    return browser


def write(browser: Client) -> None:
    form = {"topic": TOPIC, "request_id": str(uuid4())}
    assert browser.post("/api/generate", form, headers=JSON).status_code == 201


def leave(browser: Client, member: Member) -> None:
    """Delete the account, as its owner does."""
    assert browser.post("/account/delete/")["Location"] == "/account/delete/code/"
    message = mail.outbox[-1]
    assert (message.to, message.subject[6:]) == ([member.email], " is your code to delete your account")
    page = browser.get("/account/delete/code/").content.decode()
    assert "Delete my account" in page
    answer = browser.post("/account/delete/code/", {"code": message.subject[:6]})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    send_waiting()


def instant_database(site: LoopbackSite) -> str:
    with site.instant.standin.storage.reading() as database:
        return "\n".join(database.iterdump())


# The download


def test_all_that_is_known_of_a_member_can_be_downloaded(
    site: LoopbackSite, browser: Client, ada: Member, bought: str
) -> None:
    response = browser.get("/account/export.json")
    assert response["Content-Disposition"] == 'attachment; filename="account.json"'
    everything = json.loads(response.content)
    assert everything["account"] == {"id": str(ada.id), "email": ada.email}
    assert len(everything["sessions"]) == 1
    credits = everything["credits"]
    assert (credits["balance"], credits["stripeCustomer"]) == (7, site.customers()[0]["id"])
    assert [(entry["kind"], entry["note"]) for entry in credits["entries"]] == [
        ("reset", REASON),
        ("spend", TOPIC),
        ("purchase", ""),
    ]
    assert credits["entries"][-1]["reference"] == bought
    assert [haiku["topic"] for haiku in everything["bought"]["haikus"]] == [TOPIC]
    assert STAFF not in response.content.decode()


def test_a_download_has_nothing_of_anybody_else_and_is_limited(
    site: LoopbackSite, browser: Client, settings: Any
) -> None:
    settings.EXPORTS_PER_MEMBER_PER_HOUR = 1
    other = browser_of(site.member())
    found = other.get("/account/export.json").json()
    assert (found["credits"]["entries"], found["bought"]) == ([], {"haikus": []})
    assert other.get("/account/export.json").status_code == 429


# Deletion


def test_who_leaves_leaves_nothing_personal_and_a_clean_ledger(
    site: LoopbackSite, browser: Client, ada: Member, bought: str
) -> None:
    site.refund(bought, 100)
    site.deliver_all()
    # In other browsers: signed in, signed out by Instant with a draft, and about to sign in.
    session = browser_of(ada).session
    session["draft"] = TOPIC
    forget(session)
    session.save()
    browser_of(ada)
    Client().post("/sign-in/", {"email": ada.email})
    numbers = [(entry.key, entry.amount, entry.balance, entry.created_at) for entry in site.entries(ada)]
    words = (ada.email, TOPIC, REASON)
    assert [word for word in words if word not in instant_database(site) + site_database()] == []

    leave(browser, ada)

    known = {
        "the site": site_database(),
        "Instant": instant_database(site),
        "customers": str(site.customers()),
    }
    assert [(where, word) for word in words for where, text in known.items() if word in text] == []
    assert STAFF not in known["Instant"]
    assert TOPIC not in str([site.ask(f"/v1/{kind}") for kind in ("checkout/sessions", "invoices", "events")])
    assert site.customers() == []
    # Stripe keeps the receipt, and the ledger its numbers.
    assert len(site.ask("/v1/invoices")["data"]) == 1
    kept = site.store.entries([key for key, *_ in numbers])
    assert [
        (entry.key, entry.amount, entry.balance, entry.created_at)
        for entry in sorted(kept.values(), key=lambda entry: entry.seq)
    ] == numbers
    audit = Audit()
    assert list(audit.violations()) == []
    assert audit.counts["left by deleted members"] == len(numbers) + 1
    (closing,) = site.store.entries([f"closing:{ada.id}"]).values()
    assert (closing.kind, closing.seq, closing.balance) == ("closing", len(numbers) + 1, 0)
    assert list(reconcile(since=None, dry_run=False)) == []
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == ([ada.email], "Your account is deleted")
    page = browser.get("/").content.decode()
    assert "Your account is deleted" in page
    assert 'action="/sign-out/"' not in page


def test_whoever_comes_back_is_somebody_new(site: LoopbackSite, browser: Client, ada: Member) -> None:
    leave(browser, ada)
    again = site.member(ada.email)
    assert (again.id != ada.id, site.credits(again)) == (True, 0)


def test_a_wrong_code_deletes_nothing(site: LoopbackSite, browser: Client, ada: Member) -> None:
    before = instant_database(site)
    assert browser.get("/account/delete/").status_code == 200
    browser.post("/account/delete/")
    wrong = f"{(int(mail.outbox[-1].subject[:6]) + 1) % 1_000_000:06}"
    assert browser.post("/account/delete/code/", {"code": wrong}, headers=JSON).status_code == 422
    assert (instant_database(site), browser.get("/account/").status_code) == (before, 200)


def test_while_a_service_is_away_the_account_stays_and_the_same_code_deletes_it_later(
    site: LoopbackSite, browser: Client, ada: Member
) -> None:
    browser.post("/account/delete/")
    code = {"code": mail.outbox[-1].subject[:6]}
    site.stripe_is_away = True
    assert browser.post("/account/delete/code/", code, headers=JSON).status_code == 503
    site.stripe_is_away = False
    deletions = iter([True])

    def lost(request: Request, answer: Response) -> Response:
        """The first answer to a deletion in Instant is lost."""
        is_it = request.method == "DELETE" and request.path == "/admin/users" and next(deletions, False)
        return Response(502) if is_it else answer

    site.tamper = lost
    first = browser.post("/account/delete/code/", code, headers=JSON)
    assert first.status_code in (200, 503)
    if first.status_code == 503:
        assert browser.post("/account/delete/code/", code, headers=JSON).json() == {"deleted": True}
    send_waiting()
    assert ada.email not in site_database() + instant_database(site)
    assert list(Audit().violations()) == []


def test_what_is_written_while_somebody_leaves_goes_with_them(
    site: LoopbackSite, browser: Client, ada: Member
) -> None:
    written = iter([True])

    def meanwhile(request: Request, answer: Response) -> Response:
        """Another tab writes after the ledger was emptied, and before the account is gone."""
        is_last_look = f"{ada.id}:{PAGE_SIZE + 1}".encode() in request.body
        if is_last_look and next(written, False):
            site.store.post(ada.id, Reset(key="reset:late", credits=3, note=TOPIC, actor=STAFF))
        return answer

    site.tamper = meanwhile
    delete_account(ada.id, email=ada.email)
    assert next(written, None) is None
    assert [word for word in (TOPIC, STAFF, ada.email) if word in instant_database(site)] == []


def test_the_customer_of_every_currency_goes(site: LoopbackSite, browser: Client, ada: Member) -> None:
    first = buyer_of(site.admin, ada.id).customer_id
    assert first is not None
    second = checkouts.create_customer(member_id=ada.id, app="x", idempotency_key="second")
    checkouts.note_other_customer(first, "eur", second)
    delete_account(ada.id, email=ada.email)
    assert site.customers() == []
    assert checkouts.find_customer(second) is None


def test_a_long_ledger_is_emptied_to_its_end_and_only_where_there_are_words(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.spend(ada, 2)
    site.store.post(ada.id, Reset(key="reset:1", credits=PAGE_SIZE, note="", actor=""))
    site.spend(ada, PAGE_SIZE)
    before = site.entries(ada)
    forget_person(site.admin, ada.id)
    after = site.entries(ada)
    assert {(entry.note, entry.actor) for entry in after} == {("", "")}
    fields = ("id", "key", "seq", "kind", "amount", "balance", "ref", "product", "created_at")
    assert [[getattr(entry, name) for name in fields] for entry in after] == [
        [getattr(entry, name) for name in fields] for entry in before
    ]
    asked = site.asked_instant
    forget_person(site.admin, ada.id)  # nothing is left to change: it only reads
    assert site.asked_instant == asked + 3


def test_what_is_paid_after_somebody_left_needs_review(
    site: LoopbackSite, browser: Client, ada: Member
) -> None:
    checkout_id = site.buy(ada)
    leave(browser, ada)
    (finding,) = reconcile(since=None, dry_run=False)
    assert (finding.checkout_id, finding.needs_review) == (checkout_id, True)


# The email at Stripe


def test_a_changed_email_is_told_to_stripe_at_the_next_checkout(
    site: LoopbackSite, browser: Client, ada: Member
) -> None:
    browser.post("/account/email/", {"email": "ada@lovelace.example"})
    answer = browser.post("/account/email/code/", {"code": mail.outbox[-1].subject[:6]}, headers=JSON)
    assert answer.json() == {"email": "ada@lovelace.example"}
    assert site.customers()[0]["email"] == ada.email
    form = {"pack": "", "request_id": str(uuid4())}
    started = browser.post("/api/stripe/checkout", form, headers=JSON)
    assert started.status_code == 200
    assert site.customers()[0]["email"] == "ada@lovelace.example"


# What was deleted in another way


def test_an_account_that_was_deleted_in_instant_is_found_by_the_audit_and_finished_by_the_command(
    site: LoopbackSite, browser: Client, ada: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    site.admin.delete_user(user_id=ada.id)
    found = {(violation.member, violation.text) for violation in Audit().violations()}
    text = f"is left by a deleted member with their words in it: run `manage.py delete_account {ada.id}`"
    assert found == {(str(ada.id), text)}
    site.instant_is_away = True
    with pytest.raises(CommandError, match="run this again"):
        call_command("delete_account", str(ada.id), no_input=True)
    site.instant_is_away = False
    call_command("delete_account", str(ada.id), no_input=True)
    assert capsys.readouterr().out == f"Deleted: {ada.id}\n"
    assert list(Audit().violations()) == []
    assert TOPIC not in instant_database(site)


def test_the_command_deletes_whom_it_names_and_asks_before(
    site: LoopbackSite, browser: Client, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\nyes\n"))
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("delete_account", ada.email)
    assert browser.get("/account/").status_code == 200
    call_command("delete_account", ada.email)
    send_waiting()
    assert [word for word in (ada.email, TOPIC) if word in instant_database(site) + site_database()] == []
    with pytest.raises(CommandError, match="There is no member"):
        call_command("delete_account", ada.email)
