"""Token buckets: how often something may be done per hour."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from sandbox.instant.values import Json

_PERIOD: Final = re.compile(r"(\d+)\s*(second|minute|hour|day)s?")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket of `capacity` that gains `amount` per `period_s`: bit by bit if greedy, else all at once."""

    capacity: int
    amount: int
    period_s: float
    greedy: bool = False


PER_HOUR_20: Final = Limit(capacity=20, amount=20, period_s=3600.0)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Limiter:
    """All buckets of one process, empty of memory when it starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[object, _Bucket] = {}

    def take(self, key: object, limit: Limit, *, now: float, tokens: int = 1) -> float | None:
        """Take `tokens`. None when they were there, else the seconds until they could be."""
        with self._lock:
            bucket = self._buckets.setdefault((key, limit), _Bucket(limit.capacity, now))
            periods = (now - bucket.filled_at) / limit.period_s
            if not limit.greedy:
                periods = float(int(periods))
            if periods > 0:
                bucket.tokens = min(limit.capacity, bucket.tokens + periods * limit.amount)
                bucket.filled_at += periods * limit.period_s
            if bucket.tokens >= tokens:
                bucket.tokens -= tokens
                return None
            missing = (tokens - bucket.tokens) / limit.amount * limit.period_s
            return missing if limit.greedy else limit.period_s - (now - bucket.filled_at)


def limits_from_json(config: Json) -> list[Limit]:
    """The limits under one name of `$rateLimits`. Raises ValueError when they are not well formed."""
    try:
        return [_limit(raw) for raw in config["limits"]]
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"Not a rate limit: {exc}") from None


def _limit(raw: Json) -> Limit:
    capacity = int(raw["capacity"])
    refill = raw.get("refill", {})
    period = _PERIOD.fullmatch(str(refill.get("period", "1 hour")).strip())
    if period is None or capacity < 1:
        raise ValueError("A rate limit needs a capacity and a period such as '1 hour'")
    return Limit(
        capacity=capacity,
        amount=int(refill.get("amount", capacity)),
        period_s=int(period[1]) * _SECONDS[period[2]],
        greedy=refill.get("type", "greedy") == "greedy",
    )
