"""Credits as numbers on a page."""

from __future__ import annotations

from django import template

from billing.products import number_text

register = template.Library()


register.filter("number", number_text)


@register.filter
def change(credits: int) -> str:
    """What a movement adds or takes, always with its sign."""
    return f"{'+' if credits > 0 else ''}{number_text(credits)}"
