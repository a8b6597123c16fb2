"""Signing in by a code in a mail. Instant makes the code and checks it; Django's mail backend sends it."""

from __future__ import annotations

import logging
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts import limits
from accounts.members import Member
from instant_admin.client.errors import InstantBusy, InstantError, InstantRejected
from instant_admin.configured import instant

logger = logging.getLogger(__name__)


class SignInError(Exception):
    """Base of what can keep someone from signing in."""


class UnusableEmail(SignInError):
    """Instant takes no such address for a member's, such as one without a dot after the @."""


class MailFailed(SignInError):
    """The mail could not be sent."""


class WrongCode(SignInError):
    """The code is wrong, was used already, or was sent to another email."""


class ExpiredCode(SignInError):
    """The code was right, but is too old."""


class TooManyTries(SignInError):
    """Codes were tried too often for this email; Instant allows 20 tries an hour."""


def send_code(email: str, *, client_ip: str, code_page: str) -> None:
    """Mail a new six-digit code to `email`, with the address of the page to enter it on.

    Raises `TooOften`, `UnusableEmail` and `MailFailed`.
    """
    # Instant limits how often a code may be tried but not how many may be asked for, and every one is a mail.
    limits.count(f"codes for email:{email.lower()}", limit=settings.SIGN_IN_CODES_PER_EMAIL)
    limits.count(f"codes for address:{client_ip}", limit=settings.SIGN_IN_CODES_PER_ADDRESS)
    try:
        code = instant().magic_code(email)
    except InstantRejected as exc:
        if exc.refusal.type == "param-malformed":
            raise UnusableEmail("Instant does not take it") from exc
        raise
    try:
        send_mail(
            subject=f"{code} is your sign-in code",
            message=render_to_string("accounts/code_mail.txt", {"code": code, "code_page": code_page}),
            from_email=None,
            recipient_list=[email],
        )
    except OSError as exc:  # every SMTP and socket error is one
        logger.error("A sign-in mail could not be sent (%s)", type(exc).__name__)
        raise MailFailed("the mail could not be sent") from exc


def check_code(email: str, code: str) -> Member:
    """Trade a code for the member it signs in, new or known.

    Raises `WrongCode`, `ExpiredCode` and `TooManyTries`.
    """
    try:
        user = instant().verify_magic_code(email, code)["user"]
    except InstantBusy as exc:
        raise TooManyTries("too many tries") from exc
    except InstantRejected as exc:
        if exc.refusal.type == "record-expired":
            raise ExpiredCode("the code is too old") from exc
        if exc.refusal.record_type == "app-user-magic-code" or exc.refusal.type == "param-malformed":
            raise WrongCode("the code is wrong") from exc
        raise
    return Member(id=UUID(user["id"]), email=user.get("email") or email, refresh_token=user["refresh_token"])


def sign_out(member: Member) -> None:
    """Revoke the member's refresh token. An Instant that cannot be reached keeps nobody signed in here."""
    try:
        instant().sign_out(member.refresh_token)
    except InstantError as exc:
        logger.warning("A refresh token could not be revoked: %s", exc)
