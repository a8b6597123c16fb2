"""A ledger as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from billing.history import HistoryEntry

COLUMNS: Final = ("time", "kind", "product", "what", "credits", "balance", "note", "reference")
# How a cell begins that a spreadsheet would take for a formula. OWASP, "CSV injection".
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(entries: Iterable[HistoryEntry]) -> Iterator[str]:
    """The head, then a line for each entry. Times are UTC, in ISO 8601."""
    yield _line(COLUMNS)
    for entry in entries:
        texts = (entry.kind, entry.product, entry.title)
        yield _line(
            (
                entry.created_at.isoformat(timespec="milliseconds"),
                *map(_harmless, texts),
                entry.amount,
                entry.balance,
                _harmless(entry.note),
                _harmless(entry.ref),
            )
        )


def _harmless(text: str) -> str:
    """`text` as no program calculates it."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
