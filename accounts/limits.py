"""How often somebody may do something. Counted in Django's database: for all processes, and nothing evicts it.

A limit is a setting, such as `CODES_PER_ADDRESS_PER_HOUR`: that many at once, and from then on as many an hour,
evenly. No library that we found counts in a database, and a cache forgets when it is full.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import Bucket

PERIODS: Final = {
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
}


class TooOften(Exception):
    """It was done as often as the setting `limit` allows. `retry_after_s` is in seconds."""

    def __init__(self, limit: str, *, retry_after_s: int) -> None:
        super().__init__(f"{limit} is reached; again in {retry_after_s} s")
        self.limit = limit
        self.retry_after_s = retry_after_s

    @property
    def wait(self) -> str:
        """How long to wait, in words, rounded up."""
        seconds = self.retry_after_s
        if seconds < 100:
            return ngettext("%(number)s second", "%(number)s seconds", seconds) % {"number": seconds}
        minutes = math.ceil(seconds / 60)
        if minutes < 100:
            return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}
        hours = math.ceil(minutes / 60)
        return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}


def count(limit: str, *, of: object = "everybody") -> None:
    """Count one more of what the setting `limit` allows to `of`. Raises `TooOften`, and counts nothing, over it."""
    if not settings.LIMITS_ENABLED:
        return
    most: int = getattr(settings, limit)
    period = PERIODS[limit.rpartition("_PER_")[2]]
    now = timezone.now()
    with transaction.atomic():
        bucket, _ = Bucket.objects.select_for_update().get_or_create(
            key=hashlib.sha256(f"{limit}:{of}".encode()).hexdigest(), defaults={"empty_at": now}
        )
        empty_at = max(bucket.empty_at, now) + period / most
        too_early = empty_at - now - period
        if too_early > timedelta():
            raise TooOften(limit, retry_after_s=math.ceil(too_early.total_seconds()))
        bucket.empty_at = empty_at
        bucket.save(update_fields=["empty_at"])
