"""What lists share that are shown page by page."""

from __future__ import annotations

from typing import Final

# A number of more digits is none that a page gave away, and none that JSON carries whole.
_MOST_DIGITS: Final = 15


class BadCursor(ValueError):
    """`before` is not the `next` of any page."""


def number_in(before: str) -> int:
    """A number as a page's `next` spells it. Raises `BadCursor`."""
    if not (before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS):
        raise BadCursor(before)
    return int(before)
