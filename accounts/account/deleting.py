"""Deleting an account: at once, and whole."""

from __future__ import annotations

from uuid import UUID

from accounts.account.personal_data import holdings
from accounts.mails.queue import send_once
from accounts.models import SignInCode
from accounts.sessions import end_sessions_about
from accounts.signals import member_deleted
from instant_admin.configured import balance_store, instant


def delete_account(member_id: UUID, *, email: str) -> None:
    """Delete what the site has of a member, and tell them. Safe to call again, also once the account is gone.

    What is left is the ledger without a name. `email` is empty where nobody knows it any more.
    """
    empty_account(member_id)
    if email:
        # Before their language is forgotten.
        send_once(
            f"mail:deleted:{member_id}",
            member_id=member_id,
            email=email,
            template="accounts/account_deleted_mail.txt",
        )
    member_deleted.send(sender=None, member_id=member_id)
    end_sessions_about(member_id, email)
    if email:
        SignInCode.objects.filter(email=email).delete()


def empty_account(member_id: UUID) -> None:
    """Delete what other services have of a member, and the account.

    The account goes last of what is there, so that its owner can try again; what was written meanwhile goes after it,
    when nothing can be written any more.
    """
    _erase(member_id)
    balance_store().close(member_id)
    _erase(member_id)
    # The account itself is gone; this is for the tokens of those who were signed in.
    instant().delete_user(user_id=member_id)


def _erase(member_id: UUID) -> None:
    for holding in holdings():
        holding.erase(member_id)
