"""Credits to begin with: given once to each mailbox, however often its owner leaves and comes back."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.emails import mailbox_of
from accounts.members import Member
from accounts.signals import member_signed_in
from billing.products import credits_text
from instant_admin.client.errors import InstantError
from instant_admin.configured import balance_store
from instant_admin.ledger.movements import Grant
from instant_admin.ledger.rules import KeyReused, LedgerError

logger = logging.getLogger(__name__)


def welcome(member: Member, *, credits: int) -> int:
    """Give `credits` to a mailbox that never had any; how many it got now. Raises what `BalanceStore.post` raises."""
    # Not the account, which a new sign-in would make anew, and no secret, which may be changed.
    mailbox = hashlib.sha256(mailbox_of(member.email).encode()).hexdigest()
    try:
        posted = balance_store().post(member.id, Grant(key=f"welcome:{mailbox}", credits=credits))
    except KeyReused:  # by an account from before, or when it was another number of credits
        return 0
    return 0 if posted.replayed else credits


@receiver(member_signed_in)
def _welcome(*, request: HttpRequest, member: Member, **kwargs: Any) -> None:
    """Nobody is kept out because Instant is away: the next sign-in gives what this one could not."""
    if not settings.WELCOME_CREDITS:
        return
    try:
        credits = welcome(member, credits=settings.WELCOME_CREDITS)
    except (InstantError, LedgerError) as exc:
        logger.warning("The welcome credits could not be given: %s", exc)
        return
    if credits:
        said = _("Welcome. To begin with you have %(credits)s, for nothing.")
        messages.success(request, said % {"credits": credits_text(credits)})
