"""Credits sold, spent and outstanding by month: what an accountant asks for."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final

from django.conf import settings

from billing.clawback import CLAW_BACKS
from credits_site import shared_cache
from instant_admin.client.paging import by_age
from instant_admin.client.times import epoch_ms
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, entry_of
from instant_admin.ledger.rules import HOLDING, Kind

_BY_STAFF: Final = (Kind.GRANT, Kind.TAKE, Kind.RESET, Kind.UNDO)
# So long after its end nothing is added to a month any more, however wrong a server's clock is.
_CLOSED_AFTER: Final = timedelta(days=1)
_KEPT_S: Final = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Month:
    """The movements of a month, in UTC, in credits; `outstanding` is what all members had together at its end.

    What is held for work counts as spent, until it comes back.
    """

    month: str
    sold: int
    spent: int
    taken_back: int
    by_staff: int
    other: int
    outstanding: int


def totals(now: datetime) -> list[Month]:
    """Every month since the first entry, oldest first. Raises `InstantError` and `LedgerError`."""
    found: list[Month] = []
    outstanding = 0
    for start, end in _months(now):
        sums = _sums(start, end, is_closed=end + _CLOSED_AFTER < now)
        outstanding += sum(sums.values())
        found.append(
            Month(
                f"{start:%Y-%m}",
                sold=sums["sold"],
                spent=sums["spent"],
                taken_back=sums["taken_back"],
                by_staff=sums["by_staff"],
                other=sums["other"],
                outstanding=outstanding,
            )
        )
    return found


def as_csv(months: Sequence[Month]) -> str:
    """As a table of numbers: nothing in it was typed by anybody, so no cell can be a formula."""
    text = StringIO()
    table = csv.writer(text)
    table.writerow(field.name for field in fields(Month))
    table.writerows(astuple(month) for month in months)
    return text.getvalue()


def _months(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    options: dict[str, Any] = {"order": {"createdAt": "asc"}, "limit": 1}
    first = [entry_of(row).created_at for row in instant().query({ENTRIES: {"$": options}})[ENTRIES]]
    start = _first_day(first[0]) if first else now
    while start < now:
        end = _first_day(start + timedelta(days=31))
        yield start, end
        start = end


def _first_day(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _sums(start: datetime, end: datetime, *, is_closed: bool) -> Counter[str]:
    """The sums of a month; those of a closed one are remembered, because an entry never changes."""
    key = f"totals:{settings.SHOP_ID}:{start:%Y-%m}"
    kept: Counter[str] | None = shared_cache.recall(key) if is_closed else None
    if kept is not None:
        return kept
    sums: Counter[str] = Counter()
    of_month = [{"createdAt": {"$gte": epoch_ms(start)}}, {"createdAt": {"$lt": epoch_ms(end)}}]
    for entry in map(entry_of, by_age(instant(), ENTRIES, of_month)):
        sums[_column(entry.kind)] += entry.amount
    if is_closed:
        shared_cache.remember(key, sums, seconds=_KEPT_S)
    return sums


def _column(kind: str) -> str:
    if kind == Kind.PURCHASE:
        return "sold"
    if kind == Kind.SPEND or kind in HOLDING:
        return "spent"
    if kind in CLAW_BACKS:
        return "taken_back"
    return "by_staff" if kind in _BY_STAFF else "other"
