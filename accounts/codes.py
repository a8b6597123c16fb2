"""Signing in by a code in a mail. Instant makes the code and checks it; Django's mail backend sends it."""

from __future__ import annotations

import hashlib
import logging
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.members import Member
from instant_admin.client.errors import InstantBusy, InstantError, InstantRejected
from instant_admin.configured import instant

logger = logging.getLogger(__name__)

# Instant limits how often a code may be tried but not how many may be asked for, and every one is a mail.
# How many are allowed in this time is a setting.
LIMIT_WINDOW_S: Final = 15 * 60


class SignInError(Exception):
    """Base of what can keep someone from signing in."""


class TooManyCodes(SignInError):
    """This email, or this network address, asked for too many codes. `retry_after_s` is in seconds."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(f"too many codes; again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class MailFailed(SignInError):
    """The mail could not be sent."""


class WrongCode(SignInError):
    """The code is wrong, was used already, or was sent to another email."""


class ExpiredCode(SignInError):
    """The code was right, but is too old."""


class TooManyTries(SignInError):
    """Codes were tried too often for this email; Instant allows 20 tries an hour."""


def send_code(email: str, *, client_ip: str) -> None:
    """Mail a new six-digit code to `email`. Raises `TooManyCodes` and `MailFailed`."""
    _count(f"email:{email.lower()}", limit=settings.SIGN_IN_CODES_PER_EMAIL)
    _count(f"address:{client_ip}", limit=settings.SIGN_IN_CODES_PER_ADDRESS)
    code = instant().magic_code(email)
    try:
        send_mail(
            subject=f"{code} is your sign-in code",
            message=render_to_string("accounts/code_mail.txt", {"code": code}),
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


def _count(who: str, *, limit: int) -> None:
    """Count one code for `who`; raises `TooManyCodes` over the limit."""
    key = "codes:" + hashlib.sha256(who.encode()).hexdigest()
    cache.add(key, 0, timeout=LIMIT_WINDOW_S)
    try:
        count = cache.incr(key)
    except ValueError:  # it expired between the two lines
        return
    if count > limit:
        raise TooManyCodes(retry_after_s=LIMIT_WINDOW_S)
