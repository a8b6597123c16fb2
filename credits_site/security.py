"""What a page may load, and where its forms may lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Stripe's own API sends buyers to another host than its own.
_CHECKOUT_OF: Final = {"https://api.stripe.com": "https://checkout.stripe.com"}


class ContentSecurityPolicyMiddleware:
    """Pages load and send only what is ours, with no inline script or style, except for the way to Stripe."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Django's own pages about a mistake, for developers, have their style inline.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault("Content-Security-Policy", _policy())
        return response


def _policy() -> str:
    # Browsers hold the redirect that follows a form to `form-action` too.
    api = _origin(settings.STRIPE_API_BASE)
    checkout = _CHECKOUT_OF.get(api, api)
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {checkout}"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
