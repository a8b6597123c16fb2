"""A balance over time as a line to draw; pure. Templates draw it, so that it needs no JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 120


@dataclass(frozen=True, slots=True)
class BalanceChart:
    """What is drawn in a box of `WIDTH` by `HEIGHT`, and what is said to who cannot see it.

    `line` is an SVG path, `area` the same closed at no credits; `zero` is how far down that is.
    """

    points: tuple[tuple[datetime, int], ...]
    line: str
    area: str
    zero: float
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def first(self) -> datetime:
        """When it begins."""
        return self.points[0][0]

    @property
    def last(self) -> datetime:
        """When it ends."""
        return self.points[-1][0]

    @property
    def lowest(self) -> int:
        """The smallest balance of its points, in credits."""
        return min(balance for _, balance in self.points)

    @property
    def highest(self) -> int:
        """The largest balance of its points, in credits."""
        return max(balance for _, balance in self.points)


def chart_of(points: Sequence[tuple[datetime, int]]) -> BalanceChart:
    """The chart of balances, oldest first, at least one, each of which stood from its time to the next one's."""
    lowest = min(0, *(balance for _, balance in points))
    highest = max(1, *(balance for _, balance in points))
    first, last = points[0][0], max(at for at, _ in points)
    span_s = (last - first).total_seconds()

    def x(at: datetime, number: int) -> float:
        # Where all of it happened in one moment, evenly.
        share = (at - first).total_seconds() / span_s if span_s else number / max(1, len(points) - 1)
        return round(share * WIDTH, 1)

    def y(balance: int) -> float:
        return round((highest - balance) * HEIGHT / (highest - lowest), 1)

    line, right = f"M{x(first, 0)} {y(points[0][1])}", 0.0
    for number, (at, balance) in enumerate(points[1:], start=1):
        # Clocks of two processes may differ: the line never runs back.
        right = max(right, x(at, number))
        line += f"H{right}V{y(balance)}"
    zero = y(0)
    return BalanceChart(tuple(points), line, f"{line}V{zero}H{x(first, 0)}Z", zero)
