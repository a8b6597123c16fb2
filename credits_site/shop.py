"""Who sells here, for every page: where to write to, and what holds for a purchase."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def shop(request: HttpRequest) -> dict[str, Any]:
    """The context of `base.html` and of whatever sells. What is not set is left out."""
    links = {
        "Contact": f"mailto:{settings.CONTACT_EMAIL}" if settings.CONTACT_EMAIL else "",
        "Refunds": settings.REFUND_POLICY_URL,
        "Terms": settings.TERMS_URL,
        "Privacy": settings.PRIVACY_URL,
    }
    return {"shop_links": {name: link for name, link in links.items() if link}, "site_url": settings.SITE_URL}
