"""How often somebody may do something. Counted in Django's database: for all processes, and nothing evicts it.

A limit is a setting, such as `CODES_PER_ADDRESS_PER_HOUR`: that many at once, and from then on as many an hour,
evenly. No library that we found counts in a database, and a cache forgets when it is full.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Quota:
    """What the setting `limit` leaves to somebody: `left` of `most`, which are all there again in `full_in_s`.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """

    limit: str
    most: int
    period_s: int
    left: int
    full_in_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The same for a program."""
        name = self.limit.partition("_PER_")[0].lower().replace("_", "-")
        return {
            "RateLimit-Policy": f'"{name}";q={self.most};w={self.period_s}',
            "RateLimit": f'"{name}";r={self.left};t={self.full_in_s}',
        }


class TooOften(Exception):
    """It was done as often as a limit allows. `retry_after_s` is in seconds."""

    def __init__(self, quota: Quota, *, retry_after_s: int) -> None:
        super().__init__(f"{quota.limit} is reached; again in {retry_after_s} s")
        self.quota = quota
        self.limit = quota.limit
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


def count(limit: str, *, of: object = "everybody") -> Quota | None:
    """Count one more of what the setting `limit` allows to `of`, and say what is left; None with limits turned off.

    Raises `TooOften`, and counts nothing, over it.
    """
    if not settings.LIMITS_ENABLED:
        return None
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
            quota = _quota(limit, most, period, bucket.empty_at - now)
            raise TooOften(quota, retry_after_s=math.ceil(too_early.total_seconds()))
        bucket.empty_at = empty_at
        bucket.save(update_fields=["empty_at"])
    return _quota(limit, most, period, empty_at - now)


def _quota(limit: str, most: int, period: timedelta, until_empty: timedelta) -> Quota:
    return Quota(
        limit,
        most=most,
        period_s=int(period.total_seconds()),
        left=(period - until_empty) * most // period,
        full_in_s=math.ceil(until_empty.total_seconds()),
    )
