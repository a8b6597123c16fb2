"""A member's new email: proved by a code that went there, told to the address before."""

from __future__ import annotations

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop

from accounts.codes import CodeRefused, UnusableEmail, member_of, sign_out_everywhere
from accounts.mails.queue import send_once
from accounts.members import Member
from instant_admin.client.errors import InstantRejected, NotUnique
from instant_admin.client.steps import update
from instant_admin.configured import instant


class EmailTaken(CodeRefused):
    """Another member has this address."""

    message = gettext_noop("Another account has this address. Sign in with it, or use a different one.")


def change_email(member: Member, email: str) -> Member:
    """Have `member` sign in with `email`, which is canonical, from now on; the member as they are signed in anew.

    Everywhere else they are signed out. Safe to call again with the same email. Stripe's customer follows at the next
    checkout. Raises `EmailTaken` and `UnusableEmail`.
    """
    try:
        found = instant().find_user(email=email)
    except InstantRejected as exc:
        if exc.refusal.type == "param-malformed":
            raise UnusableEmail("Instant does not take it") from exc
        raise
    if found is not None and found["id"] != str(member.id):
        raise EmailTaken("another member has it")
    try:
        instant().transact([update("$users", member.id, {"email": email}, upsert=False)])
    except NotUnique as exc:
        raise EmailTaken("another member has just got it") from exc
    # Each change ends with another token, so the same one again is the same change.
    change = salted_hmac("accounts.changing_email", member.refresh_token, algorithm="sha256").hexdigest()
    send_once(
        f"mail:email:{member.id}:{change}",
        member_id=member.id,
        email=member.email,
        template="accounts/email_changed_mail.txt",
    )
    sign_out_everywhere(member.id)
    return member_of(email)
