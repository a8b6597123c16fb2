"""Who sells here, for every page: where to write to, and what holds for a purchase."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _


def shop(request: HttpRequest) -> dict[str, Any]:
    """The context of `base.html` and of whatever sells. What is not set is left out."""
    links = {
        _("Contact"): f"mailto:{settings.CONTACT_EMAIL}" if settings.CONTACT_EMAIL else "",
        _("Refunds"): settings.REFUND_POLICY_URL,
        _("Terms"): settings.TERMS_URL,
        _("Privacy"): settings.PRIVACY_URL,
    }
    return {"shop_links": {name: link for name, link in links.items() if link}, "site_url": settings.SITE_URL}
