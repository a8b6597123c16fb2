"""Holds whose end has passed are released: of work that died with its process, or that takes too long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.dispatch import receiver

from billing.spending import give_back
from credits_site.signals import site_starts
from instant_admin.client.errors import InstantError
from instant_admin.configured import balance_store, instant
from instant_admin.ledger.entries import NoSuchAccount
from instant_admin.ledger.open_holds import accounts_holding, open_holds
from instant_admin.ledger.rules import Entry, LedgerError

logger = logging.getLogger(__name__)

# The clocks of two machines may differ by so much.
CLOCKS_DIFFER: Final = timedelta(minutes=1)
EXPIRED: Final = "expired"


def release_expired() -> Iterator[Entry]:
    """Release every hold that is past its end, and yield it. Safe beside whoever captures it, and beside itself.

    Raises `InstantError` and `LedgerError` when Instant is away; what was released before that stays so.
    """
    until = balance_store().now - timedelta(seconds=settings.HOLD_EXPIRES_AFTER_S) - CLOCKS_DIFFER
    for account in accounts_holding(instant()):
        try:
            for hold in open_holds(instant(), account.id):
                if hold.created_at <= until and give_back(hold, error=EXPIRED):
                    yield hold
        except NoSuchAccount:  # deleted meanwhile, and with it whatever was held
            continue


@receiver(site_starts)
def sweep(sender: object, **kwargs: object) -> None:
    """Have a process that answers requests release what expires, as long as it lives."""
    threading.Thread(target=_sweep_for_ever, name="sweep-holds", daemon=True).start()


def _sweep_for_ever() -> None:
    while True:
        time.sleep(settings.HOLD_SWEEP_EVERY_S)
        try:
            for hold in release_expired():
                logger.warning("%s was not ended in time, and is released", hold.key)
        except (InstantError, LedgerError) as exc:
            logger.warning("Holds cannot be looked through (%s)", exc)
        except Exception:
            logger.exception("Holds cannot be looked through")
