"""The pages that are put together from all the apps, the health checks, and what an error looks like."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from accounts.forms import EmailForm
from billing.checkout import LAST_CHECKOUT
from billing.errors import StripeError
from billing.forms import CheckoutForm
from billing.history import LOW_BALANCE, balance_of
from billing.packs import Offer, offers
from credits_site.answers import SiteRequest, error_answer, signed_in, wants_json
from haikus.forms import WriteHaikuForm
from haikus.store import haikus_of
from instant_admin.health import unready

logger = logging.getLogger(__name__)


@require_safe
def home(request: SiteRequest) -> HttpResponse:
    """The landing page, or for a member the desk: credits, the form, the haikus."""
    if request.member is None:
        return render_landing(request)
    return render_home(request)


def render_landing(
    request: HttpRequest, *, email_form: EmailForm | None = None, status: int = HTTPStatus.OK
) -> HttpResponse:
    """The page for those who are signed out. `email_form` is what they sent, with what is wrong with it."""
    context = {"form": email_form or EmailForm(), "offers": _offers_if_readable()}
    response = render(request, "landing.html", context, status=status)
    add_never_cache_headers(response)
    return response


def render_home(
    request: HttpRequest,
    *,
    write_form: WriteHaikuForm | None = None,
    checkout_form: CheckoutForm | None = None,
    buying: bool = False,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """The page for members. The forms are what they sent, if any; with `buying`, the packs are open."""
    member = signed_in(request)
    context = {
        "credits": balance_of(member),
        "low_balance": LOW_BALANCE,
        "shelf": haikus_of(member),
        "form": write_form or WriteHaikuForm.blank(),
        "offers": _offers_if_readable(),
        "checkout_form": checkout_form or CheckoutForm.blank(),
        "buying": buying,
        **_returning_context(request),
    }
    response = render(request, "home.html", context, status=status)
    add_never_cache_headers(response)
    return response


def _returning_context(request: HttpRequest) -> dict[str, Any]:
    """What somebody who comes back from Stripe should be told about: see `billing:sync`."""
    if checkout_id := request.GET.get("session_id"):
        return {"checkout_id": checkout_id, "cancelled": False}
    if request.GET.get("checkout") == "cancelled":
        return {"checkout_id": request.session.get(LAST_CHECKOUT), "cancelled": True}
    return {"checkout_id": None}


def _offers_if_readable() -> tuple[Offer, ...] | None:
    """The packs with their prices, or None while Stripe cannot say what they cost; the page works without."""
    try:
        return offers()
    except StripeError as exc:
        logger.warning("Prices cannot be read: %s", type(exc).__name__)
        return None


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up and answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """What the site stands on is there too; 503 names what is not."""
    failing = unready()
    if failing:
        return HttpResponse(
            f"not ready: {', '.join(failing)}",
            content_type="text/plain",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": "5"},
        )
    return HttpResponse("ok", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: Django refused the request before any view saw it."""
    return error_answer(request, HTTPStatus.BAD_REQUEST, "This request makes no sense to us")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, perhaps, but not allowed."""
    return error_answer(request, HTTPStatus.FORBIDDEN, "You are not allowed to do that")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid token: from another site, or from a page that has gone stale."""
    return error_answer(
        request, HTTPStatus.FORBIDDEN, "This form is out of date. Reload the page and try again"
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: there is nothing here, or nothing of yours."""
    return error_answer(request, HTTPStatus.NOT_FOUND, "There is nothing here")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake. The page needs no context, since anything may be broken."""
    if wants_json(request):
        return JsonResponse({"error": "Something broke on our side"}, status=500)
    return render(None, "500.html", status=500)
