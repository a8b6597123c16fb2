"""A mail from its one template: the subject, plain text, and HTML in the look of the site.

A template extends `layout`, has the blocks `subject` and `body`, and says with the tags of `templatetags/mails.py`
what stands out. Links are made from `SITE_URL` alone: whoever asks for a page does not decide where mails lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from credits_site.breakers import MAIL

REFUSED_FOR_GOOD: Final = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """The words of a mail."""

    subject: str
    text: str
    html: str


def mail_of(template: str, context: Mapping[str, Any], *, language: str) -> Mail:
    """Make a mail of `template` in that language."""
    with translation.override(language):
        subject, text, html = (
            render_to_string(template, {**context, "layout": f"mails/{layout}", "language": language})
            for layout in ("subject.txt", "text.txt", "page.html")
        )
    return Mail(subject.strip(), text, html)


def send_now(mail: Mail, *, to: str) -> None:
    """Send a mail that is of no use later. Raises `OSError`, which every error of SMTP and sockets is."""
    message = EmailMultiAlternatives(subject=mail.subject, body=mail.text, to=[to])
    message.attach_alternative(mail.html, "text/html")
    if not MAIL.lets_through():
        raise ConnectionError("the mail server does not answer, and is asked only now and then")
    try:
        message.send()
    except OSError as exc:
        (MAIL.answered if refusal(exc) else MAIL.failed)()
        raise
    MAIL.answered()


def refusal(exc: Exception) -> int:
    """The mail server's number for why it does not take a mail: 4xx for now, 5xx for good. 0 if it has said none."""
    match exc:
        case SMTPRecipientsRefused():
            ((code, _),) = exc.recipients.values()
            return code
        case SMTPResponseException():
            return exc.smtp_code
        case _:
            return 0


def is_for_good(exc: Exception) -> bool:
    """Whether trying again cannot help."""
    return refusal(exc) >= REFUSED_FOR_GOOD


def link_to(page: str, *args: object) -> str:
    """The address of a page of the site for a mail; empty while `SITE_URL` is."""
    return settings.SITE_URL + reverse(page, args=args) if settings.SITE_URL else ""
