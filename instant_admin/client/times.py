"""Instants of time as Instant stores them: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down. Exact: no float in between."""
    return (moment - _EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """The moment, in UTC. Raises `TypeError` for what is no number and `OverflowError` for one out of range."""
    return _EPOCH + milliseconds * _MILLISECOND
