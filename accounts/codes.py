"""Codes in a mail, for signing in and for what needs more than that. Only the browser that asked can use one.

So a stranger who asks for codes, or guesses them, for somebody's email hurts nobody's code but their own. Instant
only says who the member of an email is, after a right code.
"""

from __future__ import annotations

import logging
import math
import secrets
from datetime import timedelta
from enum import StrEnum
from smtplib import SMTPRecipientsRefused
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import get_language, gettext_noop

from accounts import limits
from accounts.emails import mailbox_of
from accounts.mails.making import is_for_good, mail_of, refusal, send_now
from accounts.members import Member
from accounts.models import SignInCode
from accounts.sessions import end_sessions_of
from credits_site.addresses import network_of
from credits_site.outages import ServiceOutage
from instant_admin.client.errors import PASSING, InstantError, InstantRejected
from instant_admin.client.times import epoch_ms
from instant_admin.client.types import SignedIn
from instant_admin.configured import instant

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(minutes=10)


class Purpose(StrEnum):
    """What a code is for."""

    SIGN_IN = "SIGN_IN"
    CHANGE_EMAIL = "CHANGE_EMAIL"
    DELETE_ACCOUNT = "DELETE_ACCOUNT"


class MailFailed(Exception):
    """The mail could not be sent. `is_final` says that trying again cannot help."""

    def __init__(self, *, is_final: bool) -> None:
        super().__init__("the mail could not be sent")
        self.is_final = is_final


class MailboxRefused(Exception):
    """The mail server takes no mail to this address."""


class CodeRefused(Exception):
    """Base of why a code signs nobody in.

    `message`, marked with `gettext_noop`, is for a person; `retry_after_s` is set where waiting helps.
    """

    message: str
    retry_after_s: int | None = None


class WrongCode(CodeRefused):
    """It is not the newest code that this browser asked for."""

    message = gettext_noop("That code is wrong. Check the newest mail from us.")


class ExpiredCode(CodeRefused):
    """The browser's newest code is too old, or was used."""

    message = gettext_noop("That code has expired or was used. Send a new one below.")


class TriedTooOften(CodeRefused):
    """The browser's newest code was tried as often as it may be."""

    message = gettext_noop("That code was tried too often. Send a new one below.")

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__("tried too often")
        self.retry_after_s = retry_after_s


class SignInUnavailable(ServiceOutage):
    """Instant, which knows who the member is, does not answer. The code was right, and still is."""

    may_have_been_written = False
    told = gettext_noop("We cannot sign anybody in right now. Try again in a moment: your code still works.")


class UnusableEmail(CodeRefused):
    """Instant makes no member of this address."""

    message = gettext_noop("We cannot sign in with that address. Use a different email.")


def new_place() -> str:
    """A random id for a browser that begins to sign in; its session keeps it."""
    return secrets.token_hex(20)


def send_code(
    email: str,
    *,
    place: str,
    address: str,
    known_browser: str | None,
    code_page: str,
    purpose: Purpose = Purpose.SIGN_IN,
) -> None:
    """Mail a new six-digit code for `place` to a canonical `email`, with a link to the page to enter it on.

    `known_browser` is the id of a browser in which this email has signed in before: no stranger can use up what
    it may ask for. Raises `TooOften`, `MailFailed` and `MailboxRefused`.
    """
    _count(mailbox_of(email), network_of(address), known_browser)
    code = f"{secrets.randbelow(1_000_000):06}"
    newest = {
        "email": email,
        "code_hmac": _hmac(place, code),
        "tries": 0,
        "ends_at": timezone.now() + LIFETIME,
    }
    SignInCode.objects.update_or_create(place=place, defaults=newest)
    link = f"{code_page}?{urlencode({'code': code})}"
    words = {"code": code, "link": link, "purpose": purpose}
    language = get_language() or settings.LANGUAGE_CODE
    try:
        send_now(mail_of("accounts/code_mail.txt", words, language=language), to=email)
    except OSError as exc:  # every SMTP and socket error is one
        logger.error("A sign-in mail could not be sent (%s %d)", type(exc).__name__, refusal(exc))
        if isinstance(exc, SMTPRecipientsRefused) and is_for_good(exc):
            raise MailboxRefused("the mail server does not take it") from exc
        raise MailFailed(is_final=is_for_good(exc)) from exc


def _count(mailbox: str, network: str, known_browser: str | None) -> None:
    if known_browser is not None:
        limits.count("CODES_PER_KNOWN_BROWSER_PER_HOUR", of=known_browser)
        return
    # The address first: who is over its limit uses up nothing of anybody else's.
    limits.count("CODES_PER_ADDRESS_PER_HOUR", of=network)
    limits.count("CODES_PER_EMAIL_AND_ADDRESS_PER_HOUR", of=f"{mailbox} {network}")
    limits.count("CODES_PER_EMAIL_PER_DAY", of=mailbox)
    limits.count("CODES_PER_MINUTE")


def check_code(code: str, *, place: str) -> Member:
    """Trade the newest code of `place` for the member of the email it went to, made if new. It works once.

    Raises `CodeRefused` and `SignInUnavailable`.
    """
    newest = matching(code, place=place)
    member = member_of(newest.email)
    if not use_up(newest):
        sign_out(member)
        raise ExpiredCode("the code was used a moment ago")
    return member


def use_up(newest: SignInCode) -> bool:
    """Let a code be good for nothing more; False when it already was."""
    used, _ = SignInCode.objects.filter(place=newest.place, code_hmac=newest.code_hmac).delete()
    return used > 0


def matching(code: str, *, place: str) -> SignInCode:
    """The newest code of `place`, if it is this one. A try is counted. Raises `CodeRefused`."""
    asked_for = SignInCode.objects.filter(place=place)
    now = timezone.now()
    # The try is counted before it is looked at, in one statement: of many at once only so many are looked at.
    counted = asked_for.filter(tries__lt=settings.TRIES_PER_CODE, ends_at__gt=now).update(
        tries=F("tries") + 1
    )
    newest = asked_for.first()
    if newest is None or newest.ends_at <= now:
        raise ExpiredCode("the code is too old")
    if not counted:
        raise TriedTooOften(retry_after_s=math.ceil((newest.ends_at - now).total_seconds()))
    if not constant_time_compare(newest.code_hmac, _hmac(place, code)):
        raise WrongCode("the code is wrong")
    return newest


def _hmac(place: str, code: str) -> str:
    return salted_hmac("accounts.codes", f"{place} {code}", algorithm="sha256").hexdigest()


def member_of(email: str) -> Member:
    """The member of a canonical email, made if new, with a new refresh token.

    Raises `UnusableEmail` and `SignInUnavailable`.
    """
    try:
        user = _signed_in(email)["user"]
    except PASSING as exc:
        raise SignInUnavailable("Instant does not say who it is") from exc
    return Member(id=UUID(user["id"]), email=email, refresh_token=user["refresh_token"])


def _signed_in(email: str) -> SignedIn:
    new = {"joinedAt": epoch_ms(timezone.now())}
    try:
        return instant().create_token(email=email, extra=new)
    except InstantRejected as exc:
        if exc.refusal.type == "param-malformed":
            raise UnusableEmail("Instant does not take it") from exc
        if exc.refusal.type != "record-not-unique":
            raise
    # Of two first sign-ins at once, the other one has made the user.
    return instant().create_token(email=email, extra=new)


def sign_out(member: Member) -> None:
    """Revoke the member's refresh token. An Instant that cannot be reached keeps nobody signed in here."""
    try:
        instant().sign_out(member.refresh_token)
    except InstantError as exc:
        logger.warning("A refresh token could not be revoked: %s", exc)


def sign_out_everywhere(member_id: UUID) -> bool:
    """End every session of the member and revoke all their refresh tokens; False if Instant did not do its part."""
    end_sessions_of(member_id)
    try:
        instant().sign_out_user(member_id)
    except InstantError as exc:
        logger.warning("The refresh tokens of a member could not be revoked: %s", exc)
        return False
    return True
