"""How often somebody may do something."""

from __future__ import annotations

import hashlib
from typing import Final

from django.core.cache import cache

WINDOW_S: Final = 15 * 60


class TooOften(Exception):
    """It was done as often as it may be. `retry_after_s` is in seconds."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(f"too often; again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def count(what: str, *, limit: int) -> None:
    """Count one more of `what` in this quarter of an hour. Raises `TooOften` over the limit."""
    key = "limit:" + hashlib.sha256(what.encode()).hexdigest()
    cache.add(key, 0, timeout=WINDOW_S)
    try:
        counted = cache.incr(key)
    except ValueError:  # it expired between the two lines
        return
    if counted > limit:
        raise TooOften(retry_after_s=WINDOW_S)
