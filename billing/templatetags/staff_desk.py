"""The part of the admin's front page that is this site's."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from billing.staff.desk import desk

register = template.Library()


@register.inclusion_tag("admin/billing/_desk.html", takes_context=True)
def staff_desk(context: Context) -> dict[str, Any]:
    """What needs attention, for those who may see it."""
    user = context["request"].user
    may_look = user.has_perm("billing.view_attention")
    return {"desk": desk() if may_look else None, "may_find": user.has_perm("billing.view_member")}
