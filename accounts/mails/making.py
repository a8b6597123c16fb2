"""A mail from its one template: the subject, plain text, and HTML in the look of the site.

A template extends `layout`, has the blocks `subject` and `body`, and says with the tags of `templatetags/mails.py`
what stands out. Links are made from `SITE_URL` alone: whoever asks for a page does not decide where mails lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation


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
    message.send()


def link_to(page: str, *args: object) -> str:
    """The address of a page of the site for a mail; empty while `SITE_URL` is."""
    return settings.SITE_URL + reverse(page, args=args) if settings.SITE_URL else ""
