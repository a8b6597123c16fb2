"""What a page may load, and where its forms may lead."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

# Stripe's own API sends buyers to another host than its own.
_CHECKOUT_OF: Final = {"https://api.stripe.com": "https://checkout.stripe.com"}


class ContentSecurityPolicyMiddleware(MiddlewareMixin):
    """Pages load and send only what is ours, with no inline script or style, except for the way to Stripe."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Django's own pages about a mistake, for developers, have their style inline, and get none."""
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault("Content-Security-Policy", _policy())
        return response


def checkout_origins() -> list[str]:
    """Where a form may lead besides this site: browsers hold the redirect that follows it to `form-action` too."""
    if settings.CHECKOUT_ORIGINS:
        return [*map(origin_of, settings.CHECKOUT_ORIGINS)]
    api = origin_of(settings.STRIPE_API_BASE)
    if api in _CHECKOUT_OF:
        return [_CHECKOUT_OF[api]]
    # A stand-in on this machine has two names.
    names = ("localhost", "127.0.0.1")
    return [api.replace(name, other) for name in names if name in api for other in names] or [api]


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _policy() -> str:
    forms = " ".join(["'self'", *checkout_origins()])
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {forms}"
    )
