"""What stands out in a mail, as text and as HTML."""

from __future__ import annotations

import re

from django import template
from django.template import Context
from django.template.defaultfilters import stringfilter
from django.utils.html import format_html

register = template.Library()


@register.simple_tag(takes_context=True)
def big(context: Context, text: str) -> str:
    """What is to be read first, such as a code."""
    if not _is_html(context):
        return f"    {text}"
    return format_html('<strong style="font-size:30px;letter-spacing:4px;color:#221e19">{}</strong>', text)


@register.simple_tag(takes_context=True)
def button(context: Context, label: str, link: str) -> str:
    """Where to go on. Nothing without a link."""
    if not link:
        return ""
    if not _is_html(context):
        return f"{label}:\n\n    {link}"
    style = "display:inline-block;padding:12px 22px;border-radius:999px;background:#b0301c;color:#fffaf2"
    return format_html(
        '<a href="{}" style="{};text-decoration:none;font-weight:bold">{}</a>', link, style, label
    )


@register.filter(is_safe=True)
@stringfilter
def paragraphs_apart(text: str) -> str:
    """With one empty line between paragraphs, and none around them."""
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", text).strip("\n")


def _is_html(context: Context) -> bool:
    return str(context["layout"]).endswith(".html")
