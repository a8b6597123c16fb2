"""What every view shares: the request's type, and the one place that looks at `request.htmx` and `Accept`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, cast

from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.members import Member

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SiteRequest(HttpRequest):
    """A request after our middleware: it knows htmx, and who is signed in."""

    htmx: HtmxDetails
    member: Member | None


def signed_in(request: HttpRequest) -> Member:
    """The member, in a view behind `@member_required`; anywhere else, asking is a mistake."""
    member = cast(SiteRequest, request).member
    if member is None:
        raise LookupError("nobody is signed in; the view lacks @member_required")
    return member


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller would rather have JSON than HTML. A caller that takes anything gets HTML.

    Whoever sends JSON, as Stripe does, can read it.
    """
    if request.content_type == "application/json":
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece of a page. Boosted and history-restoring requests want the whole."""
    htmx = cast(SiteRequest, request).htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page_or_fragment(
    request: HttpRequest, *, page: str, fragment: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and `page`, which includes it, for everyone else."""
    template = fragment if wants_fragment(request) else page
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "Accept"])
    return response


def error_answer(request: HttpRequest, status: HTTPStatus, message: str) -> HttpResponse:
    """`message`, which is written for a person, as JSON or as a page of its own."""
    if wants_json(request):
        return JsonResponse({"error": message}, status=status)
    return render(request, "error.html", {"status": status, "message": message}, status=status)


def first_error(form: Form) -> str:
    """What is wrong with a form, in one sentence, for a caller that has no form to show it in."""
    return next(str(messages[0]) for messages in form.errors.values())


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as Instant stores a time. Whole numbers all the way."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """The answer to someone who is signed out and asks for what members have."""
    if wants_json(request):
        return JsonResponse({"error": "Sign in first"}, status=401)
    if wants_fragment(request):
        return HttpResponseClientRedirect("/")
    return redirect("home")
