"""The counter on a page: what its template needs."""

from __future__ import annotations

from typing import Any, Final

# At this many credits or fewer the page suggests to buy more.
LOW_BALANCE: Final = 3


def counter(credits: int) -> dict[str, Any]:
    """The context of `billing/_credits.html`."""
    return {"credits": credits, "balance_is_low": 0 < credits <= LOW_BALANCE}
