"""Sending what waits. Any number of processes may do it at once, on any machine: each mail is taken by one."""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.mail import get_connection
from django.dispatch import receiver
from django.utils import timezone
from post_office.mail import get_queued
from post_office.models import STATUS, Email

from accounts.mails.courier import courier
from accounts.mails.making import is_for_good, refusal
from accounts.mails.queue import recipient_of
from accounts.members import email_of
from credits_site.signals import site_starts
from instant_admin.client.errors import InstantError

logger = logging.getLogger(__name__)

# A mail that was tried so often, over more than a day, is given up.
MOST_TRIES: Final = 30
_PAUSE: Final = timedelta(minutes=5)
_LONGEST_PAUSE: Final = timedelta(hours=1)
# What the mail server, or Django, has against this one mail. Everything else is about all of them.
_ABOUT_ONE: Final = (SMTPDataError, SMTPRecipientsRefused, ValueError)
# With this number it ends the conversation, whatever it was about.
_SERVER_LEAVES: Final = 421


def send_waiting() -> int:
    """Send what waits; how many were sent. While the mail server or Instant is away, the rest goes on waiting."""
    sent = 0
    try:
        while get_queued().exists():
            with get_connection() as connection:
                for mail in get_queued():
                    sent += _send(mail, connection)
    except (OSError, InstantError) as exc:
        logger.warning("Mails wait: they cannot be sent (%s)", type(exc).__name__)
    return sent


@receiver(site_starts)
def _start(**kwargs: Any) -> None:
    if settings.MAILS_AT_ONCE:
        courier.start(send_waiting)


def try_again() -> None:
    """Have what was given up sent after all."""
    given_up = Email.objects.filter(status=STATUS.failed)
    given_up.update(status=STATUS.queued, number_of_retries=None, scheduled_time=None)


def _send(mail: Email, connection: Any) -> bool:
    if not _take(mail):
        return False
    to = recipient_of(mail)
    email = email_of(to) if isinstance(to, UUID) else to
    if email is not None:
        mail.to = [email]
        try:
            connection.send_messages([mail.email_message()])
        except _ABOUT_ONE as exc:
            if refusal(exc) == _SERVER_LEAVES:
                raise
            # Not its words: they have the address.
            logger.error("Mail %s cannot be sent (%s %d)", mail.pk, type(exc).__name__, refusal(exc))
            if isinstance(exc, SMTPRecipientsRefused) and is_for_good(exc):
                Email.objects.filter(pk=mail.pk).update(status=STATUS.failed)
            return False
    # Nobody needs it any more, and its words are somebody's own. Of who is gone since, no one gets it.
    Email.objects.filter(pk=mail.pk).delete()
    return email is not None


def _take(mail: Email) -> bool:
    """Whether this process is the one to try. The try is counted before it begins, and so is the pause after it.

    Whoever dies in the middle, or fails, leaves it to the next try.
    """
    tries = (mail.number_of_retries or 0) + 1
    as_seen = Email.objects.filter(pk=mail.pk, status=mail.status, number_of_retries=mail.number_of_retries)
    taken = as_seen.update(
        status=STATUS.failed if tries >= MOST_TRIES else STATUS.requeued,
        number_of_retries=tries,
        scheduled_time=timezone.now() + min(tries * _PAUSE, _LONGEST_PAUSE),
    )
    return bool(taken)
