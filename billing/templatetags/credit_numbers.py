"""Credits as numbers on a page, with a true minus sign."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def number(credits: int) -> str:
    """A balance."""
    return f"\N{MINUS SIGN}{-credits}" if credits < 0 else str(credits)


@register.filter
def change(credits: int) -> str:
    """What a movement adds or takes, always with its sign."""
    return f"+{credits}" if credits > 0 else number(credits)
