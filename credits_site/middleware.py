"""An outside service that is down becomes one 503 answer; every answer says what a page may load."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from billing.errors import StripeError
from billing.stripe_api.client import STRIPE_API_BASE
from credits_site.answers import render_page_or_fragment, wants_json
from instant_admin.client.errors import InstantBusy, InstantError
from instant_admin.ledger.rules import LedgerError

logger = logging.getLogger(__name__)

# What a view need not handle: it is nobody's mistake here, and the answer is always the same.
OUTAGES: tuple[type[Exception], ...] = (InstantError, LedgerError, StripeError)
RETRY_AFTER_S = 5
_STRIPE_CHECKOUT = "https://checkout.stripe.com"


class OutageMiddleware:
    """Answers for Instant or Stripe when a view let their failure through.

    The log has the error, whose message carries no token and no body; the visitor is told only what is true
    about what they asked for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 as JSON, fragment or page. The page brings the form along, to be sent again as it was."""
        if not isinstance(exception, OUTAGES):
            return None
        logger.error("%s %s: %s: %s", request.method, request.path, type(exception).__name__, exception)
        message = outage_message(exception, writing=request.method == "POST")
        if wants_json(request):
            response: HttpResponse = JsonResponse({"error": message}, status=HTTPStatus.SERVICE_UNAVAILABLE)
            patch_vary_headers(response, ["HX-Request", "Accept"])
        else:
            response = render_page_or_fragment(
                request,
                page="outage.html",
                fragment="_outage.html",
                context={"message": message, "fields": _fields_to_send_again(request)},
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            )
        response["Retry-After"] = str(_retry_after_s(exception))
        add_never_cache_headers(response)
        return response


def outage_message(exception: Exception, *, writing: bool) -> str:
    """What to tell a person: whether anything was written, as far as anybody knows."""
    if not writing:
        return "A service we depend on does not answer right now. Try again in a moment."
    if getattr(exception, "may_have_been_written", True):
        return (
            "We could not confirm that this went through. Press the button again: "
            "the same request is never charged twice."
        )
    return (
        "A service we depend on did not play its part, and nothing came of this attempt. "
        "Try again in a moment: the same request is never charged twice."
    )


def _retry_after_s(exception: Exception) -> int:
    asked = exception.refusal.retry_after_s if isinstance(exception, InstantBusy) else None
    return max(asked or 0, RETRY_AFTER_S)


def _fields_to_send_again(request: HttpRequest) -> list[tuple[str, str]]:
    """The same form with the same request id. A fresh form would be charged as another request."""
    return [(name, str(value)) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"]


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
    checkout = _origin(settings.STRIPE_API_BASE)
    if checkout == STRIPE_API_BASE:
        checkout = _STRIPE_CHECKOUT
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {checkout}"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
