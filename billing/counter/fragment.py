"""The counter on a page: what its template needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from billing.packs import enough_text
from billing.products import credits_text


def counter(credits: int, held: int = 0) -> dict[str, Any]:
    """The context of `billing/_credits.html`, for what can be spent and what is held."""
    is_low = 0 < credits <= settings.LOW_BALANCE_CREDITS
    context: dict[str, Any] = {"credits": credits, "held": held, "balance_is_low": is_low}
    if credits < 0:
        context |= {"missing": credits_text(1 - credits), "enough": enough_text(1 - credits)}
    return context
