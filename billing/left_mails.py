"""Mails that a crash left: those of entries that nobody told when they were written."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from django.utils import timezone

from accounts.models import MailKey
from billing.mails import send_mails_of
from instant_admin.client.paging import by_age
from instant_admin.client.times import epoch_ms
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, LedgerCorrupt, entry_of

# Until when all entries were looked at, as the time of this key.
_LOOKED: Final = "looked"
# An entry has the time at which it was decided, by the clock of whoever did.
_OVERLAP: Final = timedelta(minutes=15)
_FURTHEST_BACK: Final = timedelta(days=3)


def send_what_was_left() -> None:
    """Have the mails sent of what was written since the last look, unless they were. Raises `InstantError`.

    The first time it only begins: of what is older, nobody expects a mail any more.
    """
    now = timezone.now()
    last = MailKey.objects.filter(pk=_LOOKED).first()
    if last is not None:
        since = max(last.made_at - _OVERLAP, now - _FURTHEST_BACK)
        for row in by_age(instant(), ENTRIES, [{"createdAt": {"$gte": epoch_ms(since)}}]):
            with suppress(LedgerCorrupt):  # the audit's business
                send_mails_of(entry=entry_of(row))
    MailKey.objects.update_or_create(pk=_LOOKED, defaults={"made_at": now})
