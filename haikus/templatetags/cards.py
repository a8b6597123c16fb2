"""The card of a haiku."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from haikus.store import Haiku

# Of a kilobyte each.
CARDS_KEPT: Final = 4096

register = template.Library()


@register.simple_tag
def card(haiku: Haiku) -> SafeString:
    """The card, in the language of the page."""
    draw = rendered if haiku.is_done else rendered.__wrapped__
    return draw(haiku, get_language())


@lru_cache(maxsize=CARDS_KEPT)
def rendered(haiku: Haiku, language: str | None) -> SafeString:
    """Once in each language: a haiku that is done never changes, and nothing on its card is about who looks at it."""
    return render_to_string("haikus/_card.html", {"haiku": haiku})
