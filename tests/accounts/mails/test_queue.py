"""Mails that wait, and how they are sent: once, whoever asks for them and whoever sends them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string, policy
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone
from django.utils.functional import lazy
from post_office.models import STATUS, Email

from accounts.account.deleting import delete_account
from accounts.live_checks import check_mails_leave
from accounts.mails import wishes
from accounts.mails.queue import KEPT_FOR, send_once, waiting
from accounts.mails.sending import MOST_TRIES, send_waiting
from accounts.models import MailKey, MailWishes
from instant_admin.client.steps import update
from sandbox.serving import Request, Response
from tests.drivers.site import LoopbackSite
from tests.drivers.smtp import MailServer, mail_server

pytestmark = pytest.mark.django_db
KEY = "mail:low:somebody:7"
ADA = "ada@example.com"


@pytest.fixture
def ada(site: LoopbackSite) -> UUID:
    """A member's id."""
    return site.member(ADA).id


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """The mail server of the site."""
    with mail_server() as server:
        for name, value in server.settings.items():
            setattr(settings, name, value)
        yield server


def low(member_id: UUID, key: str = KEY, **options: Any) -> None:
    send_once(key, member_id=member_id, template="billing/low_mail.txt", **options)


def may_try_again() -> None:
    Email.objects.update(scheduled_time=None)


# Once


def test_a_mail_goes_to_the_address_that_the_member_has_when_it_is_sent(site: LoopbackSite) -> None:
    member_id, _ = site.instant.member("before@example.com")
    low(member_id, context={"balance": "3 credits"})
    assert (mail.outbox, "example.com" in str(Email.objects.values())) == ([], False)
    site.admin.transact([update("$users", member_id, {"email": ADA})])
    assert send_waiting() == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([ADA], "You have 3 credits left")
    assert not Email.objects.exists()


def test_the_same_key_is_the_same_mail_also_after_it_is_sent(ada: UUID) -> None:
    for _ in range(2):
        low(ada)
        low(ada, key="another")
        send_waiting()
    assert len(mail.outbox) == 2


def test_of_two_that_see_the_same_thing_at_once_one_has_it_sent(ada: UUID) -> None:
    def meanwhile() -> str:
        """Another process looked for the key when this one did, and is faster."""
        low(ada)
        return "3 credits"

    low(ada, context={"balance": lazy(meanwhile, str)()})
    assert Email.objects.count() == 1


def test_of_two_that_send_at_once_each_mail_is_sent_by_one(site: LoopbackSite, ada: UUID) -> None:
    def meanwhile(request: Request, answer: Response) -> Response:
        """Another process sends, while this one is told the address."""
        send_waiting()
        return answer

    low(ada)
    low(ada, key="another")
    site.tamper = meanwhile
    send_waiting()
    assert len(mail.outbox) == 2
    assert not Email.objects.exists()


def test_what_another_process_has_just_tried_is_not_tried_again_at_once(
    site: LoopbackSite, ada: UUID, server: MailServer
) -> None:
    def meanwhile(request: Request, answer: Response) -> Response:
        """Another process tries the rest, which this one has read already."""
        send_waiting()
        return answer

    server.refuses = {"DATA": "451 later"}
    low(ada)
    low(ada, key="another")
    Email.objects.update(status=STATUS.requeued, number_of_retries=1)
    site.tamper = meanwhile
    send_waiting()
    assert (server.asked["DATA"], waiting().count) == (2, 2)


# What keeps a mail from being sent


def test_a_mail_server_that_is_away_is_asked_again(
    site: LoopbackSite, ada: UUID, server: MailServer, settings: Any
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9
    low(ada)
    assert (send_waiting(), waiting().count) == (0, 1)
    settings.EMAIL_PORT = port
    assert (send_waiting(), waiting().count) == (1, 0)
    (sent,) = server.taken
    message = message_from_string(sent, policy=policy.default)
    assert (message["To"], [part.get_content_type() for part in message.walk()]) == (
        ADA,
        ["multipart/alternative", "text/plain", "text/html"],
    )


def test_a_mail_server_that_never_answers_keeps_the_mail_waiting(ada: UUID, server: MailServer) -> None:
    server.is_silent = True
    low(ada)
    assert (send_waiting(), waiting().count) == (0, 1)


def test_what_the_server_has_against_one_mail_keeps_no_other_back(
    site: LoopbackSite, ada: UUID, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = {"RCPT": "450 not now"}
    low(ada)
    low(ada, key="another")
    send_waiting()
    assert Email.objects.filter(number_of_retries=1, scheduled_time__gt=timezone.now()).count() == 2
    assert (server.taken, ADA in caplog.text) == ([], False)
    server.refuses = {}
    assert send_waiting() == 0  # not yet
    may_try_again()
    assert send_waiting() == 2


def test_an_address_that_is_none_keeps_no_other_mail_back_and_is_in_no_line_of_the_log(
    site: LoopbackSite, ada: UUID, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    edited, _ = site.instant.member("grace@example.com")
    site.admin.transact([update("$users", edited, {"email": "grace@hopper@example.com"})])
    low(edited)
    low(ada, key="another")
    assert (send_waiting(), waiting().count) == (1, 1)
    assert "cannot be sent (ValueError 0)" in caplog.text
    assert "hopper" not in caplog.text


def test_what_the_server_never_takes_is_given_up_at_once(ada: UUID, server: MailServer) -> None:
    server.refuses = {"RCPT": "550 nobody here"}
    low(ada)
    send_waiting()
    assert (waiting().count, waiting().given_up) == (0, 1)


def test_a_server_that_leaves_is_asked_for_no_other_mail(ada: UUID, server: MailServer) -> None:
    server.refuses = {"RCPT": "421 closing"}
    low(ada)
    low(ada, key="another")
    send_waiting()
    assert (server.asked["RCPT"], waiting().count) == (1, 2)
    assert Email.objects.filter(number_of_retries=None).count() == 1


def test_while_instant_is_away_nobody_knows_the_address(site: LoopbackSite, ada: UUID) -> None:
    low(ada)
    site.instant_is_away = True
    assert (send_waiting(), waiting().count) == (0, 1)
    site.instant_is_away = False
    may_try_again()
    assert send_waiting() == 1


def test_what_was_tried_too_often_is_given_up_and_sent_when_somebody_says_so(
    ada: UUID, server: MailServer
) -> None:
    server.refuses = {"DATA": "451 later"}
    low(ada)
    for _ in range(MOST_TRIES + 1):
        send_waiting()
        may_try_again()
    assert (waiting().count, waiting().given_up, waiting().is_trouble) == (0, 1, True)
    server.refuses = {}
    said = io.StringIO()
    call_command("send_mails", stdout=said)
    call_command("send_mails", "--again", stdout=said)
    call_command("send_mails", stdout=said)
    assert said.getvalue() == "0 sent, 0 waiting, 1 given up.\n1 sent, 0 waiting, 0 given up.\n"


def test_doctor_says_how_many_wait_and_since_when(ada: UUID) -> None:
    (message,) = check_mails_leave(None)
    assert message.msg == "0 waiting, 0 given up"
    low(ada)
    (message,) = check_mails_leave(None)
    assert not message.is_serious()
    assert message.hint is None
    Email.objects.update(created=F("created") - timedelta(minutes=16))
    (message,) = check_mails_leave(None)
    assert message.id == "accounts.W101"
    assert message.msg.startswith("1 waiting since 2")
    assert "send_mails" in str(message.hint)


# Wishes


def test_who_does_not_want_it_gets_none_also_not_later(ada: UUID) -> None:
    wishes.unsubscribe(ada, "low_balance")
    low(ada, optional="low_balance")
    wishes.want(ada, ["low_balance"])
    low(ada, optional="low_balance")
    assert not Email.objects.exists()
    low(ada, key="the next crossing", optional="low_balance")
    assert Email.objects.count() == 1


def test_a_mail_that_one_may_do_without_says_how_to_stop_it(ada: UUID, settings: Any) -> None:
    settings.SITE_URL = "https://credits.example"
    low(ada, optional="low_balance")
    send_waiting()
    (sent,) = mail.outbox
    link = f"https://credits.example/mails/unsubscribe/{wishes.token_for(ada, 'low_balance')}/"
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    head = link.partition("/unsubscribe/")[0]
    assert sent.extra_headers["List-Unsubscribe"].startswith(f"<{head}/unsubscribe/")
    assert f"{head}/unsubscribe/" in str(sent.body)


def test_a_mail_speaks_the_language_in_which_the_member_was_here_last(ada: UUID) -> None:
    MailWishes.objects.create(pk=ada, language="de")
    low(ada)
    assert '<html lang="de">' in Email.objects.get().html_message


# What is left of somebody


def test_who_leaves_gets_the_last_mail_and_what_waited_goes(site: LoopbackSite, ada: UUID) -> None:
    low(ada)
    wishes.want(ada, [])
    for _ in range(2):
        delete_account(ada, email=ADA)
    assert [waits.to for waits in Email.objects.all()] == [[ADA]]
    send_waiting()
    assert [sent.subject for sent in mail.outbox] == ["Your account is deleted"]
    assert (Email.objects.count(), MailWishes.objects.count()) == (0, 0)


def test_what_comes_up_after_somebody_left_goes_to_nobody(site: LoopbackSite) -> None:
    low(uuid4())
    assert (send_waiting(), mail.outbox, Email.objects.count()) == (0, [], 0)


def test_old_keys_and_mails_are_cleared(ada: UUID) -> None:
    low(ada)
    low(ada, key="old")
    old = timezone.now() - KEPT_FOR - timedelta(days=1)
    MailKey.objects.filter(pk="old").update(made_at=old)
    Email.objects.filter(pk=Email.objects.latest("pk").pk).update(created=old, status=STATUS.failed)
    call_command("clear_expired")
    assert ([key.pk for key in MailKey.objects.all()], Email.objects.count()) == ([KEY], 1)
