"""What is answered when no view could."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from credits_site.answers import (
    error_answer,
    is_plain_form,
    own_address,
    page_it_came_from,
    problem,
    render_fragment,
    see_other,
    wants_fragment,
    wants_json,
)
from credits_site.forms import KeptForm
from credits_site.outages import RETRY_AFTER_S
from credits_site.security_log import complain


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: Django refused the request before any view saw it."""
    return error_answer(request, HTTPStatus.BAD_REQUEST, _("This request makes no sense to us"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, perhaps, but not allowed."""
    complain(request, "permission denied", path=request.path)
    return error_answer(request, HTTPStatus.FORBIDDEN, _("You are not allowed to do that"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid token: nearly always one that was opened before its reader signed in or out.

    What was typed into a form of ours is kept. A plain one is shown on its page anew.
    """
    complain(request, "CSRF token refused", path=request.path)
    page = page_it_came_from(request)
    if own_address(request, request.headers.get("Referer") or request.headers.get("Origin")):
        KeptForm.keep_stale(request)
        if is_plain_form(request):
            messages.warning(
                request,
                _("That page was out of date, so nothing was done. Here it is anew, with what you typed."),
            )
            return see_other(page)
    message = _("This form is out of date, since you have signed in or out meanwhile. Nothing was done")
    return error_answer(request, HTTPStatus.FORBIDDEN, message, reopen=page)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: there is nothing here, or nothing of yours."""
    return error_answer(request, HTTPStatus.NOT_FOUND, _("There is nothing here"))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake; 503: the database is away. The page needs no context, since anything may be broken."""
    is_away = isinstance(sys.exception(), (OperationalError, InterfaceError))
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.INTERNAL_SERVER_ERROR
    response = _broken(request, status)
    if is_away:
        response["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _broken(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    if wants_json(request):
        return problem(request, status, _("Something broke on our side"))
    if wants_fragment(request):
        message = _("Something broke on our side. Your history shows what was done.")
        return render_fragment(None, "_notice.html", context={"message": message}, status=status)
    return render(None, "500.html", {"status": status.value}, status=status)
